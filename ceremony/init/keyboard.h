// The console as people need it before the program begins: which keyboard it is, and how large its characters are.
// Called by ceremony-init only, on the terminal that Screen took; needs CAP_SYS_TTY_CONFIG.
#pragma once

#include <string>
#include <string_view>

#include "ceremony/ground/env.h"
#include "ceremony/init/screen.h"

namespace ceremony::init {

/// Characters of 16×32 on a screen of 4K and more, else of 8×16, whatever the kernel chose.
void set_usual_font();

/// Asks which keyboard it is until what people type comes out right. Begins with the keys of a US keyboard, so that the digits are where
/// they are printed. `title` stands above.
void ask_keyboard(Env& env, Screen& screen, std::string_view title);

}  // namespace ceremony::init
