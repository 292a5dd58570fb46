// The end of every ceremony: deviations, sign-off, close, and the checkpoint that log key and people sign.
#include <algorithm>
#include <set>

#include "ceremony/actions/action.h"
#include "ceremony/actions/bundle_files.h"
#include "ceremony/actions/codes.h"
#include "ceremony/ledger/checkpoint.h"
#include "ceremony/ledger/note.h"
#include "ceremony/shares/words.h"
#include "ceremony/state/rules.h"
#include "media/bundle.h"

namespace ceremony::actions {
namespace {

/// Everybody a record names, and everybody of a role whose sign-off the policy demands.
std::vector<std::string> signers_of(Run& run) {
  std::set<std::string> out(run.state().open->acted);
  if (const auto* admitted = run.w.policy.procedure(run.state().open->kind)) {
    for (const auto role : admitted->sign_off)
      for (const auto& person : run.w.policy.people_with(role)) out.insert(person);
  }
  std::erase_if(out, [&](const auto& id) { return !run.state().people.contains(id); });
  return {out.begin(), out.end()};
}

/// What each is shown before they sign off: from the log alone.
std::string summary(Run& run) {
  const auto& open = *run.state().open;
  std::string out = "ceremony-summary/v1\norigin: " + run.state().origin + "\nceremony: " + open.id + "\nprocedure: " + open.kind + "\nenvironment: " + open.environment +
                    "\nrecords: " + std::to_string(run.journal().size()) + "\n";
  for (const auto& [id, key] : run.state().keys)
    if (key.ceremony == open.id) out += "key: " + key.label + " " + key.alg + " id " + id + " SPKI " + hex(key.spki_sha256) + "\n";
  for (const auto& digest : open.certificates) {
    const auto& c = run.state().certificates.at(digest);
    out += "certificate: " + c.subject + " serial " + c.serial + " until " + text_of(c.not_after) + " SHA-256 " + hex(digest) + "\n";
  }
  for (const auto& [key, crl] : run.state().crls)
    if (open.crls.contains(crl.digest)) out += "crl: number " + std::to_string(crl.number) + " entries " + std::to_string(crl.entries.size()) + " next " + text_of(crl.next_update) + "\n";
  for (const auto& e : open.exports) out += "export: " + e.kind + " " + e.name + " to " + e.recipient + "\n";
  for (const auto& i : run.state().images)
    if (i.ceremony == open.id) out += "boot image: " + i.version + " manifest " + hex(i.manifest) + " uki " + hex(i.uki) + (i.pcr4 && i.pcr11 ? " PCR 4 " + hex(*i.pcr4) + " PCR 11 " + hex(*i.pcr11) : "") + "\n";
  for (const auto& w : open.waivers) out += "waiver: " + w.rule + " " + w.why + "\n";
  for (const auto& d : open.deviations) out += "deviation: " + d.text + "\n";
  out += "failed attempts: " + std::to_string(open.failures) + "\n";
  return out;
}

/// The checkpoint at the size right after the last `close`, with the signatures it has so far.
ledger::Note note_so_far(Run& run, const ledger::Checkpoint& head) {
  if (!run.journal().checkpoint().empty()) {
    auto signed_one = ledger::parse_checkpoint(run.journal().checkpoint(), "checkpoint");
    if (signed_one.checkpoint == head) return signed_one.note;
  }
  return {ledger::body(head), {}};
}

bool has_signature(const ledger::Note& note, std::string_view name) {
  return std::ranges::any_of(note.signatures, [&](const auto& s) { return s.name == name; });
}

std::string data_label(std::uint64_t size) { return "checkpoint-" + std::to_string(size); }

/// The log key signs and the token remembers; the older copy goes after the newer is there.
void sign_with_log_key(Run& run, hsm::Token& token, ledger::Note& note, const ledger::Checkpoint& head) {
  const auto key = token.find_by_id(*unhex(run.log_key().id));
  ledger::add_signature(note, ledger::log_key_name(head.origin), key->spki(), key->sign(as_view(note.text), hsm::SignatureScheme::ecdsa_sha256));
  run.journal().write_checkpoint(ledger::write_note(note));
  const auto label = data_label(head.size);
  const auto labels = token.data_labels();
  if (std::ranges::find(labels, label) == labels.end()) token.put_data(label, as_view(hex(head.root)));
  for (const auto& old : labels)
    if (old.starts_with("checkpoint-") && old != label) token.remove_data(old);
}

void sign_with_people(Run& run, ledger::Note& note, const state::Closed& closed) {
  std::vector<std::string> left;
  for (const auto& person : closed.signers)
    if (!has_signature(note, ledger::person_key_name(run.state().origin, person))) left.push_back(person);
  const auto root = run.journal().tree().root_at(closed.size());
  for (const auto& person : left) {
    run.w.op.show({"checkpoint", person, "The checkpoint you sign, size " + std::to_string(closed.size()) + ". Write these words on your receipt."}, Page{"", shares::words_of(root), {qr_code("checkpoint", media::PayloadKind::checkpoint, as_bytes(note.signatures.empty() ? note.text : ledger::write_note(note)))}});
    const auto credential = run.unlock(person, "sign the checkpoint whose words were shown", "signoff");
    ledger::add_signature(note, ledger::person_key_name(run.state().origin, person), credential.spki(), credential.sign(as_view(note.text), run.rng));
    run.journal().write_checkpoint(ledger::write_note(note));
    run.w.op.progress(person + " signed the checkpoint");
  }
}

ledger::Value map_of(const std::map<std::string, std::string>& map) {
  ledger::Value out;
  for (const auto& [key, value] : map) out.set(key, value);
  return out;
}

std::string log_signature(Run& run, bool token_ready) {
  if (run.state().log_key() == nullptr) return "no-key-yet";
  return token_ready ? "yes" : "not-activated";
}

void record_close(Run& run, const std::string& outcome, const std::string& log_signature) {
  std::map<std::string, std::string> absent;
  std::vector<std::string> signers = signers_of(run);
  for (const auto& person : run.state().open->acted)  // in a genesis that is aborted early
    if (!run.state().people.contains(person)) absent[person] = "not enrolled yet: has no key to sign with";
  for (const auto& id : run.choose_people("absent", "Who of those who acted has left and cannot sign?", signers, 0)) {
    std::erase(signers, id);
    const auto why = run.w.op.type({"absent." + id, "administrator", "Why is " + id + " absent?"}, "");
    absent[id] = why.empty() ? "no reason given" : why;
  }
  run.record("close", {}, {{"outcome", outcome}, {"log_signature", log_signature}, {"signers", signers}, {"absent", map_of(absent)}});
}

}  // namespace

void sign_off(Run& run) {
  if (!run.state().open->signoffs.empty()) return;
  const auto text = summary(run);
  const auto people = signers_of(run);
  ledger::Value remarks;
  for (const auto& person : people) {
    run.w.op.show_text({"summary", person, "What happened in this ceremony, from the log."}, text);
    const auto remark = run.w.op.type({"remark." + person, person, "Your remark (\"does not agree\" is one, and is kept); nothing if you agree."}, "agrees");
    remarks.set(person, remark);
  }
  run.record("signoff", people,
             {{"summary", run.put(text)}, {"remarks", remarks}, {"deviations", run.state().open->deviations.size()}, {"people", people}});
}

void close(Run& run) {
  if (run.state().open) {
    ActiveToken active(run, run.collect(policy::QuorumName::activation, "activate"), "checkpoint");
    record_close(run, "complete", log_signature(run, true));
    const auto head = ledger::Checkpoint{run.state().origin, run.journal().size(), run.journal().tree().root()};
    auto note = note_so_far(run, head);
    sign_with_log_key(run, active.token(), note, head);
    active.done_after_close();
  }
  finish_closed(run);
}

void abort(Run& run) {
  if (run.state().active) run.record("deactivate", {}, {{"token", run.state().active->token}, {"reason_for", "abort"}});
  run.prepared.clear();
  seal_what_is_open(run);
  record_close(run, "aborted", log_signature(run, false));
  finish_closed(run);
}

bool needs_finishing(const state::CaState& state, const ledger::Journal& journal) {
  if (state.open || state.closed.empty()) return false;
  // The sums are written last: without them the proofs may not have reached every medium.
  return !state::unwaived(state::check_checkpoint(state, journal.tree(), journal.checkpoint())).empty() || !journal.has_sums();
}

bool needs_finishing(const Run& run) { return needs_finishing(run.state(), run.journal()); }

void finish_closed(Run& run) {
  const auto closed = state::Closed(run.state().closed.back());
  run.ceremony = closed.id;
  const ledger::Checkpoint head{run.state().origin, closed.size(), run.journal().tree().root_at(closed.size())};
  auto note = note_so_far(run, head);
  if (closed.log_signature == "yes" && !has_signature(note, ledger::log_key_name(head.origin))) {
    run.w.op.progress("the log key's signature on the checkpoint is missing: shares are handed in once more, off the record, since the log is closed");
    ActiveToken active(run, run.collect(policy::QuorumName::activation, "checkpoint", false), "checkpoint", false);
    sign_with_log_key(run, active.token(), note, head);
    active.done_after_close();
  }
  sign_with_people(run, note, closed);
  if (const auto broken = state::unwaived(state::check_checkpoint(run.state(), run.journal().tree(), run.journal().checkpoint())); !broken.empty()) {
    std::vector<Finding> findings;
    for (const auto& b : broken) findings.push_back({b.rule + ": " + b.what, "checkpoint", "run the same command again to add what is missing"});
    throw Refused(ActionRefusal::rule, std::move(findings));
  }
  write_proofs(run);
  run.journal().write_sums();
}

}  // namespace ceremony::actions
