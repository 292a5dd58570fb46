// Opens a PKCS#11 module; see token.h for what may be done with it. libp11 loads, starts and finalises the module;
// all work in a session is Cryptoki through the same module's function list. Why not libp11 there, 0.4.13 read and
// run: it keeps a copy of the PIN in ordinary memory while the slot lives (PKCS11_login) and logs a forked child in
// with it; it waits for ever when a session cannot be opened (a token pulled out, a security officer logged in); it
// closes every session of a slot, ours too, when it lets go of one; and its list of keys outlives the keys in it.
#pragma once

#include <memory>
#include <string_view>

#include "hsm/token.h"

namespace ceremony::hsm {

/// `name`: a bare name ("softhsm2", "opensc", "yubihsm", "tpm2"), looked for in the distribution's module folders, or
/// an absolute path. The module is finalised when the Module and every Token and Key made from it are gone; a process
/// may then open it again. A second open of the same module in the meantime is refused with `module_failed`. A token
/// that is not found is looked for once more in the module started anew, where nothing made from it is left: so one
/// that was plugged in later is seen, whatever the module does.
[[nodiscard]] std::unique_ptr<Module> open_pkcs11(std::string_view name);

}  // namespace ceremony::hsm
