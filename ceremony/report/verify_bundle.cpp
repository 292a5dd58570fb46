// A factory's bundle, checked with what is in it: the certificate and CRL, the records that speak of them, and their
// proofs under a checkpoint that the log key and the people signed.
#include <algorithm>
#include <set>

#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/checkpoint.h"
#include "ceremony/ledger/text.h"
#include "ceremony/pki/agreement.h"
#include "ceremony/pki/certificate.h"
#include "ceremony/pki/crl.h"
#include "ceremony/policy/policy.h"
#include "ceremony/report/bundle_records.h"
#include "ceremony/report/verdict.h"

namespace ceremony::report {
namespace {

using ledger::Record;
using ledger::shown;

class BundleCheck {
 public:
  BundleCheck(const Files& files, Verdict& verdict) : m_files(files), m_verdict(verdict) {}

  void run() {
    for (const std::string name : {"MANIFEST", "certs/issuing.der", "certs/root.der", "log/checkpoint", "log/keys/log.pem", "log/records.jsonl", "log/policy.toml"})
      if (!m_files.contains(name))
        throw Refused(ReportRefusal::not_a_bundle, "the file " + name + " is missing", name, "give the whole folder or archive that left the ceremony");
    read_keys();
    read_records();
    read_policy();
    check_checkpoint();
    check_loose_proofs();
    check_export();
    check_certificate();
    check_crls();
    m_verdict.counts = {{"records with their proofs", m_records.size()}, {"files", m_files.size()}};
    m_verdict.notes.emplace_back("quorum re-checked: every approval counted here was verified against its enrolment, M against log/policy.toml");
  }

 private:
  void broken(std::string_view rule, std::uint64_t n, std::string what) { m_verdict.violations.push_back({std::string(rule), n, std::move(what), false}); }
  [[nodiscard]] std::string file(const std::string& name) const { return as_text(m_files.at(name)); }

  void read_keys() {
    constexpr std::string_view folder = "log/keys/", ending = ".pem";
    for (const auto& [name, bytes] : m_files) {
      if (!name.starts_with(folder) || !name.ends_with(ending)) continue;
      const std::string id = name.substr(folder.size(), name.size() - folder.size() - ending.size());
      try {
        m_keys[id] = ledger::parse_public_pem(as_text(bytes), name);
      } catch (const Refused& refused) {
        broken("LOG-6", 0, refused.findings().front().what);
      }
    }
    if (m_keys.contains("log")) m_verdict.log_key = sha256(m_keys.at("log"));
  }

  void read_records() {
    m_checkpoint = ledger::parse_checkpoint(file("log/checkpoint"), "log/checkpoint");
    m_verdict.origin = m_checkpoint.checkpoint.origin;
    try {
      m_records = read_bundle_records(file("log/records.jsonl"));
    } catch (const Refused& refused) {
      broken("LOG-1", 0, refused.findings().front().where + ": " + refused.findings().front().what);
    }
    for (const ProvenRecord& proven : m_records) {
      prove(proven.proof, "record " + std::to_string(proven.record.n));
      if (proven.proof.index != proven.record.n) broken("LOG-2", proven.record.n, "the record stands at " + std::to_string(proven.proof.index));
    }
  }

  /// The proof holds, and under the very checkpoint of this bundle.
  void prove(const ledger::TlogProof& proof, const std::string& what) {
    try {
      if (ledger::verify_proof(proof, what).checkpoint != m_checkpoint.checkpoint) broken("LOG-6", proof.index, what + " is proven under another checkpoint");
    } catch (const Refused& refused) {
      broken("LOG-6", proof.index, what + ": " + refused.findings().front().what);
    }
  }

  void check_loose_proofs() {
    for (const auto& [name, bytes] : m_files) {
      if (!name.ends_with(".tlog-proof")) continue;
      try {
        prove(ledger::parse_proof(as_text(bytes), name), name);
      } catch (const Refused& refused) {
        broken("LOG-6", 0, name + ": " + refused.findings().front().what);
      }
    }
  }

  void check_checkpoint() {
    const std::string& origin = m_checkpoint.checkpoint.origin;
    std::vector<ledger::VerifierKey> keys;
    for (const auto& [id, spki] : m_keys) keys.push_back({id == "log" ? ledger::log_key_name(origin) : ledger::person_key_name(origin, id), spki});
    const ledger::NoteCheck check = ledger::check_note(m_checkpoint.note, keys);
    for (const std::string& name : check.bad) broken("LOG-6", 0, "the signature of " + shown(name) + " on the checkpoint does not verify");
    if (std::ranges::find(check.good, ledger::log_key_name(origin)) == check.good.end()) broken("LOG-7", 0, "the checkpoint is not signed by the log key");
    for (const ProvenRecord& proven : m_records) {
      if (!is(proven.record, "enrol")) continue;
      const std::string person(proven.record.d.text("person"));
      const auto key = m_keys.find(person);
      if (key != m_keys.end() && hex(sha256(key->second)) != proven.record.d.text("key")) broken("LOG-6", proven.record.n, "log/keys/" + person + ".pem is not the key enrolled");
    }
  }

