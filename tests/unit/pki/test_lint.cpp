#include "edit.h"
#include "foreign.h"

using namespace pki_test;

namespace {

using Ids = std::vector<std::string>;

std::set<std::string>& reported() {
  static std::set<std::string> ids;
  return ids;
}

Ids ids_of(const std::vector<LintFinding>& findings) {
  Ids out;
  for (const LintFinding& finding : findings) {
    UNSCOPED_INFO(finding.id << ": " << finding.what);
    CHECK(std::ranges::contains(lint_ids(), finding.id));
    reported().insert(finding.id);
    out.push_back(finding.id);
  }
  return out;
}

/// A sound root and an issuing plan below it; each test changes one thing.
struct Stage {
  Profile root_profile = profile("root-generic");
  Profile issuing_profile = profile("issuing-generic");
  ThrowawayKey root_key{"p384", rng()};
  ThrowawayKey key{"p256", rng()};
  VerifiedCertificate root = certify(root_plan(root_profile, root_key), root_key, nullptr);
  CertificateView issuer = root.view();
  CertificatePlan plan = issuing_plan(issuing_profile, key.info(), issuer);
  bool rehearsal = false;

  [[nodiscard]] Ids lint(const TbsDer& tbs) const {
    return ids_of(lint_tbs(tbs.view(), LintContext{&issuing_profile, &issuer, rehearsal, now}));
  }
  /// The plan, changed, against the unchanged profile.
  [[nodiscard]] Ids plan_with(auto&& change) const {
    CertificatePlan changed = plan;
    change(changed);
    return lint(build_tbs(changed));
  }
  [[nodiscard]] Ids profile_with(auto&& change) const {
    Profile other = issuing_profile;
    change(other);
    CertificatePlan changed = plan;
    changed.profile = &other;
    return lint(build_tbs(changed));
  }
  [[nodiscard]] Ids issuer_with(auto&& change) {
    const CertificateView before = issuer;
    change(issuer);
    const Ids out = lint(build_tbs(plan));
    issuer = before;
    return out;
  }
  [[nodiscard]] Ids extensions_with(const std::function<void(Elements&)>& change) const {
    return lint(edit_extensions(build_tbs(plan), change));
  }
};

// The order in which build_tbs writes a generic profile's extensions.
constexpr std::size_t at_constraints = 0, at_usage = 1, at_skid = 2, at_akid = 3;

Bytes critical(const Bytes& extension, bool on) {
  Elements parts = elements_of(der::one(extension, "test").content);
  if (on)
    parts.insert(parts.begin() + 1, *unhex("0101ff"));
  else
    parts.erase(parts.begin() + 1);
  return der::wrap(der::sequence, joined(parts));
}

}  // namespace

TEST_CASE("a sound certificate has no finding") {
  Stage s;
  CHECK(s.lint(build_tbs(s.plan)).empty());
  CHECK(ids_of(lint_tbs(s.issuer, LintContext{&s.root_profile, nullptr, false, now})).empty());
}

