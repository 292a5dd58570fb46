// age files: header, armor, payload, under a fixed identity and a fixed passphrase with a small work factor.
#include "ceremony/ground/refused.h"
#include "ceremony/shares/age.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  static const auto identity =
      shares::AgeIdentity::parse("AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0");
  static const Passphrase passphrase(as_view("password"));
  const View file(data, size);
  try {
    (void)shares::age_decrypt_identity(file, {&identity, 1});
  } catch (const Refused&) {
  }
  try {
    (void)shares::age_decrypt_passphrase(file, passphrase, 4);
  } catch (const Refused&) {
  }
  return 0;
}
