#include <botan/x509_crl.h>

#include "edit.h"
#include "foreign.h"

using namespace pki_test;

TEST_CASE("openssl and Botan read our CRL, and find the revoked certificate in it") {
  const SmallCa ca;
  const VerifiedCertificate& root = ca.root;
  const VerifiedCertificate good = ca.issuing("CN=Good, O=x");
  const VerifiedCertificate bad = ca.issuing("CN=Bad, O=x");
  const CrlPlan plan{root.view().subject,
                     root.view().skid,
                     128,
                     now,
                     now + std::chrono::days(30),
                     {{bad.view().serial, now, Reason::keyCompromise}},
                     true,
                     "ecdsa-sha384"};
  const LintedCrl linted = lint_crl(build_crl_tbs(plan), {&ca.root_profile, &root.view(), 127, now, nullptr});
  const VerifiedCrl crl =
      verify_signed(linted, ca.root_key.info().spki, ca.root_key.sign(linted.tbs().view(), linted.scheme(), rng()));

  CHECK(crl.view().number == 128);
  CHECK(crl.view().entries == plan.entries);
  CHECK(crl.view().idp_only_ca);
  const Botan::X509_CRL botan(crl.der().value);
  CHECK(botan.crl_number() == 128);
  CHECK(botan.get_revoked().size() == 1);

  const Folder folder;
  folder.write("root.pem", pem("CERTIFICATE", root.der().value));
  folder.write("good.pem", pem("CERTIFICATE", good.der().value));
  folder.write("bad.pem", pem("CERTIFICATE", bad.der().value));
  folder.write("crl.pem", pem("X509 CRL", crl.der().value));
  const std::string verify = std::format(
      "openssl verify -attime {} -x509_strict -check_ss_sig -crl_check_all -CAfile root.pem -CRLfile crl.pem ",
      now.time_since_epoch().count() + 60);
  folder.must(verify + "good.pem");
  const Ran refused = folder.run(verify + "bad.pem");
  CHECK(refused.code != 0);
  CHECK(refused.output.contains("certificate revoked"));
  const Ran shown = folder.run("openssl crl -in crl.pem -noout -text -CAfile root.pem");
  INFO(shown.output);
  CHECK(shown.output.contains("verify OK"));
  CHECK(shown.output.contains("X509v3 Issuing Distribution Point: critical"));
  CHECK(shown.output.contains("Only CA Certificates"));
  CHECK(shown.output.contains("Key Compromise"));
  CHECK(describe(crl.view()).contains(std::format("{}  2026-11-22T12:00:00Z  keyCompromise", bad.view().serial_hex)));

  Bytes broken = crl.der().value;
  broken.back() ^= 1U;
  refuses(PkiRefusal::signature, "openssl", [&] { (void)verify_crl({broken}, ca.root_key.info().spki); });
}

TEST_CASE("reading a CRL is strict") {
  const CrlPlan plan{parse_name("CN=x"),
                     Bytes(20, 7),
                     1,
                     now,
                     now + std::chrono::days(1),
                     {{Serial{{5}}, now, Reason::superseded}},
                     false,
                     "ecdsa-sha256"};
  const TbsDer tbs = build_crl_tbs(plan);
  CHECK(read_crl_tbs(tbs.view()).entries == plan.entries);
  refuses(PkiRefusal::crl, "version is not 2",
          [&] { (void)read_crl_tbs(edit(tbs, [](Elements& e) { e[0] = *unhex("020100"); }).view()); });
  refuses(PkiRefusal::der, "empty",
          [&] { (void)read_crl_tbs(edit(tbs, [](Elements& e) { e[5] = *unhex("3000"); }).view()); });
  refuses(PkiRefusal::crl, "twice",
          [&] { (void)read_crl_tbs(edit_extensions(tbs, [](Elements& e) { e.push_back(e[0]); }).view()); });
  refuses(PkiRefusal::der, "the extensions",
          [&] { (void)read_crl_tbs(edit(tbs, [](Elements& e) { e.pop_back(); }).view()); });
  refuses(PkiRefusal::plan, "number 0", [&] {
    CrlPlan bad = plan;
    bad.number = 0;
    (void)build_crl_tbs(bad);
  });
  for (int code = 0; code < 12; ++code) {
    const auto reason = static_cast<Reason>(code);
    if (text(reason) != "?") CHECK(reason_from_text(text(reason)) == reason);
  }
  CHECK_FALSE(reason_from_text("boredom"));
}

TEST_CASE("a CRL of 20,000 entries goes there and back") {
  CrlPlan plan{parse_name("CN=x"), Bytes(20, 7), 1, now, now + std::chrono::days(1), {}, false, "ecdsa-sha256"};
  for (std::uint32_t i = 0; i < 20000; ++i) {
    Serial serial{Bytes(17, 1)};
    serial.value[15] = static_cast<std::uint8_t>(i >> 8U);
    serial.value[16] = static_cast<std::uint8_t>(i);
    serial.value[1] = static_cast<std::uint8_t>(i >> 16U);
    plan.entries.push_back({serial, now, Reason::superseded});
  }
  CHECK(read_crl_tbs(build_crl_tbs(plan).view()).entries == plan.entries);
}
