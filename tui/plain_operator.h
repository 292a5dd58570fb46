// The ceremony as lines of text: one question a line, numbered answers. For serial lines, speech and braille, and for
// people who pipe. Secrets are read with echo off where there is a terminal.
#pragma once

#include <cstdio>
#include <memory>

#include "ceremony/operator.h"

namespace ceremony::tui {

/// `in` and `out` must outlive the operator and are not closed.
[[nodiscard]] std::unique_ptr<Operator> make_plain_operator(std::FILE* in, std::FILE* out);

}  // namespace ceremony::tui
