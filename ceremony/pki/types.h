// DER byte strings of different meaning as different types, so that a CSR is not passed where a certificate is meant.
// A type says what the bytes are meant to be; that they are is said by the function that reads them.
#pragma once

#include <compare>
#include <string>

#include "ceremony/ground/bytes.h"

namespace ceremony::pki {

template <typename Tag>
struct Der {
  Bytes value;
  [[nodiscard]] View view() const { return value; }
  auto operator<=>(const Der&) const = default;
};
using CertDer = Der<struct CertTag>;  ///< Certificate, RFC 5280 4.1
using CrlDer = Der<struct CrlTag>;    ///< CertificateList, RFC 5280 5.1
using TbsDer = Der<struct TbsTag>;    ///< TBSCertificate or TBSCertList: the bytes that are signed
using CsrDer = Der<struct CsrTag>;    ///< CertificationRequest, RFC 2986
using SpkiDer = Der<struct SpkiTag>;  ///< SubjectPublicKeyInfo, RFC 5280 4.1.2.7

/// A certificate's serial number: the content octets of the INTEGER, so positive, minimal, at most 20 octets.
struct Serial {
  Bytes value;
  auto operator<=>(const Serial&) const = default;
};
[[nodiscard]] inline std::string hex(const Serial& serial) { return ceremony::hex(serial.value); }
using ceremony::hex;

}  // namespace ceremony::pki
