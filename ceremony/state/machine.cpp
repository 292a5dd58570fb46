#include "ceremony/state/machine.h"

#include <algorithm>

namespace ceremony::state {

std::vector<std::string> not_admitted(const ledger::Quote& quote, const policy::Policy& policy, std::span<const AdmittedImage> admitted, const Started& started) {
  std::vector<std::string> out;
  if (!policy.tpm) return out;
  const policy::Tpm& expected = *policy.tpm;
  const Digest key = sha256(quote.key);
  if (!std::ranges::contains(expected.keys, key)) out.push_back("policy does not enrol the attestation key " + hex(key));
  std::string wanted;  // by governance, of the image that it was started from
  bool as_admitted = false;
  for (const AdmittedImage& image : admitted) {
    if (started.manifest != image.manifest || started.uki != image.uki || !image.pcr4 || !image.pcr11) continue;
    as_admitted |= quote.pcr4 == *image.pcr4 && quote.pcr11 == *image.pcr11;
    wanted += ", and the image " + image.version + " was admitted with PCR 4 " + hex(*image.pcr4) + " and PCR 11 " + hex(*image.pcr11);
  }
  const auto look = [&](std::string_view name, const Digest& value, const std::vector<Digest>& list, bool otherwise, const std::string& more) {
    if (!otherwise && !std::ranges::contains(list, value)) out.push_back("policy does not expect " + std::string(name) + " to be " + hex(value) + more);
  };
  look("PCR 4", quote.pcr4, expected.pcr4, as_admitted, wanted);
  look("PCR 7", quote.pcr7, expected.pcr7, false, "");
  look("PCR 11", quote.pcr11, expected.pcr11, as_admitted, wanted);
  return out;
}

}  // namespace ceremony::state