TEST_CASE("each certificate check names its id, and no other") {
  Stage s;
  const auto second = std::chrono::seconds(1);
  const auto day = std::chrono::days(1);

  SECTION("issuer") {
    CHECK(s.plan_with([](auto& p) { p.issuer = parse_name("CN=Other, O=Example"); }) == Ids{"cert-issuer-name"});
    CHECK(s.issuer_with([](auto& i) { i.key_usage = {"cRLSign"}; }) == Ids{"cert-issuer-not-ca"});
    CHECK(s.issuer_with([](auto& i) { i.is_ca = false; }) == Ids{"cert-issuer-not-ca"});
    CHECK(s.issuer_with([](auto& i) { i.path_length = 0; }) == Ids{"cert-path-length-issuer"});
    CHECK(s.issuer_with([](auto& i) { i.path_length = 1; }).empty());
    CHECK(s.plan_with([](auto& p) { p.subject = p.issuer; }) == Ids{"cert-self-issued"});
    CHECK(ids_of(lint_tbs(build_tbs(s.plan).view(), LintContext{&s.issuing_profile, nullptr, false, now})) ==
          Ids{"cert-issuer-missing", "cert-akid-issuer"});
  }
  SECTION("written too early by a peer: an HSM-signed CA certificate over the root's own key") {
    CHECK(s.plan_with([&](auto& p) { p.key = s.issuer.key.spki; }) == Ids{"cert-key-of-issuer"});
  }
  SECTION("key and scheme") {
    s.issuing_profile.key_algorithms = {"p384"};
    CHECK(s.lint(build_tbs(s.plan)) == Ids{"cert-key-algorithm"});
    s.issuing_profile.key_algorithms = {"p256"};
    CHECK(s.plan_with([](auto& p) { p.scheme = "ecdsa-sha512"; }) == Ids{"cert-signature-scheme"});
    CHECK(s.plan_with([](auto& p) { p.scheme = "rsa-pkcs1-sha384"; }) == Ids{"cert-signature-key"});
  }
  SECTION("let through by a peer: an intermediate that starts before or outlives its root") {
    CHECK(s.issuer_with([&](auto& i) { i.not_before = now + second; }) == Ids{"cert-before-issuer"});
    CHECK(s.issuer_with([&](auto& i) { i.not_after = s.plan.not_after - second; }) == Ids{"cert-outlives-issuer"});
  }
  SECTION("found too late by a peer: over-long validity") {
    CHECK(s.plan_with([&](auto& p) { p.not_after = p.not_before + day * s.issuing_profile.max_days; }) ==
          Ids{"cert-validity-length"});
    CHECK(
        s.plan_with([&](auto& p) { p.not_after = not_after_for(p.not_before, s.issuing_profile.max_days); }).empty());
  }
  SECTION("times") {
    CHECK(s.plan_with([&](auto& p) { p.not_before = now + second; }) == Ids{"cert-not-before-signing"});
    CHECK(s.issuer_with([&](auto& i) { i.not_before -= day; }).empty());
    s.issuer.not_before -= 3 * day;
    CHECK(s.plan_with([&](auto& p) { p.not_before = now - day; }).empty());
    CHECK(s.plan_with([&](auto& p) { p.not_before = now - day - second; }) == Ids{"cert-not-before-signing"});
    auto validity = [](const char* from, const char* to) {
      return [=](Elements& e) {
        auto time = [](std::string_view text) {
          return der::wrap(text.size() == 13 ? der::utc_time : der::generalized_time, as_view(text));
        };
        e[4] = der::wrap(der::sequence, joined({time(from), time(to)}));
      };
    };
    s.issuing_profile.max_days = 1000000;
    s.issuer.not_after = at("3999-01-01T00:00:00Z");
    CHECK(s.lint(edit(build_tbs(s.plan), validity("261122120000Z", "31000101000000Z"))) ==
          Ids{"cert-not-after-3099"});
    CHECK(s.lint(edit(build_tbs(s.plan), validity("261122120000Z", "261122115959Z"))) == Ids{"cert-validity-order"});
  }
  SECTION("serial") {
    CHECK(s.plan_with([](auto& p) { p.serial.value = {0x01, 0x02}; }) == Ids{"cert-serial-bits"});
    CHECK(s.plan_with([](auto& p) { p.serial.value[0] = 0x02; }) == Ids{"cert-serial-bits"});
  }
  SECTION("subject") {
    CHECK(s.plan_with([](auto& p) { p.subject = parse_name("CN=x"); }) == Ids{"cert-subject"});
    CHECK(s.plan_with([](auto& p) { p.subject = parse_name("CN=x, O=y, VID=FFF1"); }) == Ids{"cert-subject"});
    CHECK(s.plan_with([](auto& p) { p.subject = parse_name("CN=x, O=y, O=z"); }) == Ids{"cert-subject"});
    s.issuing_profile.subject_fixed = {{"O", "Example"}};
    CHECK(s.lint(build_tbs(s.plan)).empty());
    CHECK(s.plan_with([](auto& p) { p.subject = parse_name("CN=x, O=y"); }) == Ids{"cert-subject"});
    s.rehearsal = true;
    CHECK(s.plan_with([](auto& p) { p.subject = marked_as_rehearsal(p.subject); }).empty());
  }
  SECTION("rehearsal") {
    CHECK(s.plan_with([](auto& p) { p.subject = marked_as_rehearsal(p.subject); }) == Ids{"cert-rehearsal-present"});
    s.rehearsal = true;
    CHECK(s.lint(build_tbs(s.plan)) == Ids{"cert-rehearsal-missing"});
    CHECK(s.plan_with([](auto& p) { p.subject = marked_as_rehearsal(p.subject); }).empty());
    CHECK(text(marked_as_rehearsal(parse_name("CN=x, O=y"))) == "CN=x, O=REHEARSAL y");
    CHECK(text(marked_as_rehearsal(parse_name("CN=x"))) == "CN=x, O=REHEARSAL");
    CHECK(marked_as_rehearsal(marked_as_rehearsal(parse_name("CN=x, O=y"))) ==
          marked_as_rehearsal(parse_name("CN=x, O=y")));
  }
  SECTION("key ids") {
    CHECK(s.extensions_with([](Elements& e) { e.erase(e.begin() + at_skid); }) == Ids{"cert-skid-missing"});
    CHECK(s.extensions_with([](Elements& e) { e[at_skid].back() ^= 1U; }) == Ids{"cert-skid-method"});
    CHECK(s.extensions_with([](Elements& e) { e.erase(e.begin() + at_akid); }) == Ids{"cert-akid-missing"});
    CHECK(s.extensions_with([](Elements& e) { e[at_akid].back() ^= 1U; }) == Ids{"cert-akid-issuer"});
  }
  SECTION("constraints and usages") {
    CHECK(s.extensions_with([](Elements& e) { e[at_constraints] = critical(e[at_constraints], false); }) ==
          Ids{"cert-basic-constraints-critical"});
    CHECK(s.extensions_with([](Elements& e) { e.erase(e.begin() + at_constraints); }) ==
          Ids{"cert-basic-constraints-ca", "cert-path-length"});
    CHECK(s.extensions_with([](Elements& e) { e[at_usage] = critical(e[at_usage], false); }) ==
          Ids{"cert-key-usage-critical"});
    CHECK(s.profile_with([](auto& p) { p.path_length = 3; }) == Ids{"cert-path-length"});
    CHECK(s.profile_with([](auto& p) { p.path_length.reset(); }) == Ids{"cert-path-length"});
    CHECK(s.profile_with([](auto& p) { p.key_usage.insert(p.key_usage.begin(), "digitalSignature"); }) ==
          Ids{"cert-key-usage"});
    CHECK(s.profile_with([](auto& p) { p.extended_key_usage = {"1.3.6.1.5.5.7.3.1"}; }) == Ids{"cert-eku"});
    CHECK(s.profile_with([](auto& p) { p.policies = {"2.23.140.1.2.1"}; }) == Ids{"cert-policies"});
    CHECK(s.profile_with([](auto& p) { p.crl_distribution_points = {"http://x.example/y"}; }) ==
          Ids{"cert-crl-distribution-points"});
  }
  SECTION("extensions") {
    CHECK(s.extensions_with([](Elements& e) { e[at_skid] = critical(e[at_skid], true); }) ==
          Ids{"cert-extension-critical"});
    // subjectAltName DNS:x
    CHECK(s.extensions_with([](Elements& e) {
      e.push_back(*unhex("300a0603551d110403300182"));
      e.back() = *unhex("300c0603551d1104053003820178");
    }) == Ids{"cert-extension-unexpected"});
    CHECK(s.extensions_with([](Elements& e) { std::swap(e[at_skid], e[at_akid]); }) == Ids{"cert-not-as-built"});
  }
  SECTION("matter and size") {
    s.issuing_profile = profile("issuing-matter-pai");
    s.issuing_profile.signature_schemes.push_back("ecdsa-sha384");
    s.plan.subject = parse_name("CN=PAI, O=y, VID=FFF1");
    CHECK(s.lint(build_tbs(s.plan)).empty());
    CHECK(s.issuer_with([](auto& i) { i.subject.attributes.push_back({"VID", "FFF1"}); }).empty());
    CHECK(s.issuer_with([](auto& i) { i.subject.attributes.push_back({"VID", "FFF2"}); }) == Ids{"cert-matter-vid"});
    s.issuing_profile.max_bytes = 300;
    CHECK(s.lint(build_tbs(s.plan)) == Ids{"cert-too-large"});
  }
  SECTION("unreadable") { CHECK(s.lint({*unhex("3000")}) == Ids{"cert-unreadable"}); }
}