  void read_policy() {
    const std::string text = file("log/policy.toml");
    const ProvenRecord* adopted = find("policy", [](const Record&) { return true; });
    if (adopted == nullptr || adopted->record.d.text("policy") != hex(sha256(text))) {
      broken("POL-1", adopted == nullptr ? 0 : adopted->record.n, "log/policy.toml is not the policy that the log adopted");
      return;
    }
    try {
      m_policy = policy::read_policy("log/policy.toml", text);
      m_verdict.environment = policy::name_of(m_policy->environment);
    } catch (const Refused& refused) {
      broken("POL-1", adopted->record.n, refused.findings().front().what);
    }
  }

  void check_export() {
    const std::string manifest = hex(sha256(m_files.at("MANIFEST")));
    const ProvenRecord* exported = find("export", [&](const Record& r) { return r.d.text("sha256") == manifest && r.d.text("kind") == "bundle"; });
    if (exported == nullptr) {
      broken("EXPORT-1", 0, "no export on the log names this MANIFEST");
    } else if (exported->record.d.text("certificate") != hex(sha256(m_files.at("certs/issuing.der")))) {
      broken("EXPORT-1", exported->record.n, "the export on the log is of another certificate");
    }
  }

  void check_certificate() {
    const Bytes& der = m_files.at("certs/issuing.der");
    const ProvenRecord* issued = find("issue", [&](const Record& r) { return r.d.text("certificate") == hex(sha256(der)); });
    if (issued == nullptr) {
      broken("CERT-1", 0, "certs/issuing.der was not issued on this log");
      return;
    }
    try {
      const pki::CertificateView view = pki::read_certificate(der);
      m_root = pki::read_certificate(m_files.at("certs/root.der"));
      if (hex(sha256(view.tbs)) != issued->record.d.text("tbs")) broken("CERT-1", issued->record.n, "certs/issuing.der is not what was approved");
      if (!accepts(view.tbs, view.signature, view.scheme)) broken("CERT-2", issued->record.n, "certs/issuing.der is not signed by certs/root.der");
      check_quorum(issued->record, pki::text(view.subject));
    } catch (const Refused& refused) {
      broken("CERT-1", issued->record.n, refused.findings().front().what);
    }
  }

  void check_crls() {
    for (const auto& [name, bytes] : m_files) {
      if (!name.starts_with("crl/") || !name.ends_with(".crl")) continue;
      const ProvenRecord* made = find("crl", [&](const Record& r) { return r.d.text("crl") == hex(sha256(bytes)); });
      if (made == nullptr) {
        broken("CERT-1", 0, name + " was not issued on this log");
        continue;
      }
      try {
        const pki::CrlView view = pki::read_crl(bytes);
        if (hex(sha256(view.tbs)) != made->record.d.text("tbs")) broken("CERT-1", made->record.n, name + " is not what was approved");
        if (m_root && !accepts(view.tbs, view.signature, view.scheme)) broken("CERT-2", made->record.n, name + " is not signed by certs/root.der");
        check_quorum(made->record, "CRL " + std::to_string(view.number.value_or(0)));
      } catch (const Refused& refused) {
        broken("CERT-1", made->record.n, refused.findings().front().what);
      }
    }
  }

  [[nodiscard]] bool accepts(View tbs, View signature, std::string_view scheme) const {
    try {
      pki::verify_by_both(m_root->key.spki.view(), tbs, signature, scheme);
      return true;
    } catch (const Refused&) {
      return false;
    }
  }

  /// M distinct members approved what this `issue` or `crl` came from, each signature over this ceremony's open record.
  void check_quorum(const Record& made, const std::string& what) {
    const ProvenRecord* intent = find("intent", [&](const Record& r) { return r.c == made.c && r.d.text("id") == made.d.text("intent"); });
    const ProvenRecord* open = find("open", [&](const Record& r) { return r.c == made.c; });
    if (intent == nullptr || open == nullptr || !m_policy) {
      broken("QUORUM-1", made.n, what + ": the intent, the open or the policy is missing");
      return;
    }
    if (open->record.d.text("policy") != hex(m_policy->digest)) broken("POL-1", open->record.n, "log/policy.toml is not the policy that was in force in this ceremony");
    const std::string act(intent->record.d.text("act"));
    const auto approved = digest_from_hex(intent->record.d.text("tbs"));
    check_covered(made, intent->record, what);
    const auto needed = m_policy->approval_for(act);
    if (!needed || !approved) return broken("QUORUM-1", intent->record.n, shown(act) + " is nothing that can be approved");
    std::set<std::string> people;
    for (const ProvenRecord& proven : m_records) {
      const Record& r = proven.record;
      if (!is(r, "approve") || r.c != made.c || r.d.text("act") != act || r.d.text("sha256") != hex(*approved)) continue;
      const std::string person(r.d.text("person"));
      const std::optional<Bytes> key = key_of(person, r.n);
      const std::string message = ledger::approval_message(open->record.d.text("origin"), r.c, open->leaf, act, *approved);
      if (!key || !ledger::verify_ecdsa_p256(*key, as_view(message), unbase64(r.d.text("sig")).value_or(Bytes{})))
        broken("QUORUM-2", r.n, "the approval of " + shown(person) + " does not verify");
      else if (m_policy->quorum(needed->quorum).has(person))
        people.insert(person);
    }
    if (people.size() < needed->m)
      broken("QUORUM-1", intent->record.n, what + ": " + std::to_string(people.size()) + " members approved, " + std::to_string(needed->m) + " are needed");
    m_verdict.approvals.push_back({made.c, act, what, *approved, {people.begin(), people.end()}});
  }

