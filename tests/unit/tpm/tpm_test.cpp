// A TPM of software, asked as the appliance asks the machine's: the same key and the same values each time, a fresh signature, and what
// people read where it does not answer.
#include <catch2/catch_test_macros.hpp>

#include "ceremony/ledger/note.h"
#include "ceremony/ledger/quote.h"
#include "hsm/tpm_device.h"
#include "tests/unit/ledger/openssl.h"
#include "tests/unit/ledger/refusing.h"
#include "tests/unit/tpm/soft_tpm.h"

namespace ceremony::testing {
namespace {

ledger::Quote quoted(hsm::Tpm& tpm, const Digest& nonce) {
  const auto q = tpm.quote(nonce);
  return {q.spki, q.attest, q.signature, q.pcr4, q.pcr7, q.pcr11};
}

Digest extended(const Digest& before, const Digest& with) {
  Bytes both = to_bytes(before.value);
  both.insert(both.end(), with.value.begin(), with.value.end());
  return sha256(both);
}

}  // namespace

TEST_CASE("A TPM signs what the machine was started from, under the same key each time") {
  SoftTpm soft;
  const auto tpm = soft.tpm();
  soft.extend(4, sha256("a program"));
  soft.extend(11, sha256("a section"));
  const Digest nonce = sha256("the last root");
  const auto first = quoted(*tpm, nonce);
  CHECK(ledger::faults_of(first, nonce) == std::vector<std::string>{});
  CHECK(first.pcr4 == extended({}, sha256("a program")));
  CHECK(first.pcr7 == Digest{});
  CHECK(first.pcr11 == extended({}, sha256("a section")));
  CHECK(ledger::parse_quote(ledger::quote_artifact(first), "q") == first);

  const auto second = quoted(*tpm, sha256("another root"));
  CHECK(ledger::faults_of(second, sha256("another root")).empty());
  CHECK(ledger::faults_of(second, nonce).size() == 1);
  CHECK(second.key == first.key);
  CHECK(second.pcr4 == first.pcr4);

  // Off and on, and the other program that was started then: the same key, another value.
  soft.power_cycle();
  soft.extend(4, sha256("another program"));
  const auto third = quoted(*tpm, nonce);
  CHECK(ledger::faults_of(third, nonce).empty());
  CHECK(third.key == first.key);
  CHECK(third.pcr4 == extended({}, sha256("another program")));
}

TEST_CASE("openssl takes a TPM's signature over what it attests") {
  SoftTpm soft;
  const auto quote = quoted(*soft.tpm(), sha256("x"));
  const Workshop shop;
  shop.write("attest", as_text(quote.attest));
  shop.write("signature", as_text(quote.signature));
  shop.write("key.pem", ledger::write_public_pem(quote.key));
  CHECK(shop.run("openssl dgst -sha256 -verify key.pem -signature signature attest") == "Verified OK");
  shop.write("attest", as_text(quote.attest) + "x");
  CHECK_THROWS(shop.run("openssl dgst -sha256 -verify key.pem -signature signature attest"));
}

TEST_CASE("Another TPM has another key") {
  SoftTpm one, other;
  CHECK(one.tpm()->quote({}).spki != other.tpm()->quote({}).spki);
}

TEST_CASE("The attestation key outlives a TPM that is cleared, and nothing is left loaded in one") {
  SoftTpm soft;
  const auto tpm = soft.tpm();
  const auto before = tpm->quote({}).spki;
  // More often than it has places for keys.
  for (int i = 0; i < 8; ++i) CHECK(tpm->quote({}).spki == before);
  soft.with_esys([](ESYS_CONTEXT* esys) { REQUIRE(Esys_Clear(esys, ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE) == TSS2_RC_SUCCESS); });
  CHECK(tpm->quote({}).spki == before);
}

TEST_CASE("A TPM's random bytes are as many as asked for, and others each time") {
  SoftTpm soft;
  const auto tpm = soft.tpm();
  CHECK(tpm->random(0).empty());
  const auto one = tpm->random(100), two = tpm->random(100);
  CHECK(one.size() == 100);
  CHECK(two.size() == 100);
  CHECK(one != two);
}

TEST_CASE("A TPM that does not answer, or does not do it, is refused with what people can do") {
  SoftTpm soft;
  const auto tpm = soft.tpm();
  SECTION("gone") {
    soft.stop();
    const auto said = refusal([&] { (void)tpm->quote({}); });
    CHECK(said.starts_with("tpm/failed error: swtpm: the machine's TPM cannot be reached (code 0x"));
    CHECK(said.find("hint: start the machine again") != std::string::npos);
    CHECK(refused_with("tpm/failed", [&] { (void)tpm->random(8); }));
  }
  SECTION("a password on the endorsement hierarchy, which another system set") {
    soft.with_esys([](ESYS_CONTEXT* esys) {
      const TPM2B_AUTH password{4, {1, 2, 3, 4}};
      REQUIRE(Esys_HierarchyChangeAuth(esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &password) == TSS2_RC_SUCCESS);
    });
    const auto said = refusal([&] { (void)tpm->quote({}); });
    CHECK(said.starts_with("tpm/failed error: swtpm: the machine's TPM does not make its attestation key (code 0x"));
    CHECK(said.find("hint: clear the TPM in the firmware's menu") != std::string::npos);
    CHECK(tpm->random(8).size() == 8);
  }
  SECTION("a SHA-256 bank that is switched off") {
    soft.with_esys([](ESYS_CONTEXT* esys) {
      TPML_PCR_SELECTION banks{};
      banks.count = 2;
      banks.pcrSelections[0] = {TPM2_ALG_SHA256, 3, {0, 0, 0}};
      banks.pcrSelections[1] = {TPM2_ALG_SHA384, 3, {0xff, 0xff, 0xff}};
      TPMI_YES_NO done = 0;
      UINT32 most = 0, needed = 0, available = 0;
      REQUIRE(Esys_PCR_Allocate(esys, ESYS_TR_RH_PLATFORM, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &banks, &done, &most, &needed, &available) == TSS2_RC_SUCCESS);
      REQUIRE(done == TPM2_YES);
      // Off in order, so that it keeps that.
      REQUIRE(Esys_Shutdown(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_SU_CLEAR) == TSS2_RC_SUCCESS);
    });
    soft.power_cycle();
    const auto said = refusal([&] { (void)tpm->quote({}); });
    CHECK(said.starts_with("tpm/failed error: TPM: the machine's TPM has no SHA-256 values of PCR 4, 7 and 11"));
    CHECK(said.find("hint: switch the SHA-256 bank of the TPM on") != std::string::npos);
  }
}

TEST_CASE("Where the kernel has found no TPM there is none") {
  if (!std::filesystem::exists(hsm::tpm_device)) CHECK(hsm::find_tpm() == nullptr);
  else CHECK(hsm::find_tpm() != nullptr);
}

}  // namespace ceremony::testing
