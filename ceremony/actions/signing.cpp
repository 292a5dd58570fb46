// What is signed: build, show, lint, approve, activate, sign exactly these bytes, verify twice, record.
#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include "ceremony/actions/action.h"
#include "ceremony/actions/lint_run.h"
#include "ceremony/ledger/approval.h"
#include "ceremony/pki/agreement.h"
#include "ceremony/pki/csr.h"
#include "ceremony/pki/verified.h"
#include "ceremony/shares/words.h"

namespace ceremony::actions {

Time years_after(Time begin, int years) {
  using namespace std::chrono;
  const auto day = floor<days>(begin);
  year_month_day end = year_month_day(day) + std::chrono::years(years);
  if (!end.ok()) end = end.year() / end.month() / last;  // 29 February
  return sys_days(end) + (begin - day);
}

pki::ExternalLint zlint_for(Run& run, const pki::Profile& profile) {
  return [&run, &profile](const pki::CertDer& certificate) {
    std::vector<pki::LintFinding> out;
    for (const auto& f : run.w.lint.lint_one(certificate.value, profile.zlint_sources))
      out.push_back({"zlint:" + f.id, f.details.empty() ? f.id : f.details, f.level == LintLevel::warn ? pki::Severity::warning : pki::Severity::error});
    return out;
  };
}

pki::CertificatePlan root_plan(Run& run, const pki::PublicKeyInfo& key) {
  const auto& policy = run.w.policy;
  pki::CertificatePlan plan;
  plan.profile = &run.w.profiles.at(policy.root.profile);
  plan.subject = policy.root.subject;
  plan.issuer = plan.subject;
  plan.key = key.spki;
  plan.issuer_skid = key.skid;
  plan.serial = pki::make_serial(run.rng);
  plan.not_before = run.now();
  plan.not_after = std::min(years_after(plan.not_before, policy.root.years) - std::chrono::seconds(1), pki::last_not_after());
  plan.scheme = pki::scheme_for(key.algorithm);
  return plan;
}

pki::Name subject_of(const Run& run, const pki::CsrIntake& csr) { return run.rehearsal() ? pki::marked_as_rehearsal(csr.subject) : csr.subject; }

pki::CrlPlan crl_plan(Run& run, const pki::CertificateView& issuer, const pki::Profile& issuer_profile, std::uint64_t number) {
  pki::CrlPlan plan;
  plan.issuer = issuer.subject;
  plan.issuer_skid = issuer.skid;
  plan.number = number;
  plan.this_update = run.now();
  plan.next_update = plan.this_update + std::chrono::days(std::min<std::int64_t>(run.w.policy.crl_next_update_days, issuer_profile.crl.max_days));
  plan.idp_only_ca = issuer_profile.crl.only_contains_ca_certs;
  plan.scheme = pki::scheme_for(issuer.key.algorithm);
  for (const auto& [digest, certificate] : run.state().certificates)
    if (certificate.revoked)
      plan.entries.push_back({{*unhex(certificate.serial)}, certificate.revoked->date, pki::reason_from_text(certificate.revoked->why)});
  // A signature that may exist although nobody has it is revoked like one that left.
  for (const auto& [key, serials] : run.state().maybe_issued)
    for (const auto& serial : serials) plan.entries.push_back({{*unhex(serial)}, plan.this_update, pki::Reason::superseded});
  std::ranges::sort(plan.entries);
  return plan;
}

namespace {

/// The CA's own certificate, or, before it is signed, the one that waits.
pki::CertificateView issuer_view(Run& run) {
  const auto& key = run.ca_key();
  if (const auto* certificate = run.state().certificate_of(key.id)) return pki::read_certificate(run.artifact(certificate->digest));
  for (const auto& p : run.prepared)
    if (p.certificate() != nullptr && p.certificate()->view().self_issued) return p.certificate()->view();
  throw Refused(ActionRefusal::not_now, "there is no root certificate yet", "log", "the step that prepares and signs the root comes first");
}

const pki::Profile& root_profile(Run& run) { return run.w.profiles.at(run.w.policy.root.profile); }

std::set<pki::Serial> listable(Run& run) {
  std::set<pki::Serial> out;
  for (const auto& [digest, certificate] : run.state().certificates) out.insert({*unhex(certificate.serial)});
  for (const auto& [key, serials] : run.state().maybe_issued)
    for (const auto& serial : serials) out.insert({*unhex(serial)});
  return out;
}

/// One certificate after the other, as in the batch's lines.
struct BatchOf {
  std::vector<ledger::BatchLine> lines;
  [[nodiscard]] std::string text() const { return ledger::batch_artifact(lines); }
};

BatchOf batch_of(const std::vector<Prepared>& prepared) {
  BatchOf batch;
  for (const auto& p : prepared)
    if (const auto* c = p.certificate())
      batch.lines.push_back({c->digest(), c->view().serial_hex, pki::text(c->view().subject)});
  return batch;
}

bool as_batch(Run& run) {
  const auto arg = run.args.find("as");
  const auto certificates = std::ranges::count_if(run.prepared, [](const auto& p) { return p.certificate() != nullptr; });
  return certificates > 1 && arg != run.args.end() && arg->second == "batch";
}

std::vector<std::string> lint_words(Run& run, const Prepared& p) {
  std::vector<std::string> out{"own checks: clean"};
  if (p.certificate() != nullptr) out.push_back(run.w.lint.version() + ": clean");
  for (const auto& notice : p.linted().notices()) out.push_back("notice " + notice.id);
  return out;
}

/// What came of a signature, on the record under its intent.
struct Came {
  std::string intent;
  Digest tbs;
  state::KeyId issuer;
};

void record_issue(Run& run, const Came& of, const pki::VerifiedCertificate& made, const std::string& profile, const std::optional<Digest>& csr,
                  std::vector<std::string> lint) {
  const auto& v = made.view();
  run.record("issue", {},
             {{"intent", of.intent}, {"certificate", made.digest()}, {"tbs", of.tbs}, {"serial", v.serial_hex}, {"subject", pki::text(v.subject)},
              {"issuer", of.issuer}, {"profile", profile}, {"spki_sha256", v.key.spki_sha256}, {"skid", hex(v.skid)}, {"not_before", text_of(v.not_before)},
              {"not_after", text_of(v.not_after)}, {"csr", csr ? hex(*csr) : "none"}, {"lint", std::move(lint)}});
  run.w.op.progress("signed and verified twice: " + pki::text(v.subject));
}

void record_crl(Run& run, const Came& of, const pki::VerifiedCrl& made) {
  const auto& v = made.view();
  run.record("crl", {},
             {{"intent", of.intent}, {"crl", made.digest()}, {"tbs", of.tbs}, {"number", *v.number}, {"issuer", of.issuer},
              {"this_update", text_of(v.this_update)}, {"next_update", text_of(*v.next_update)}, {"entries", v.entries.size()}});
  run.w.op.progress("signed and verified twice: CRL " + std::to_string(*v.number));
}

/// Signs one prepared thing under an intent that is on the record.
void sign_one(Run& run, hsm::Key& key, const Prepared& p, const std::string& intent) {
  const auto& linted = p.linted();
  // Verified under the public key that the log knows, not under one that the token shows.
  const pki::SpkiDer issuer{run.ca_key().spki};
  const Came of{intent, linted.digest(), p.key};
  const auto sign = [&](const auto& what) {
    std::optional<decltype(pki::verify_signed(what, issuer, View{}))> made;
    run.attempt("result", {}, {{"id", intent}, {"tbs", of.tbs}}, "token", [&] {
      const auto signature = key.sign(linted.tbs().view(), hsm_scheme(linted.scheme()));
      made.emplace(pki::verify_signed(what, issuer, signature));
    });
    run.put(made->der().view());
    run.record("result", {}, {{"id", intent}, {"tbs", of.tbs}, {"out", made->digest()}, {"verified", both_libraries()}});
    return *made;
  };
  if (const auto* certificate = p.certificate()) record_issue(run, of, sign(*certificate), p.profile, p.csr, lint_words(run, p));
  else record_crl(run, of, sign(std::get<pki::LintedCrl>(p.tbs)));
}

/// The certificate whose result is on the record and whose issue is not: what was linted and approved, linted once more.
void record_late_issue(Run& run, const Came& of, const pki::VerifiedCertificate& made) {
  std::string profile = run.w.policy.root.profile;
  std::optional<Digest> csr;
  for (const auto& import : run.state().open->imports) {
    if (import.spki_sha256 != made.view().key.spki_sha256) continue;
    profile = import.profile;
    csr = import.csr;
  }
  if (const auto found = zlint_for(run, run.w.profiles.at(profile))(made.der()); !found.empty())
    throw Refused(ActionRefusal::incomplete, "a certificate that was signed before the interruption is not clean: " + found.front().what, pki::text(made.view().subject), "abort this ceremony");
  record_issue(run, of, made, profile, csr, {"own checks: clean", run.w.lint.version() + ": clean"});
}

}  // namespace

void record_unrecorded(Run& run) {
  const std::map<std::string, state::Intent> intents(run.state().open->intents.begin(), run.state().open->intents.end());
  for (const auto& [id, intent] : intents) {
    if (!intent.act.starts_with("sign-")) continue;
    for (const auto& [tbs, done] : intent.results) {
      const auto out = digest_from_hex(done.out);
      if (!out || intent.recorded.contains(*out)) continue;
      const Came of{id, tbs, intent.key};
      const pki::SpkiDer issuer{run.ca_key().spki};
      if (intent.act == "sign-crl") record_crl(run, of, pki::verify_crl({run.artifact(*out)}, issuer));
      else record_late_issue(run, of, pki::verify_certificate({run.artifact(*out)}, issuer));
    }
  }
}

namespace {

/// What everybody sees before anybody approves: decoded from the bytes that will be signed, with the words they approve by.
void show_prepared(Run& run, const std::string& what, const std::string& described, const Digest& digest) {
  const bool named = described.find(hex(digest)) != std::string::npos;
  run.w.op.show({"prepared." + what, "everyone", "Prepared and linted, not signed (" + what + ")."}, Page{named ? described : described + "\n\nSHA-256 " + hex(digest), shares::words_of(digest), {}});
}

/// Where a step that was refused half-way is tried again, what it prepared is there already.
bool is_prepared(const Run& run, const std::optional<Digest>& csr, bool certificate) {
  return std::ranges::any_of(run.prepared, [&](const Prepared& p) { return (p.certificate() != nullptr) == certificate && p.csr == csr; });
}

}  // namespace

void prepare_root(Run& run) {
  const auto key = state::Key(run.ca_key());
  if (run.state().certificate_of(key.id) != nullptr || is_prepared(run, std::nullopt, true)) return;
  const auto& profile = root_profile(run);
  const pki::ThrowawayKey throwaway(key.alg, run.rng);
  auto linted = pki::lint_certificate(pki::build_tbs(root_plan(run, pki::inspect_key(key.spki))), {&profile, nullptr, run.rehearsal(), run.now()}, throwaway, run.rng, zlint_for(run, profile));
  run.put(linted.tbs().view());
  show_prepared(run, "root", pki::describe(linted.view()), linted.digest());
  run.prepared.push_back({std::move(linted), key.id, profile.id, std::nullopt});
}

void prepare_crl(Run& run) {
  const auto key = state::Key(run.ca_key());
  if (!run.state().open->crls.empty() || is_prepared(run, std::nullopt, false)) return;
  const auto issuer = issuer_view(run);
  const auto last = run.state().crls.find(key.id);
  std::optional<std::uint64_t> last_number;
  if (last != run.state().crls.end()) last_number = last->second.number;
  const auto serials = listable(run);
  auto linted = pki::lint_crl(pki::build_crl_tbs(crl_plan(run, issuer, root_profile(run), last_number.value_or(0) + 1)),
                              {&root_profile(run), &issuer, last_number, run.now(), &serials});
  run.put(linted.tbs().view());
  show_prepared(run, "crl", pki::describe(linted.view()), linted.digest());
  run.prepared.push_back({std::move(linted), key.id, root_profile(run).id, std::nullopt});
}

void prepare_certificates(Run& run) {
  const auto key = state::Key(run.ca_key());
  const auto issuer = issuer_view(run);
  std::map<std::string, pki::ThrowawayKey> throwaway;
  throwaway.emplace(key.alg, pki::ThrowawayKey(key.alg, run.rng));
  for (const auto& import : run.state().open->imports) {
    if (std::ranges::any_of(run.state().certificates, [&](const auto& c) { return c.second.csr == import.csr && c.second.ceremony == run.ceremony; })) continue;
    if (is_prepared(run, import.csr, true)) continue;
    const auto& profile = run.w.profiles.at(import.profile);
    const auto csr = pki::take_csr(run.artifact(import.csr), profile);
    pki::CertificatePlan plan;
    plan.profile = &profile;
    plan.subject = subject_of(run, csr);
    plan.key = csr.key.spki;
    plan.issuer = issuer.subject;
    plan.issuer_skid = issuer.skid;
    plan.serial = pki::make_serial(run.rng);
    plan.not_before = run.now();
    // Never beyond the issuer, the profile or the policy.
    plan.not_after = std::min({years_after(plan.not_before, run.w.policy.issuing.years_max) - std::chrono::seconds(1),
                               pki::not_after_for(plan.not_before, profile.max_days), issuer.not_after});
    plan.scheme = pki::scheme_for(issuer.key.algorithm);
    auto linted = pki::lint_certificate(pki::build_tbs(plan), {&profile, &issuer, run.rehearsal(), run.now()}, throwaway.at(key.alg), run.rng, zlint_for(run, profile));
    run.put(linted.tbs().view());
    run.w.op.progress("linted: " + pki::text(plan.subject));
    show_prepared(run, "certificate", pki::describe(linted.view()), linted.digest());
    run.prepared.push_back({std::move(linted), key.id, profile.id, import.csr});
  }
}

void approve_signatures(Run& run) {
  if (as_batch(run)) {
    const auto batch = batch_of(run.prepared);
    std::string shown = "A batch of " + std::to_string(batch.lines.size()) + " certificates:\n\n" + batch.text();
    for (const auto& p : run.prepared)
      if (p.certificate() != nullptr) shown += "\n" + pki::describe(p.certificate()->view()) + "\n";
    run.approve("sign-batch", run.put(batch.text()), shown);
  }
  for (const auto& p : run.prepared) {
    if (p.certificate() == nullptr) run.approve("sign-crl", p.linted().digest(), pki::describe(std::get<pki::LintedCrl>(p.tbs).view()));
    else if (!as_batch(run)) run.approve("sign-certificate", p.linted().digest(), pki::describe(p.certificate()->view()));
  }
}

void sign_prepared(Run& run) {
  if (run.prepared.empty()) return;
  record_unrecorded(run);  // where this step was refused half-way and is tried again
  const auto batch = batch_of(run.prepared);
  const auto batch_digest = batch.lines.empty() ? Digest{} : sha256(batch.text());
  const bool batched = batch.lines.size() > 1 && run.is_approved("sign-batch", batch_digest);
  ActiveToken active(run, run.collect(policy::QuorumName::activation, "activate"), "sign");
  const auto key = active.token().find_by_id(*unhex(run.ca_key().id));
  // Tried again, the intent that is open already covers these bytes, and what is on the log is not signed a second time.
  const auto intend = [&](std::string_view act, const Digest& tbs) {
    for (const auto& open : run.state().open_intents())
      if (const auto& intent = run.state().open->intents.at(open); intent.act == act && intent.tbs == tbs) return open;
    const std::string id = std::string(act) + "-" + std::to_string(run.journal().size());
    run.record("intent", run.witness_of(act, tbs), {{"id", id}, {"act", act}, {"key", run.ca_key().id}, {"tbs", tbs}});
    return id;
  };
  const auto on_the_log = [&](const Prepared& p) {
    return std::ranges::any_of(run.state().certificates, [&](const auto& c) { return c.second.tbs == p.linted().digest(); });
  };
  std::string intent;
  for (const auto& p : run.prepared) {
    if (p.certificate() == nullptr || on_the_log(p)) continue;
    if (batched && intent.empty()) intent = intend("sign-batch", batch_digest);
    if (!batched) intent = intend("sign-certificate", p.linted().digest());
    sign_one(run, *key, p, intent);
  }
  for (const auto& p : run.prepared)
    if (p.certificate() == nullptr && run.state().open->crls.empty()) sign_one(run, *key, p, intend("sign-crl", p.linted().digest()));
  active.done();
  run.prepared.clear();
}

}  // namespace ceremony::actions
