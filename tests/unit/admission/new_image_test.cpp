// What governance approves of a new boot image, and what people type and read of it.
#include "ceremony/actions/new_image.h"

#include <catch2/catch_test_macros.hpp>

#include "ceremony/ground/refused.h"

namespace ceremony::actions {
namespace {

const Digest manifest = sha256("manifest"), uki = sha256("kernel image"), pcr4 = sha256("pcr 4"), pcr11 = sha256("pcr 11");
const NewImage unmeasured{{manifest, "0.2.0", "production", "0123abcd", {{"ceremony.efi", uki}}}, uki};

NewImage measured(const Digest& four = pcr4, const Digest& eleven = pcr11) {
  auto out = unmeasured;
  out.pcr4 = four, out.pcr11 = eleven;
  return out;
}

state::AdmittedImage admitted(const NewImage& image) { return {image.files.manifest, image.uki, image.files.version, "before", 7, image.pcr4, image.pcr11}; }

std::string said(const std::string& typed) {
  try {
    return hex(digest_typed(typed, "value of PCR 4", "adm1", "type what stands on the paper"));
  } catch (const Refused& refusal) {
    return refusal.findings().front().what + " / " + refusal.findings().front().hint;
  }
}

}  // namespace

TEST_CASE("what is approved of an image has what a TPM will say of it, where that is asked for", "[admission]") {
  CHECK(act_of(unmeasured) == ledger::Act{{"manifest", hex(manifest)}, {"medium-hash", hex(uki)}, {"uki", hex(uki)}, {"version", "0.2.0"}});
  CHECK(act_of(measured()) == ledger::Act{{"manifest", hex(manifest)}, {"medium-hash", hex(uki)}, {"pcr11", hex(pcr11)}, {"pcr4", hex(pcr4)}, {"uki", hex(uki)}, {"version", "0.2.0"}});
}

TEST_CASE("who approves an image reads each digest of it", "[admission]") {
  const auto shown = described(measured());
  for (const auto& digest : {manifest, uki, pcr4, pcr11}) CHECK(shown.find(hex(digest)) != std::string::npos);
  CHECK(shown.find("PCR 4 of a machine that was started from it\n" + hex(pcr4)) != std::string::npos);
  CHECK(shown.find("PCR 11 of a machine that was started from it\n" + hex(pcr11)) != std::string::npos);
  CHECK(described(unmeasured).find("PCR") == std::string::npos);
}

TEST_CASE("a value that is typed is 64 characters, and whoever types something else reads what is wrong", "[admission]") {
  const auto digits = hex(pcr4);
  CHECK(said(digits) == digits);
  CHECK(said(digits.substr(0, 32) + "  " + digits.substr(32) + " ") == digits);
  CHECK(said("12 34") == "\"1234\" is no value of PCR 4: it has 64 characters of 0-9 and a-f, and what was typed has 4 / type what stands on the paper");
  CHECK(said("").starts_with("\"\" is no value of PCR 4"));
  CHECK(said(digits + "0").find("what was typed has 65") != std::string::npos);
  CHECK(said(std::string(63, 'a') + "g").find("is no value of PCR 4") != std::string::npos);
}

TEST_CASE("an image is admitted once, and again only with other values of the TPM", "[admission]") {
  policy::Policy policy;
  CHECK_FALSE(is_admitted(unmeasured, policy, {}));
  CHECK(is_admitted(unmeasured, policy, std::vector{admitted(unmeasured)}));
  policy.images = policy::Images{{manifest}, {uki}};
  CHECK(is_admitted(unmeasured, policy, {}));
  policy.tpm = policy::Tpm{{sha256("key")}, {pcr4}, {sha256("pcr 7")}, {pcr11}};
  CHECK(is_admitted(measured(), policy, {}));
  const auto elsewhere = measured(sha256("other firmware"));
  CHECK_FALSE(is_admitted(elsewhere, policy, {}));
  CHECK_FALSE(is_admitted(elsewhere, policy, std::vector{admitted(measured())}));
  CHECK(is_admitted(elsewhere, policy, std::vector{admitted(measured()), admitted(elsewhere)}));
  policy.images.reset();
  CHECK_FALSE(is_admitted(measured(), policy, {}));
  CHECK_FALSE(is_admitted(measured(pcr4, sha256("mistyped")), policy, std::vector{admitted(elsewhere)}));
}

}  // namespace ceremony::actions
