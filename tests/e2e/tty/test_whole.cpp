// Both procedures from beginning to end by hand, on every kind of terminal and over pipes; and nothing that was shown to
// everybody is a secret.
#include <catch2/catch_test_macros.hpp>

#include "room.h"

namespace {

using tty::Room;
using tty::Size;

void both(const Size& size, const std::string& term) {
  Room room;
  std::string received, alone;
  for (const auto* procedure : {"root-genesis", "issue-intermediates"}) {
    if (procedure == std::string("issue-intermediates")) room.request("a.csr");
    const auto face = room.screens(procedure, size, term);
    room.completes(*face);
    CHECK(face->screen.modes_are_as_before());
    received += face->received();
    alone += face->received_alone();
  }
  room.keeps_secrets(received, alone);
}

}  // namespace

TEST_CASE("both procedures by hand at 80x24 on a Linux console", "[whole]") { both({80, 24}, "linux"); }
TEST_CASE("both procedures by hand at 128x48 in an xterm", "[whole]") { both({128, 48}, "xterm-256color"); }
TEST_CASE("both procedures by hand at 80x24 on a vt100", "[whole]") { both({80, 24}, "vt100"); }

TEST_CASE("both procedures by hand in plain lines over pipes", "[whole]") {
  Room room;
  std::string received, alone;
  for (const auto* procedure : {"root-genesis", "issue-intermediates"}) {
    if (procedure == std::string("issue-intermediates")) room.request("a.csr");
    const auto face = room.lines(procedure);
    room.completes(*face);
    received += face->received();
    alone += face->received_alone();
  }
  room.keeps_secrets(received, alone);
}
