// What issuing costs beside what the token costs: N certificates with a P-384 key in SoftHSM2, once as bare signatures of the
// same bytes, once as build, lint (own checks), sign, verify by two libraries. Both in one run, so that the ratio holds
// on a noisy machine.
#include <botan/auto_rng.h>

#include <chrono>
#include <cstdio>

#include "ceremony/pki/certificate.h"
#include "ceremony/pki/verified.h"
#include "tests/unit/hsm/soft_token.h"

namespace ceremony {
namespace {

template <typename Work>
double per_second(int count, Work work) {
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) work();
  return count / std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

TEST_CASE("certificates a second beside bare signatures a second") {
  constexpr int count = 500;
  Botan::AutoSeeded_RNG rng;
  hsm::SoftHsm soft;
  const auto token = soft.ready("bench");
  const hsm::Login login(*token, hsm::pin("user-pin-0"));
  const auto key = token->generate_key({hsm::KeyAlgorithm::p384, "root", hsm::id(1), false});
  const auto read = [](const std::string& id) {
    std::ifstream in(CEREMONY_SOURCE "/procedures/profiles/" + id + ".toml");
    return pki::read_profile(id, std::string(std::istreambuf_iterator<char>(in), {}));
  };
  const auto root_profile = read("root-generic");
  const auto profile = read("issuing-generic");
  const Time now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto issuer_key = pki::inspect_key(key->spki());
  const pki::ThrowawayKey throwaway("p384", rng);
  const auto root_name = pki::parse_name("CN=Bench Root, O=Bench, C=CH");
  const auto root_tbs = pki::build_tbs({&root_profile, root_name, issuer_key.spki, root_name, issuer_key.skid, pki::make_serial(rng), now,
                                        pki::not_after_for(now, 7000), "ecdsa-sha384"});
  const auto root = pki::read_tbs(root_tbs.view());
  const pki::ThrowawayKey subject("p256", rng);

  const auto build = [&] {
    return pki::build_tbs({&profile, pki::parse_name("CN=Bench Issuing, O=Bench, C=CH"), subject.info().spki, root.subject, root.skid,
                           pki::make_serial(rng), now, pki::not_after_for(now, 3000), "ecdsa-sha384"});
  };
  const auto sample = build();
  const double bare = per_second(count, [&] { (void)key->sign(sample.view(), hsm::SignatureScheme::ecdsa_sha384); });
  const double whole = per_second(count, [&] {
    const auto linted = pki::lint_certificate(build(), {&profile, &root, false, now}, throwaway, rng, nullptr);
    (void)pki::verify_signed(linted, issuer_key.spki, key->sign(linted.tbs().view(), hsm::SignatureScheme::ecdsa_sha384));
  });
  std::printf("bare signatures: %.0f a second; certificates built, linted, signed, verified twice: %.0f a second; ratio %.2f\n", bare, whole, whole / bare);
  CHECK(whole > 0.05 * bare);
}

}  // namespace
}  // namespace ceremony
