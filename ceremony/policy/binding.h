// The binding file (hsm.toml): which HSM this appliance talks to, apart from the reviewed policy, because the same policy
// is used with a module's next version and a rehearsal's tokens. Its digest is in `open`. It holds no PIN and no secret,
// and it cannot admit a token that the policy does not. Format: FORMAT.md beside this file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"
#include "ceremony/toml/reader.h"

namespace ceremony::policy {

/// How a derived PIN is spelled for this HSM: 32 base32 characters (A-Z2-7, 160 bits), or 16 hex digits (lower case, 64 bits).
enum class PinForm { base32_32, hex_16 };
[[nodiscard]] std::string_view name_of(PinForm form);  ///< "base32-32", "hex-16"

/// One token. With a serial it is that device and no other. Without one it is found by its label once it is initialised,
/// and before that it is the one blank slot (two blank slots are refused by whoever looks).
struct TokenBinding {
  std::string label;  ///< 1 to 32 printable ASCII characters, no space at either end
  std::optional<std::string> serial;
  bool blank = false;  ///< restore token only: it must be blank when the ceremony begins (and is erased when it ends)
};

struct Binding {
  Digest digest;       ///< SHA-256 of the file's exact bytes
  std::string module;  ///< bare name of the PKCS#11 module ("softhsm2"), as hsm::open_pkcs11 knows it; never a path
  PinForm pin_form = PinForm::base32_32;
  TokenBinding token;
  std::optional<TokenBinding> restore_token;  ///< a ceremony that proves a restore asks for it
};

/// Throws Refused{TomlRefusal::syntax} or Refused{TomlRefusal::mistakes} with every mistake of the file at once.
[[nodiscard]] Binding read_binding(std::string file_name, std::string_view text);

}  // namespace ceremony::policy
