// The beginning of every ceremony, after the self-test: clock, open, people, policy, evidence.
#include <algorithm>
#include <array>

#include "ceremony/actions/action.h"
#include "ceremony/actions/measuring.h"
#include "ceremony/ledger/approval.h"
#include "ceremony/pki/agreement.h"
#include "ceremony/shares/passphrase.h"
#include "ceremony/shares/words.h"

namespace ceremony::actions {
namespace {

/// The people who compared the previous checkpoint with what they took home.
std::vector<std::string> compare_previous(Run& run) {
  std::vector<std::string> all;
  for (const auto& [id, person] : run.state().people) all.push_back(id);
  const auto size = run.state().last_closed_size();
  const auto root = run.journal().tree().root_at(size);
  const auto people = run.choose_people("compared", "Which two or more people compare the previous checkpoint with the receipt they took home? With fewer the token is not activated unless ROLE-5 is waived.", all, 0);
  for (const auto& person : people) {
    const bool same = run.w.op.compare({"compare." + person, person, "The previous ceremony ended at size " + std::to_string(size) + ". Are these the words on your receipt, each of them?"},
                                       shares::words_of(root));
    if (!same)
      throw Refused(ActionRefusal::incomplete, person + " holds a receipt of another checkpoint", "previous checkpoint",
                    "stop: one of the two is not this CA's log; run ceremony-verify on both ledgers on another machine");
  }
  return people;
}

std::string ceremony_id(Run& run) {
  const std::string base = text_of(run.now()).substr(0, 10) + "-" + run.w.procedure_id;
  std::string id = base;
  for (int i = 2; run.state().ceremony_ids.contains(id); ++i) id = base + "-" + std::to_string(i);
  return id;
}

/// A passphrase proposed by the appliance, shown once to its owner and typed back.
Passphrase agree_passphrase(Run& run, const std::string& question, const std::string& person, const std::string& what) {
  Passphrase proposed = shares::propose_passphrase(run.rng);
  run.w.op.reveal({"new-" + question, person, "Your passphrase for " + what + ":"}, proposed);
  Passphrase agreed;
  run.retry(question + ".refused", person, [&] {
    Passphrase typed = run.w.op.secret({question, person, run.w.policy.proposed_passphrases ? "Type the eight words of the passphrase for " + what + ", a space between them." : "Type the passphrase for " + what + ": the eight words, a space between them, or one of your own."});
    if (typed.same(proposed)) {
      agreed = std::move(typed);
      return;
    }
    if (run.w.policy.proposed_passphrases)
      throw Refused(ActionRefusal::mistaken, "that is not the passphrase that was shown", person, "type the eight words as you wrote them down, a space between them; where that cannot be read, go back: other words are shown");
    const Passphrase again = run.w.op.secret({question, person, "That is not the one that was shown, and your own is allowed. Type it once more."});
    if (!again.same(typed)) throw Refused(ActionRefusal::mistaken, "the two are not the same", person, "type the passphrase again");
    agreed = std::move(typed);
  });
  return agreed;
}

void enrol(Run& run, const policy::Person& person) {
  auto& op = run.w.op;
  const auto& id = person.id;
  run.register_medium(id, "share");
  std::vector<std::string> others;
  for (const auto& [other, p] : run.w.policy.people)
    if (other != id) others.push_back(other);
  const auto seen_by = run.choose_people("seen-by." + id, "Which two people saw the identity document of " + id + "?", others, 2, {"enrol", {{"person", id}}, {}});
  const std::string name = op.type({"name." + id, "administrator", "Name of " + id + " as on the identity document (kept off the public record)."}, "");
  if (name.empty()) throw Refused(ActionRefusal::mistaken, "no name was given", id, "type the name as it stands on the identity document");

  auto& volume = run.w.volumes.named(id);
  if (!volume.exists(credential_file())) {
    auto credential = shares::Credential::generate(id, run.rng);
    const Passphrase passphrase = agree_passphrase(run, "passphrase." + id, id, "your credential");
    op.progress("sealing the credential of " + id);
    run.attempt("enrol", {}, {{"person", id}}, "medium \"" + id + "\"", [&] { media::write_and_read_back(volume, {{credential_file(), credential.seal(passphrase, static_cast<unsigned>(run.w.policy.scrypt_log_n), run.rng)}}, run.ask_reinsert()); });
  }
  // What counts is what is on the medium: it is opened again, and signs.
  const auto credential = run.unlock(id, "show that it works, and enrol", "enrol");
  ledger::Enrolment e;
  e.person = id;
  for (const auto role : person.roles) e.roles.emplace_back(policy::name_of(role));
  std::ranges::sort(e.roles);
  e.key = sha256(credential.spki());
  e.age_recipient = credential.recipient();
  const auto statement = ledger::enrolment_statement(run.state().origin, run.ceremony, run.state().open->leaf, e);
  std::array<std::uint8_t, 16> salt{};
  run.rng.randomize(salt);
  const auto hidden = run.journal().put_private("person: " + id + "\nname: " + name + "\n", salt);
  run.record("enrol", {id},
             {{"person", id}, {"roles", e.roles}, {"alg", "p256"}, {"key", e.key}, {"spki", base64(credential.spki())}, {"age", e.age_recipient},
              {"credential", "software"}, {"replaces", "none"}, {"seen_by", seen_by}, {"private", hidden},
              {"sig", base64(credential.sign(as_view(statement), run.rng))}});
  run.journal().write_key(id, {run.state().origin + "/" + id, credential.spki()});
  op.progress("enrolled " + id);
}

/// What the machine was started from, as lines to compare; nothing at a desk.
std::string started_from(const Run& run, const Measured& measured) {
  std::string out;
  for (const auto& [name, value] : {std::pair{"\nimage      ", run.w.image}, std::pair{"\nuki        ", run.w.uki}})
    if (const auto digest = digest_from_hex(value)) out += name + value + "\n" + fingerprint(*digest);
  if (out.empty() && run.w.tpm == nullptr) return "\n";
  return out + "\n" + (measured.quote ? lines_of(*measured.quote) : "TPM        none: " + measured.why_not + "\n");
}

}  // namespace

void agree_clock(Run& run) {
  if (run.state().open && !run.state().open->clock.empty()) return;
  std::vector<std::string> all;
  for (const auto& [id, person] : run.w.policy.people) all.push_back(id);
  const auto people = run.choose_people("clock", "Which two people compare the clock with a source of their own?", all, 2);
  for (const auto& person : people) {
    // Each is asked about the time of their own question: the one before may have taken minutes.
    run.clock_shown = run.now();
    if (!run.w.op.confirm({"clock." + person, person, "This machine's clock says " + text_of(run.clock_shown) + " (UTC) as this is asked. Does it agree, within a minute, with a source of your own?"}))
      throw Refused(ActionRefusal::incomplete, person + " says the clock is wrong", "clock", "set the machine's clock, then run this again; nothing was recorded");
  }
  run.clock_confirmed_by = people;
}

void open(Run& run) {
  if (!run.state().open) {
    const auto previous = run.state().last_closed_size();
    std::vector<std::string> compared;
    if (run.state().has_checkpoint()) compared = compare_previous(run);
    run.ceremony = ceremony_id(run);
    const Digest root = run.journal().tree().root_at(previous);
    const auto measured = measure(run.w.tpm, run.w.policy, root);
    if (run.w.tpm != nullptr && !measured.quote) run.w.op.progress("no quote is recorded: " + measured.why_not);
    run.w.op.show_text({"open", "everyone", "What this ceremony stands on. Compare with the paper script."},
                  "CA         " + run.w.policy.name + "\nlog        " + run.w.policy.origin + ", " + std::to_string(previous) + " records so far\nceremony   " + run.ceremony +
                      "\nsoftware   " + run.w.software + started_from(run, measured) + "policy     " + hex(run.w.policy_file.digest()) + "\n" + fingerprint(run.w.policy_file.digest()) +
                      "\nprocedure  " + hex(run.w.procedure_file.digest()) + "\n" + fingerprint(run.w.procedure_file.digest()) + "\nbinding    " +
                      hex(run.w.binding_file.digest()) + "\n" + fingerprint(run.w.binding_file.digest()));
    ledger::Value selftest;
    for (const auto& [test, result] : run.selftest) selftest.set(test, result);
    run.record("open", compared,
               {{"environment", std::string(policy::name_of(run.w.policy.environment))},
                {"origin", run.w.policy.origin},
                {"kind", run.w.procedure_id},
                {"procedure", run.put(run.w.procedure_file.text)},
                {"policy", run.put(run.w.policy_file.text)},
                {"binding", run.put(run.w.binding_file.text)},
                {"software", run.w.software},
                {"image", run.w.image},
                {"uki", run.w.uki},
                {"tpm", measured.quote ? hex(run.put(ledger::quote_artifact(*measured.quote))) : "none"},
                {"operator", std::string(run.w.op.kind())},
                {"selftest", selftest},
                {"previous_size", previous},
                {"previous_root", root},
                {"previous_checkpoint", run.state().has_checkpoint() ? hex(sha256(run.journal().checkpoint())) : "none"},
                {"compared", compared}});
  }
  if (run.state().open->clock.empty()) {
    if (run.clock_confirmed_by.empty()) agree_clock(run);
    run.record("clock", run.clock_confirmed_by, {{"shown", text_of(run.clock_shown)}});
  }
}

void enrol_people(Run& run) {
  for (const auto& [id, person] : run.w.policy.people)
    if (!run.state().people.contains(id)) enrol(run, person);
}

void adopt_policy(Run& run) {
  if (run.state().policy != nullptr) return;
  ledger::Act policy_act{{"policy", hex(run.put(run.w.policy_file.text))}};
  ledger::Act procedure_act;
  ledger::Value procedures, profiles;
  std::string shown = "Policy of " + run.w.policy.name + " (" + run.w.policy_file.name + "):\n\n" + run.w.policy_file.text;
  std::string shown_procedures = "Procedures:\n";
  for (const auto& [id, file] : run.w.profile_files) {
    policy_act["profile." + id] = hex(run.put(file.text));
    profiles.set(id, file.digest());
    shown += "\nProfile " + id + "  " + hex(file.digest());
  }
  for (const auto& [id, file] : run.w.procedures) {
    procedure_act["procedure." + id] = hex(run.put(file.text));
    procedures.set(id, file.digest());
    shown_procedures += "  " + id + "  " + hex(file.digest()) + "\n";
  }
  const auto policy_digest = run.put(ledger::act_artifact(policy_act));
  const auto procedures_digest = run.put(ledger::act_artifact(procedure_act));
  run.approve("adopt-policy", policy_digest, shown);
  run.approve("adopt-procedure", procedures_digest, shown_procedures);
  run.record("policy", {},
             {{"policy", run.w.policy_file.digest()}, {"procedures", procedures}, {"profiles", profiles}, {"act_policy", policy_digest},
              {"act_procedures", procedures_digest}});
}

void record_evidence(Run& run) {
  static const std::map<std::string_view, std::string_view> asked{
      {"video", "Reference of the video recording (number, storage place)."},
      {"auditor", "Name of the auditor's firm and the reference of their report."},
      {"access-log", "Reference of the room's access log."},
      {"module-certificate", "Certificate of the HSM (CMVP or Common Criteria number; in a rehearsal say that there is none)."},
      {"medium-hash", "Hash of the boot medium as a witness took it on another machine."},
      {"seal", "Number of the seal."},
      {"other", "What it is and where it can be found."}};
  std::string kinds = run.args.contains("kinds") ? run.args.at("kinds") : "auditor, access-log, module-certificate";
  std::erase(kinds, ' ');
  for (std::size_t at = 0; at < kinds.size();) {
    const auto comma = std::min(kinds.find(',', at), kinds.size());
    const auto kind = kinds.substr(at, comma - at);
    at = comma + 1;
    if (std::ranges::any_of(run.state().open->evidence, [&](const auto& e) { return e.kind == kind; })) continue;
    const auto text = asked.find(kind);
    const std::string reference = run.w.op.type({"evidence." + kind, "administrator", std::string(text == asked.end() ? asked.at("other") : text->second)}, "");
    if (reference.empty()) {
      const auto& waivers = run.state().open->waivers;
      if (std::ranges::any_of(waivers, [](const auto& waiver) { return waiver.rule == "EVID-1"; })) continue;  // missing, and that was allowed
      throw Refused(ActionRefusal::mistaken, "no reference was given", "evidence: " + kind,
                    "type where this evidence can be found; where there is none, governance waives EVID-1 before this step, or the ceremony is aborted");
    }
    run.record("evidence", {}, {{"kind", kind}, {"reference", reference}});
  }
}

}  // namespace ceremony::actions
