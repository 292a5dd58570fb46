// What is looked at before a ceremony begins: the state and the line of each, and that looking changes nothing.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>

#include "ceremony/preflight.h"
#include "tests/unit/shared/no_files_env.h"
#include "tests/unit/state/log_builder.h"

namespace ceremony::testing {
namespace {

const std::vector<Path> both{"/ledger-1", "/ledger-2"};

policy::Policy own_policy() { return policy::read_policy("policy", happy().policy_text()); }

/// The happy log on two disks, whole.
MemoryEnv disks() {
  MemoryEnv env;
  auto& log = happy();
  const auto image = log.signed_log(log.records());
  for (const auto& folder : both) image.write_to(env, folder);
  std::vector<ledger::Repair> repairs;
  ledger::Journal::open(env, both, repairs).write_sums();
  env.set_now(log.state().last_time + std::chrono::hours(1));
  return env;
}

/// The last records away from a ledger, as text.
void cut(MemoryEnv& env, const Path& folder, std::size_t records) {
  auto text = as_text(env.at(folder / "transcript.log"));
  for (std::size_t i = 0; i < records; ++i) text.erase(text.rfind('\n', text.size() - 2) + 1);
  env.at(folder / "transcript.log") = as_bytes(text);
}

LedgersSeen seen_without_a_change(MemoryEnv& env) {
  const auto before = std::pair(env.files(both[0]), env.exists(both[1]) ? env.files(both[1]) : std::map<std::string, Bytes>());
  auto seen = look_at_ledgers(env, both, own_policy());
  CHECK(before == std::pair(env.files(both[0]), env.exists(both[1]) ? env.files(both[1]) : std::map<std::string, Bytes>()));
  return seen;
}

bool has(const Check& check, Ready ready, std::string_view part) {
  UNSCOPED_INFO(name_of(check.ready) << " " << check.what << ": " << check.says);
  return check.ready == ready && check.says.find(part) != std::string::npos && check.says.find('\n') == std::string::npos;
}

class NoVolumes final : public media::Volumes {
 public:
  media::Volume& named(const std::string& name) override { throw Refused(media::VolumeRefusal::absent, "no such medium", name, "name it"); }
  std::vector<std::string> names(const std::string&) const override { return {}; }
};

class StuckEnv final : public test::NoFilesEnv {
 public:
  void random(std::span<std::uint8_t> out) override { std::ranges::fill(out, std::uint8_t{7}); }
};

procedure::Procedure issuance() {
  std::ifstream in(CEREMONY_SOURCE "/procedures/issue-intermediates.toml");
  std::stringstream out;
  out << in.rdbuf();
  return procedure::read_procedure("issue", out.str());
}

/// The pre-flight of the issuance with no module, no media: only what the ledgers, the clock and the kernel say.
std::vector<Check> bare(Env& env, const LedgersSeen& ledgers, hsm::Tpm* tpm = nullptr, const policy::Policy& policy = own_policy(), const state::Started& started = {}) {
  const auto procedure = issuance();
  NoVolumes volumes;
  Surroundings around{env, volumes, nullptr, "there is no module", policy, {}, tpm, started};
  report::Startable startable{procedure.id, procedure.title, 1, 1, {{"activation quorum", 2, policy.activation.members}}, false, ""};
  return preflight(ledgers, procedure, startable, around);
}

}  // namespace

TEST_CASE("Two equal ledgers are equal, and two empty ones are a beginning") {
  auto env = disks();
  const auto seen = seen_without_a_change(env);
  CHECK(has(seen.check, Ready::ok, "equal, " + std::to_string(happy().records().size()) + " records"));
  CHECK(seen.readable);
  CHECK(seen.state.closed.size() == 2);
  MemoryEnv empty;
  const auto none = look_at_ledgers(empty, both, own_policy());
  CHECK(has(none.check, Ready::ok, "both empty"));
  CHECK(none.readable);
  CHECK(!empty.exists(both[0]));
}

TEST_CASE("A ledger that lacks a closed ceremony, differs or is not there cannot be begun with") {
  auto env = disks();
  cut(env, both[1], 3);
  CHECK(has(seen_without_a_change(env).check, Ready::missing, "/ledger-2"));
  env = disks();
  auto& log = env.at(both[1] / "transcript.log");
  const auto at = as_text(log).find("\"person\":\"c3\"");
  REQUIRE(at != std::string::npos);
  log[at + 11] = '9';
  const auto differing = seen_without_a_change(env);
  CHECK(has(differing.check, Ready::missing, "/ledger-2"));
  CHECK(!differing.readable);
  env = disks();
  for (const auto& [name, bytes] : env.files(both[1])) env.remove(both[1] / name);
  CHECK(has(look_at_ledgers(env, both, own_policy()).check, Ready::missing, "there is no ledger here"));
}

TEST_CASE("A ledger that is behind within the open ceremony will be mended, not by looking") {
  auto env = disks();
  // Both stand in the middle of the second ceremony, the second ledger two records earlier.
  const auto genesis = happy().state().closed.front().size();
  const auto more = happy().records().size() - genesis;
  for (const auto& folder : both) {
    cut(env, folder, more / 2);
    env.remove(folder / "checkpoints" / std::to_string(happy().records().size()));
    env.replace(folder / "checkpoint", env.at(folder / "checkpoints" / std::to_string(genesis)));
  }
  cut(env, both[1], 2);
  const auto seen = seen_without_a_change(env);
  CHECK(has(seen.check, Ready::look, "ledger-2 is behind by 2 records of the open ceremony"));
  CHECK(seen.state.open);
}

TEST_CASE("A closed ceremony that lacks its sums is to be finished") {
  auto env = disks();
  for (const auto& folder : both) env.remove(folder / "SHA256SUMS");
  CHECK(has(seen_without_a_change(env).check, Ready::look, "Begin finishes that, and nothing else"));
}

TEST_CASE("Ledgers of another CA say whose they are") {
  auto env = disks();
  auto policy = own_policy();
  policy.origin = "rehearsal.other";
  CHECK(has(look_at_ledgers(env, both, policy).check, Ready::missing, "they are those of the CA \"rehearsal.ca.example.com/test\", the policy is that of \"rehearsal.other\""));
}

TEST_CASE("The clock stands after the last record") {
  auto env = disks();
  const auto seen = look_at_ledgers(env, both, own_policy());
  CHECK(has(bare(env, seen)[3], Ready::ok, "after the last record"));
  env.set_now(happy().state().last_time - std::chrono::seconds(1));
  CHECK(has(bare(env, seen)[3], Ready::missing, "is before the log's last record"));
  env.set_now(happy().state().last_time + std::chrono::days(5000));
  CHECK(has(bare(env, seen)[3], Ready::look, "governance has to agree"));
}

TEST_CASE("No module, nobody and no medium are missing, each in one line") {
  auto env = disks();
  const auto checks = bare(env, look_at_ledgers(env, both, own_policy()));
  REQUIRE(checks.size() == 7);
  CHECK(has(checks[0], Ready::ok, "equal"));
  CHECK(has(checks[1], Ready::missing, "there is no module"));
  CHECK(has(checks[2], Ready::missing, "activation quorum: media of 0 of the 2 needed, lacking c1 (not named)"));
  CHECK(has(checks[4], Ready::ok, "gives bytes"));
  CHECK(has(checks[5], Ready::missing, "needs the medium \"intake\""));
  CHECK(has(checks[6], Ready::ok, "there is no TPM to ask, and the policy asks for none"));
  CHECK(!may_begin(checks));
  CHECK(text(checks).find("[missing] token: there is no module\n") != std::string::npos);
  CHECK(may_begin(std::vector<Check>{{"clock", Ready::ok, ""}, {"entropy", Ready::look, ""}}));
}

namespace {

/// A TPM by a key of software; `breaks` says how it fails.
class MadeTpm final : public hsm::Tpm {
 public:
  enum class Breaks { no, fails, signs_otherwise } breaks = Breaks::no;
  Bytes random(std::size_t count) override { return Bytes(count, 1); }
  hsm::TpmQuote quote(const Digest& nonce) override {
    if (breaks == Breaks::fails) throw Refused(hsm::TpmRefusal::failed, "the machine's TPM cannot be reached", "TPM", "start the machine again");
    const auto q = happy().quoted(breaks == Breaks::signs_otherwise ? sha256("yesterday") : nonce, happy().machine());
    return {q.key, q.attest, q.signature, q.pcr4, q.pcr7, q.pcr11};
  }
};

}  // namespace

TEST_CASE("The machine is the one that the policy names, started as it expects, or there is no beginning") {
  auto env = disks();
  const auto seen = look_at_ledgers(env, both, own_policy());
  const auto machine = [&](hsm::Tpm* tpm, const policy::Policy& policy) { return bare(env, seen, tpm, policy).back(); };
  MadeTpm tpm;
  const auto key = hex(happy().machine().info().spki_sha256);
  auto named = own_policy();
  named.tpm = policy::Tpm{{happy().machine().info().spki_sha256}, {sha256("pcr 4")}, {sha256("pcr 7")}, {sha256("pcr 11")}};
  CHECK(has(machine(&tpm, own_policy()), Ready::ok, "key " + key + ", PCR 4 " + hex(sha256("pcr 4")) + ", PCR 7 " + hex(sha256("pcr 7")) + ", PCR 11 " + hex(sha256("pcr 11"))));
  CHECK(has(machine(&tpm, named), Ready::ok, "its TPM says what the policy expects"));
  CHECK(has(machine(nullptr, named), Ready::missing, "there is no TPM to ask, and the policy names what one has to say"));
  auto other = named;
  other.tpm->pcr11 = {sha256("another image")};
  CHECK(has(machine(&tpm, other), Ready::missing, "policy does not expect PCR 11 to be " + hex(sha256("pcr 11")) + "; find out what was changed"));
  // By governance, of the image that the machine was started from.
  auto known = seen;
  known.state.images.push_back({sha256("new manifest"), sha256("new uki"), "0.2.0", "issue", 0, sha256("pcr 4"), sha256("pcr 11")});
  const state::Started new_image{sha256("new manifest"), sha256("new uki")};
  CHECK(has(bare(env, known, &tpm, other, new_image).back(), Ready::ok, "its TPM says what the policy expects"));
  CHECK(has(bare(env, known, &tpm, other).back(), Ready::missing, "policy does not expect PCR 11"));
  other.tpm->keys = {sha256("another machine")};
  CHECK(has(machine(&tpm, other), Ready::missing, "policy does not enrol the attestation key " + key + "; policy does not expect PCR 11"));
  tpm.breaks = MadeTpm::Breaks::fails;
  CHECK(has(machine(&tpm, own_policy()), Ready::look, "the machine's TPM cannot be reached, and the policy asks for none; the self-test takes random bytes of it and stops where it gives none: then switch it off in the firmware's menu"));
  CHECK(has(machine(&tpm, named), Ready::missing, "the machine's TPM cannot be reached; start the machine again"));
  tpm.breaks = MadeTpm::Breaks::signs_otherwise;
  CHECK(has(machine(&tpm, named), Ready::missing, "the machine's TPM gave a quote that is none: the quote is over the nonce"));
}

TEST_CASE("A random source that repeats itself is none") {
  StuckEnv stuck;
  CHECK(has(bare(stuck, {})[4], Ready::missing, "the same 32 bytes twice"));
}

}  // namespace ceremony::testing
