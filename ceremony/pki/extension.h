// X.509 v3 extensions, read strictly (RFC 5280 4.2): the parts that certificates, CRLs and CSRs share. Private to
// this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/pki/der.h"

namespace ceremony::pki {

namespace ext {
inline constexpr std::string_view skid = "2.5.29.14", key_usage = "2.5.29.15", san = "2.5.29.17",
                                  basic_constraints = "2.5.29.19", crl_number = "2.5.29.20", reason = "2.5.29.21",
                                  idp = "2.5.29.28", cdp = "2.5.29.31", policies = "2.5.29.32", akid = "2.5.29.35",
                                  eku = "2.5.29.37";
}

struct Extension {
  std::string oid;
  bool critical = false;
  View value;  ///< the OCTET STRING's content
};

/// Takes one Extension off the reader; `critical FALSE`, being the default, must be absent.
[[nodiscard]] Extension read_extension(der::Reader& extensions);
/// RFC 5280's name ("basicConstraints"), or the OID.
[[nodiscard]] std::string extension_name(std::string_view oid);
/// "basicConstraints (CA: TRUE, path length 3)": name and content for people; never throws for bad content.
[[nodiscard]] std::string extension_words(const Extension& extension);

struct BasicConstraints {
  bool ca = false;
  std::optional<std::int64_t> path_length;
};
[[nodiscard]] BasicConstraints read_basic_constraints(View value);
[[nodiscard]] std::vector<std::string> read_key_usage(View value);
[[nodiscard]] std::vector<std::string> read_oids(View value, std::string_view what);
[[nodiscard]] std::vector<std::string> read_policies(View value);
[[nodiscard]] std::vector<std::string> read_distribution_points(View value);
[[nodiscard]] Bytes read_skid(View value);
[[nodiscard]] Bytes read_akid(View value);
/// The names of RFC 5280 4.2.1.3 in bit order.
[[nodiscard]] const std::vector<std::string>& key_usage_names();

// What is written: each gives a whole Extension in DER.
[[nodiscard]] Bytes write_extension(std::string_view oid, bool critical, View value);
[[nodiscard]] Bytes write_akid(View issuer_skid);
[[nodiscard]] Bytes write_key_usage(const std::vector<std::string>& names);

}  // namespace ceremony::pki