TEST_CASE("only what lint accepts becomes a LintedCertificate") {
  Stage s;
  const LintContext context{&s.issuing_profile, &s.issuer, false, now};
  const TbsDer tbs = build_tbs(s.plan);
  const LintedCertificate linted = lint_certificate(tbs, context, s.root_key, rng(), [](const CertDer&) {
    return std::vector<LintFinding>{{"zlint:n_x", "by the way", Severity::notice}};
  });
  CHECK(linted.tbs() == tbs);
  CHECK(linted.digest() == sha256(tbs.view()));
  CHECK(linted.notices().size() == 1);
  refuses(PkiRefusal::lint, "zlint:w_x", [&] {
    (void)lint_certificate(tbs, context, s.root_key, rng(), [](const CertDer&) {
      return std::vector<LintFinding>{{"zlint:w_x", "a warning", Severity::warning}};
    });
  });
  s.plan.serial.value = {1};
  refuses(PkiRefusal::lint, "cert-serial-bits",
          [&] { (void)lint_certificate(build_tbs(s.plan), context, s.root_key, rng(), nullptr); });
}

TEST_CASE("a linter sees a root that verifies under its throwaway key, and an intermediate as it will be") {
  Stage s;
  const TbsDer root_tbs{s.issuer.tbs};
  const CertDer root = sign_with_throwaway(root_tbs, rng());
  const CertificateView seen = read_certificate(root.view());
  CHECK(seen.key.algorithm == "p384");
  CHECK(seen.key.spki != s.issuer.key.spki);
  CHECK(seen.skid == seen.key.skid);
  CHECK(seen.akid == seen.key.skid);
  CHECK_NOTHROW(verify_certificate(root, seen.key.spki));
  const TbsDer tbs = build_tbs(s.plan);
  const CertDer issuing = sign_with_throwaway(tbs, rng());
  CHECK(read_certificate(issuing.view()).tbs == tbs.value);
  const Folder folder;
  folder.write("root.der", root.value);
  folder.write("issuing.der", issuing.value);
  folder.must("zlint -includeSources RFC5280 -format der root.der issuing.der");
}

