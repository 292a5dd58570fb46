// What the machine's TPM 2.0 is asked: random bytes, and a signed statement of what the machine was started from. The interface only: no
// type of a TPM library, so that a test can hold it.
//
// Who may call: self-test, `open`, the pre-flight, `ceremony machine`. Invariants: the attestation key is made anew at each quote from the
// TPM's endorsement seed and one fixed template, so it is the same key every time on the same TPM, and nothing is kept in it. It is
// restricted: it signs what the TPM itself says, and nothing that it is given. What comes back has the form of a quote; that it is a good
// one is for whoever asked to find (ceremony/ledger/quote.h). Never: changes a PCR, stores anything, asks for a password.
// Throws: Refused{TpmRefusal, …} and nothing else.
// Source: TCG, Trusted Platform Module Library, Part 2 (structures) and 3 (commands); UAPI group, "Linux TPM PCR Registry".
#pragma once

#include <cstddef>
#include <string_view>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"

namespace ceremony::hsm {

enum class TpmRefusal {
  failed,     ///< there, and a command failed
  malformed,  ///< there, and what it answered is not what was asked
};
[[nodiscard]] constexpr std::string_view name_of(TpmRefusal code) { return code == TpmRefusal::failed ? "tpm/failed" : "tpm/malformed"; }

/// Of the SHA-256 bank: PCR 4 is the programs that firmware started, 7 Secure Boot and its keys, 11 the parts of the unified kernel image.
struct TpmQuote {
  Bytes spki;       ///< of the attestation key: SubjectPublicKeyInfo, P-256
  Bytes attest;     ///< TPMS_ATTEST, what was signed
  Bytes signature;  ///< ECDSA over SHA-256, in DER
  Digest pcr4{}, pcr7{}, pcr11{};
};

class Tpm {
 public:
  virtual ~Tpm() = default;
  Tpm() = default;
  Tpm(const Tpm&) = delete;
  Tpm& operator=(const Tpm&) = delete;

  /// Exactly that many bytes of the TPM's own random source.
  [[nodiscard]] virtual Bytes random(std::size_t count) = 0;
  /// `nonce` comes back inside `attest`.
  [[nodiscard]] virtual TpmQuote quote(const Digest& nonce) = 0;
};

}  // namespace ceremony::hsm
