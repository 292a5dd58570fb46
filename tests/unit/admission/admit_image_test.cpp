// The action `admit_image` under a policy that names the machine's TPM, from the questions to the record. At a desk no such ceremony opens, so
// the log before it is one of software keys, on which governance has approved the image with its two values.
#include <catch2/catch_test_macros.hpp>
#include <memory>

#include "ceremony/actions/action.h"
#include "tests/unit/state/log_builder.h"
#include "tui/scripted_operator.h"

namespace ceremony::actions {
namespace {

using testing::LogBuilder;
using testing::MemoryEnv;
using testing::Record;

const std::vector<Path> ledgers{"/ledger-1", "/ledger-2"};
const std::string manifest = "ceremony-image/v1\nversion 0.2.0\nkind rehearsal\nsource 0123456789abcdef0123456789abcdef01234567\nkernel " + std::string(64, '1') +
                             " 6.12.118\ncommand-line panic=60\nfile " + std::string(64, '2') + " 0755 ceremony /init\n";
const Digest uki = sha256("new uki"), pcr4 = sha256("pcr 4 of it"), pcr11 = sha256("pcr 11 of it");

/// The medium that the log has as "intake".
class Intake final : public media::Volume {
 public:
  [[nodiscard]] std::string name() const override { return "intake"; }
  [[nodiscard]] media::VolumeKind kind() const override { return media::VolumeKind::folder; }
  [[nodiscard]] media::Inserted inserted() const override { return media::Inserted::read_only; }
  media::VolumeInfo info() override { return {name(), "id-intake", std::nullopt, kind(), 0}; }
  std::vector<std::string> list() override { return {"MANIFEST", "SHA256SUMS"}; }
  bool exists(const std::string& path) override { return path == "MANIFEST" || path == "SHA256SUMS"; }
  Bytes read(const std::string& path, std::size_t) override {
    return as_bytes(path == "MANIFEST" ? manifest : hex(sha256(manifest)) + "  MANIFEST\n" + hex(uki) + "  ceremony.signed.efi\n");
  }
  void write(const std::string&, View) override { FAIL("nothing is written to it"); }
  void eject() override {}
  void insert_again() override {}
  void insert_writable() override { FAIL("nothing is written to it"); }
};

class OnlyIntake final : public media::Volumes {
 public:
  media::Volume& named(const std::string& name) override {
    REQUIRE(name == "intake");
    return m_intake;
  }
  [[nodiscard]] std::vector<std::string> names(const std::string&) const override { return {"intake"}; }

 private:
  Intake m_intake;
};

class NoModule final : public hsm::Module {
 public:
  hsm::ModuleInfo info() override { return {}; }
  std::vector<hsm::TokenIdentity> tokens() override { return {}; }
  std::unique_ptr<hsm::Token> by_serial(std::string_view) override { return nullptr; }
  std::unique_ptr<hsm::Token> by_label(std::string_view) override { return nullptr; }
  std::unique_ptr<hsm::Token> blank() override { return nullptr; }
};

class NoLint final : public ExternalLint {
 public:
  std::string version() override { return "none"; }
  std::vector<std::vector<LintFinding>> lint(const std::vector<Bytes>&, const std::vector<std::string>&) override { return {}; }
};

LogBuilder& log() {
  static const auto built = [] {
    auto builder = std::make_unique<LogBuilder>(LogBuilder::Machine::named);
    builder->genesis();
    builder->issue_intermediates();
    return builder;
  }();
  return *built;
}

/// Its records before `image`, with two approvals of this image with these values.
std::vector<Record> approved_with(const Digest& four, const Digest& eleven) {
  const Digest act = log().put(ledger::act_artifact({{"manifest", hex(sha256(manifest))}, {"medium-hash", hex(uki)}, {"pcr11", hex(eleven)}, {"pcr4", hex(four)}, {"uki", hex(uki)}, {"version", "0.2.0"}}));
  std::vector<Record> out;
  state::CaState s;
  for (Record r : log().records()) {
    if (r.ev == "image") break;
    if (r.ev == "approve" && r.d.text("act") == "admit-image") {
      r.d.set("sha256", act);
      r.d.set("sig", log().approval(std::string(r.d.text("person")), s, "admit-image", act));
    }
    s = state::fold(std::move(s), r, ledger::leaf_hash(ledger::line(r)), log().source());
    out.push_back(std::move(r));
  }
  return out;
}

std::string answer(const std::string& question, const std::string& give) { return "[[answer]]\nquestion = \"" + question + "\"\ngive = \"" + give + "\"\n"; }

struct Room {
  MemoryEnv env;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out{std::tmpfile(), &std::fclose};
  std::unique_ptr<tui::ScriptedOperator> op;
  OnlyIntake volumes;
  NoModule hsm;
  NoLint lint;
  policy::Policy policy = policy::read_policy("policy", log().policy_text());
  policy::Binding binding;
  std::optional<ledger::Journal> journal;

  /// The records that running the action adds to these.
  std::vector<Record> admit(const std::vector<Record>& before, const std::string& answers) {
    const auto image = log().signed_log(before);
    for (const auto& folder : ledgers) image.write_to(env, folder);
    env.set_now(before.back().t + std::chrono::minutes(1));
    std::vector<ledger::Repair> repairs;
    journal.emplace(ledger::Journal::open(env, ledgers, repairs));
    op = tui::make_scripted_operator(env, "answers.toml", answers, "/", out.get());
    Run run({env, *op, hsm, volumes, lint, policy, binding, {}, {}, {}, "issue-intermediates", {}, {}, {}, "ceremony", {}}, *journal);
    run.step = "admit";
    admit_image(run);
    op->all_used();
    return {journal->records().begin() + static_cast<std::ptrdiff_t>(before.size()), journal->records().end()};
  }
};

}  // namespace

TEST_CASE("the administrator types PCR 4 and 11, and they are what was approved and what is recorded", "[admission]") {
  Room room;
  const auto spaced = hex(pcr11).substr(0, 32) + " " + hex(pcr11).substr(32);
  const auto added = room.admit(approved_with(pcr4, pcr11), answer("pcr4", "1234") + answer("pcr4.refused", "again") + answer("pcr4", hex(pcr4)) + answer("pcr11", hex(pcr11) + "0") +
                                                                answer("pcr11.refused", "again") + answer("pcr11", spaced));
  REQUIRE(added.size() == 1);
  const auto& d = added[0].d;
  CHECK(added[0].ev == "image");
  CHECK(added[0].ok);
  CHECK(d.text("manifest") == hex(sha256(manifest)));
  CHECK(d.text("uki") == hex(uki));
  CHECK(d.text("pcr4") == hex(pcr4));
  CHECK(d.text("pcr11") == hex(pcr11));
  CHECK(replay(*room.journal).images.back().pcr11 == pcr11);
}

TEST_CASE("what is typed otherwise than it was approved is another act, and has to be approved", "[admission]") {
  Room room;
  try {
    (void)room.admit(approved_with(pcr4, pcr11), answer("pcr4", hex(pcr11)) + answer("pcr11", hex(pcr4)));
    FAIL("nobody approved that");
  } catch (const Refused& refusal) {
    CHECK(refusal.findings().front().what.find("members.governance") != std::string::npos);
  }
  CHECK(room.journal->records().size() == approved_with(pcr4, pcr11).size());
}

}  // namespace ceremony::actions
