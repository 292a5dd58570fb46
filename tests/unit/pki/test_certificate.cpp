#include <botan/data_src.h>
#include <botan/x509cert.h>

#include "ceremony/pki/p7b.h"
#include "edit.h"
#include "foreign.h"

using namespace pki_test;

TEST_CASE("a serial number is 01 and 128 random bits") {
  const Serial one = make_serial(rng());
  CHECK(one.value.size() == 17);
  CHECK(one.value[0] == 1);
  CHECK(make_serial(rng()) != one);
}

TEST_CASE("roots and intermediates of every key pass openssl, Botan and zlint") {
  const Profile root_profile = profile("root-generic");
  for (const auto& [root_kind, issuing_kind, profile_id] : {std::tuple{"p384", "p256", "issuing-generic"},
                                                            {"p256", "p384", "issuing-802.1ar"},
                                                            {"rsa3072", "p384", "issuing-generic"},
                                                            {"p384", "rsa3072", "issuing-802.1ar"}}) {
    CAPTURE(root_kind, issuing_kind, profile_id);
    const Profile issuing_profile = profile(profile_id);
    const ThrowawayKey root_key(root_kind, rng());
    const ThrowawayKey issuing_key(issuing_kind, rng());
    const VerifiedCertificate root = certify(root_plan(root_profile, root_key), root_key, nullptr);
    const VerifiedCertificate issuing =
        certify(issuing_plan(issuing_profile, issuing_key.info(), root.view()), root_key, &root.view());

    CHECK(root.view().akid == root.view().skid);
    CHECK(root.view().skid == root_key.info().skid);
    CHECK(issuing.view().akid == root.view().skid);
    CHECK(issuing.view().path_length == 0);
    CHECK(issuing.view().key.spki == issuing_key.info().spki);

    Botan::DataSource_Memory source(issuing.der().value);
    const Botan::X509_Certificate botan(source);
    CHECK(botan.is_CA_cert());
    CHECK(botan.path_length_constraint() == 0);
    CHECK(hex(botan.subject_key_id()) == hex(issuing.view().skid));

    const CrlPlan crl_plan{root.view().subject,  root.view().skid, 1, now, now + std::chrono::days(30), {}, true,
                           scheme_for(root_kind)};
    const LintedCrl linted =
        lint_crl(build_crl_tbs(crl_plan), {&root_profile, &root.view(), std::nullopt, now, nullptr});
    const VerifiedCrl crl =
        verify_signed(linted, root_key.info().spki, root_key.sign(linted.tbs().view(), linted.scheme(), rng()));

    const Folder folder;
    folder.write("root.pem", pem("CERTIFICATE", root.der().value));
    folder.write("issuing.pem", pem("CERTIFICATE", issuing.der().value));
    folder.write("root.crl", pem("X509 CRL", crl.der().value));
    // A week after notBefore, because the test does not know today's date.
    folder.must(
        std::format("openssl verify -attime {} -x509_strict -check_ss_sig -crl_check_all -CAfile root.pem -CRLfile "
                    "root.crl issuing.pem",
                    now.time_since_epoch().count() + 7 * 86400));
    for (const char* file : {"root.pem", "issuing.pem"}) {
      const Ran ran = folder.run(std::format("zlint -includeSources {} {}", root_profile.zlint_sources[0], file));
      INFO(ran.output);
      CHECK(ran.code == 0);
      CHECK(ran.output.contains("\"pass\""));
      CHECK_FALSE(ran.output.contains("\"error\""));
      CHECK_FALSE(ran.output.contains("\"warn\""));
      CHECK_FALSE(ran.output.contains("\"fatal\""));
    }
  }
}

TEST_CASE("PSS signatures carry the parameters both libraries expect") {
  Profile root_profile = profile("root-generic");
  const ThrowawayKey key("rsa3072", rng());
  const Folder folder;
  for (const char* scheme :
       {"rsa-pss-sha256", "rsa-pss-sha384", "rsa-pss-sha512", "rsa-pkcs1-sha256", "rsa-pkcs1-sha512"}) {
    CAPTURE(scheme);
    CertificatePlan plan = root_plan(root_profile, key);
    plan.scheme = scheme;
    const VerifiedCertificate root = certify(plan, key, nullptr);
    folder.write("root.pem", pem("CERTIFICATE", root.der().value));
    folder.must(std::format("openssl verify -attime {} -x509_strict -check_ss_sig -CAfile root.pem root.pem",
                            now.time_since_epoch().count() + 60));
  }
}

