#include "tests/unit/state/log_builder.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/checkpoint.h"
#include "ceremony/pki/agreement.h"
#include "tests/unit/shared/attest.h"
#include "tests/unit/state/csr_maker.h"

namespace ceremony::testing {
namespace {

constexpr std::string_view sample_policy = R"toml(format = "ceremony-policy/v1"
name = "Test Root (rehearsal)"
origin = "rehearsal.ca.example.com/test"
environment = "rehearsal"
[people]
adm1 = ["administrator"]
so1 = ["security-officer"]
w1 = ["witness", "auditor"]
c1 = ["custodian"]
c2 = ["custodian"]
c3 = ["custodian"]
g1 = ["governance"]
g2 = ["governance"]
g3 = ["governance"]
[exclusive]
custodian = ["administrator", "security-officer", "witness", "auditor", "governance"]
[quorums.governance]
m = 2
members = ["g1", "g2", "g3"]
[quorums.activation]
m = 2
members = ["c1", "c2", "c3"]
[quorums.recovery]
m = 2
members = ["c1", "c2", "c3"]
[witness]
acts = ["sign-certificate", "sign-batch"]
[root]
algorithm = "p384"
subject = "CN=Test Root G1, O=Example REHEARSAL, C=CH"
profile = "root-generic"
years = 25
[log]
algorithm = "p256"
[issuing]
profiles = ["issuing-generic", "issuing-802.1ar"]
algorithms = ["p256", "p384"]
years_max = 10
batch_max = 4
[crl]
next_update_days = 180
[shares]
scrypt_log_n = 14
passphrases = "proposed"
[backup]
media = 2
[limits]
longest_gap_days = 400
[tokens]
models = ["SoftHSM v2"]
[procedures.root-genesis]
sign_off = ["administrator", "security-officer", "witness", "custodian"]
[procedures.issue-intermediates]
sign_off = ["administrator", "security-officer", "witness", "custodian"]
[waivers]
rules = ["LOG-3", "EVID-1", "ROLE-5"]
)toml";

std::string shipped(const std::string& name) {
  std::ifstream file(CEREMONY_SOURCE "/procedures/profiles/" + name + ".toml", std::ios::binary);
  if (!file) throw std::runtime_error("no profile " + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const std::string main_token = "0001";

}  // namespace

void LogImage::write_to(Env& env, const Path& folder) const {
  std::string transcript;
  for (const std::string& line : lines) transcript += line + "\n";
  env.make_folder(folder);
  env.create(folder / "transcript.log", as_view(transcript));
  for (const auto& [digest, bytes] : artifacts) env.create(folder / "artifacts" / hex(digest).substr(0, 2) / hex(digest), bytes);
  for (const auto& [size, text] : checkpoints) env.create(folder / "checkpoints" / std::to_string(size), as_view(text));
  if (!checkpoint.empty()) env.create(folder / "checkpoint", as_view(checkpoint));
}

ledger::Ledger LogImage::load(MemoryEnv& env) const {
  write_to(env, "/log");
  return ledger::load_ledger(env, "/log");
}

LogBuilder::LogBuilder(Machine named) : m_named(named), m_policy(sample_policy) {
  m_now = *time_from_text("2026-11-22T09:00:00Z");
  for (const std::string id : {"adm1", "so1", "w1", "c1", "c2", "c3", "g1", "g2", "g3"}) m_people[id] = std::make_unique<pki::ThrowawayKey>("p256", rng);
  m_root = std::make_unique<pki::ThrowawayKey>("p384", rng);
  m_log_key = std::make_unique<pki::ThrowawayKey>("p256", rng);
  m_machine = std::make_unique<pki::ThrowawayKey>("p256", rng);
  for (const std::string id : {"root-generic", "issuing-generic", "issuing-802.1ar"}) {
    m_profile_texts[id] = shipped(id);
    m_profiles.emplace(id, pki::read_profile(id, m_profile_texts[id]));
  }
  if (named == Machine::any) return;
  m_policy += "[tpm]\n";
  for (const auto& [name, good] : {std::pair{"keys", m_machine->info().spki_sha256}, std::pair{"pcr4", sha256("pcr 4")}, std::pair{"pcr7", sha256("pcr 7")}, std::pair{"pcr11", sha256("pcr 11")}})
    m_policy += std::string(name) + " = [\"" + hex(good) + "\"]\n";
}

Digest LogBuilder::put(View bytes) {
  const Digest digest = sha256(bytes);
  m_artifacts[digest] = to_bytes(bytes);
  return digest;
}

state::ArtifactSource LogBuilder::source() const {
  return [this](const Digest& digest) -> std::optional<Bytes> {
    const auto found = m_artifacts.find(digest);
    return found == m_artifacts.end() ? std::nullopt : std::optional(found->second);
  };
}

const Record& LogBuilder::emit(std::string event, std::vector<std::string> who, Value d) {
  Record r;
  r.n = m_records.size();
  r.t = m_now += std::chrono::seconds(1);
  r.c = m_ceremony;
  r.ev = std::move(event);
  r.step = "step";
  r.who = std::move(who);
  r.d = std::move(d);
  m_state = state::fold(std::move(m_state), r, ledger::leaf_hash(ledger::line(r)), source());
  m_records.push_back(std::move(r));
  return m_records.back();
}

std::string LogBuilder::signed_by(const std::string& id, std::string_view message) { return base64(person(id).sign(as_view(message), "ecdsa-sha256", rng)); }

std::string LogBuilder::approval(const std::string& id, const state::CaState& s, std::string_view act, const Digest& digest) {
  return signed_by(id, ledger::approval_message(s.open->origin, s.open->id, s.open->leaf, act, digest));
}

std::string LogBuilder::hand_in_signature(const std::string& id, const state::CaState& s, const Digest& commitment, std::string_view purpose, std::uint64_t nth) {
  return approval(id, s, "hand-in-share", sha256(hex(commitment) + " " + std::string(purpose) + " " + std::to_string(nth) + "\n"));
}

std::string LogBuilder::enrolment(const pki::ThrowawayKey& key, const state::CaState& s, const Value& d) {
  const std::string replaces(d.text("replaces"));
  const auto statement = ledger::enrolment_statement(s.open->origin, s.open->id, s.open->leaf,
                                                     {std::string(d.text("person")), d.texts("roles"), *digest_from_hex(d.text("key")), std::string(d.text("age")),
                                                      replaces == "none" ? "" : replaces});
  return base64(key.sign(as_view(statement), "ecdsa-sha256", rng));
}

std::string LogBuilder::challenge(const pki::ThrowawayKey& key, const state::CaState& s, std::string_view id, std::string_view label, std::string_view scheme) {
  return base64(key.sign(as_view(ledger::challenge_text(s.open->origin, s.open->id, s.open->leaf, id, label)), scheme, rng));
}

ledger::Quote LogBuilder::quoted(const Digest& nonce, const pki::ThrowawayKey& key, std::string_view pcr4, std::string_view pcr11) {
  ledger::Quote q{key.info().spki.value, {}, {}, sha256(pcr4), sha256("pcr 7"), sha256(pcr11)};
  q.attest = attest(nonce, digest_of_values(q.pcr4, q.pcr7, q.pcr11));
  q.signature = key.sign(q.attest, "ecdsa-sha256", rng);
  return q;
}

void LogBuilder::open(const std::string& id, const std::string& kind, bool on_new_image) {
  m_ceremony = id;
  const bool first = m_records.empty();
  const auto quote = on_new_image ? quoted(m_state.tree.root(), machine(), "new pcr 4", "new pcr 11") : quoted(m_state.tree.root(), machine());
  // One receipt was forgotten at home: ROLE-5 is waived.
  const std::vector<std::string> compared = first ? std::vector<std::string>{} : std::vector<std::string>{"c1"};
  emit("open", compared,
       {{"environment", "rehearsal"}, {"origin", std::string(origin)}, {"kind", kind}, {"procedure", put(first ? m_genesis_procedure : m_issue_procedure)},
        {"policy", put(m_policy)}, {"binding", put("binding\n")}, {"software", "ceremony 0.1.0"}, {"image", on_new_image ? hex(sha256("new manifest")) : "none"}, {"uki", on_new_image ? hex(sha256("new uki")) : "none"},
        {"tpm", first && m_named == Machine::any ? "none" : hex(put(ledger::quote_artifact(quote)))},
        {"operator", "scripted"}, {"selftest", Value{{"known-answers", "ok"}, {"sha-256", "ok"}, {"random", "ok"}, {"slip-0039", "ok"}, {"age", "ok"}, {"p256", "ok"}, {"p384", "ok"}, {"clock", "ok"}, {"memory", "ok"}, {"manifest", "ok"}, {"module", "SoftHSM 2.6"}}}, {"previous_size", m_state.tree.size()}, {"previous_root", m_state.tree.root()},
        {"previous_checkpoint", first ? "none" : hex(sha256(signed_log().checkpoint))}, {"compared", compared}});
  emit("clock", {"adm1", "w1"}, {{"shown", text_of(m_now)}});
}

void LogBuilder::enrol(const std::string& id, const std::vector<std::string>& roles) {
  const Bytes& spki = person(id).info().spki.value;
  Value d{{"person", id}, {"roles", roles}, {"alg", "p256"}, {"key", sha256(spki)}, {"spki", base64(spki)}, {"age", "age1" + id}, {"credential", "software"},
          {"replaces", "none"}, {"seen_by", std::vector<std::string>{id == "adm1" ? "g1" : "adm1", id == "so1" ? "g1" : "so1"}},
          {"private", sha256("private " + id)}};
  d.set("sig", enrolment(person(id), m_state, d));
  emit("enrol", {id}, std::move(d));
}

void LogBuilder::approve(std::string_view act, const Digest& digest, const std::vector<std::string>& people) {
  for (const std::string& id : people)
    emit("approve", {id}, {{"act", act}, {"sha256", digest}, {"person", id}, {"alg", "p256"}, {"sig", approval(id, m_state, act, digest)}});
}

void LogBuilder::share_set(const std::string& quorum) {
  int index = 0;
  for (const std::string id : {"c1", "c2", "c3"}) {
    ++index;
    emit("share", {id},
         {{"set", quorum + "-1"}, {"quorum", quorum}, {"index", index}, {"count", 3}, {"threshold", 2}, {"holder", id}, {"commitment", sha256(quorum + id)},
          {"kcv", quorum == "recovery" ? "00112233" : "44556677"}, {"form", quorum == "recovery" ? "age-passphrase" : "age-identity"},
          {"file", sha256("file " + quorum + id)}, {"medium", id}});
  }
}

void LogBuilder::hand_in(const std::string& id, const std::string& quorum, const std::string& purpose) {
  const Digest commitment = sha256(quorum + id);
  const std::uint64_t nth = m_state.next_nth(purpose);
  emit("hand-in", {id},
       {{"set", quorum + "-1"}, {"index", id[1] - '0'}, {"holder", id}, {"commitment", commitment}, {"purpose", purpose}, {"nth", nth},
        {"sig", hand_in_signature(id, m_state, commitment, purpose, nth)}});
}

void LogBuilder::init_token(const ledger::Act& act, const Digest& digest, const std::string& before, const std::string& after, const std::string& purpose) {
  const std::string id = "init-" + after;
  emit("intent", {}, {{"id", id}, {"act", "init-token"}, {"key", "none"}, {"tbs", digest}});
  emit("init", {},
       {{"token", after}, {"before", before}, {"model", "SoftHSM v2"}, {"label", act.at("label")}, {"role", act.at("role")}, {"purpose", purpose}, {"pin_form", "base32-32"},
        {"throwaway_refused", act.at("role") == "main"}});
  emit("result", {}, {{"id", id}, {"tbs", digest}, {"out", "none"}, {"verified", Value::Array{}}});
}

void LogBuilder::token(const std::string& purpose) {
  std::vector<state::TokenObject> objects;
  for (const auto& [id, key] : m_state.keys) {
    objects.push_back({"private-key", key.label, id, true, key.extractable, false, key.spki_sha256});
    objects.push_back({"public-key", key.label, id, true, std::nullopt, std::nullopt, key.spki_sha256});
  }
  const std::uint64_t size = m_state.last_closed_size();
  if (size > 0) objects.push_back({"data", "checkpoint-" + std::to_string(size), "", std::nullopt, std::nullopt, std::nullopt, std::nullopt});
  emit("token", {},
       {{"token", main_token}, {"role", "main"}, {"manufacturer", "SoftHSM project"}, {"model", "SoftHSM v2"}, {"firmware", "2.6"}, {"label", "main"},
        {"purpose", purpose}, {"list", put(state::token_list(std::move(objects)))}, {"pin", "normal"}, {"checkpoint_size", size},
        {"checkpoint_root", size == 0 ? "none" : hex(m_state.tree.root_at(size))}});
}

void LogBuilder::activate(const std::string& purpose) {
  hand_in("c1", "activation", "activate");
  hand_in("c2", "activation", "activate");
  if (purpose == "generate") {
    hand_in("c2", "recovery", "wrap");
    hand_in("c3", "recovery", "wrap");
  }
  emit("activate", {"c1", "c2"},
       {{"token", main_token}, {"purpose", purpose}, {"set", "activation-1"}, {"holders", std::vector<std::string>{"c1", "c2"}}, {"nth", m_state.next_nth("activate")}});
  token("activation");
}

void LogBuilder::deactivate() {
  token("deactivation");
  emit("deactivate", {}, {{"token", main_token}, {"reason_for", "done"}});
}

void LogBuilder::generate(const std::string& id, const std::string& label, const std::string& purpose, const pki::ThrowawayKey& key, const Digest& act) {
  const std::string scheme = pki::scheme_for(key.info().algorithm);
  emit("intent", {}, {{"id", "generate-" + label}, {"act", "generate-key"}, {"key", id}, {"tbs", act}});
  emit("keygen", {},
       {{"key", id}, {"label", label}, {"purpose", purpose}, {"alg", key.info().algorithm}, {"token", main_token}, {"spki", base64(key.info().spki.view())},
        {"spki_sha256", key.info().spki_sha256}, {"local", true}, {"sensitive", true}, {"extractable", purpose == "ca"}, {"scheme", scheme},
        {"proof", challenge(key, m_state, id, label, scheme)}});
  emit("result", {}, {{"id", "generate-" + label}, {"tbs", act}, {"out", "none"}, {"verified", Value::Array{}}});
}

pki::CertificatePlan LogBuilder::root_plan() const {
  pki::CertificatePlan plan;
  plan.profile = &m_profiles.at("root-generic");
  plan.subject = plan.issuer = pki::parse_name("CN=Test Root G1, O=Example REHEARSAL, C=CH");
  plan.key = m_root->info().spki;
  plan.issuer_skid = m_root->info().skid;
  plan.serial = {*unhex("0100112233445566778899aabbccddeeff")};
  plan.not_before = *time_from_text("2026-11-22T09:00:00Z");
  plan.not_after = *time_from_text("2051-11-22T08:59:59Z");
  plan.scheme = "ecdsa-sha384";
  return plan;
}

pki::CertificatePlan LogBuilder::plan_for(std::size_t i) const {
  pki::CertificatePlan plan = root_plan();
  plan.profile = &m_profiles.at("issuing-generic");
  plan.subject = pki::parse_name("CN=Test Issuing " + std::to_string(i) + ", O=Example REHEARSAL");
  plan.key = m_subjects.at(i)->info().spki;
  plan.serial.value.back() = static_cast<std::uint8_t>(i + 1);
  plan.not_before = *time_from_text("2026-12-22T09:00:00Z");
  plan.not_after = *time_from_text("2036-12-20T09:00:00Z");
  return plan;
}

pki::CrlPlan LogBuilder::crl_plan(std::uint64_t number) const {
  pki::CrlPlan plan;
  plan.issuer = root_plan().subject;
  plan.issuer_skid = m_root->info().skid;
  plan.number = number;
  plan.this_update = *time_from_text(number == 1 ? "2026-11-22T09:00:00Z" : "2026-12-22T09:00:00Z");
  plan.next_update = plan.this_update + std::chrono::days(180);
  plan.idp_only_ca = true;
  plan.scheme = "ecdsa-sha384";
  return plan;
}

pki::CertDer LogBuilder::certify(const pki::CertificatePlan& plan) {
  const pki::TbsDer tbs = pki::build_tbs(plan);
  return pki::assemble_certificate(tbs, plan.scheme, m_root->sign(tbs.view(), plan.scheme, rng));
}

pki::CrlDer LogBuilder::sign_crl(const pki::CrlPlan& plan) {
  const pki::TbsDer tbs = pki::build_crl_tbs(plan);
  return pki::assemble_crl(tbs, plan.scheme, m_root->sign(tbs.view(), plan.scheme, rng));
}

void LogBuilder::issue(const std::string& intent, const pki::TbsDer& tbs, const std::string& profile, const std::string& csr) {
  const auto der = pki::assemble_certificate(tbs, "ecdsa-sha384", m_root->sign(tbs.view(), "ecdsa-sha384", rng));
  const auto view = pki::read_certificate(der.view());
  emit("result", {}, {{"id", intent}, {"tbs", put(tbs.view())}, {"out", put(der.view())}, {"verified", std::vector<std::string>{"botan", "openssl"}}});
  emit("issue", {},
       {{"intent", intent}, {"certificate", view.digest}, {"tbs", sha256(tbs.view())}, {"serial", view.serial_hex}, {"subject", pki::text(view.subject)},
        {"issuer", m_root_id}, {"profile", profile}, {"spki_sha256", view.key.spki_sha256}, {"skid", hex(view.skid)}, {"not_before", text_of(view.not_before)},
        {"not_after", text_of(view.not_after)}, {"csr", csr}, {"lint", std::vector<std::string>{"own checks: clean"}}});
}

void LogBuilder::crl(std::uint64_t number) {
  const auto plan = crl_plan(number);
  const Digest tbs = put(pki::build_crl_tbs(plan).view());
  const std::string id = "crl-" + std::to_string(number);
  emit("intent", {}, {{"id", id}, {"act", "sign-crl"}, {"key", m_root_id}, {"tbs", tbs}});
  const Digest made = put(sign_crl(plan).view());
  emit("result", {}, {{"id", id}, {"tbs", tbs}, {"out", made}, {"verified", std::vector<std::string>{"botan", "openssl"}}});
  emit("crl", {},
       {{"intent", id}, {"crl", made}, {"tbs", tbs}, {"number", number}, {"issuer", m_root_id}, {"this_update", text_of(plan.this_update)},
        {"next_update", text_of(plan.next_update)}, {"entries", plan.entries.size()}});
}

void LogBuilder::custody(const std::string& item, const std::string& act, const std::string& seal) {
  emit("custody", {"so1", "w1"}, {{"item", item}, {"act", act}, {"seal", seal}, {"from", "the safe"}, {"to", "the table"}});
}

void LogBuilder::end() {
  emit("deviation", {}, {{"text", "ledger medium failed: it was pulled out"}, {"source", "appliance"}});
  emit("deviation", {"so1"}, {{"text", "the projector failed"}, {"source", "person"}});
  std::set<std::string> signers(m_state.open->acted);
  signers.insert({"adm1", "so1", "w1", "c1", "c2", "c3"});
  const std::vector<std::string> all(signers.begin(), signers.end());
  emit("signoff", all, {{"summary", put("summary of " + m_ceremony + "\n")}, {"remarks", Value::Object{}}, {"deviations", 2}, {"people", all}});
  activate("checkpoint");
  emit("close", {}, {{"outcome", "complete"}, {"log_signature", "yes"}, {"signers", all}, {"absent", Value::Object{}}});
}

void LogBuilder::genesis() {
  open("genesis", "root-genesis");
  for (const auto& [medium, kind] : {std::pair{"ledger-1", "ledger"}, {"backup-1", "backup"}, {"backup-2", "backup"}, {"public", "export"}, {"c1", "share"}, {"c2", "share"}, {"c3", "share"}})
    emit("medium", {}, {{"medium", medium}, {"kind", kind}, {"ident", std::string("id-") + medium}, {"label", "none"}});
  enrol("adm1", {"administrator"});
  enrol("so1", {"security-officer"});
  enrol("w1", {"auditor", "witness"});
  for (const std::string id : {"c1", "c2", "c3"}) enrol(id, {"custodian"});
  for (const std::string id : {"g1", "g2", "g3"}) enrol(id, {"governance"});
  ledger::Act adopted{{"policy", hex(put(m_policy))}};
  Value profiles, procedures{{"root-genesis", put(m_genesis_procedure)}, {"issue-intermediates", put(m_issue_procedure)}};
  for (const auto& [id, text] : m_profile_texts) {
    adopted["profile." + id] = hex(put(text));
    profiles.set(id, put(text));
  }
  const Digest act_policy = put(ledger::act_artifact(adopted));
  const Digest act_procedures = put(ledger::act_artifact(
      {{"procedure.root-genesis", hex(put(m_genesis_procedure))}, {"procedure.issue-intermediates", hex(put(m_issue_procedure))}}));
  approve("adopt-policy", act_policy, {"g1", "g2"});
  approve("adopt-procedure", act_procedures, {"g1", "g2"});
  emit("policy", {}, {{"policy", put(m_policy)}, {"procedures", procedures}, {"profiles", profiles}, {"act_policy", act_policy}, {"act_procedures", act_procedures}});
  for (const std::string kind : {"auditor", "access-log", "module-certificate"}) emit("evidence", {}, {{"kind", kind}, {"reference", "no. 1"}});
  custody("token bag", "opened", hex(sha256("salt seal: 0815")));

  const ledger::Act main_act{{"token", "blank"}, {"label", "main"}, {"role", "main"}, {"then", "keep"}};
  const Digest main_digest = put(ledger::act_artifact(main_act));
  approve("init-token", main_digest, {"c1", "c2"});
  init_token(main_act, main_digest, "blank", main_token, "create");
  token("admit");
  share_set("activation");
  share_set("recovery");
  for (const std::string quorum : {"activation", "recovery"})
    for (const std::string id : {"c1", "c2", "c3"}) hand_in(id, quorum, "read-back");

  const Digest generation = put(ledger::act_artifact({{"token", main_token}, {"root.algorithm", "p384"}, {"root.id", m_root_id}, {"root.label", "root"},
                                                      {"log.algorithm", "p256"}, {"log.id", m_log_id}, {"log.label", "log"}}));
  approve("generate-key", generation, {"c1", "c2"});
  activate("generate");
  generate(m_root_id, "root", "ca", *m_root, generation);
  generate(m_log_id, "log", "log", *m_log_key, generation);
  const Digest blob = sha256("wrapped key");
  emit("export", {},
       {{"kind", "backup"}, {"name", "backup/root.kwp"}, {"media", std::vector<std::string>{"backup-1", "backup-2"}}, {"sha256", blob}, {"files", 1},
        {"recipient", "backup"}, {"read_back", true}, {"key", m_root_id}, {"set", "recovery-1"}, {"length", 88}});
  deactivate();

  const ledger::Act restore_act{{"token", "blank"}, {"label", "restore"}, {"role", "restore"}, {"then", "erase"}};
  const Digest restore_digest = put(ledger::act_artifact(restore_act));
  approve("init-token", restore_digest, {"c2", "c3"});
  hand_in("c1", "recovery", "restore");
  hand_in("c3", "recovery", "restore");
  init_token(restore_act, restore_digest, "blank", "0002", "restore-test");
  emit("restore", {},
       {{"key", m_root_id}, {"token", "0002"}, {"set", "recovery-1"}, {"blob", blob}, {"spki_sha256", m_root->info().spki_sha256}, {"local", false},
        {"extractable", false}, {"scheme", "ecdsa-sha384"}, {"proof", challenge(*m_root, m_state, m_root_id, "root", "ecdsa-sha384")}, {"disposition", "erase"}});
  init_token(restore_act, restore_digest, "0002", "0003", "erase");

  activate("lock");
  emit("lock", {}, {{"key", m_root_id}, {"token", main_token}, {"extractable", false}, {"wrap_refused", true}});
  deactivate();

  const auto tbs = pki::build_tbs(root_plan());
  approve("sign-certificate", put(tbs.view()), {"c1", "c3"});
  activate("sign");
  emit("intent", {"w1"}, {{"id", "root"}, {"act", "sign-certificate"}, {"key", m_root_id}, {"tbs", sha256(tbs.view())}});
  issue("root", tbs, "root-generic", "none");
  deactivate();
  approve("sign-crl", put(pki::build_crl_tbs(crl_plan(1)).view()), {"c2", "c3"});
  activate("sign");
  crl(1);
  deactivate();
  emit("export", {},
       {{"kind", "public"}, {"name", "public"}, {"media", std::vector<std::string>{"public"}}, {"sha256", put("MANIFEST of public\n")}, {"files", 5},
        {"recipient", "the public"}, {"read_back", true}});
  custody("token bag", "sealed", hex(sha256("salt seal: 4711")));
  custody("token bag", "handed", hex(sha256("salt seal: 4711")));
  end();
}

void LogBuilder::admit_image() {
  const Digest manifest = sha256("new manifest"), uki = sha256("new uki");
  ledger::Act approved{{"manifest", hex(manifest)}, {"medium-hash", hex(uki)}, {"uki", hex(uki)}, {"version", "0.2.0"}};
  std::string pcr4 = "none", pcr11 = "none";
  if (m_named == Machine::named) approved["pcr4"] = pcr4 = hex(sha256("new pcr 4")), approved["pcr11"] = pcr11 = hex(sha256("new pcr 11"));
  const Digest act = put(ledger::act_artifact(approved));
  emit("evidence", {"w1"}, {{"kind", "medium-hash"}, {"reference", "w1's own machine, bag 7"}, {"sha256", uki}});
  approve("admit-image", act, {"g1", "g2"});
  emit("image", {}, {{"manifest", manifest}, {"uki", uki}, {"version", "0.2.0"}, {"pcr4", pcr4}, {"pcr11", pcr11}, {"act", act}});
}

void LogBuilder::open_on_new_image() {
  m_now = *time_from_text("2027-01-22T09:00:00Z");
  open("third", "issue-intermediates", true);
}

void LogBuilder::issue_intermediates() {
  m_now = *time_from_text("2026-12-22T09:00:00Z");
  open("issue", "issue-intermediates");
  for (const auto& [medium, kind] : {std::pair{"intake", "intake"}, {"factory", "export"}})
    emit("medium", {}, {{"medium", medium}, {"kind", kind}, {"ident", std::string("id-") + medium}, {"label", "none"}});
  custody("token bag", "opened", hex(sha256("salt seal: 4711")));
  const std::string why = "w1 forgot the receipt", until = "2026-12-24T00:00:00Z";
  const Digest waiver = put(ledger::act_artifact({{"rule", "ROLE-5"}, {"reason", why}, {"end", until}, {"event", "activate"}}));
  approve("waive", waiver, {"g1", "g2"});
  emit("waiver", {}, {{"rule", "ROLE-5"}, {"why", why}, {"until", until}, {"act", waiver}});
  admit_image();
  std::vector<ledger::BatchLine> lines;
  std::vector<pki::TbsDer> tbs;
  std::vector<Digest> csrs;
  for (std::size_t i = 0; i < 2; ++i) {
    m_subjects.push_back(std::make_unique<pki::ThrowawayKey>(i == 0 ? "p256" : "p384", rng));
    const auto plan = plan_for(i);
    csrs.push_back(put(make_csr(*m_subjects[i], plan.subject, rng)));
    emit("import", {},
         {{"csr", csrs[i]}, {"spki_sha256", m_subjects[i]->info().spki_sha256}, {"subject", pki::text(plan.subject)}, {"recipient", "factory"},
          {"profile", "issuing-generic"}, {"dropped", Value::Array{}}, {"medium", "intake"}});
    tbs.push_back(pki::build_tbs(plan));
    lines.push_back({put(tbs[i].view()), pki::hex(plan.serial), pki::text(plan.subject)});
  }
  const Digest batch = put(ledger::batch_artifact(lines));
  approve("sign-batch", batch, {"c1", "c2"});
  approve("sign-crl", put(pki::build_crl_tbs(crl_plan(2)).view()), {"c1", "c2"});
  activate("sign");
  emit("intent", {"w1"}, {{"id", "batch"}, {"act", "sign-batch"}, {"key", m_root_id}, {"tbs", batch}});
  for (std::size_t i = 0; i < 2; ++i) issue("batch", tbs[i], "issuing-generic", hex(csrs[i]));
  crl(2);
  deactivate();
  for (const auto& digest : std::set<Digest>(m_state.open->certificates))
    emit("export", {},
         {{"kind", "bundle"}, {"name", "bundle-" + hex(digest).substr(0, 8)}, {"media", std::vector<std::string>{"factory"}},
          {"sha256", put("MANIFEST of " + hex(digest) + "\n")}, {"files", 9}, {"recipient", "factory"}, {"read_back", true}, {"certificate", digest}});
  end();
}

std::string LogBuilder::checkpoint_of(const std::vector<std::string>& lines, const std::vector<std::string>& signers, const pki::ThrowawayKey* log_key) {
  ledger::Tree tree;
  for (const std::string& line : lines) tree.append(ledger::leaf_hash(line));
  ledger::Note note{ledger::body({std::string(origin), tree.size(), tree.root()}), {}};
  std::string made_for = note.text + (log_key == nullptr ? "-" : hex(log_key->info().spki_sha256));
  for (const std::string& id : signers) made_for += " " + id;
  std::string& made = m_checkpoints[made_for];
  if (!made.empty()) return made;
  const auto sign = [&](const std::string& name, const pki::ThrowawayKey& key) {
    const Bytes& spki = key.info().spki.value;
    note.signatures.push_back({name, ledger::key_id_of(spki), key.sign(as_view(note.text), "ecdsa-sha256", rng)});
  };
  if (log_key != nullptr) sign(ledger::log_key_name(origin), *log_key);
  for (const std::string& id : signers) sign(ledger::person_key_name(origin, id), person(id));
  return made = ledger::write_note(note);
}

LogImage LogBuilder::signed_log(std::vector<Record> records) {
  LogImage image;
  image.artifacts = m_artifacts;
  std::set<Digest> named;
  for (std::size_t n = 0; n < records.size(); ++n) {
    records[n].n = n;
    image.lines.push_back(ledger::line(records[n]));
    for (const Digest& digest : state::artifacts_named(records[n])) named.insert(digest);
    if (records[n].ev != "close" || !records[n].ok) continue;
    const bool by_log_key = records[n].d.text("log_signature") == "yes";
    image.checkpoint = checkpoint_of(image.lines, records[n].d.texts("signers"), by_log_key ? m_log_key.get() : nullptr);
    image.checkpoints[n + 1] = image.checkpoint;
  }
  std::erase_if(image.artifacts, [&](const auto& artifact) { return !named.contains(artifact.first); });
  return image;
}

LogBuilder& happy() {
  static const auto built = [] {
    auto builder = std::make_unique<LogBuilder>();
    builder->genesis();
    builder->issue_intermediates();
    return builder;
  }();
  return *built;
}

}  // namespace ceremony::testing
