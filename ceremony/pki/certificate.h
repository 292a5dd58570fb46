// Certificates: built by us from profile and plan, and read back strictly for display and lint. Every certificate is
// v3, with AKID (in a root too), SKID of 20 bytes, critical basicConstraints and keyUsage. Signs nothing.
#pragma once

#include <botan/rng.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"
#include "ceremony/pki/key.h"
#include "ceremony/pki/name.h"
#include "ceremony/pki/profile.h"
#include "ceremony/pki/refusal.h"
#include "ceremony/pki/types.h"

namespace ceremony::pki {

/// 0x01 ‖ 16 bytes of `rng`: positive, 17 octets, 128 random bits.
[[nodiscard]] Serial make_serial(Botan::RandomNumberGenerator& rng);

/// The last second of 3099: no certificate ends later (Botan 3 refuses times after 3100).
[[nodiscard]] Time last_not_after();

/// The last second of `days` days from notBefore (both ends count, RFC 5280 4.1.2.5), at most last_not_after().
[[nodiscard]] Time not_after_for(Time not_before, std::int64_t days);

/// Everything a certificate needs beside its profile. For a root: issuer = subject, issuer_skid = the key's own skid.
struct CertificatePlan {
  const Profile* profile = nullptr;
  Name subject;
  SpkiDer key;
  Name issuer;
  Bytes issuer_skid;
  Serial serial;
  Time not_before;
  Time not_after;
  std::string scheme;  ///< of the issuer's signature
};

/// TBSCertificate. Throws PkiRefusal::plan for a plan that cannot be encoded (empty name, bad serial, times, unknown
/// scheme); whether it conforms to its profile is lint's question.
[[nodiscard]] TbsDer build_tbs(const CertificatePlan& plan);

/// SEQUENCE { tbs, AlgorithmIdentifier, BIT STRING }. Verifies nothing: see verified.h for what may leave.
[[nodiscard]] CertDer assemble_certificate(const TbsDer& tbs, std::string_view scheme, View signature);

struct ExtensionSeen {
  std::string oid;   ///< dotted
  std::string name;  ///< RFC 5280's, or the OID
  bool critical = false;
};

/// A certificate (or a TBSCertificate) as decoded from the very bytes.
struct CertificateView {
  Name subject, issuer;
  Bytes subject_der, issuer_der;
  Serial serial;
  std::string serial_hex;
  Time not_before, not_after;
  PublicKeyInfo key;
  bool is_ca = false;
  std::optional<std::int64_t> path_length;
  std::vector<std::string> key_usage;           ///< RFC 5280 names in bit order
  std::vector<std::string> extended_key_usage;  ///< dotted OIDs
  std::vector<std::string> policies;            ///< dotted OIDs
  std::vector<std::string> crl_distribution_points;
  Bytes skid, akid;                       ///< empty where absent
  std::vector<ExtensionSeen> extensions;  ///< in order
  std::string scheme;
  bool self_issued = false;  ///< subject and issuer are the same bytes
  Bytes tbs;                 ///< the signed bytes
  Bytes signature;           ///< empty where a TBS was read
  Digest digest;             ///< SHA-256 of what was read
};

/// The whole input is one v3 certificate in strict DER, inner and outer algorithm equal, no extension twice. An
/// extension unknown here is listed, not refused (lint does). Throws PkiRefusal::certificate, der, key, weak_key,
/// name, scheme.
[[nodiscard]] CertificateView read_certificate(View der);
[[nodiscard]] CertificateView read_tbs(View tbs);

/// Several lines for people, `label: value`, without a final LF.
[[nodiscard]] std::string describe(const CertificateView& certificate);

/// Names for the OIDs we know ("serverAuth"), else the OID itself; and back.
[[nodiscard]] std::string extended_key_usage_name(std::string_view oid);
[[nodiscard]] std::optional<std::string> extended_key_usage_oid(std::string_view name_or_oid);

}  // namespace ceremony::pki