TEST_CASE("what openssl shows of a certificate is what we show") {
  const Profile root_profile = profile("root-matter-paa");
  const ThrowawayKey key("p256", rng());
  const VerifiedCertificate root =
      certify(root_plan(root_profile, key, "CN=Matter PAA, O=Example, VID=FFF1"), key, nullptr);
  CHECK(root.der().value.size() <= 600);
  const Folder folder;
  folder.write("c.der", root.der().value);
  const Ran ran = folder.run("openssl x509 -inform DER -in c.der -noout -text -fingerprint -sha256");
  INFO(ran.output);
  CHECK(ran.output.contains("Version: 3"));
  CHECK(ran.output.contains("CA:TRUE, pathlen:1"));
  CHECK(ran.output.contains("X509v3 Basic Constraints: critical"));
  CHECK(ran.output.contains("X509v3 Key Usage: critical"));
  CHECK(ran.output.contains("Certificate Sign, CRL Sign"));
  CHECK(ran.output.contains("1.3.6.1.4.1.37244.2.1"));
  const std::string shown = describe(root.view());
  INFO(shown);
  CHECK(shown.contains("subject:        CN=Matter PAA, O=Example, VID=FFF1"));
  CHECK(shown.contains("issuer:         itself"));
  CHECK(shown.contains("yes, path length 1"));
  CHECK(shown.contains("not after:      2126-11-23T11:59:59Z"));
  CHECK(shown.contains(root.view().serial_hex));
  CHECK(shown.contains(hex(sha256(root.der().view()))));
}

TEST_CASE("everything a profile can ask for is written and read back") {
  Profile issuing_profile = profile("issuing-generic");
  issuing_profile.key_usage = {"digitalSignature", "keyCertSign", "cRLSign"};
  issuing_profile.extended_key_usage = {"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"};
  issuing_profile.policies = {"2.23.140.1.2.1", "1.3.6.1.4.1.99999.1"};
  issuing_profile.crl_distribution_points = {"http://crl.example.com/root.crl", "http://crl2.example.com/root.crl"};
  const Profile root_profile = profile("root-generic");
  const ThrowawayKey root_key("p384", rng());
  const ThrowawayKey key("p256", rng());
  const VerifiedCertificate root = certify(root_plan(root_profile, root_key), root_key, nullptr);
  const VerifiedCertificate made =
      certify(issuing_plan(issuing_profile, key.info(), root.view()), root_key, &root.view());
  CHECK(made.view().key_usage == issuing_profile.key_usage);
  CHECK(made.view().extended_key_usage == issuing_profile.extended_key_usage);
  CHECK(made.view().policies == issuing_profile.policies);
  CHECK(made.view().crl_distribution_points == issuing_profile.crl_distribution_points);
  const Folder folder;
  folder.write("c.der", made.der().value);
  folder.must("zlint -includeSources RFC5280 -format der c.der");
  const Ran ran = folder.run("openssl x509 -inform DER -in c.der -noout -text");
  INFO(ran.output);
  CHECK(ran.output.contains("URI:http://crl2.example.com/root.crl"));
  CHECK(ran.output.contains("TLS Web Server Authentication, TLS Web Client Authentication"));
  CHECK(ran.output.contains("Policy: 2.23.140.1.2.1"));
  CHECK(ran.output.contains("Digital Signature, Certificate Sign, CRL Sign"));
}

TEST_CASE("a plan that cannot be encoded is refused") {
  const Profile root_profile = profile("root-generic");
  const ThrowawayKey key("p256", rng());
  const CertificatePlan good = root_plan(root_profile, key);
  auto changed = [&](auto&& change) {
    CertificatePlan plan = good;
    change(plan);
    return plan;
  };
  refuses(PkiRefusal::plan, "serial", [&] { (void)build_tbs(changed([](auto& p) { p.serial.value = {0x80}; })); });
  refuses(PkiRefusal::plan, "serial",
          [&] { (void)build_tbs(changed([](auto& p) { p.serial.value = Bytes(21, 1); })); });
  refuses(PkiRefusal::plan, "before notBefore",
          [&] { (void)build_tbs(changed([](auto& p) { p.not_after = p.not_before - std::chrono::seconds(1); })); });
  refuses(PkiRefusal::plan, "3099", [&] {
    (void)build_tbs(changed([](auto& p) { p.not_after = last_not_after() + std::chrono::seconds(1); }));
  });
  refuses(PkiRefusal::plan, "19 bytes", [&] { (void)build_tbs(changed([](auto& p) { p.issuer_skid.pop_back(); })); });
  refuses(PkiRefusal::name, "empty", [&] { (void)build_tbs(changed([](auto& p) { p.subject = {}; })); });
  refuses(PkiRefusal::scheme, "md5", [&] { (void)build_tbs(changed([](auto& p) { p.scheme = "rsa-md5"; })); });
}

