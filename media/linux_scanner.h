// A hand scanner that types as a keyboard does, read from its event node: grabbed, so that no key of it reaches a console, and with a
// keymap of our own (scanner_keys.h).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "media/scanner.h"

namespace ceremony::media {

/// Grabs it; it is released when the scanner goes. `descriptor`: an event node open for reading, which is closed with the scanner, or here where
/// this throws. `grabbed`: whoever opened it has grabbed it. Throws Refused: {not_one} where it has no letters and Enter; {busy}; {gone}.
[[nodiscard]] std::unique_ptr<Scanner> make_linux_scanner(int descriptor, bool grabbed = false);
/// The same of a path, `/dev/input/event3`; {not_one} too where it cannot be opened.
[[nodiscard]] std::unique_ptr<Scanner> open_linux_scanner(const std::filesystem::path& node);

/// The event node of the USB device at a port (`1-2`), by its name in /dev/input; nothing where there is none, or none yet. A device with several
/// has the first one that has letters. `sys` is /sys, or a tree like it in a test.
[[nodiscard]] std::optional<std::string> event_node_at(const std::string& port, const std::filesystem::path& sys = "/sys");

}  // namespace ceremony::media
