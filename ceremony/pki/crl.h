// CRLs, v2, whole (no deltas, no indirect ones): built by us and read back strictly. Signs nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"
#include "ceremony/pki/certificate.h"
#include "ceremony/pki/name.h"
#include "ceremony/pki/refusal.h"
#include "ceremony/pki/types.h"

namespace ceremony::pki {

/// RFC 5280 5.3.1; 7 is not used. `unspecified`, `certificateHold` and `removeFromCRL` can be read, never issued.
enum class Reason : std::uint8_t {
  unspecified = 0,
  keyCompromise = 1,
  cACompromise = 2,
  affiliationChanged = 3,
  superseded = 4,
  cessationOfOperation = 5,
  certificateHold = 6,
  removeFromCRL = 8,
  privilegeWithdrawn = 9,
  aACompromise = 10
};
[[nodiscard]] std::string_view text(Reason reason);  ///< RFC 5280's name
[[nodiscard]] std::optional<Reason> reason_from_text(std::string_view text);

struct CrlEntry {
  Serial serial;
  Time date;
  std::optional<Reason> reason;
  auto operator<=>(const CrlEntry&) const = default;
};

struct CrlPlan {
  Name issuer;
  Bytes issuer_skid;
  std::uint64_t number = 0;  ///< 1 … 2^63-1
  Time this_update;
  Time next_update;
  std::vector<CrlEntry> entries;  ///< written in this order
  bool idp_only_ca = false;
  std::string scheme;
};

/// TBSCertList. Throws PkiRefusal::plan for what cannot be encoded; the rest is lint's question.
[[nodiscard]] TbsDer build_crl_tbs(const CrlPlan& plan);
[[nodiscard]] CrlDer assemble_crl(const TbsDer& tbs, std::string_view scheme, View signature);

struct CrlView {
  Name issuer;
  Bytes issuer_der;
  std::optional<std::uint64_t> number;
  Time this_update;
  std::optional<Time> next_update;
  std::vector<CrlEntry> entries;
  Bytes akid;  ///< empty where absent
  bool idp_only_ca = false;
  std::vector<ExtensionSeen> extensions;
  std::vector<std::string> odd_entry_extensions;  ///< OIDs of entry extensions other than reasonCode
  std::string scheme;
  Bytes tbs;
  Bytes signature;  ///< empty where a TBS was read
  Digest digest;
};

/// The whole input is one v2 CRL in strict DER. Throws PkiRefusal::crl, der, name, scheme.
[[nodiscard]] CrlView read_crl(View der);
[[nodiscard]] CrlView read_crl_tbs(View tbs);
[[nodiscard]] std::string describe(const CrlView& crl);

}  // namespace ceremony::pki
