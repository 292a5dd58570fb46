// What a machine's TPM 2.0 says of how the machine was started, as an artifact of the ledger: the attestation key, the bytes that it signed,
// the signature, and the values of the platform configuration registers (PCRs) that those bytes hold a digest of. Reading and judging
// only, with no TPM: the verifier does it years later, on any machine.
//
// Source of the bytes: TCG, Trusted Platform Module Library, Part 2: Structures, 10.12.12 (TPMS_ATTEST), 10.12.1 (TPMS_QUOTE_INFO).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ledger/refusal.h"

namespace ceremony::ledger {

/// The PCRs of the SHA-256 bank that a quote is over: 4, what firmware started; 7, Secure Boot and its keys; 11, the parts of the unified
/// kernel image.
struct Quote {
  Bytes key;        ///< SubjectPublicKeyInfo of the attestation key, P-256
  Bytes attest;     ///< TPMS_ATTEST
  Bytes signature;  ///< ECDSA over SHA-256 of `attest`, in DER
  Digest pcr4{}, pcr7{}, pcr11{};
  bool operator==(const Quote&) const = default;
};

/// Of a TPMS_ATTEST what is compared.
struct Attested {
  Digest nonce;   ///< extraData
  Digest values;  ///< pcrDigest: SHA-256 over the values of PCR 4, 7 and 11
  bool operator==(const Attested&) const = default;
};
/// Nothing unless it is, to the last byte, a TPM's statement of a quote over just these three PCRs with 32 bytes of nonce.
[[nodiscard]] std::optional<Attested> read_attest(View bytes);

/// `ceremony-quote/v1`, six lines. Throws LedgerRefusal::text unless parse_quote would take it.
[[nodiscard]] std::string quote_artifact(const Quote& quote);
/// Throws LedgerRefusal::text for whatever quote_artifact does not write.
[[nodiscard]] Quote parse_quote(std::string_view text, std::string_view where);

/// What is wrong with it, a sentence each: the signature, the nonce, the digest of the values. Empty if it is good and fresh.
[[nodiscard]] std::vector<std::string> faults_of(const Quote& quote, const Digest& nonce);

}  // namespace ceremony::ledger
