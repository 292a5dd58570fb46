// Both procedures from beginning to end by hand, on every kind of terminal and over pipes; and nothing that was shown to
// everybody is a secret.
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <set>

#include "media/qr_frames.h"
#include "room.h"

namespace {

using tty::Room;
using tty::Size;

/// Every code of what was exported, as this terminal shows it, read by zbar: it is the files on the medium, byte for byte.
void codes_come_back(Room& room, tty::ScreenFace& face) {
  const auto shows_code = [&] { return face.shows("in any order"); };
  face.screen.press_and_see("q");
  std::map<std::string, std::string> pictures;  // by the frame that stands beside the code
  for (int kind = 0; kind < 4; ++kind) {
    while (true) {
      face.screen.wait("a code", shows_code);
      pictures.try_emplace(std::to_string(100 + pictures.size()), face.screen.picture());
      const auto text = face.last();
      const auto at = text.find("Code ");
      const auto number = std::stoi(text.substr(at + 5)), of = std::stoi(text.substr(text.find(" of ", at) + 4));
      if (number == of) break;
      face.right();
    }
    face.screen.press_and_see("\t");
  }
  face.screen.press_and_see("\x1b");
  REQUIRE(face.question() == "exported.factory-a");
  std::map<std::string, ceremony::media::FrameCollector> payloads;  // by type and set
  for (const auto& frame : room.read_codes(pictures)) {
    const auto kind = frame.at(5) == 'C' ? ceremony::media::PayloadKind::certificate : frame.at(5) == 'R' ? ceremony::media::PayloadKind::crl : ceremony::media::PayloadKind::manifest;
    (void)payloads.try_emplace(frame.substr(5, 9), kind).first->second.take(frame);
  }
  std::set<std::string> seen, wanted;
  for (const auto& [set, payload] : payloads) {
    REQUIRE(payload.complete());
    seen.insert(std::string(payload.payload().begin(), payload.payload().end()));
  }
  for (const auto& file : room.files("factory-a", {".der", ".crl", "MANIFEST"})) wanted.insert(file);
  CHECK(wanted.size() == 4);
  CHECK(seen == wanted);
}

void both(const Size& size, const std::string& term) {
  Room room;
  std::string received, alone;
  for (const auto* procedure : {"root-genesis", "issue-intermediates"}) {
    if (procedure == std::string("issue-intermediates")) room.request("a.csr");
    const auto face = room.screens(procedure, size, term);
    if (procedure == std::string("issue-intermediates")) {
      room.until(*face, "exported.factory-a");
      codes_come_back(room, *face);
    }
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

TEST_CASE("both procedures by hand at 128x48 on a Linux console", "[whole-more]") { both({128, 48}, "linux"); }
TEST_CASE("both procedures by hand at 80x24 in an xterm", "[whole-more]") { both({80, 24}, "xterm-256color"); }
TEST_CASE("both procedures by hand at 128x48 on a vt100", "[whole-more]") { both({128, 48}, "vt100"); }

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
