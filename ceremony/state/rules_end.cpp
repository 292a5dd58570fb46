// EXPORT, EVID, WAIVER, DEV, and what is checked of a checkpoint (LOG-6, LOG-7, ROLE-3).
#include <algorithm>
#include <set>

#include "ceremony/ledger/checkpoint.h"
#include "ceremony/ledger/merkle.h"
#include "ceremony/ledger/text.h"
#include "ceremony/state/rule_functions.h"

namespace ceremony::state {

using ledger::shown;
using rule::contains;

namespace rule {

void export_1(const Question& q, Broken& broken) {
  if (!is(q, "export")) return;
  if (!q.record.d.boolean("read_back")) broken.push_back(shown(text(q, "name")) + " was not read back");
  if (q.record.d.texts("media").empty()) broken.push_back(shown(text(q, "name")) + " is on no medium");
  if (text(q, "kind") == "backup") return;  // KEY-7 knows its media
  for (const std::string& medium : q.record.d.texts("media"))
    if (!q.before.open->media.contains(medium)) broken.push_back(shown(text(q, "name")) + " is on the medium " + shown(medium) + ", which is not on the log");
}

void export_2(const Question& q, Broken& broken) {
  if (!is(q, "share")) return;
  const policy::Policy* policy = policy_of(q);
  const bool recovery = text(q, "quorum") == "recovery", as_words = text(q, "form") == "words-shown";
  const std::string wanted = !recovery ? "age-identity" : policy == nullptr ? text(q, "form") : policy->recovery_as_words ? "words-shown" : "age-passphrase";
  if (text(q, "form") != wanted) broken.push_back("the " + text(q, "quorum") + " share of " + shown(text(q, "holder")) + " left as " + text(q, "form"));
  if (as_words != (text(q, "file") == "none"))
    broken.push_back("the share of " + shown(text(q, "holder")) + (as_words ? " left as words and names a file" : " left as no file"));
  if (as_words) {
    if (text(q, "medium") != "none") broken.push_back("the share of " + shown(text(q, "holder")) + " left as words and names a medium");
    return;
  }
  const auto medium = q.before.open->media.find(text(q, "medium"));
  if (medium == q.before.open->media.end() || medium->second.kind == "ledger" || medium->second.kind == "backup")
    broken.push_back("the share of " + shown(text(q, "holder")) + " left on " + shown(text(q, "medium")) + ", no share medium of this ceremony");
}

void evid_1(const Question& q, Broken& broken) {
  const Ceremony* c = q.before.open ? &*q.before.open : nullptr;
  if (!is(q, "close") || text(q, "outcome") != "complete") return;
  if (std::ranges::none_of(q.before.keys, [&](const auto& key) { return key.second.ceremony == c->id && key.second.purpose == "ca"; })) return;
  const auto has = [&](std::string_view kind) { return std::ranges::any_of(c->evidence, [&](const Evidence& e) { return e.kind == kind; }); };
  if (!has("video") && !has("auditor")) broken.push_back("a root genesis names neither a video nor an auditor");
  if (!has("access-log")) broken.push_back("a root genesis does not name the room's access log");
  if (!has("module-certificate")) broken.push_back("a root genesis does not name the module's certificate");
}

void evid_2(const Question& q, Broken& broken) {
  if (!is(q, "custody")) return;
  const std::string item = text(q, "item"), seal = text(q, "seal");
  if (text(q, "act") == "sealed" && seal == "none") broken.push_back(shown(item) + " was sealed and the seal has no number");
  const auto last = q.before.seals.find(item);
  if (text(q, "act") != "opened" || last == q.before.seals.end()) return;  // never sealed on this log: nothing to compare
  if (last->second.act == "opened") {
    broken.push_back(shown(item) + " is opened and was not sealed since it was opened by record " + std::to_string(last->second.n));
  } else if (last->second.seal != seal) {
    broken.push_back("the seal of " + shown(item) + " on opening is not the one that record " + std::to_string(last->second.n) + " closed");
  }
}

void waiver_1(const Question& q, Broken& broken) {
  if (!is(q, "waiver")) return;
  const std::string id = text(q, "rule");
  const Rule* waived = find_rule(id);
  const policy::Policy* policy = policy_of(q);
  if (waived == nullptr || waived->absolute) broken.push_back(shown(id) + " is no rule that can be waived");
  if (policy != nullptr && !contains(policy->waivable, id)) broken.push_back("policy does not let " + shown(id) + " be waived");
  if (time_in(q.record.d, "until") < q.record.t) broken.push_back("the waiver of " + shown(id) + " ended at " + text(q, "until") + ", before it was granted");
  if (auto few = short_of_approvals(q, "waive", digest(q, "act")); !few.empty()) broken.push_back(std::move(few));
  const auto act = act_in(digest(q, "act"), q.artifacts);
  if (!act) {
    if (q.artifacts(digest(q, "act"))) broken.push_back("what was approved is no act");
    return;
  }
  for (const auto& [field, value] : {std::pair{"rule", id}, std::pair{"reason", text(q, "why")}, std::pair{"end", text(q, "until")}})
    if (const auto found = act->find(field); found == act->end() || found->second != value) broken.push_back("approved was another " + std::string(field) + " than " + shown(value));
  if (!act->contains("event")) broken.push_back("what was approved does not name the event it covers");
}

void dev_1(const Question& q, Broken& broken) {
  if (is(q, "deviation") && text(q, "source") == "person" && q.record.who.empty()) broken.push_back("a deviation names nobody who saw it");
  if (is(q, "signoff") && number(q, "deviations") != q.before.open->deviations.size())
    broken.push_back("sign-off confirms " + std::to_string(number(q, "deviations")) + " deviations, the log has " + std::to_string(q.before.open->deviations.size()));
  if (is(q, "close") && text(q, "outcome") == "complete" && q.before.open->signoffs.empty()) broken.push_back("the ceremony closes as complete without sign-off");
}

}  // namespace rule

namespace {

std::vector<ledger::VerifierKey> keys_of(const CaState& state) {
  std::vector<ledger::VerifierKey> keys;
  for (const auto& [id, key] : state.keys)
    if (key.purpose == "log") keys.push_back({ledger::log_key_name(state.origin), key.spki});
  for (const auto& [id, person] : state.people) keys.push_back({ledger::person_key_name(state.origin, id), person.spki});
  return keys;
}

/// Whether that very key signed (a name alone is not enough: a foreign key may carry it).
bool signed_with(const ledger::Note& note, const ledger::VerifierKey& key) { return ledger::check_note(note, std::vector{key}).trusted(); }

}  // namespace

std::vector<Violation> check_checkpoint(const CaState& after_close, const ledger::Tree& tree, std::string_view text, std::string_view without) {
  std::vector<Violation> violations;
  if (after_close.closed.empty()) return violations;
  const Closed& closed = after_close.closed.back();
  const auto add = [&](std::string_view rule, std::string what) {
    if (rule != without) violations.push_back({std::string(rule), closed.last, std::move(what), false});
  };
  // Aborted before anybody was enrolled (LOG-7 saw to that): there is nobody whose signature could make one.
  if (text.empty() && closed.signers.empty() && closed.log_signature != "yes") return violations;
  if (text.empty()) {
    add("LOG-7", "the ceremony " + shown(closed.id) + " has no checkpoint of " + std::to_string(closed.size()) + " records");
    return violations;
  }
  ledger::SignedCheckpoint checkpoint;
  try {
    checkpoint = ledger::parse_checkpoint(text, "checkpoint");
  } catch (const Refused& refused) {
    add("LOG-6", "the checkpoint does not read: " + refused.findings().front().what);
    return violations;
  }
  if (checkpoint.checkpoint.size != closed.size()) {
    add("LOG-7", "the checkpoint is of " + std::to_string(checkpoint.checkpoint.size) + " records, the ceremony " + shown(closed.id) + " ended with " +
                     std::to_string(closed.size()));
    return violations;
  }
  if (checkpoint.checkpoint.origin != after_close.origin) add("LOG-6", "the checkpoint is of " + shown(checkpoint.checkpoint.origin) + ", not of this log");
  if (closed.size() > tree.size() || checkpoint.checkpoint.root != tree.root_at(closed.size())) {
    add("LOG-6", "the checkpoint's root is " + hex(checkpoint.checkpoint.root) + ", the records have " +
                     (closed.size() > tree.size() ? "no such size" : hex(tree.root_at(closed.size()))));
  }
  const auto keys = keys_of(after_close);
  const auto bad = ledger::check_note(checkpoint.note, keys).bad;
  for (const std::string& name : bad) add("LOG-6", "the signature of " + shown(name) + " on the checkpoint does not verify");
  const auto signed_by_person = [&](const std::string& id) {
    const auto person = after_close.people.find(id);
    return person != after_close.people.end() && signed_with(checkpoint.note, {ledger::person_key_name(after_close.origin, id), person->second.spki});
  };
  const Key* log_key = after_close.log_key();
  if (closed.log_signature == "yes" && !contains(bad, ledger::log_key_name(after_close.origin)) &&
      (log_key == nullptr || !signed_with(checkpoint.note, {ledger::log_key_name(after_close.origin), log_key->spki})))
    add("LOG-7", "the checkpoint is not signed by the log key");
  for (const std::string& person : closed.signers)
    if (!signed_by_person(person) && !contains(bad, ledger::person_key_name(after_close.origin, person))) add("LOG-7", "the checkpoint is not signed by " + shown(person));
  std::set<std::string> clock;
  for (const ClockConfirmation& confirmation : closed.clock)
    for (const std::string& person : confirmation.who)
      if (signed_by_person(person)) clock.insert(person);
  if (closed.outcome == "complete" && clock.size() < 2) add("ROLE-3", std::to_string(clock.size()) + " of those who confirmed the clock signed the checkpoint, two are needed");
  // One fault under one id: a missing person's signature is LOG-7 already.
  if (std::ranges::any_of(violations, [](const Violation& v) { return v.rule == "LOG-7" || v.rule == "LOG-6"; }))
    std::erase_if(violations, [](const Violation& v) { return v.rule == "ROLE-3"; });
  return violations;
}

std::vector<Violation> check_previous_checkpoint(const CaState& before, const ledger::Record& record, std::string_view text, std::string_view without) {
  const auto named = digest_in(record.d, "previous_checkpoint");
  if (without == "LOG-5" || !record.ok || record.ev != "open" || !before.has_checkpoint() || !named) return {};
  try {
    ledger::Note note = ledger::parse_note(text, "checkpoint");
    for (; !note.signatures.empty(); note.signatures.pop_back())
      if (sha256(ledger::write_note(note)) == *named) return {};
  } catch (const Refused&) {
    return {};  // LOG-6, LOG-7
  }
  return {{"LOG-5", record.n, "the previous checkpoint that open names, " + hex(*named) + ", is not the one that is kept", false}};
}

}  // namespace ceremony::state
