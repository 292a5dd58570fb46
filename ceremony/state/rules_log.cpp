// LOG, ENV, POL: the log's own form, the world it belongs to, and what was decided.
#include <algorithm>
#include <set>
#include <tuple>

#include "ceremony/ledger/checkpoint.h"
#include "ceremony/ledger/events.h"
#include "ceremony/ledger/text.h"
#include "ceremony/pki/profile.h"
#include "ceremony/state/machine.h"
#include "ceremony/state/rule_functions.h"

namespace ceremony::state::rule {

using ledger::shown;

namespace {

/// The policy that `open` names; nothing if it is not there (LOG-8) or does not read (POL-1).
std::optional<policy::Policy> policy_opened(const Question& q) {
  const auto bytes = q.artifacts(digest(q, "policy"));
  if (!bytes) return std::nullopt;
  try {
    return policy::read_policy("policy", as_text(*bytes));
  } catch (const Refused&) {
    return std::nullopt;
  }
}

}  // namespace

void log_1(const Question& q, Broken& broken) {
  for (std::string& wrong : ledger::check_fields(q.record)) broken.push_back(std::move(wrong));
  std::set<std::string_view> seen;
  for (const std::string& person : q.record.who)
    if (!ledger::is_person_id(person) || !seen.insert(person).second) broken.push_back("\"who\" holds " + shown(person) + ", no person or one named twice");
  if (q.record.c.empty()) broken.push_back("the ceremony's id is empty");
  try {
    (void)ledger::line(q.record);
  } catch (const Refused& refused) {
    broken.push_back(refused.findings().front().what);
  }
}

void log_2(const Question& q, Broken& broken) {
  if (q.record.n != q.before.tree.size()) broken.push_back("n is " + std::to_string(q.record.n) + " where " + std::to_string(q.before.tree.size()) + " is due");
}

void log_3(const Question& q, Broken& broken) {
  if (q.before.tree.size() > 0 && q.record.t < q.before.last_time)
    broken.push_back("the time goes back from " + text_of(q.before.last_time) + " to " + text_of(q.record.t));
  const policy::Policy* policy = policy_of(q);
  if (is(q, "activate") && policy != nullptr && q.before.open->activations == 0 && q.before.open->gap > std::chrono::days(policy->longest_gap_days))
    broken.push_back("the ceremony was opened " + std::to_string(std::chrono::floor<std::chrono::days>(q.before.open->gap).count()) +
                     " days after the record before it, policy allows " + std::to_string(policy->longest_gap_days) + " without a waiver");
}

void log_4(const Question& q, Broken& broken) {
  const auto& open = q.before.open;
  if (q.record.ev == "open") {
    if (open) broken.push_back("the ceremony " + shown(q.record.c) + " opens while " + shown(open->id) + " is open");
    if (q.before.ceremony_ids.contains(q.record.c)) broken.push_back("the ceremony id " + shown(q.record.c) + " was used before");
    if (!q.record.ok) broken.push_back("an open that failed stands on the log");
  } else if (!open) {
    broken.push_back("a record of " + shown(q.record.ev) + " stands outside every ceremony");
  } else if (open->id != q.record.c) {
    broken.push_back("the record names the ceremony " + shown(q.record.c) + " while " + shown(open->id) + " is open");
  }
}

void log_5(const Question& q, Broken& broken) {
  const ledger::Tree& tree = q.before.tree;
  if (is(q, "open")) {
    if (number(q, "previous_size") != tree.size() || digest(q, "previous_root") != tree.root())
      broken.push_back("open names a log of " + std::to_string(number(q, "previous_size")) + " records with root " + text(q, "previous_root") + ", before it stand " +
                       std::to_string(tree.size()) + " with root " + hex(tree.root()));
    if ((text(q, "previous_checkpoint") == "none") == q.before.has_checkpoint()) broken.push_back("open names the previous checkpoint " + text(q, "previous_checkpoint"));
  }
  if (!is(q, "token")) return;
  const std::uint64_t size = number(q, "checkpoint_size");
  const std::string root = text(q, "checkpoint_root");
  if (size == 0) {
    if (root != "none") broken.push_back("the token's checkpoint has a root and no size");
  } else if (size > tree.size()) {
    broken.push_back("the token remembers a log of " + std::to_string(size) + " records, this one has " + std::to_string(tree.size()));
  } else if (root != hex(tree.root_at(size))) {
    broken.push_back("the token remembers the root " + root + " at " + std::to_string(size) + " records, this log had " + hex(tree.root_at(size)));
  }
}

void log_7(const Question& q, Broken& broken) {
  if (!is(q, "close")) return;
  const Ceremony& c = *q.before.open;
  const auto signers = q.record.d.texts("signers");
  const auto& absent = q.record.d.object("absent");
  std::set<std::string> acted(c.acted);
  acted.insert(q.record.who.begin(), q.record.who.end());
  for (const std::string& person : acted)
    if (!contains(signers, person) && !absent.contains(person)) broken.push_back(shown(person) + " acted and is neither among the signers nor among the absent");
  for (const std::string& person : signers)
    if (absent.contains(person)) broken.push_back(shown(person) + " is both signer and absent");
  const std::string said = text(q, "log_signature");
  const bool active = q.before.active && q.before.active->purpose == "checkpoint";
  if (said == "yes" && !active) broken.push_back("close promises the log key's signature and the token is not active for it");
  if (said == "no-key-yet" && q.before.log_key() != nullptr) broken.push_back("close says that there is no log key yet, and there is one");
  if (said == "yes") return;
  // Two, or as many as a genesis had enrolled when it was aborted.
  std::set<std::string> roles, all_roles;
  for (const auto& [id, person] : q.before.people) {
    all_roles.insert(person.roles.begin(), person.roles.end());
    if (contains(signers, id)) roles.insert(person.roles.begin(), person.roles.end());
  }
  constexpr std::size_t two = 2;
  if (signers.size() < std::min(two, q.before.people.size()) || roles.size() < std::min(two, all_roles.size()))
    broken.push_back("without the log key two people of different roles sign, and close names " + std::to_string(signers.size()));
}

void log_8(const Question& q, Broken& broken) {
  std::set<Digest> due;
  for (const Digest& named : artifacts_named(q.record)) due.insert(named);
  // A ceremony that closes leaves all it named behind; whatever was taken away since shows here.
  if (is(q, "close")) due.insert(q.before.open->named.begin(), q.before.open->named.end());
  for (const Digest& named : due) {
    const auto bytes = q.artifacts(named);
    if (!bytes) {
      broken.push_back("the artifact " + hex(named) + " is not there");
    } else if (sha256(*bytes) != named) {
      broken.push_back("the artifact " + hex(named) + " holds other bytes");
    }
  }
}

void log_9(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (is(q, "intent") && s.open->intents.contains(text(q, "id"))) broken.push_back("the intent " + shown(text(q, "id")) + " was there before");
  if (is(q, "result") || is(q, "reconcile")) {
    const Intent* intent = intent_named(s, text(q, "id"));
    const Digest tbs = digest(q, "tbs");
    if (intent == nullptr) {
      broken.push_back(q.record.ev + " of the intent " + shown(text(q, "id")) + ", which is not on the log");
    } else if (!intent->lines.contains(tbs)) {
      broken.push_back(q.record.ev + " names " + hex(tbs) + ", which its intent does not cover");
    } else if (intent->results.contains(tbs) || intent->reconciled.contains(tbs)) {
      broken.push_back(hex(tbs) + " has a result or a reconciliation already");
    }
  }
  if (!is(q, "close")) return;
  for (const std::string& id : s.open_intents()) broken.push_back("the intent " + shown(id) + " has neither result nor reconciliation");
  for (const auto& [id, intent] : s.open->intents)
    for (const auto& [tbs, done] : intent.results)
      if (is_signing(intent.act) && !intent.recorded.contains(digest_from_hex(done.out).value_or(Digest{})))
        broken.push_back("what came of the intent " + shown(id) + " (" + done.out + ") is not recorded");
}

void log_10(const Question& q, Broken& broken) {
  if (!is(q, "open") && !is(q, "selftest")) return;
  // What the appliance tests itself: those every `open` names, the one that it names on a boot image, those of further sources. Other
  // results (the linter's version, the module's) are for people to read. A later `selftest` names what was tested then.
  constexpr std::string_view always[] = {"known-answers", "sha-256", "random", "slip-0039", "age", "p256", "p384", "clock", "memory"};
  constexpr std::string_view sometimes[] = {"manifest", "tpm-random", "token-random"};
  const bool at_open = is(q, "open");
  const auto& results = q.record.d.object(at_open ? "selftest" : "results");
  const auto look = [&](std::string_view test, bool needed) {
    const auto found = results.find(test);
    if (found == results.end() && !needed) return;
    const std::string* result = found == results.end() ? nullptr : found->second.if_text();
    if (result == nullptr || *result != "ok") broken.push_back("the self-test " + shown(test) + (result == nullptr ? " is not named" : " says " + shown(*result)));
  };
  for (const std::string_view test : always) look(test, at_open);
  for (const std::string_view test : sometimes) look(test, at_open && test == "manifest" && text(q, "image") != "none");
  if (!at_open) return;
  if (text(q, "environment") != "production") return;
  for (const std::string_view field : {"image", "uki"})
    if (text(q, field) == "none") broken.push_back("open of a production ceremony names no " + std::string(field));
}

void env_1(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (is(q, "open")) {
    const std::string environment = text(q, "environment"), origin = text(q, "origin");
    if (!s.environment.empty() && environment != s.environment) broken.push_back("a ceremony of " + environment + " stands on a log of " + s.environment);
    if (!s.origin.empty() && origin != s.origin) broken.push_back("the origin " + shown(origin) + " is not this log's, " + shown(s.origin));
    if (!ledger::is_origin(origin) || origin.starts_with("rehearsal.") != (environment == "rehearsal"))
      broken.push_back("the origin " + shown(origin) + " does not fit " + environment);
    if (environment == "production" && text(q, "operator") == "scripted") broken.push_back("a scripted operator runs a production ceremony");
    const auto policy = policy_opened(q);
    if (policy && (policy::name_of(policy->environment) != environment || policy->origin != origin))
      broken.push_back("the policy is for " + std::string(policy::name_of(policy->environment)) + " of " + shown(policy->origin));
  }
  const policy::Policy* policy = policy_of(q);
  if ((is(q, "token") || is(q, "init")) && policy != nullptr && !policy->admits_token(text(q, "model"), text(q, "token")))
    broken.push_back("policy does not admit the token " + shown(text(q, "token")) + " of model " + shown(text(q, "model")));
}

void env_2(const Question& q, Broken& broken) {
  for (const PlannedCertificate& planned : q.planned.certificates) {
    const std::string organisation = planned.view.subject.get("O").value_or("");
    const bool rehearsal = q.before.open->environment == "rehearsal";
    if ((organisation.find("REHEARSAL") != std::string::npos) != rehearsal)
      broken.push_back("the organisation name " + shown(organisation) + " of " + shown(pki::text(planned.view.subject)) + " does not fit " +
                       q.before.open->environment);
  }
}

namespace {

/// The act says exactly what the record says of these digests: "<prefix>.<id>" each.
void compare_act(const Question& q, std::string_view field, std::map<std::string, Digest> expected, Broken& broken) {
  const auto act = act_in(digest(q, field), q.artifacts);
  if (!act) {
    if (q.artifacts(digest(q, field))) broken.push_back(std::string(field) + " is no act");
    return;
  }
  ledger::Act wanted;
  for (const auto& [key, value] : expected) wanted[key] = hex(value);
  if (*act != wanted) broken.push_back("what governance approved (" + std::string(field) + ") names other files than the record does");
}

std::map<std::string, Digest> prefixed(const std::map<std::string, Digest>& digests, std::string_view prefix) {
  std::map<std::string, Digest> out;
  for (const auto& [id, digest] : digests) out[std::string(prefix) + id] = digest;
  return out;
}

}  // namespace

void pol_1(const Question& q, Broken& broken) {
  const CaState& s = q.before;
  if (is(q, "open")) {
    if (s.policy_digest && *s.policy_digest != digest(q, "policy")) broken.push_back("open names a policy that is not in force");
    if (s.policy_digest && !s.policy) broken.push_back("the policy in force does not read");
    const auto bytes = q.artifacts(digest(q, "policy"));
    if (!bytes) return;
    try {
      (void)policy::read_policy("policy", as_text(*bytes));
    } catch (const Refused& refused) {
      broken.push_back("the policy does not read: " + refused.findings().front().what);
    }
  }
  if (!is(q, "policy")) {
    const bool early = contains({"clock", "medium", "enrol", "evidence", "custody", "approve", "selftest", "deviation", "resume", "close"}, q.record.ev);
    if (!s.policy_digest && q.record.ok && q.record.ev != "open" && !early) broken.push_back(q.record.ev + " stands before any policy is in force");
    return;
  }
  if (!s.policy_digest && digest(q, "policy") != s.open->policy) broken.push_back("the policy is not the one that open names");
  if (auto few = short_of_approvals(q, "adopt-policy", digest(q, "act_policy")); !few.empty()) broken.push_back(std::move(few));
  if (auto few = short_of_approvals(q, "adopt-procedure", digest(q, "act_procedures")); !few.empty()) broken.push_back(std::move(few));
  auto files = prefixed(digests_in(q.record.d, "profiles"), "profile.");
  files["policy"] = digest(q, "policy");
  compare_act(q, "act_policy", files, broken);
  compare_act(q, "act_procedures", prefixed(digests_in(q.record.d, "procedures"), "procedure."), broken);
  for (const auto& [id, profile] : digests_in(q.record.d, "profiles")) {
    const auto bytes = q.artifacts(profile);
    if (!bytes) continue;
    try {
      if (pki::read_profile(id, as_text(*bytes)).id != id) broken.push_back("the profile " + shown(id) + " calls itself otherwise");
    } catch (const Refused& refused) {
      broken.push_back("the profile " + shown(id) + " does not read: " + refused.findings().front().what);
    }
  }
}

void pol_2(const Question& q, Broken& broken) {
  if (is(q, "open") && q.before.policy_digest) {
    const auto admitted = q.before.procedures.find(text(q, "kind"));
    if (admitted == q.before.procedures.end()) {
      broken.push_back("no procedure " + shown(text(q, "kind")) + " is admitted");
    } else if (admitted->second != digest(q, "procedure")) {
      broken.push_back("the procedure " + shown(text(q, "kind")) + " has the digest " + text(q, "procedure") + ", admitted is " + hex(admitted->second));
    }
  }
  if (!is(q, "policy")) return;
  const auto procedures = digests_in(q.record.d, "procedures");
  const auto own = procedures.find(q.before.open->kind);
  if (own == procedures.end() || own->second != q.before.open->procedure) broken.push_back("the procedure of this very ceremony is not among those adopted");
  const policy::Policy* policy = policy_of(q);
  if (policy == nullptr) return;
  for (const auto& [id, digest] : procedures) {
    const policy::AdmittedProcedure* admitted = policy->procedure(id);
    if (admitted == nullptr || (admitted->digest && *admitted->digest != digest)) broken.push_back("policy does not admit the procedure " + shown(id) + " of digest " + hex(digest));
  }
}

void pol_3(const Question& q, Broken& broken) {
  const policy::Policy* policy = policy_of(q);
  if (policy == nullptr) return;
  if (is(q, "keygen")) {
    const std::string& wanted = text(q, "purpose") == "ca" ? policy->root.algorithm : policy->log_algorithm;
    if (text(q, "alg") != wanted) broken.push_back("the key is " + text(q, "alg") + ", policy says " + wanted);
  }
  if (is(q, "intent") && text(q, "act") == "sign-batch") {
    const auto bytes = q.artifacts(digest(q, "tbs"));
    if (bytes && batch_in(*bytes).size() > policy->batch_max)
      broken.push_back("the batch has " + std::to_string(batch_in(*bytes).size()) + " certificates, policy allows " + std::to_string(policy->batch_max));
  }
  for (const PlannedCertificate& planned : q.planned.certificates) {
    const std::string subject = shown(pki::text(planned.view.subject));
    if (planned.root && planned.view.subject != policy->root.subject)
      broken.push_back("the root's subject is " + subject + ", policy says " + shown(pki::text(policy->root.subject)));
    if (planned.root || planned.profile_id.empty()) continue;  // CERT-3 names a certificate without a profile
    if (!contains(policy->issuing.profiles, planned.profile_id)) broken.push_back("policy does not admit the profile " + shown(planned.profile_id));
    if (!contains(policy->issuing.algorithms, planned.view.key.algorithm))
      broken.push_back("policy does not admit the algorithm " + shown(planned.view.key.algorithm) + " of " + subject);
  }
}

namespace {

/// Somebody independent, who is none of the approvers, hashed this kernel image's medium on another machine.
bool is_hashed_elsewhere(const Question& q, const Digest& uki) {
  const auto approvers = q.before.approved("admit-image", digest(q, "act"));
  const auto independent = [&](const std::string& id) {
    const auto person = q.before.people.find(id);
    return person != q.before.people.end() && !approvers.contains(id) &&
           (contains(person->second.roles, policy::name_of(policy::Role::witness)) || contains(person->second.roles, policy::name_of(policy::Role::auditor)));
  };
  return std::ranges::any_of(q.before.open->evidence, [&](const Evidence& e) { return e.kind == "medium-hash" && e.sha256 == uki && std::ranges::any_of(e.who, independent); });
}

void check_admission(const Question& q, Broken& broken) {
  if (auto few = short_of_approvals(q, "admit-image", digest(q, "act")); !few.empty()) broken.push_back(std::move(few));
  if (q.artifacts(digest(q, "act"))) {
    const auto act = act_in(digest(q, "act"), q.artifacts);
    ledger::Act wanted{{"manifest", text(q, "manifest")}, {"medium-hash", text(q, "uki")}, {"uki", text(q, "uki")}, {"version", text(q, "version")}};
    for (const std::string pcr : {"pcr4", "pcr11"})
      if (const auto value = digest_in(q.record.d, pcr)) wanted[pcr] = hex(*value);
    if (!act) broken.push_back("what was approved is no act");
    else if (*act != wanted) broken.push_back("approved was another image than " + shown(text(q, "version")) + " with the kernel image " + text(q, "uki"));
  }
  if (const policy::Policy* policy = policy_of(q); policy != nullptr)
    for (const std::string_view pcr : {"pcr4", "pcr11"})
      if (digest_in(q.record.d, pcr).has_value() != policy->tpm.has_value())
        broken.push_back(policy->tpm ? "policy names what the machine's TPM has to say, the image has no " + std::string(pcr) : "policy names nothing that a TPM has to say, the image has a " + std::string(pcr));
  if (!is_hashed_elsewhere(q, digest(q, "uki"))) broken.push_back("no witness who did not approve it found the digest " + text(q, "uki") + " on another machine");
}

}  // namespace

void pol_4(const Question& q, Broken& broken) {
  if (is(q, "image")) check_admission(q, broken);
  if (!is(q, "open")) return;
  const auto policy = policy_opened(q);
  if (!policy) return;
  const bool production = policy->environment == policy::Environment::production;
  if (!policy->images && !production) return;
  const auto image = digest_in(q.record.d, "image"), uki = digest_in(q.record.d, "uki");
  if (std::ranges::any_of(q.before.images, [&](const AdmittedImage& i) { return image == i.manifest && uki == i.uki; })) return;
  const policy::Images admitted = policy->images.value_or(policy::Images{});
  for (const auto& [field, booted, digests] : {std::tuple{"image", image, &admitted.manifests}, std::tuple{"uki", uki, &admitted.ukis}}) {
    if (!booted && production) continue;  // LOG-10
    if (!booted || !std::ranges::contains(*digests, *booted)) broken.push_back("neither policy nor governance admitted the " + std::string(field) + " " + text(q, field));
  }
}

void pol_5(const Question& q, Broken& broken) {
  if (!is(q, "open")) return;
  const auto policy = policy_opened(q);
  const bool expected = policy && policy->tpm;
  if (expected && text(q, "tpm") == "none") broken.emplace_back("policy wants a quote of the machine's TPM, open has none");
  const auto named = digest_in(q.record.d, "tpm");
  const auto bytes = named ? q.artifacts(*named) : std::nullopt;
  if (!bytes) return;
  try {
    const ledger::Quote quote = ledger::parse_quote(as_text(*bytes), "quote");
    // A root that is not that of the log is LOG-5's.
    const Digest root = digest(q, "previous_root");
    for (auto& fault : ledger::faults_of(quote, root == q.before.tree.root() ? root : ledger::read_attest(quote.attest)->nonce)) broken.push_back(std::move(fault));
    if (!expected) return;
    const Started started{digest_in(q.record.d, "image"), digest_in(q.record.d, "uki")};
    for (auto& fault : not_admitted(quote, *policy, q.before.images, started)) broken.push_back(std::move(fault));
  } catch (const Refused& refused) {
    broken.push_back("the quote of the machine's TPM does not read: " + refused.findings().front().what);
  }
}

}  // namespace ceremony::state::rule
