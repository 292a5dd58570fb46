// Why this folder says no. One code a layer, so that a test can assert which layer refused.
#pragma once

#include <string_view>

#include "ceremony/ground/refused.h"

namespace ceremony::pki {

enum class PkiRefusal {
  pem,
  der,
  name,
  profile,
  key,
  weak_key,
  csr,
  csr_signature,
  certificate,
  crl,
  plan,
  scheme,
  signature,
  lint
};
[[nodiscard]] constexpr std::string_view name_of(PkiRefusal code) {
  switch (code) {
    case PkiRefusal::pem:
      return "pki/pem";
    case PkiRefusal::der:
      return "pki/der";
    case PkiRefusal::name:
      return "pki/name";
    case PkiRefusal::profile:
      return "pki/profile";
    case PkiRefusal::key:
      return "pki/key";
    case PkiRefusal::weak_key:
      return "pki/weak-key";
    case PkiRefusal::csr:
      return "pki/csr";
    case PkiRefusal::csr_signature:
      return "pki/csr-signature";
    case PkiRefusal::certificate:
      return "pki/certificate";
    case PkiRefusal::crl:
      return "pki/crl";
    case PkiRefusal::plan:
      return "pki/plan";
    case PkiRefusal::scheme:
      return "pki/scheme";
    case PkiRefusal::signature:
      return "pki/signature";
    case PkiRefusal::lint:
      return "pki/lint";
  }
  return "pki/?";
}

}  // namespace ceremony::pki
