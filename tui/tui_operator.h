// The ceremony as the people at the console see it: full screens on a terminal.
//
// Keys everywhere: F1 ? help, F2 n note a deviation, F3 l transcript, F4 s state of the CA, Esc back (where nothing was recorded
// yet) or pause; the letters only where nothing is typed, there Ctrl-G, Ctrl-N, Ctrl-L and Ctrl-T stand for them. Only the typed word
// ABORT aborts. Ctrl-C pauses, Ctrl-Z and Ctrl-S do nothing. Secrets show nothing, not even their length.
// Throws what Terminal throws, and back, stop and abort as people choose.
#pragma once

#include <memory>

#include "ceremony/operator.h"
#include "tui/terminal.h"

namespace ceremony::tui {

[[nodiscard]] std::unique_ptr<Operator> make_tui_operator(std::unique_ptr<Terminal> terminal);

}  // namespace ceremony::tui
