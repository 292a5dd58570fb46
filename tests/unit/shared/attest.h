// What a TPM signs, written by hand after the structures of the TPM 2.0 Library, Part 2, for a key of software to sign.
#pragma once

#include <initializer_list>

#include "ceremony/ground/bytes.h"

namespace ceremony::testing {

[[nodiscard]] inline Digest digest_of_values(const Digest& pcr4, const Digest& pcr7, const Digest& pcr11) {
  Bytes all;
  for (const Digest& pcr : {pcr4, pcr7, pcr11}) all.insert(all.end(), pcr.value.begin(), pcr.value.end());
  return sha256(all);
}

/// TPMS_ATTEST of a quote over PCR 4, 7 and 11 of SHA-256.
[[nodiscard]] inline Bytes attest(const Digest& nonce, const Digest& values) {
  Bytes out;
  const auto append = [&out](View bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
  append(Bytes{0xff, 'T', 'C', 'G', 0x80, 0x18, 0x00, 0x22, 0x00, 0x0b});  // TPM_GENERATED_VALUE, TPM_ST_ATTEST_QUOTE; the signer's name
  append(sha256("signer").value);
  append(Bytes{0x00, 0x20});  // extraData
  append(nonce.value);
  append(Bytes{0, 0, 0, 0, 0, 0, 0x30, 0x39, 0, 0, 0, 7, 0, 0, 0, 1, 1});      // clock, resetCount, restartCount, safe
  append(Bytes{0x20, 0x24, 0x01, 0x25, 0, 0x12, 0, 0});                        // firmwareVersion
  append(Bytes{0, 0, 0, 1, 0x00, 0x0b, 3, 0x90, 0x08, 0x00, 0x00, 0x20});      // one selection: SHA-256, PCR 4, 7, 11; the digest
  append(values.value);
  return out;
}

}  // namespace ceremony::testing
