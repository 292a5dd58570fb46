// PEM, the strict form of RFC 7468: one label, lines of 64, canonical base64, LF (CRLF and one missing final LF are
// read).
#pragma once

#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"
#include "ceremony/pki/refusal.h"

namespace ceremony::pki {

/// "-----BEGIN <label>-----" … with LF line ends and a final LF.
[[nodiscard]] std::string pem(std::string_view label, View der);
/// The single PEM block that is the whole text, with exactly that label. Throws PkiRefusal::pem: other label, text
/// before or after, a second block, headers, stray characters, non-canonical base64.
[[nodiscard]] Bytes unpem(std::string_view label, std::string_view text);
/// Whether it begins as PEM does; DER otherwise.
[[nodiscard]] bool looks_like_pem(View bytes);
/// The body of a PEM block, or the bytes themselves.
[[nodiscard]] Bytes der_of(std::string_view label, View pem_or_der);

}  // namespace ceremony::pki
