// ROLE, ENROL, CRED, QUORUM, WITNESS, SHARE: who acts, with which key, and how many of them.
#include <algorithm>
#include <set>

#include "ceremony/ledger/note.h"
#include "ceremony/ledger/text.h"
#include "ceremony/state/rule_functions.h"

namespace ceremony::state::rule {

using ledger::shown;

namespace {

const Person* enrolled(const Question& q, std::string_view id) {
  const auto found = q.before.people.find(std::string(id));
  return found == q.before.people.end() ? nullptr : &found->second;
}

const ShareSet* set_named(const Question& q, std::string_view id) {
  const auto found = q.before.share_sets.find(std::string(id));
  return found == q.before.share_sets.end() ? nullptr : &found->second;
}

const Share* share_named(const Question& q) {
  const ShareSet* set = set_named(q, text(q, "set"));
  if (set == nullptr) return nullptr;
  const auto found = set->shares.find(static_cast<unsigned>(number(q, "index")));
  return found == set->shares.end() ? nullptr : &found->second;
}

std::set<std::string> policy_roles(const policy::Person& person) {
  std::set<std::string> roles;
  for (const policy::Role role : person.roles) roles.emplace(policy::name_of(role));
  return roles;
}

}  // namespace

void role_1(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  const policy::Policy* policy = policy_of(q);
  const bool genesis = !s.policy_digest;
  if (q.record.ev == "open" && genesis) return;
  constexpr std::string_view before_enrolment[] = {"clock", "selftest", "medium", "enrol", "deviation", "resume", "close"};
  if (genesis && s.people.empty() && q.record.ok && std::ranges::find(before_enrolment, q.record.ev) == std::end(before_enrolment))
    broken.push_back(q.record.ev + " stands before anybody is enrolled");
  const bool strangers_allowed = genesis && std::ranges::find(before_enrolment, q.record.ev) != std::end(before_enrolment);
  for (const std::string& person : q.record.who) {
    if (policy != nullptr && policy->person(person) == nullptr) {
      broken.push_back("policy does not know " + shown(person));
    } else if (!strangers_allowed && enrolled(q, person) == nullptr) {
      broken.push_back(shown(person) + " acts and is not enrolled");
    }
  }
  for (const auto& [event, field] : {std::pair{"approve", "person"}, std::pair{"hand-in", "holder"}, std::pair{"enrol", "person"}}) {
    if (!is(q, event)) continue;
    if (!contains(q.record.who, text(q, field))) broken.push_back(shown(text(q, field)) + " is not among those who act");
  }
  if (!is(q, "enrol") || policy == nullptr) return;
  const policy::Person* planned = policy->person(text(q, "person"));
  if (planned == nullptr) {
    broken.push_back("policy does not know " + shown(text(q, "person")) + ", who is enrolled");
    return;
  }
  const auto roles = q.record.d.texts("roles");
  for (const std::string& role : policy_roles(*planned))
    if (!contains(roles, role)) broken.push_back(shown(planned->id) + " is enrolled without the role " + role);
}

void role_2(const Question& q, Broken& broken) {
  const policy::Policy* policy = policy_of(q);
  if (!is(q, "enrol") || policy == nullptr) return;
  const auto roles = q.record.d.texts("roles");
  for (const auto& [one, other] : policy->exclusive)
    if (contains(roles, policy::name_of(one)) && contains(roles, policy::name_of(other)))
      broken.push_back(shown(text(q, "person")) + " is enrolled as " + std::string(policy::name_of(one)) + " and as " + std::string(policy::name_of(other)));
  const policy::Person* planned = policy->person(text(q, "person"));
  if (planned == nullptr) return;
  for (const std::string& role : roles)
    if (!policy_roles(*planned).contains(role)) broken.push_back(shown(planned->id) + " is enrolled with the role " + shown(role) + ", which policy does not give");
}

void role_3(const Question& q, Broken& broken) {
  if (!(is(q, "enrol") || is(q, "approve") || is(q, "hand-in") || is(q, "intent")) || q.before.open->signed_anything) return;
  std::set<std::string> who;
  for (const ClockConfirmation& confirmation : q.before.open->clock) who.insert(confirmation.who.begin(), confirmation.who.end());
  if (who.size() < 2) broken.push_back(std::to_string(who.size()) + " people confirmed the clock before the first signature, two are needed");
}

void role_4(const Question& q, Broken& broken) {
  const policy::Policy* policy = policy_of(q);
  if (!is(q, "close") || text(q, "outcome") != "complete" || policy == nullptr) return;
  const auto signers = q.record.d.texts("signers");
  const auto signs = [&](std::string_view role) {
    return std::ranges::any_of(signers, [&](const std::string& person) {
      const Person* known = enrolled(q, person);
      return known != nullptr && contains(known->roles, role);
    });
  };
  const policy::AdmittedProcedure* procedure = policy->procedure(q.before.open->kind);
  if (procedure != nullptr)
    for (const policy::Role role : procedure->sign_off)
      if (!signs(policy::name_of(role))) broken.push_back("nobody with the role " + std::string(policy::name_of(role)) + " signs, policy demands it");
  if (std::ranges::none_of(q.before.keys, [&](const auto& key) { return key.second.ceremony == q.record.c && key.second.purpose == "ca"; })) return;
  if (!signs("security-officer")) broken.push_back("a root ceremony is not signed by the security officer");
  if (!signs("auditor") && !signs("witness")) broken.push_back("a root ceremony is not signed by anybody independent");
}

void role_5(const Question& q, Broken& broken) {
  if (is(q, "open"))
    for (const std::string& person : q.record.d.texts("compared"))
      if (enrolled(q, person) == nullptr) broken.push_back(shown(person) + " compared the previous checkpoint and is not enrolled");
  // Not at open: there a waiver cannot stand yet, and what was begun can be aborted.
  if (!is(q, "activate") || q.before.open->activations > 0 || !q.before.has_checkpoint()) return;
  if (const std::size_t compared = q.before.open->compared.size(); compared < 2)
    broken.push_back(std::to_string(compared) + " people compared the previous checkpoint, two are needed");
}

void enrol_1(const Question& q, Broken& broken) {
  if (!is(q, "enrol")) return;
  const Ceremony& c = *q.before.open;
  const auto spki = unbase64(q.record.d.text("spki")).value_or(Bytes{});
  const std::string replaces = text(q, "replaces");
  if (!ledger::is_p256_spki(spki) || sha256(spki) != digest(q, "key")) broken.push_back("the key is not the P-256 key of that digest");
  const Person* before = enrolled(q, text(q, "person"));
  if (before == nullptr && replaces != "none") broken.push_back(shown(text(q, "person")) + " had no key that could be replaced");
  if (before != nullptr && replaces != hex(before->key)) broken.push_back(shown(text(q, "person")) + " has a live key that is not replaced");
  try {
    const std::string statement = ledger::enrolment_statement(
        c.origin, c.id, c.leaf, {text(q, "person"), q.record.d.texts("roles"), digest(q, "key"), text(q, "age"), replaces == "none" ? "" : replaces});
    if (!ledger::verify_ecdsa_p256(spki, as_view(statement), unbase64(q.record.d.text("sig")).value_or(Bytes{})))
      broken.push_back("the signature of " + shown(text(q, "person")) + " is not one of the new key over its enrolment statement");
    if (q.before.policy_digest)
      if (auto few = short_of_approvals(q, "enrol", sha256(statement)); !few.empty()) broken.push_back(std::move(few));
  } catch (const Refused& refused) {
    broken.push_back("there is no such enrolment statement: " + refused.findings().front().what);
  }
}

void enrol_2(const Question& q, Broken& broken) {
  if (!is(q, "enrol")) return;
  const auto seen_by = q.record.d.texts("seen_by");
  const policy::Policy* policy = policy_of(q);
  const auto fine = std::ranges::count_if(seen_by, [&](const std::string& person) {
    return person != text(q, "person") && (policy == nullptr || policy->person(person) != nullptr);
  });
  if (fine < 2) broken.push_back(std::to_string(fine) + " other people saw the document of " + shown(text(q, "person")) + ", two are needed");
}

void cred_1(const Question& q, Broken& broken) {
  if (is(q, "enrol") && q.before.credential_keys.contains(digest(q, "key")))
    broken.push_back("the key " + text(q, "key") + " of " + shown(text(q, "person")) + " was enrolled before");
}

void quorum_1(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  const policy::Policy* policy = policy_of(q);
  if (is(q, "approve") && policy != nullptr) {
    const std::string act = text(q, "act"), person = text(q, "person");
    const auto needed = policy->approval_for(act);
    if (!needed) {
      broken.push_back(shown(act) + " is nothing that is approved");
    } else if (enrolled(q, person) != nullptr && !policy->quorum(needed->quorum).has(person)) {
      broken.push_back(shown(person) + " approves " + act + " and is not a member of the " + std::string(policy::name_of(needed->quorum)) + " quorum");
    }
    if (s.approved(act, digest(q, "sha256")).contains(person)) broken.push_back(shown(person) + " approves the same bytes for " + act + " a second time");
  }
  if (is(q, "intent") && text(q, "act") != "init-token")
    if (auto few = short_of_approvals(q, text(q, "act"), digest(q, "tbs")); !few.empty()) broken.push_back(std::move(few));
  if (is(q, "issue") || is(q, "crl")) {
    const Intent* intent = intent_named(s, text(q, "intent"));
    if (intent == nullptr || !is_signing(intent->act) || !intent->lines.contains(digest(q, "tbs")))
      broken.push_back("the bytes " + text(q, "tbs") + " were signed without an approved intent that covers them");
  }
  if (is(q, "keygen")) {
    const std::string key = text(q, "key");
    const auto intent = std::ranges::find_if(s.open->intents, [&](const auto& each) {
      return each.second.act == "generate-key" && each.second.key == key && !each.second.settled();
    });
    if (intent == s.open->intents.end()) {
      broken.push_back("the key " + shown(text(q, "label")) + " was generated without an approved intent");
    } else if (const auto act = act_in(intent->second.tbs, q.artifacts)) {
      const std::string prefix = text(q, "purpose") == "ca" ? "root." : "log.";
      for (const auto& [field, value] : {std::pair{prefix + "algorithm", text(q, "alg")}, std::pair{prefix + "id", key},
                                         std::pair{prefix + "label", text(q, "label")}, std::pair{std::string("token"), text(q, "token")}}) {
        const auto approved = act->find(field);
        const std::string seen = approved == act->end() ? "" : approved->second;
        if (seen != value) broken.push_back("approved was another " + field + " than " + shown(value));
      }
    }
  }
}

void quorum_2(const Question& q, Broken& broken) {
  if (!is(q, "approve")) return;
  const Ceremony& c = *q.before.open;
  const Person* person = enrolled(q, text(q, "person"));
  if (person == nullptr) return;  // ROLE-1
  const std::string message = ledger::approval_message(c.origin, c.id, c.leaf, text(q, "act"), digest(q, "sha256"));
  if (!ledger::verify_ecdsa_p256(person->spki, as_view(message), unbase64(q.record.d.text("sig")).value_or(Bytes{})))
    broken.push_back("the signature of " + shown(person->id) + " is not one over " + text(q, "act") + " of " + text(q, "sha256") + " in this ceremony");
}

namespace {

void check_hand_in(const Question& q, Broken& broken) {
  const Ceremony& c = *q.before.open;
  const std::string holder = text(q, "holder"), purpose = text(q, "purpose");
  const std::uint64_t nth = number(q, "nth");
  const Share* share = share_named(q);
  if (share != nullptr && share->holder != holder) broken.push_back("share " + std::to_string(share->index) + " is " + shown(share->holder) + "'s, not " + shown(holder) + "'s");
  if (share != nullptr && share->commitment != digest(q, "commitment")) broken.push_back("the share of " + shown(holder) + " does not equal its commitment");
  if (!q.before.may_hand_in(purpose, nth)) broken.push_back("the hand-in is for round " + std::to_string(nth) + " of " + purpose + ", due is " + std::to_string(q.before.next_nth(purpose)));
  const auto round = c.hand_ins.find({purpose, nth});
  for (const HandIn& other : round == c.hand_ins.end() ? std::vector<HandIn>{} : round->second)
    if (other.set == text(q, "set") && other.holder == holder) broken.push_back(shown(holder) + " handed in twice for round " + std::to_string(nth) + " of " + purpose);
  const Person* person = enrolled(q, holder);
  if (person == nullptr) return;  // ROLE-1
  const Digest what = sha256(text(q, "commitment") + " " + purpose + " " + std::to_string(nth) + "\n");
  const std::string message = ledger::approval_message(c.origin, c.id, c.leaf, "hand-in-share", what);
  if (!ledger::verify_ecdsa_p256(person->spki, as_view(message), unbase64(q.record.d.text("sig")).value_or(Bytes{})))
    broken.push_back("the signature of " + shown(holder) + " is not one over handing in that share for round " + std::to_string(nth) + " of " + purpose);
}

/// Distinct holders who handed in shares of that set in that round.
std::set<std::string> holders_in(const Ceremony& c, const std::string& purpose, std::uint64_t nth, std::string_view set) {
  std::set<std::string> holders;
  if (const auto round = c.hand_ins.find({purpose, nth}); round != c.hand_ins.end())
    for (const HandIn& hand_in : round->second)
      if (hand_in.set == set) holders.insert(hand_in.holder);
  return holders;
}

/// A sentence if the set is not one of that quorum or fewer than its threshold handed in.
std::string short_of_shares(const Question& q, std::string_view quorum, const std::string& purpose, std::uint64_t nth) {
  const ShareSet* set = set_named(q, text(q, "set"));
  if (set == nullptr || set->quorum != quorum) return shown(text(q, "set")) + " is no set of " + std::string(quorum) + " shares";
  const auto holders = holders_in(*q.before.open, purpose, nth, set->id);
  if (holders.size() >= set->threshold) return {};
  return std::to_string(holders.size()) + " members handed in a share of " + shown(set->id) + " to " + purpose + ", " + std::to_string(set->threshold) + " are needed";
}

}  // namespace

void quorum_3(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  const auto say = [&](std::string few) {
    if (!few.empty()) broken.push_back(std::move(few));
  };
  if (is(q, "hand-in")) check_hand_in(q, broken);
  if (is(q, "activate")) {
    const std::uint64_t nth = number(q, "nth");
    if (nth != s.next_nth("activate")) broken.push_back("activation " + std::to_string(nth) + " stands where " + std::to_string(s.next_nth("activate")) + " is due");
    say(short_of_shares(q, "activation", "activate", nth));
    const auto holders = q.record.d.texts("holders");
    if (std::set<std::string>(holders.begin(), holders.end()) != holders_in(*s.open, "activate", nth, text(q, "set")))
      broken.push_back("the holders named are not those who handed in");
  }
  if (is(q, "restore")) say(short_of_shares(q, "recovery", "restore", s.next_nth("restore")));
  if (is(q, "export") && text(q, "kind") == "backup") {
    const auto rounds = s.open->rounds.find("wrap");
    say(short_of_shares(q, "recovery", "wrap", rounds == s.open->rounds.end() ? 0 : rounds->second));
  }
}

void quorum_4(const Question& q, Broken& broken) {
  const policy::Policy* policy = policy_of(q);
  if (!is(q, "share") || policy == nullptr) return;
  const auto name = policy::quorum_from(text(q, "quorum"));
  const std::uint64_t m = number(q, "threshold"), n = number(q, "count"), index = number(q, "index");
  if (m < 2 || m > n || n > 16 || index < 1 || index > n) broken.push_back("share " + std::to_string(index) + " of a set of " + std::to_string(m) + " of " + std::to_string(n));
  if (!name) return;  // LOG-1
  const policy::Quorum& quorum = policy->quorum(*name);
  if (m != quorum.m || n != quorum.n())
    broken.push_back("the set is " + std::to_string(m) + " of " + std::to_string(n) + ", policy's " + text(q, "quorum") + " quorum is " + std::to_string(quorum.m) + " of " +
                     std::to_string(quorum.n()));
  if (!quorum.has(text(q, "holder"))) broken.push_back(shown(text(q, "holder")) + " gets a share and is not a member of the " + text(q, "quorum") + " quorum");
  const ShareSet* set = set_named(q, text(q, "set"));
  if (set != nullptr && (set->quorum != text(q, "quorum") || set->threshold != m || set->count != n || set->ceremony != q.record.c ||
                         set->shares.begin()->second.kcv != text(q, "kcv")))
    broken.push_back("the share does not fit the others of " + shown(set->id));
}

void witness_1(const Question& q, Broken& broken) {
  const policy::Policy* policy = policy_of(q);
  const std::string act = text(q, "act");
  if (!is(q, "intent") || policy == nullptr || !policy->wants_witness(act)) return;
  const auto approvers = q.before.approved(act, digest(q, "tbs"));
  const bool there = std::ranges::any_of(q.record.who, [&](const std::string& id) {
    const Person* person = enrolled(q, id);
    return person != nullptr && contains(person->roles, policy::name_of(policy::Role::witness)) && !approvers.contains(id);
  });
  if (!there) broken.push_back("no witness who did not approve " + act + " of " + text(q, "tbs") + " is named, policy wants one");
}

void share_1(const Question& q, Broken& broken) {
  const ShareSet* set = set_named(q, text(q, "set"));
  if (is(q, "hand-in")) {
    if (share_named(q) == nullptr) {
      broken.push_back("a share " + std::to_string(number(q, "index")) + " of " + shown(text(q, "set")) + " was never committed to");
    } else if (set->shares.size() != set->count) {
      broken.push_back("a share of " + shown(set->id) + " is handed in while " + std::to_string(set->count - set->shares.size()) + " commitments are missing");
    }
  }
  if (is(q, "share") && set != nullptr && std::ranges::any_of(set->shares, [](const auto& share) { return share.second.read_back; }))
    broken.push_back("a share of " + shown(set->id) + " is committed to after another was read back");
}

void share_2(const Question& q, Broken& broken) {
  if (!is(q, "activate") && !is(q, "restore") && !(is(q, "export") && text(q, "kind") == "backup")) return;
  const ShareSet* set = set_named(q, text(q, "set"));
  if (set == nullptr) return;  // QUORUM-3
  for (const auto& [index, share] : set->shares)
    if (!share.read_back) broken.push_back("share " + std::to_string(index) + " of " + shown(set->id) + ", " + shown(share.holder) + "'s, was never read back");
}

namespace {

/// Backups of any key under that set's shares that are still there, each with its key.
std::vector<std::pair<const Key*, const Backup*>> backups_under(const CaState& s, std::string_view set) {
  std::vector<std::pair<const Key*, const Backup*>> out;
  for (const auto& [id, key] : s.keys)
    for (const Backup& backup : key.backups)
      if (backup.set == set && !backup.destroyed) out.emplace_back(&key, &backup);
  return out;
}

void check_void(const Question& q, Broken& broken) {
  const std::string set = text(q, "set");
  if (text(q, "scope") == "share") {
    const Share* share = share_named(q);
    if (share == nullptr || share->holder != text(q, "holder"))
      broken.push_back("there is no share " + std::to_string(number(q, "index")) + " of " + shown(text(q, "holder")) + " in " + shown(set));
    return;
  }
  if (set_named(q, set) == nullptr) broken.push_back("there is no set " + shown(set));
  for (const auto& [key, backup] : backups_under(q.before, set))
    broken.push_back("the set " + shown(set) + " opens a backup of " + shown(key->label) + " that is not recorded destroyed");
}

void check_destroyed_backup(const Question& q, Broken& broken) {
  std::set<std::string> places;
  for (const auto& [key, backup] : backups_under(q.before, text(q, "set")))
    if (key->id == text(q, "key"))
      for (const std::string& medium : backup->media) places.insert("medium " + medium);
  const auto where = q.record.d.texts("where");
  if (places.empty()) broken.push_back("there is no backup of the key " + shown(text(q, "key")) + " under " + shown(text(q, "set")) + " that could be destroyed");
  if (!std::ranges::equal(where, places)) broken.push_back("the backup is on other media than those named as destroyed");
  if (q.record.who.size() < 2) broken.push_back(std::to_string(q.record.who.size()) + " people saw the backup destroyed, two are needed");
}

}  // namespace

void share_3(const Question& q, Broken& broken) {
  if (is(q, "void")) check_void(q, broken);
  if (is(q, "destroy") && text(q, "what") == "backup") check_destroyed_backup(q, broken);
  if (!is(q, "hand-in")) return;
  const Share* share = share_named(q);
  if (share != nullptr && share->is_void) broken.push_back("the share of " + shown(share->holder) + " in " + shown(text(q, "set")) + " is void");
}

void share_4(const Question& q, Broken& broken) {
  if (!is(q, "share")) return;
  const ShareSet* set = set_named(q, text(q, "set"));
  if (set == nullptr) return;
  for (const auto& [index, share] : set->shares) {
    if (share.holder == text(q, "holder")) broken.push_back(shown(share.holder) + " has share " + std::to_string(index) + " of " + shown(set->id) + " already");
    if (index == number(q, "index")) broken.push_back("share " + std::to_string(index) + " of " + shown(set->id) + " is there already");
    if (share.commitment == digest(q, "commitment")) broken.push_back("two shares of " + shown(set->id) + " have one commitment");
  }
}

}  // namespace ceremony::state::rule
