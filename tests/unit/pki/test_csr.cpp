#include "foreign.h"

using namespace pki_test;

namespace {

const Profile& issuing() {
  static const Profile read = profile("issuing-generic");
  return read;
}

constexpr const char* p256 = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";

/// A CSR made by openssl; `more` goes onto its command line.
Bytes csr(const std::string& key, const std::string& more = "", const std::string& form = "PEM") {
  const Folder folder;
  const std::string subject = more.contains("-subj") ? "" : " -subj '/C=DE/O=Factory/CN=Line 1'";
  folder.must("openssl req -new " + key + " -noenc -keyout k.pem" + subject + " " + more + " -outform " + form +
              " -out r");
  return folder.read("r");
}

bool any(const std::vector<std::string>& lines, std::string_view word) {
  return std::ranges::any_of(lines, [&](const std::string& line) { return line.contains(word); });
}

}  // namespace

TEST_CASE("a CSR of each allowed kind is taken, as PEM and as DER") {
  for (const auto& [key, name] :
       {std::pair{p256, "p256"},
        {"-newkey ec -pkeyopt ec_paramgen_curve:P-384", "p384"},
        {"-newkey rsa:3072", "rsa3072"},
        {"-newkey rsa:4096 -sha512", "rsa4096"},
        {"-newkey rsa:3072 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32", "rsa3072"}}) {
    CAPTURE(key);
    const CsrIntake taken = take_csr(csr(key), issuing());
    CHECK(taken.key.algorithm == name);
    CHECK(text(taken.subject) == "CN=Line 1, O=Factory, C=DE");
    CHECK(taken.digest == sha256(taken.der.view()));
  }
  const Bytes der = csr(p256, "", "DER");
  const CsrIntake taken = take_csr(der, issuing());
  CHECK(taken.der.value == der);
  CHECK(taken.dropped.empty());
  CHECK(take_csr(as_view(pem("NEW CERTIFICATE REQUEST", der)), issuing()).digest == taken.digest);
}

TEST_CASE("let through by a peer: CA:TRUE and SANs copied from the CSR are dropped, in words") {
  const CsrIntake taken =
      take_csr(csr(p256,
                   "-addext basicConstraints=critical,CA:TRUE,pathlen:7 -addext "
                   "subjectAltName=DNS:evil.example.com,IP:10.0.0.1 -addext extendedKeyUsage=serverAuth "
                   "-addext keyUsage=digitalSignature"),
               issuing());
  CHECK(taken.dropped.size() == 4);
  CHECK(any(taken.dropped, "basicConstraints (critical; CA: TRUE, path length 7)"));
  CHECK(any(taken.dropped, "subjectAltName (DNS:evil.example.com, IP:#0a000001)"));
  CHECK(any(taken.dropped, "extKeyUsage (serverAuth)"));
  CHECK(any(taken.dropped, "keyUsage (digitalSignature)"));

  // What is built from it has none of that.
  const Profile root_profile = profile("root-generic");
  const ThrowawayKey root_key("p384", rng());
  const VerifiedCertificate root = certify(root_plan(root_profile, root_key), root_key, nullptr);
  CertificatePlan plan = issuing_plan(issuing(), taken.key, root.view());
  plan.subject = taken.subject;
  const VerifiedCertificate made = certify(plan, root_key, &root.view());
  CHECK(made.view().path_length == 0);
  CHECK(made.view().extended_key_usage.empty());
  CHECK(made.view().extensions.size() == 4);
}

