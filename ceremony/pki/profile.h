// Certificate profiles: the reviewed file that says what a certificate is. Everything in a certificate comes from its
// profile, its plan and the public key; nothing from what a CSR wishes. Format: ceremony/pki/PROFILE.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"
#include "ceremony/pki/name.h"
#include "ceremony/pki/refusal.h"

namespace ceremony::pki {

enum class ProfileKind { root, issuing };
[[nodiscard]] std::string_view text(ProfileKind kind);

/// What the CRLs of a CA of this profile are like.
struct CrlRules {
  std::int64_t max_days = 0;  ///< nextUpdate at most this long after thisUpdate
  bool only_contains_ca_certs =
      false;  ///< critical IssuingDistributionPoint with onlyContainsCACerts (RFC 5280 5.2.5)
};

struct Profile {
  std::string id;     ///< [a-z0-9.-]{1,40}
  std::string title;  ///< for people
  ProfileKind kind = ProfileKind::root;
  Digest digest;  ///< SHA-256 of the file's text

  std::vector<std::string> key_algorithms;     ///< of p256 p384 rsa3072 rsa4096
  std::vector<std::string> signature_schemes;  ///< what may be on it; names of agreement.h

  std::int64_t max_days = 0;  ///< notAfter - notBefore at most; max_years counts 365.25 days a year, rounded up

  std::vector<std::string> subject_allowed;   ///< attribute types a subject may have
  std::vector<std::string> subject_required;  ///< ⊆ allowed
  std::vector<std::string> subject_from_csr;  ///< ⊆ allowed, disjoint from fixed: taken from the CSR
  std::vector<Attribute> subject_fixed;       ///< in the order of the file: always these, whatever the CSR says

  std::optional<std::int64_t> path_length;
  std::vector<std::string> key_usage;  ///< RFC 5280 names: keyCertSign, cRLSign, digitalSignature
  std::vector<std::string>
      extended_key_usage;             ///< dotted OIDs; names (serverAuth, …) are turned into OIDs on reading
  std::vector<std::string> policies;  ///< dotted OIDs
  std::vector<std::string> crl_distribution_points;  ///< http URLs, one DistributionPoint each
  std::size_t max_bytes = 0;                         ///< of the whole certificate's DER; 0 is no limit
  bool matter = false;                               ///< VID and PID rules of the Matter specification apply

  CrlRules crl;
  std::vector<std::string> zlint_sources;  ///< for zlint -includeSources
};

/// Strict; every mistake at once, each with file:line:column. Throws toml_file::TomlRefusal.
[[nodiscard]] Profile read_profile(std::string file_name, std::string_view text);

/// Whether an algorithm ("p384") or scheme may be used under it.
[[nodiscard]] bool allows_key(const Profile& profile, std::string_view algorithm);
[[nodiscard]] bool allows_scheme(const Profile& profile, std::string_view scheme);
/// What keeps `subject` from being one of this profile (allowed, required, fixed fields), in words; empty is fine.
[[nodiscard]] std::vector<std::string> mistakes_in_subject(const Profile& profile, const Name& subject);

}  // namespace ceremony::pki