TEST_CASE("reading a certificate is strict") {
  const Profile root_profile = profile("root-generic");
  const ThrowawayKey key("p256", rng());
  const VerifiedCertificate root = certify(root_plan(root_profile, key), key, nullptr);
  const TbsDer tbs{root.view().tbs};
  Bytes longer = root.der().value;
  longer.push_back(0);
  refuses(PkiRefusal::der, "something follows its end (bytes: 1)", [&] { (void)read_certificate(longer); });
  refuses(PkiRefusal::certificate, "version is not 3",
          [&] { (void)read_tbs(edit(tbs, [](Elements& e) { e[0] = *unhex("a003020101"); }).view()); });
  refuses(PkiRefusal::der, "the version",
          [&] { (void)read_tbs(edit(tbs, [](Elements& e) { e.erase(e.begin()); }).view()); });
  refuses(PkiRefusal::certificate, "not positive",
          [&] { (void)read_tbs(edit(tbs, [](Elements& e) { e[1] = *unhex("0201ff"); }).view()); });
  refuses(PkiRefusal::certificate, "21 octets", [&] {
    (void)read_tbs(edit(tbs, [](Elements& e) { e[1] = der::wrap(der::integer, Bytes(21, 1)); }).view());
  });
  refuses(PkiRefusal::certificate, "twice",
          [&] { (void)read_tbs(edit_extensions(tbs, [](Elements& e) { e.push_back(e[0]); }).view()); });
  refuses(PkiRefusal::certificate, "outer",
          [&] { (void)read_certificate(assemble_certificate(tbs, "ecdsa-sha384", root.view().signature).view()); });
  refuses(PkiRefusal::der, "the extensions",
          [&] { (void)read_tbs(edit(tbs, [](Elements& e) { e.pop_back(); }).view()); });
}

TEST_CASE("a certificate whose signature does not verify gets no VerifiedCertificate") {
  const Profile root_profile = profile("root-generic");
  const ThrowawayKey key("p384", rng());
  const ThrowawayKey other("p384", rng());
  const LintedCertificate linted = lint_certificate(build_tbs(root_plan(root_profile, key)),
                                                    {&root_profile, nullptr, false, now}, key, rng(), nullptr);
  const Bytes by_other = other.sign(linted.tbs().view(), linted.scheme(), rng());
  refuses(PkiRefusal::signature, "botan: the signature does not verify; openssl: the signature does not verify",
          [&] { (void)verify_signed(linted, key.info().spki, by_other); });
  refuses(PkiRefusal::signature, "", [&] { (void)verify_signed(linted, key.info().spki, {}); });
  // Let through by a peer: the CA key does not match the CA certificate.
  refuses(PkiRefusal::signature, "botan", [&] {
    (void)verify_signed(linted, other.info().spki, key.sign(linted.tbs().view(), linted.scheme(), rng()));
  });
}

TEST_CASE("both libraries check every scheme, and an ECDSA signature changes its form without loss") {
  const Bytes message = as_bytes("ceremony-proof/v1\n");
  for (const char* kind : {"p256", "p384", "rsa3072"}) {
    const ThrowawayKey key(kind, rng());
    for (const Scheme& scheme : schemes()) {
      CAPTURE(kind, scheme.name);
      if (!fits(scheme.name, kind)) {
        refuses(PkiRefusal::scheme, "cannot make",
                [&] { verify_by_both(key.info().spki.view(), message, Bytes(64), scheme.name); });
        continue;
      }
      Bytes signature = key.sign(message, scheme.name, rng());
      CHECK_NOTHROW(verify_by_both(key.info().spki.view(), message, signature, scheme.name));
      refuses(PkiRefusal::signature, "openssl",
              [&] { verify_by_both(key.info().spki.view(), as_view("other"), signature, scheme.name); });
      if (scheme.key == "ec") {
        const std::size_t size = std::string_view(kind) == "p256" ? 32 : 48;
        CHECK(ecdsa_der_from_raw(ecdsa_raw_from_der(signature, size)) == signature);
      }
      signature[signature.size() / 2] ^= 1U;
      refuses(PkiRefusal::signature, "botan",
              [&] { verify_by_both(key.info().spki.view(), message, signature, scheme.name); });
    }
  }
  refuses(PkiRefusal::scheme, "'ecdsa-sha1' is no signature scheme", [&] { (void)scheme_named("ecdsa-sha1"); });
  refuses(PkiRefusal::signature, "", [] { (void)ecdsa_raw_from_der(*unhex("3006020101020101aa"), 32); });
  refuses(PkiRefusal::signature, "", [] { (void)ecdsa_der_from_raw(Bytes(63)); });
}

TEST_CASE("a p7b is byte for byte what openssl makes") {
  const SmallCa ca;
  const VerifiedCertificate issuing = ca.issuing();
  const Folder folder;
  folder.write("chain.pem", pem("CERTIFICATE", issuing.der().value) + pem("CERTIFICATE", ca.root.der().value));
  folder.must("openssl crl2pkcs7 -nocrl -certfile chain.pem -outform DER -out chain.p7b");
  const CertDer chain[] = {issuing.der(), ca.root.der()};
  CHECK(certs_only_p7b(chain) == folder.read("chain.p7b"));
}