TEST_CASE("name fields the profile does not take are dropped, in words") {
  const CsrIntake taken =
      take_csr(csr(p256, "-subj '/DC=x/emailAddress=a@b.c/C=DE/O=One/O=Two/CN=Line 1/title=boss'"), issuing());
  CHECK(text(taken.subject) == "CN=Line 1, O=One, C=DE");
  CHECK(any(taken.dropped, "'Two'"));
  CHECK(any(taken.dropped, "'a@b.c'"));
  CHECK(any(taken.dropped, "'boss'"));
  CHECK(taken.dropped.size() == 4);

  std::string text_of_profile = profile_text("issuing-generic");
  text_of_profile.replace(text_of_profile.find("from_csr = [\"CN\", \"O\","), 23, "from_csr = [\"CN\",");
  text_of_profile.insert(text_of_profile.find("[extensions]"), "[subject.fixed]\nO = \"Ours\"\n");
  const CsrIntake fixed = take_csr(csr(p256), read_profile("x.toml", text_of_profile));
  CHECK(text(fixed.subject) == "CN=Line 1, O=Ours, C=DE");
  CHECK(any(fixed.dropped, "O 'Factory' is not taken: profile issuing-generic fixes it to 'Ours'"));
}

TEST_CASE("a subject that lacks what the profile requires is refused") {
  refuses(PkiRefusal::csr, "wants O", [] { (void)take_csr(csr(p256, "-subj /CN=x"), issuing()); });
}

TEST_CASE("let through by a peer: a CSR whose self-signature is bad") {
  for (const char* key : {p256, "-newkey rsa:3072"}) {
    Bytes der = csr(key, "", "DER");
    der.back() ^= 1U;
    refuses(PkiRefusal::csr_signature,
            "the self-signature is not good (botan: ", [&] { (void)take_csr(der, issuing()); });
  }
  // A changed name under the old signature.
  Bytes renamed = csr(p256, "", "DER");
  const std::string factory = "Factory";
  const auto at = std::search(renamed.begin(), renamed.end(), factory.begin(), factory.end());
  REQUIRE(at != renamed.end());
  *at = 'X';
  refuses(PkiRefusal::csr_signature, "openssl: ", [&] { (void)take_csr(renamed, issuing()); });
}

TEST_CASE("CSRs over weak or other keys are refused") {
  refuses(PkiRefusal::weak_key, "2048 bits", [] { (void)take_csr(csr("-newkey rsa:2048"), issuing()); });
  refuses(PkiRefusal::key, "P-521",
          [] { (void)take_csr(csr("-newkey ec -pkeyopt ec_paramgen_curve:P-521"), issuing()); });
  refuses(PkiRefusal::key, "Ed25519", [] { (void)take_csr(csr("-newkey ed25519"), issuing()); });
  refuses(PkiRefusal::csr, "which profile issuing-matter-pai does not allow",
          [] { (void)take_csr(csr("-newkey rsa:3072"), profile("issuing-matter-pai")); });
  refuses(PkiRefusal::csr, "not ours", [] { (void)take_csr(csr("-newkey rsa:3072 -sha1"), issuing()); });
}

TEST_CASE("a CSR is one request and nothing else") {
  const Bytes der = csr(p256, "", "DER");
  const std::string one = pem("CERTIFICATE REQUEST", der);
  refuses(PkiRefusal::pem, "there are 2", [&] { (void)take_csr(as_view(one + one), issuing()); });
  refuses(PkiRefusal::pem, "something follows the end", [&] { (void)take_csr(as_view(one + "garbage\n"), issuing()); });
  Bytes longer = der;
  longer.push_back(0);
  refuses(PkiRefusal::der, "something follows its end (bytes: 1)", [&] { (void)take_csr(longer, issuing()); });
  refuses(PkiRefusal::der, "announced", [&] { (void)take_csr(View(der).first(der.size() - 1), issuing()); });
  refuses(PkiRefusal::csr, "empty", [&] { (void)take_csr({}, issuing()); });
  refuses(PkiRefusal::csr, "more than 65536", [&] { (void)take_csr(Bytes(csr_limit + 1), issuing()); });
  refuses(PkiRefusal::pem, "BEGIN CERTIFICATE-----",
          [&] { (void)take_csr(as_view(pem("CERTIFICATE", der)), issuing()); });
}
