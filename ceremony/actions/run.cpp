#include "ceremony/actions/run.h"

#include <algorithm>
#include <array>
#include <set>

#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/merkle.h"
#include "ceremony/shares/words.h"
#include "ceremony/state/rules.h"

namespace ceremony::actions {

void EnvRng::fill_bytes_with_input(std::span<std::uint8_t> out, std::span<const std::uint8_t>) { m_env.random(out); }

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

Run::Run(Wiring wiring, ledger::Journal& journal) : w(std::move(wiring)), rng(w.env), m_journal(journal) {
  const auto source = artifacts();
  for (std::size_t i = 0; i < m_journal.records().size(); ++i) {
    const auto& r = m_journal.records()[i];
    // A log that breaks a rule is nothing to build on.
    if (const auto broken = state::unwaived(state::check(m_state, r, source)); !broken.empty()) {
      std::vector<Finding> findings;
      for (const auto& b : broken)
        findings.push_back({b.rule + ": " + b.what, "record " + std::to_string(b.n), "run ceremony-verify on both ledgers and keep them; do not go on with this log"});
      throw Refused(ActionRefusal::rule, std::move(findings));
    }
    m_state = state::fold(std::move(m_state), r, m_journal.tree().leaf(i), source);
  }
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

void Run::require(const ledger::Record& record) const {
  const auto broken = state::unwaived(state::check(m_state, record, artifacts()));
  if (broken.empty()) return;
  std::vector<Finding> findings;
  for (const auto& b : broken) {
    const auto* rule = state::find_rule(b.rule);
    findings.push_back({b.rule + ": " + b.what, "before the record \"" + record.ev + "\"",
                        rule == nullptr ? "nothing was done" : "nothing was done; the rule says: " + std::string(rule->sentence)});
  }
  throw Refused(ActionRefusal::rule, std::move(findings));
}

void Run::append(const ledger::Record& r) {
  m_journal.append(r);
  m_state = state::fold(std::move(m_state), r, m_journal.tree().leaf(r.n), artifacts());
  for (const auto& failure : m_journal.take_failures()) {
    w.op.progress("a ledger medium failed: " + failure.folder.string() + ": " + failure.what + "; the ceremony goes on with the other");
    if (!m_state.open) continue;  // it failed at `close`, after which the log takes no more
    const auto deviation = make("deviation", {}, ledger::Value{{"text", "ledger medium failed: " + failure.what}, {"source", "appliance"}});
    m_journal.append(deviation);
    m_state = state::fold(std::move(m_state), deviation, m_journal.tree().leaf(deviation.n), artifacts());
  }
}

void Run::record(std::string_view event, std::vector<std::string> who, ledger::Value d) {
  const auto r = make(event, std::move(who), std::move(d));
  require(r);
  append(r);
}

void Run::record_failed(std::string_view event, std::vector<std::string> who, ledger::Value d, std::string_view reason) {
  if (!m_state.open) return;  // outside a ceremony there is no log to put it on
  auto r = make(event, std::move(who), std::move(d.set("reason", std::string(reason.substr(0, 900)))));
  r.ok = false;
  require(r);
  append(r);
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

std::vector<std::string> Run::choose_people(const std::string& question, const std::string& text, const std::vector<std::string>& among,
                                            std::size_t m) {
  std::string list;
  for (const auto& id : among) list += (list.empty() ? "" : " ") + id;
  std::vector<std::string> chosen;
  retry(question + ".refused", "", [&] {
    const std::string typed = w.op.type({question, "administrator", text + " Of: " + list + ". Type " + std::to_string(m) + " or more ids."}, "");
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
    std::set<std::string> seen;
    for (const auto& one : chosen) {
      if (std::ranges::find(among, one) == among.end())
        wrong.push_back({"\"" + one + "\" is not one of them", question, "choose among: " + list});
      else if (!seen.insert(one).second)
        wrong.push_back({"\"" + one + "\" is named twice", question, "each person counts once"});
    }
    if (wrong.empty() && chosen.size() < m)
      wrong.push_back({std::to_string(chosen.size()) + " of the " + std::to_string(m) + " people needed are named", question, "wait until enough of them are here"});
    if (!wrong.empty()) throw Refused(ActionRefusal::mistaken, std::move(wrong));
  });
  return chosen;
}

shares::Credential Run::unlock(const std::string& person, const std::string& purpose, std::string_view event) {
  std::optional<shares::Credential> out;
  retry("unlock." + person + ".refused", person, [&] {
    const auto& enrolled = state().people;
    const auto known = enrolled.find(person);
    const Bytes file = w.volumes.named(person).read(credential_file(), 65536);
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

bool Run::is_approved(std::string_view act, const Digest& bytes) const {
  const auto needed = w.policy.approval_for(act);
  if (!needed) return false;
  std::size_t count = 0;
  const auto& members = w.policy.quorum(needed->quorum);
  for (const auto& person : state().approved(act, bytes))
    if (members.has(person)) ++count;
  return count >= needed->m;
}

void Run::approve(std::string_view act, const Digest& bytes, std::string_view shown) {
  if (is_approved(act, bytes)) return;
  const auto needed = w.policy.approval_for(act);
  if (!needed) throw Refused(ActionRefusal::mistaken, "nobody can approve \"" + std::string(act) + "\"", "policy", "the act is not one of the format");
  const auto& quorum = w.policy.quorum(needed->quorum);
  const std::string id(act);
  const std::string quorum_name(policy::name_of(needed->quorum));
  w.op.show({"show." + id, "", "What is to be approved, decoded from the very bytes (" + id + ")."},
            std::string(shown) + "\n\nSHA-256 " + hex(bytes) + "\n" + fingerprint(bytes));
  std::vector<std::string> left;
  const auto already = state().approved(act, bytes);
  for (const auto& member : quorum.members)
    if (!already.contains(member) && state().people.contains(member)) left.push_back(member);
  const auto missing = needed->m - std::min(needed->m, already.size());
  const auto people = choose_people("members." + quorum_name, "Who approves (" + id + ", quorum " + quorum_name + " " + std::to_string(needed->m) + " of " + std::to_string(quorum.n()) + ")?",
                                    left, missing);
  for (const auto& person : people) {
    const auto message = ledger::approval_message(state().origin, ceremony, state().open->leaf, act, bytes);
    // One unlocking, one signature: the credential is gone before the next screen.
    Bytes signature;
    {
      const auto credential = unlock(person, "approve " + id + " of the bytes shown (words above)", "approve");
      signature = credential.sign(as_view(message), rng);
    }
    record("approve", {person}, {{"act", id}, {"sha256", bytes}, {"person", person}, {"alg", "p256"}, {"sig", base64(signature)}});
  }
}

// --- media ----------------------------------------------------------------------------------------------------------

media::AskReinsert Run::ask_reinsert() {
  return [this](const media::Volume& volume) {
    w.op.show({"reinsert." + volume.name(), "administrator", "Take the medium \"" + volume.name() + "\" out and put it in again; it is then read back."}, "");
  };
}

void Run::register_medium(const std::string& name, std::string_view kind) {
  if (state().open && state().open->media.contains(name)) return;
  auto& volume = w.volumes.named(name);
  std::array<std::uint8_t, 16> random{};
  w.env.random(random);
  if (volume.inserted() != media::Inserted::writable && kind != "intake") volume.insert_writable();
  if (kind != "intake") (void)volume.label_if_new(name, random);
  const auto info = volume.info();
  record("medium", {}, {{"medium", name}, {"kind", std::string(kind)}, {"ident", info.id}, {"label", info.label ? hex(*info.label) : "none"}});
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
