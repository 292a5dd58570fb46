// QR codes as the whole screen shows them, read back with zbar off a picture of that screen.
#include <catch2/catch_test_macros.hpp>

#include "ceremony/actions/codes.h"
#include "media/qr_frames.h"
#include "tests/unit/media/temp_folder.h"
#include "tests/unit/tui/fakes.h"
#include "tui/view.h"

namespace ceremony::tui::testing {
namespace {

/// Every character of the screen as 4 × 8 points: half blocks on paper as they are, everything else as a terminal's light text on dark.
std::string picture(const Grid& grid) {
  std::string out = "P5\n" + std::to_string(grid.cols() * 4) + " " + std::to_string(grid.rows() * 8) + "\n255\n";
  for (int py = 0; py < grid.rows() * 8; ++py)
    for (int px = 0; px < grid.cols() * 4; ++px) {
      const auto cell = grid.at(px / 4, py / 8);
      const bool upper = py % 8 < 4;
      const bool inked = cell.c == U'\u2588' || (cell.c == U'\u2580' && upper) || (cell.c == U'\u2584' && !upper);
      const bool stroke = cell.c != U' ' && px % 4 == 1 && py % 8 > 1;
      const bool light = (cell.attr & paper) != 0 ? !inked : (cell.attr & reverse) != 0 ? !stroke : stroke;
      out += static_cast<char>(light ? 255 : 0);
    }
  return out;
}

Bytes payload_of(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 37 + i / 7);
  return out;
}

/// Shows the payload, looks at every code of it, and collects what zbar reads off the screens.
Bytes off_the_screen(media::PayloadKind kind, const Bytes& payload, int cols, int rows) {
  std::size_t count = 0;
  {
    const auto code = actions::qr_code("payload", kind, payload);
    const auto [columns, lines] = room_for_code(cols, rows);
    count = code.pictures(columns, lines).size();
  }
  std::string typed = "q";
  for (std::size_t i = 1; i < count; ++i) typed += "<right>";
  Stage stage(typed + "<esc><enter>", cols, rows);
  stage.op->show({"exported.public", "administrator", "It is on the medium."}, Page{"", digest_words(), {actions::qr_code("payload", kind, payload)}});
  const TempFolder folder;
  std::size_t pictures = 0;
  for (const auto& grid : stage.record.drawn) {
    if (grid.text().find("KCYZ1") == std::string::npos) continue;
    folder.put(std::to_string(100 + pictures++) + ".pgm", as_view(picture(grid)));
  }
  CHECK(pictures == count);
  media::FrameCollector collector(kind);
  const std::string said = folder.says("zbarimg --nodbus --raw -q -Sdisable -Sqrcode.enable *.pgm");
  for (std::size_t from = 0; from < said.size();) {
    const auto end = said.find('\n', from);
    (void)collector.take(said.substr(from, end - from));
    from = end + 1;
  }
  REQUIRE(collector.complete());
  return collector.payload();
}

TEST_CASE("zbar reads every kind of payload off the screen at 80x24 and at 128x48, byte for byte") {
  struct Sent {
    media::PayloadKind kind;
    std::size_t size;
  };
  for (const auto& sent : {Sent{media::PayloadKind::share, 300}, Sent{media::PayloadKind::checkpoint, 1500}, Sent{media::PayloadKind::proof, 900}, Sent{media::PayloadKind::certificate, 620},
                           Sent{media::PayloadKind::crl, 330}, Sent{media::PayloadKind::csr, 400}, Sent{media::PayloadKind::manifest, 1100}, Sent{media::PayloadKind::digest, 32}}) {
    const auto payload = payload_of(sent.size);
    for (const auto& [cols, rows] : {std::pair{80, 24}, std::pair{128, 48}}) {
      INFO(media::text_of(sent.kind) << " at " << cols << "x" << rows);
      CHECK(off_the_screen(sent.kind, payload, cols, rows) == payload);
    }
  }
}

TEST_CASE("what is too long for the screen says so in place of codes") {
  Stage stage("q<enter><enter>", 80, 24);
  stage.op->show({"exported.public", "administrator", "It is on the medium."}, Page{"", {}, {actions::qr_code("everything", media::PayloadKind::manifest, payload_of(50000))}});
  bool said = false;
  for (const auto& grid : stage.record.drawn) said = said || grid.text().find("everything: ") != std::string::npos;
  CHECK(said);
}

}  // namespace
}  // namespace ceremony::tui::testing
