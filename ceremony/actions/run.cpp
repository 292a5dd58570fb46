#include "ceremony/actions/run.h"

#include <algorithm>
#include <set>

#include "ceremony/ledger/merkle.h"
#include "ceremony/shares/words.h"
#include "ceremony/state/rules.h"

namespace ceremony::actions {

hsm::KeyAlgorithm hsm_algorithm(std::string_view name) {
  if (name == "p256") return hsm::KeyAlgorithm::p256;
  if (name == "rsa3072") return hsm::KeyAlgorithm::rsa3072;
  if (name == "rsa4096") return hsm::KeyAlgorithm::rsa4096;
  return hsm::KeyAlgorithm::p384;
}

hsm::SignatureScheme hsm_scheme(std::string_view name) {
  using enum hsm::SignatureScheme;
  for (const auto scheme : {ecdsa_sha256, ecdsa_sha384, ecdsa_sha512, rsa_pkcs1_sha256, rsa_pkcs1_sha384, rsa_pkcs1_sha512, rsa_pss_sha256,
                            rsa_pss_sha384, rsa_pss_sha512})
    if (hsm::name_of(scheme) == name) return scheme;
  throw Refused(ActionRefusal::mistaken, "there is no signature scheme \"" + std::string(name) + "\"", "profile", "name one that the profile's format lists");
}

std::string fingerprint(const Digest& digest) {
  std::string out;
  std::size_t i = 0;
  for (const std::string_view word : shares::words_of(digest)) {
    if (i % 4 == 0) out += (i == 0 ? "  " : "\n  ") + std::string(1, static_cast<char>('1' + i / 4)) + "  ";
    out += std::string(word) + (i % 4 == 3 ? "" : " ");
    ++i;
  }
  return out;
}

std::string credential_file() { return "credential.age"; }
std::string share_file_name(std::string_view set) { return "share-" + std::string(set) + ".age"; }

state::CaState replay(const ledger::Journal& journal) {
  const state::ArtifactSource source = [&](const Digest& d) { return journal.artifact(d); };
  state::CaState out;
  for (std::size_t i = 0; i < journal.records().size(); ++i) {
    const auto& r = journal.records()[i];
    if (const auto broken = state::unwaived(state::check(out, r, source)); !broken.empty()) {
      std::vector<Finding> findings;
      for (const auto& b : broken)
        findings.push_back({b.rule + ": " + b.what, "record " + std::to_string(b.n), "run ceremony-verify on both ledgers and keep them; do not go on with this log"});
      throw Refused(ActionRefusal::rule, std::move(findings));
    }
    out = state::fold(std::move(out), r, journal.tree().leaf(i), source);
  }
  return out;
}

Run::Run(Wiring wiring, ledger::Journal& journal) : w(std::move(wiring)), rng(w.env), m_journal(journal), m_state(replay(journal)) {
  if (m_state.open) ceremony = m_state.open->id;
}

state::ArtifactSource Run::artifacts() const {
  return [this](const Digest& d) { return m_journal.artifact(d); };
}

Bytes Run::artifact(const Digest& digest) const {
  auto bytes = m_journal.artifact(digest);
  if (!bytes)
    throw Refused(ActionRefusal::absent, "the artifact " + hex(digest) + " is on neither ledger", "ledger",
                  "insert the ledger media of this CA; if both lack it, stop and call the security officer");
  return *bytes;
}

ledger::Record Run::make(std::string_view event, std::vector<std::string> who, ledger::Value d) {
  ledger::Record r;
  r.n = m_journal.size();
  r.t = now();
  r.c = ceremony;
  r.ev = event;
  r.step = step;
  r.who = std::move(who);
  r.d = std::move(d);
  return r;
}

namespace {

/// What a person does next about a broken rule that a person can cause.
std::string next_step(const state::Violation& broken) {
  static const std::map<std::string_view, std::string_view> next{
      {"LOG-3", "set the machine's clock right and run the same command again; after too long a gap governance waives the rule, or this ceremony is aborted"},
      {"LOG-5", "stop: the ledgers are not the newest ones of this CA; insert the newest copies and run the same command again"},
      {"ENV-1", "use the policy, the token and the ledgers of this CA and of this environment"},
      {"POL-1", "run with the policy file that was adopted; another one is adopted by governance first"},
      {"POL-2", "run with the procedure file that was adopted"},
      {"POL-4", "start the machine from a boot image that policy lists or governance admitted; a new one is admitted by the procedure admit-image, on such a one"},
      {"ROLE-5", "abort this ceremony; in the next one two people bring their receipts, or governance waives the rule before the token is activated"},
      {"EVID-1", "name what is missing in the step that records the evidence; what there is not, governance can only waive before that step"},
      {"EVID-2", "read the number again; if it is another one, somebody may have had the thing: stop, keep it as it is, and call the security officer; it is used again only after governance has waived the rule in the next ceremony"},
      {"TOKEN-2", "stop, keep the token as it is, and find out who had it; nothing is signed with it until its objects are those of the log"},
      {"TOKEN-3", "insert the token of this CA"}};
  if (const auto found = next.find(broken.rule); found != next.end()) return std::string(found->second);
  const auto* rule = state::find_rule(broken.rule);
  return rule == nullptr ? "nothing was done" : "nothing was done; the rule says: " + std::string(rule->sentence);
}

}  // namespace

void Run::require(const ledger::Record& record) const {
  const auto broken = state::unwaived(state::check(m_state, record, artifacts()));
  if (broken.empty()) return;
  std::vector<Finding> findings;
  for (const auto& b : broken) findings.push_back({b.rule + ": " + b.what, "before the record \"" + record.ev + "\"", next_step(b)});
  throw Refused(ActionRefusal::rule, std::move(findings));
}

void Run::demand(const ledger::Record& record) {
  try {
    require(record);
  } catch (const Refused& refusal) {
    record_failed(record.ev, record.who, record.d, refusal.findings().front().what);
    throw;
  }
}

void Run::append(const ledger::Record& r) {
  m_journal.append(r);
  m_state = state::fold(std::move(m_state), r, m_journal.tree().leaf(r.n), artifacts());
  std::vector<std::string> failed;
  for (const auto& failure : m_journal.take_failures()) {
    const auto fault = w.ledger_fault ? w.ledger_fault(failure.folder) : std::string();
    const auto why = fault.empty() ? failure.what : fault;
    failed.push_back("a ledger medium failed: " + ledger_name(failure.folder) + ": " + why + "; the ceremony goes on with the other");
    w.op.progress(failed.back());
    if (!m_state.open) continue;  // it failed at `close`, after which the log takes no more
    const auto deviation = make("deviation", {}, ledger::Value{{"text", "ledger medium failed: " + why}, {"source", "appliance"}});
    m_journal.append(deviation);
    m_state = state::fold(std::move(m_state), deviation, m_journal.tree().leaf(deviation.n), artifacts());
  }
  // A line of progress is gone with the next screen, and people have to know that one medium alone holds the record now. Asked last:
  // whoever stops here finds everything recorded.
  for (const auto& text : failed)
    w.op.show_text({"ledger-failed", "everyone", text + "."}, "It is noted as a deviation. Leave the medium as it is, and say so aloud: the one that is left holds the only record until the end.");
}

void Run::record(std::string_view event, std::vector<std::string> who, ledger::Value d) {
  const auto r = make(event, std::move(who), std::move(d));
  demand(r);
  append(r);
}

void Run::record_failed(std::string_view event, std::vector<std::string> who, ledger::Value d, std::string_view reason) {
  if (!m_state.open) return;  // outside a ceremony there is no log to put it on
  auto r = make(event, std::move(who), std::move(d.set("reason", std::string(reason.substr(0, 900)))));
  r.ok = false;
  const auto takes = [&] { return state::unwaived(state::check(m_state, r, artifacts())).empty(); };
  // Where who acted or what with is itself what is wrong, the reason alone is recorded; where the clock is, nothing can be.
  if (!takes()) {
    r.who.clear();
    r.d = ledger::Value{{"reason", std::string(reason.substr(0, 900))}};
  }
  if (takes()) append(r);
}

void Run::attempt(std::string_view event, std::vector<std::string> who, const ledger::Value& d, std::string_view subject, const std::function<void()>& work) {
  const auto failures = m_state.failures;
  try {
    work();
  } catch (const Refused& refusal) {
    // What has its own record by now, and what people chose, is not recorded as a failure of the outside world.
    const bool chosen = refusal.code().starts_with("operator/") || refusal.is(ActionRefusal::stopped) || refusal.is(ActionRefusal::aborted);
    if (!chosen && m_state.failures == failures)
      record_failed(event, std::move(who), d, std::string(subject) + ": " + refusal.findings().front().what);
    throw;
  }
}

// --- people ---------------------------------------------------------------------------------------------------------

void Run::retry(const std::string& question, const std::string& who, const std::function<void()>& attempt) {
  while (true) {
    try {
      return attempt();
    } catch (const Refused& refusal) {
      if (refusal.code().starts_with("operator/") || refusal.is(ActionRefusal::stopped) || refusal.is(ActionRefusal::aborted)) throw;
      switch (w.op.refused({question, who, "What now?"}, refusal)) {
        case Next::again: continue;
        case Next::abort:
          throw Refused(ActionRefusal::aborted, "the people chose to abort", "step \"" + step + "\"", "the ceremony is closed on the record as aborted");
        case Next::stop:
          throw Refused(ActionRefusal::stopped, "the people chose to stop", "step \"" + step + "\"", "run the same command again to go on");
      }
    }
  }
}

std::string Run::roles_of(const std::string& person) const {
  std::string out;
  if (const auto* known = w.policy.person(person))
    for (const auto role : known->roles) out += (out.empty() ? "" : ", ") + std::string(policy::name_of(role));
  return out;
}

std::vector<std::string> Run::choose_people(const std::string& question, const std::string& text, const std::vector<std::string>& among,
                                            std::size_t m, const Choice& choice) {
  std::string list;
  for (const auto& id : among) list += (list.empty() ? "" : " ") + id;
  std::vector<std::string> chosen;
  retry(question + ".refused", "", [&] {
    std::vector<Candidate> candidates;
    for (const auto& one : among) candidates.push_back({one, roles_of(one), ""});
    for (const auto& [one, why] : choice.left_out) candidates.push_back({one, roles_of(one), why});
    const std::string typed = w.op.people({question, "administrator", text}, candidates, m);
    chosen.clear();
    std::string id;
    for (const char c : typed + " ") {
      if (c != ' ' && c != ',') {
        id += c;
        continue;
      }
      if (!id.empty()) chosen.push_back(std::exchange(id, {}));
    }
    std::vector<Finding> wrong;
    std::string reason;  // for the record: what somebody typed who took the question for another one is never quoted there
    const auto mistake = [&](const std::string& what, const std::string& recorded, const std::string& hint) {
      wrong.push_back({what, question, hint});
      reason += (reason.empty() ? "" : "; ") + recorded;
    };
    std::set<std::string> seen;
    for (const auto& one : chosen) {
      const auto left_out = choice.left_out.find(one);
      const bool known = w.policy.people.contains(one);
      if (left_out != choice.left_out.end())
        mistake("\"" + one + "\" " + left_out->second, "\"" + one + "\" " + left_out->second, "choose among: " + list);
      else if (std::ranges::find(among, one) == among.end())
        mistake("\"" + one + "\" is not one of them", (known ? "\"" + one + "\"" : std::string("somebody whom the policy does not name")) + " is not one of them", "choose among: " + list);
      else if (!seen.insert(one).second)
        mistake("\"" + one + "\" is named twice", "\"" + one + "\" is named twice", "each person counts once");
    }
    if (wrong.empty() && chosen.size() < m) {
      const auto few = std::to_string(chosen.size()) + " of the " + std::to_string(m) + " people needed are named";
      mistake(few, few, "wait until enough of them are here");
    }
    if (!wrong.empty() && !choice.event.empty()) record_failed(choice.event, {}, choice.d, reason);
    if (!wrong.empty()) throw Refused(ActionRefusal::mistaken, std::move(wrong));
  });
  return chosen;
}

shares::Credential Run::unlock(const std::string& person, const std::string& purpose, std::string_view event) {
  std::optional<shares::Credential> out;
  retry("unlock." + person + ".refused", person, [&] {
    const auto& enrolled = state().people;
    const auto known = enrolled.find(person);
    Bytes file;
    attempt(event, {person}, {}, "credential of " + person, [&] {
      auto& volume = w.volumes.named(person);
      check_medium(volume);
      if (!volume.exists(credential_file()))
        throw Refused(ActionRefusal::absent, "there is no credential on the medium \"" + person + "\"", person, "insert the medium of " + person);
      file = volume.read(credential_file(), 65536);
    });
    const Passphrase passphrase = w.op.secret({"passphrase." + person, person, "Passphrase of your credential, to " + purpose + "."});
    try {
      auto credential = shares::Credential::unlock(file, passphrase);
      if (credential.person() != person)
        throw Refused(ActionRefusal::credential, "the credential on this medium belongs to \"" + credential.person() + "\"", person, "insert the medium of " + person);
      if (known != enrolled.end() && credential.spki() != known->second.spki)
        throw Refused(ActionRefusal::credential, "the credential on this medium is not the one that was enrolled", person, "insert the medium that was made at the enrolment");
      out = std::move(credential);
    } catch (const Refused& refusal) {
      record_failed(event, {person}, ledger::Value{}, "credential of " + person + ": " + refusal.findings().front().what);
      throw;
    }
  });
  return std::move(*out);
}

// --- keys -----------------------------------------------------------------------------------------------------------

const state::Key& Run::ca_key() const {
  for (const auto& [id, key] : state().keys)
    if (key.purpose == "ca" && !key.destroyed && !key.retired) return key;
  throw Refused(ActionRefusal::not_now, "there is no CA key on this log yet", "log", "the step that generates the keys comes first");
}

const state::Key& Run::log_key() const {
  if (const auto* key = state().log_key()) return *key;
  throw Refused(ActionRefusal::not_now, "there is no log key yet", "log", "the step that generates the keys comes first");
}

}  // namespace ceremony::actions