namespace {

struct CrlStage : Stage {
  CrlPlan crl{issuer.subject, issuer.skid, 7, now, now + std::chrono::days(30), {}, true, "ecdsa-sha384"};
  std::optional<std::uint64_t> last = 6;
  std::optional<std::set<Serial>> listable;

  CrlStage() {
    crl.entries = {{make_serial(rng()), now - std::chrono::hours(1), Reason::keyCompromise},
                   {make_serial(rng()), now, Reason::superseded}};
  }
  [[nodiscard]] Ids lint_crl_of(const TbsDer& tbs) const {
    return ids_of(
        lint_crl_tbs(tbs.view(), CrlLintContext{&root_profile, &issuer, last, now, listable ? &*listable : nullptr}));
  }
  [[nodiscard]] Ids with(auto&& change) const {
    CrlPlan changed = crl;
    change(changed);
    return lint_crl_of(build_crl_tbs(changed));
  }
  [[nodiscard]] Ids crl_extensions_with(const std::function<void(Elements&)>& change) const {
    return lint_crl_of(edit_extensions(build_crl_tbs(crl), change));
  }
};

}  // namespace

TEST_CASE("each CRL check names its id, and no other") {
  CrlStage s;
  const auto second = std::chrono::seconds(1);
  const auto day = std::chrono::days(1);
  CHECK(s.with([](auto&) {}).empty());

  SECTION("issuer") {
    CHECK(s.with([](auto& c) { c.issuer = parse_name("CN=Other"); }) == Ids{"crl-issuer-name"});
    CHECK(s.with([](auto& c) { c.issuer_skid[0] ^= 1U; }) == Ids{"crl-akid-issuer"});
    CHECK(s.crl_extensions_with([](Elements& e) { e.erase(e.begin()); }) == Ids{"crl-akid-missing"});
    CHECK(s.with([](auto& c) { c.scheme = "ecdsa-sha512"; }) == Ids{"crl-signature-scheme"});
    CHECK(s.with([](auto& c) { c.scheme = "rsa-pkcs1-sha384"; }) == Ids{"crl-signature-key"});
    s.issuer.key_usage = {"keyCertSign"};
    CHECK(s.with([](auto&) {}) == Ids{"crl-issuer-not-ca"});
  }
  SECTION("let through by a peer: a CRL number going backwards") {
    CHECK(s.with([](auto& c) { c.number = 6; }) == Ids{"crl-number-order"});
    CHECK(s.with([](auto& c) { c.number = 5; }) == Ids{"crl-number-order"});
    s.last.reset();
    CHECK(s.with([](auto& c) { c.number = 1; }).empty());
    CHECK(s.crl_extensions_with([](Elements& e) { e.erase(e.begin() + 1); }) == Ids{"crl-number-missing"});
  }
  SECTION("times") {
    s.issuer.not_before -= 10 * day;
    s.crl.entries.clear();
    CHECK(s.with([&](auto& c) { c.this_update = now - day - second; }) == Ids{"crl-this-update-signing"});
    CHECK(s.with([&](auto& c) { c.this_update = now + day + second; }) == Ids{"crl-this-update-signing"});
    CHECK(s.with([&](auto& c) { c.next_update = now; }) == Ids{"crl-next-update-window"});
    CHECK(s.with([&](auto& c) { c.next_update = now + day * 400; }).empty());
    CHECK(s.with([&](auto& c) { c.next_update = now + day * 400 + second; }) == Ids{"crl-next-update-window"});
    CHECK(s.lint_crl_of(edit(build_crl_tbs(s.crl), [](Elements& e) { e.erase(e.begin() + 4); })) ==
          Ids{"crl-next-update-missing"});
    s.issuer.not_before = now + second;
    CHECK(s.with([](auto&) {}) == Ids{"crl-outlives-issuer"});
  }
  SECTION("entries") {
    CHECK(s.with([&](auto& c) { c.entries[0].date = now + second; }) == Ids{"crl-entry-date"});
    CHECK(s.with([](auto& c) { c.entries[1] = c.entries[0]; }) == Ids{"crl-entry-duplicate"});
    CHECK(s.with([](auto& c) { c.entries[0].reason.reset(); }) == Ids{"crl-reason-missing"});
    for (const Reason reason : {Reason::unspecified, Reason::certificateHold, Reason::removeFromCRL})
      CHECK(s.with([&](auto& c) { c.entries[0].reason = reason; }) == Ids{"crl-reason-forbidden"});
    // invalidityDate beside the reason
    CHECK(s.lint_crl_of(edit(build_crl_tbs(s.crl), [](Elements& e) {
      Elements entries = elements_of(der::one(e[5], "test").content);
      Elements entry = elements_of(der::one(entries[0], "test").content);
      Elements extensions = elements_of(der::one(entry[2], "test").content);
      extensions.push_back(*unhex("30180603551d180411180f32303236313132323030303030305a"));
      entry[2] = der::wrap(der::sequence, joined(extensions));
      entries[0] = der::wrap(der::sequence, joined(entry));
      e[5] = der::wrap(der::sequence, joined(entries));
    })) == Ids{"crl-entry-extension"});
  }
  SECTION("let through by a peer: a certificate of another CA in the CRL") {
    s.listable = std::set<Serial>{s.crl.entries[0].serial};
    CHECK(s.with([](auto&) {}) == Ids{"crl-entry-foreign"});
    s.listable->insert(s.crl.entries[1].serial);
    CHECK(s.with([](auto&) {}).empty());
  }
  SECTION("extensions") {
    CHECK(s.with([](auto& c) { c.idp_only_ca = false; }) == Ids{"crl-idp"});
    CHECK(s.crl_extensions_with([](Elements& e) { e[2] = critical(e[2], false); }) == Ids{"crl-extension-critical"});
    CHECK(s.crl_extensions_with([](Elements& e) { e[1] = critical(e[1], true); }) == Ids{"crl-extension-critical"});
    CHECK(s.crl_extensions_with([](Elements& e) { e.push_back(*unhex("300c0603551d1204053003820178")); }) ==
          Ids{"crl-extension-unexpected"});
    CHECK(s.crl_extensions_with([](Elements& e) { std::swap(e[0], e[1]); }) == Ids{"crl-not-as-built"});
  }
  SECTION("unreadable") {
    CHECK(s.lint_crl_of({*unhex("3000")}) == Ids{"crl-unreadable"});
    refuses(PkiRefusal::lint, "crl-idp", [&] {
      CrlPlan plan = s.crl;
      plan.idp_only_ca = false;
      (void)lint_crl(build_crl_tbs(plan), {&s.root_profile, &s.issuer, 6, now, nullptr});
    });
  }
}

TEST_CASE("every lint id was seen by a test") {
  // Runs last in this file; alone it has nothing to look at.
  if (reported().size() < 10) SKIP("the tests above did not run");
  for (const std::string& id : lint_ids()) {
    CAPTURE(id);
    CHECK(reported().contains(id));
  }
}
