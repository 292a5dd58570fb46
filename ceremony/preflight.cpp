#include "ceremony/preflight.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "ceremony/actions/action.h"
#include "ceremony/actions/measuring.h"
#include "ceremony/ledger/ledger.h"

namespace ceremony {
namespace {

/// The machine's files and clock, with every write dropped: a journal opened over it plans its repairs and makes none.
class LookingEnv final : public Env {
 public:
  explicit LookingEnv(Env& real) : m_real(real) {}
  Time now() override { return m_real.now(); }
  void random(std::span<std::uint8_t> out) override { m_real.random(out); }
  bool exists(const Path& path) override { return m_real.exists(path); }
  Bytes read(const Path& path, std::size_t limit) override { return m_real.read(path, limit); }
  std::vector<std::string> list(const Path& folder) override { return m_real.list(folder); }
  void make_folder(const Path&) override {}
  void create(const Path&, View) override {}
  void append(const Path&, View) override {}
  void truncate(const Path&, std::size_t) override {}
  void rename(const Path&, const Path&) override {}
  void replace(const Path&, View) override {}
  void remove(const Path&) override {}

 private:
  Env& m_real;
};

/// One line of a refusal: where, what, and what to do.
std::string line_of(const Refused& refusal) {
  const auto& first = refusal.findings().front();
  std::string out = (first.where.empty() || first.where.starts_with("--") ? "" : first.where + ": ") + first.what;
  if (!first.hint.empty()) out += "; " + first.hint;
  if (refusal.findings().size() > 1) out += " (and " + std::to_string(refusal.findings().size() - 1) + " more)";
  std::ranges::replace(out, '\n', ' ');
  return out;
}

template <typename Look>
Check looked(std::string what, const Look& look) {
  try {
    auto [ready, says] = look();
    return {std::move(what), ready, std::move(says)};
  } catch (const Refused& refusal) {
    return {std::move(what), Ready::missing, line_of(refusal)};
  }
}

using Said = std::pair<Ready, std::string>;

std::string joined(const std::vector<std::string>& parts, std::string_view with = ", ") {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : std::string(with)) + part;
  return out;
}

Said look_at_log(Env& looking, const std::vector<Path>& ledgers, const policy::Policy& policy, const std::map<Path, std::string>& names, LedgersSeen& seen) {
  std::vector<ledger::Repair> repairs;
  const auto journal = ledger::Journal::open(looking, ledgers, repairs);
  state::CaState s = actions::replay(journal);
  const auto count = std::to_string(journal.size()) + " records";
  seen.records = journal.records();
  seen.state = std::move(s);
  if (seen.state.origin != policy.origin)
    return {Ready::missing, "they are those of the CA \"" + seen.state.origin + "\", the policy is that of \"" + policy.origin + "\"; insert the ledgers of this CA, or name the other policy"};
  if (actions::needs_finishing(seen.state, journal))
    return {Ready::look, count + "; the last ceremony is closed, but a signature or a proof is missing: Begin finishes that, and nothing else"};
  const auto behind = std::ranges::find(repairs, ledger::Repair::Kind::caught_up, &ledger::Repair::kind);
  if (behind != repairs.end())
    return {Ready::look, (names.contains(behind->folder) ? names.at(behind->folder) : behind->folder.filename().string()) + " is behind by " + std::to_string(behind->count) + " records of the open ceremony; it is brought up to the other when that goes on"};
  // Artifacts that no record names yet are left by every stop, on both alike.
  if (std::ranges::any_of(repairs, [](const auto& r) { return r.kind != ledger::Repair::Kind::incoming; })) return {Ready::look, count + "; " + std::to_string(repairs.size()) + " traces of an interruption are put right when the ceremony goes on"};
  return {Ready::ok, "equal, " + count};
}

Said look_at_token(const state::CaState& s, const procedure::Procedure& procedure, Surroundings& around) {
  if (around.module == nullptr) return {Ready::missing, around.module_refusal};
  const auto* known = s.main_token();
  const bool wants_blank = procedure.kind == procedure::Kind::genesis && !s.both_sets_read_back();
  if (wants_blank && s.open && known != nullptr && known->n >= s.open->n)
    return {Ready::look, "it was initialised, and its secrets went with the power before every share was handed out: this genesis can only be aborted and begun again"};
  if (wants_blank) {
    const auto serial = around.binding.token.serial;
    const auto token = serial ? around.module->by_serial(*serial) : around.module->blank();
    const auto id = token->identity();
    if (id.initialized) return {Ready::missing, "the token \"" + id.label + "\" is initialised already, and may hold another CA's keys; insert a blank one"};
    if (!around.policy.admits_token(id.model, id.serial)) return {Ready::missing, "the policy admits no token of model \"" + id.model + "\", serial \"" + id.serial + "\"; insert one that it names"};
    return {Ready::ok, "a blank " + id.model};
  }
  if (known == nullptr) return {Ready::missing, "no token was initialised for this CA yet; a genesis comes first"};
  const auto token = around.module->by_serial(known->serial);
  const auto id = token->identity();
  if (!around.policy.admits_token(id.model, id.serial)) return {Ready::missing, "the policy admits no token of model \"" + id.model + "\", serial \"" + id.serial + "\"; insert one that it names"};
  const auto pins = token->pin_state();
  const auto name = "\"" + id.label + "\", serial " + id.serial;
  if (pins.user.locked) return {Ready::missing, name + ": " + std::string(hsm::tries_left(pins.user)) + "; the recovery quorum is needed"};
  if (pins.user.low || pins.user.final_try) return {Ready::look, name + ": " + std::string(hsm::tries_left(pins.user))};
  return {Ready::ok, name};
}

/// Why this person's medium does not count, or empty.
std::string lacks(const std::string& person, const state::CaState& s, const std::vector<std::string>& there, media::Volumes& volumes) {
  if (std::ranges::find(there, person) == there.end()) return "not named";
  auto& volume = volumes.named(person);
  if (volume.inserted() == media::Inserted::no) return volume.kind() == media::VolumeKind::disk ? "" : "not inserted";  // a disk is asked for when it is needed
  if (s.people.contains(person) && !volume.exists(actions::credential_file())) return "no credential on it";
  return "";
}

Said look_at_people(const state::CaState& s, const report::Startable& startable, Surroundings& around) {
  const auto there = around.volumes.names();
  std::vector<std::string> short_of;
  std::set<std::string> present;
  for (const auto& needed : startable.needed) {
    std::size_t have = 0;
    std::vector<std::string> without;
    for (const auto& person : needed.among) {
      if (const auto why = lacks(person, s, there, around.volumes); !why.empty()) {
        without.push_back(person + " (" + why + ")");
        continue;
      }
      present.insert(person);
      ++have;
    }
    if (have < needed.count) short_of.push_back(needed.as + ": media of " + std::to_string(have) + " of the " + std::to_string(needed.count) + " needed, lacking " + joined(without));
  }
  if (!short_of.empty()) return {Ready::missing, joined(short_of, "; ") + "; name each with --media ID=FOLDER"};
  return {Ready::ok, "media of " + std::to_string(present.size()) + " people: " + joined({present.begin(), present.end()}, " ")};
}

Said look_at_clock(const state::CaState& s, Surroundings& around) {
  const auto now = around.env.now();
  const auto shown = text_of(now);
  if (s.tree.size() == 0) return {Ready::ok, shown + "; compare it with your own"};
  if (now < s.last_time) return {Ready::missing, shown + " is before the log's last record, " + text_of(s.last_time) + "; set the machine's clock right"};
  if (const auto* policy = s.rules_of_people(); policy != nullptr && !s.open && now - s.last_time > std::chrono::days(policy->longest_gap_days))
    return {Ready::look, shown + " is more than " + std::to_string(policy->longest_gap_days) + " days after the last record, " + text_of(s.last_time) + ": governance has to agree"};
  return {Ready::ok, shown + ", after the last record, " + text_of(s.last_time)};
}

Said look_at_entropy(Env& env) {
  std::array<std::uint8_t, 32> one{}, two{};
  env.random(one);
  env.random(two);
  if (one == two) return {Ready::missing, "the random source gave the same 32 bytes twice; do not use this machine"};
  // Not every kernel tells; none of ours blocks once it is seeded.
  const Path counter("/proc/sys/kernel/random/entropy_avail");
  if (!env.exists(counter)) return {Ready::ok, "the kernel's random source gives bytes"};
  const auto text = as_text(env.read(counter, 32));
  int bits = 0;
  std::from_chars(text.data(), text.data() + text.size(), bits);
  const auto says = "the kernel's random source gives bytes and counts " + std::to_string(bits) + " bits";
  return bits < 128 ? Said{Ready::look, says + "; wait a minute, type something, and look again"} : Said{Ready::ok, says};
}

bool has_step(const procedure::Procedure& p, std::string_view action) {
  return std::ranges::any_of(p.steps, [&](const auto& step) { return step.action == action; });
}

Said look_at_media(const procedure::Procedure& procedure, Surroundings& around) {
  if (auto missing = actions::missing_media(around.volumes, around.policy, procedure); !missing.empty()) throw Refused(actions::ActionRefusal::absent, std::move(missing));
  const auto names = around.volumes.names();
  std::vector<std::string> others;
  for (const auto& name : names) {
    auto& volume = around.volumes.named(name);
    if (volume.inserted() == media::Inserted::no) {
      if (volume.kind() == media::VolumeKind::disk && !around.policy.people.contains(name)) others.push_back(name);
      continue;
    }
    if (const auto label = volume.label(); label && label->origin != around.policy.origin)
      return {Ready::missing, "\"" + name + "\" belongs to another CA: its label says \"" + label->name + "\" of \"" + label->origin + "\"; insert the one of this CA"};
    if (!around.policy.people.contains(name)) others.push_back(name);
  }
  const auto says = others.empty() ? "none but the people's own" : joined(others, " ");
  if (has_step(procedure, "take_csrs")) {
    auto& intake = around.volumes.named("intake");
    if (intake.inserted() != media::Inserted::no && std::ranges::none_of(intake.list(), [](const auto& file) { return file.ends_with(".csr"); }))
      return {Ready::look, says + "; there is no *.csr on \"intake\" yet"};
  }
  if (has_step(procedure, "admit_image")) {
    auto& intake = around.volumes.named("intake");
    if (intake.inserted() != media::Inserted::no && !intake.exists("SHA256SUMS"))
      return {Ready::look, says + "; there is no SHA256SUMS of a new boot image on \"intake\" yet"};
  }
  const auto backups = around.volumes.names("backup");
  const bool factory = std::ranges::any_of(others, [&](const auto& n) { return n != "intake" && n != "public" && std::ranges::find(backups, n) == backups.end(); });
  if (has_step(procedure, "export_bundles") && !factory) return {Ready::look, says + "; no factory's medium is named"};
  return {Ready::ok, says};
}

/// Before `open` does it over the log's last root, and by the same comparison.
Said look_at_machine(const state::CaState& s, Surroundings& around) {
  const auto measured = actions::measure(around.tpm, around.policy, {});
  if (!measured.quote) {
    if (around.policy.tpm) return {Ready::missing, measured.why_not + ", and the policy names what one has to say; use the machine that is enrolled"};
    const auto says = measured.why_not + ", and the policy asks for none";
    if (around.tpm == nullptr) return {Ready::ok, says};
    return {Ready::look, says + "; the self-test takes random bytes of it and stops where it gives none: then switch it off in the firmware's menu"};
  }
  const auto& q = *measured.quote;
  if (const auto faults = state::not_admitted(q, around.policy, s.images, around.started); !faults.empty())
    return {Ready::missing, joined(faults, "; ") + "; find out what was changed, then use an image, a setting of the firmware and a machine that the policy names or governance admitted"};
  if (around.policy.tpm) return {Ready::ok, "its TPM says what the policy expects"};
  return {Ready::ok, "the policy expects nothing of its TPM: key " + hex(sha256(q.key)) + ", PCR 4 " + hex(q.pcr4) + ", PCR 7 " + hex(q.pcr7) + ", PCR 11 " + hex(q.pcr11)};
}

Said look_at_ledgers_for(const LedgersSeen& ledgers, const report::Startable& startable) {
  if (ledgers.check.ready == Ready::missing || startable.why_not.empty()) {
    auto says = ledgers.check.says;
    if (startable.goes_on && ledgers.state.open) says += "; the ceremony " + ledgers.state.open->id + " is open: Begin goes on with it";
    return {ledgers.check.ready, std::move(says)};
  }
  return {Ready::missing, startable.why_not};
}

}  // namespace

