// `ceremony console`: what people see when no ceremony runs. The dashboard, the pre-flight of one procedure, Begin; then the
// procedure runs as `ceremony run` runs it, and the program ends with it.
// Each look asks about USB devices that came meanwhile and want to be asked about, so a card reader or an HSM that was plugged in is seen.
// Questions: `dashboard` (a procedure's id, "look again" or "leave"), `preflight.<procedure>` (to read), `begin` (yes or no).
#pragma once

#include "ceremony/options.h"
#include "ceremony/program.h"

namespace ceremony {

/// The exit code: that of the ceremony, or 0 where people left without beginning one.
[[nodiscard]] int console_command(const Options& options, const MakeScripted& make_scripted);

}  // namespace ceremony