  /// The intent names these bytes, or a batch that lists them.
  void check_covered(const Record& made, const Record& intent, const std::string& what) {
    if (intent.d.text("act") != "sign-batch") {
      if (intent.d.text("tbs") != made.d.text("tbs")) broken("QUORUM-1", intent.n, what + ": approved were other bytes");
      return;
    }
    const auto batch = m_files.find("log/batch.txt");
    if (batch == m_files.end()) {
      m_verdict.not_checked.push_back(what + " was approved in a batch whose list is not in the bundle: that it was on the list rests on the log");
      return;
    }
    const auto lines = ledger::parse_batch(as_text(batch->second), "log/batch.txt");
    const bool listed = std::ranges::any_of(lines, [&](const ledger::BatchLine& line) { return hex(line.tbs) == made.d.text("tbs"); });
    if (hex(sha256(batch->second)) != intent.d.text("tbs") || !listed) broken("QUORUM-1", intent.n, what + " is not on the list that was approved");
  }

  /// The key of the person's newest enrolment before record `n`, if its own signature holds.
  [[nodiscard]] std::optional<Bytes> key_of(const std::string& person, std::uint64_t n) {
    const ProvenRecord* enrolled = nullptr;
    for (const ProvenRecord& proven : m_records)
      if (is(proven.record, "enrol") && proven.record.d.text("person") == person && proven.record.n < n) enrolled = &proven;
    if (enrolled == nullptr) return std::nullopt;
    const ledger::Value& d = enrolled->record.d;
    const ProvenRecord* open = find("open", [&](const Record& r) { return r.c == enrolled->record.c; });
    const Bytes spki = unbase64(d.text("spki")).value_or(Bytes{});
    if (open == nullptr || hex(sha256(spki)) != d.text("key")) return std::nullopt;
    const std::string replaces(d.text("replaces") == "none" ? "" : d.text("replaces"));
    const std::string statement = ledger::enrolment_statement(open->record.d.text("origin"), enrolled->record.c, open->leaf,
                                                              {person, d.texts("roles"), sha256(spki), std::string(d.text("age")), replaces});
    if (!ledger::verify_ecdsa_p256(spki, as_view(statement), unbase64(d.text("sig")).value_or(Bytes{}))) {
      broken("ENROL-1", enrolled->record.n, "the enrolment of " + shown(person) + " is not signed by its key");
      return std::nullopt;
    }
    return spki;
  }

  [[nodiscard]] static bool is(const Record& r, std::string_view event) { return r.ok && r.ev == event; }
  template <typename Fits>
  [[nodiscard]] const ProvenRecord* find(std::string_view event, Fits fits) const {
    for (const ProvenRecord& proven : m_records)
      if (is(proven.record, event) && fits(proven.record)) return &proven;
    return nullptr;
  }

  const Files& m_files;
  Verdict& m_verdict;
  std::map<std::string, Bytes> m_keys;  ///< "log" and people
  std::vector<ProvenRecord> m_records;
  ledger::SignedCheckpoint m_checkpoint;
  std::optional<policy::Policy> m_policy;
  std::optional<pki::CertificateView> m_root;
};

}  // namespace

Verdict verify_bundle(const Files& files, const std::vector<std::string>& manifest_faults, const std::optional<Digest>& pin) {
  Verdict verdict;
  verdict.is_bundle = true;
  for (const std::string& fault : manifest_faults) verdict.violations.push_back({"EXPORT-1", 0, fault, false});
  BundleCheck(files, verdict).run();
  for (const std::string id : {"LOG-1", "LOG-2", "LOG-6", "LOG-7", "POL-1", "ENROL-1", "QUORUM-1", "QUORUM-2", "CERT-1", "CERT-2", "EXPORT-1"})
    if (std::ranges::find(verdict.violations, id, &state::Violation::rule) == verdict.violations.end()) verdict.proved.push_back(id);
  verdict.asserted = {"TOKEN-2", "KEY-1", "KEY-3", "KEY-4", "QUORUM-3", "SHARE-2", "ROLE-3"};
  verdict.not_checked.emplace_back("every rule that needs the whole log: run ceremony-verify on the ledger");
  verdict.not_checked.emplace_back("that the policy was adopted by governance: the log says so, its approvals are not in the bundle");
  verdict.consistent = verdict.violations.empty();
  if (pin) verdict.pinned = verdict.log_key && *verdict.log_key == *pin;
  return verdict;
}

}  // namespace ceremony::report