std::string_view name_of(Ready ready) { return ready == Ready::ok ? "ok" : ready == Ready::look ? "look" : "missing"; }

LedgersSeen look_at_ledgers(Env& env, const std::vector<Path>& ledgers, const policy::Policy& policy, const std::map<Path, std::string>& names) {
  LedgersSeen seen;
  LookingEnv looking(env);
  seen.readable = false;
  seen.check = looked("ledgers", [&]() -> Said {
    auto said = ledger::Journal::has_records(looking, ledgers) ? look_at_log(looking, ledgers, policy, names, seen) : Said{Ready::ok, "both empty: the first ceremony makes the log"};
    seen.readable = true;
    return said;
  });
  return seen;
}

std::vector<Check> preflight(const LedgersSeen& ledgers, const procedure::Procedure& procedure, const report::Startable& startable, Surroundings& around) {
  const auto& s = ledgers.state;
  std::vector<Check> out;
  out.push_back(looked("ledgers", [&] { return look_at_ledgers_for(ledgers, startable); }));
  out.push_back(looked("token", [&] {
    return ledgers.readable ? look_at_token(s, procedure, around) : Said{Ready::missing, "which one it is stands on the ledgers, and they cannot be read"};
  }));
  out.push_back(looked("people", [&] { return look_at_people(s, startable, around); }));
  out.push_back(looked("clock", [&] { return look_at_clock(s, around); }));
  out.push_back(looked("entropy", [&] { return look_at_entropy(around.env); }));
  out.push_back(looked("media", [&] { return look_at_media(procedure, around); }));
  out.push_back(looked("machine", [&] { return look_at_machine(s, around); }));
  return out;
}

bool may_begin(std::span<const Check> checks) {
  return std::ranges::none_of(checks, [](const Check& c) { return c.ready == Ready::missing; });
}

std::string text(std::span<const Check> checks) {
  std::string out;
  for (const auto& c : checks) {
    const auto mark = c.ready == Ready::ok ? "[ok]      " : c.ready == Ready::look ? "[look]    " : "[missing] ";
    out += mark + c.what + ": " + c.says + "\n";
  }
  return out;
}

}  // namespace ceremony
