// The ceremony as lines of text: one question a line, numbered answers. For serial lines, speech and braille, and for
// people who pipe. Secrets are read with echo off where there is a terminal.
//
// At every question but a secret's a line may also be one of: `<` back, `?` help, `:transcript [text]`, `:state`, `:deviation`,
// `:pause`. Ctrl-C pauses, Ctrl-Z does nothing. Throws what LineInput throws, and back, stop and abort as people choose.
#pragma once

#include <chrono>
#include <memory>

#include "ceremony/operator.h"
#include "media/scanner.h"

namespace ceremony::tui {

/// File descriptors that outlive the operator and are not closed. `idle`: how long nobody may touch a key. The scanner may be null; it
/// outlives the operator too.
[[nodiscard]] std::unique_ptr<Operator> make_plain_operator(int in, int out, std::chrono::seconds idle, media::Scanner* scanner = nullptr);

}  // namespace ceremony::tui
