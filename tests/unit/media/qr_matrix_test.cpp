#include "media/qr_matrix.h"

#include <qrencode.h>

#include <catch2/catch_test_macros.hpp>
#include <random>

#include "ceremony/ground/refused.h"
#include "tests/unit/media/temp_folder.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

Bytes some_bytes(std::size_t size) {
  std::mt19937 gen(3);
  Bytes out(size);
  for (auto& byte : out) byte = static_cast<std::uint8_t>(gen());
  return out;
}

/// What a terminal shows of the cells, 3 × 6 points a cell, as a picture (PGM).
Bytes picture(const std::vector<std::vector<HalfCell>>& rows) {
  constexpr std::size_t side = 3;
  const std::size_t width = rows.at(0).size() * side;
  Bytes out = as_bytes("P5\n" + std::to_string(width) + " " + std::to_string(rows.size() * 2 * side) + "\n255\n");
  for (const auto& row : rows)
    for (std::size_t y = 0; y < 2 * side; ++y)
      for (const HalfCell& cell : row) out.insert(out.end(), side, (y < side ? cell.top_dark : cell.bottom_dark) ? 0 : 255);
  return out;
}

/// What zbar reads in the pictures, a line each.
std::vector<std::string> seen_by_zbar(const std::vector<Matrix>& codes) {
  const TempFolder folder;
  for (std::size_t i = 0; i < codes.size(); ++i) folder.put(std::to_string(100 + i) + ".pgm", picture(half_blocks(codes[i])));
  const std::string said = folder.says("zbarimg --nodbus --raw -q -Sdisable -Sqrcode.enable *.pgm");
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < said.size();) {
    const auto end = said.find('\n', from);
    lines.push_back(said.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

}  // namespace

TEST_CASE("libqrencode agrees with every capacity: so many characters fit, one more does not") {
  for (int version = 1; version <= highest_version; ++version) {
    for (const Level level : {Level::low, Level::medium}) {
      INFO("version " << version);
      const std::size_t most = capacity(version, level);
      CHECK(matrix(std::string(most, 'A'), version, level).size() == modules(version));
      CHECK(test::fate([&] { (void)matrix(std::string(most + 1, 'A'), version, level); }) == "qr/length");
      // The library itself goes to a higher version, or gives up, with one character more.
      QRinput* input = ::QRinput_new2(version, level == Level::low ? QR_ECLEVEL_L : QR_ECLEVEL_M);
      const std::string more(most + 1, 'A');
      REQUIRE(::QRinput_append(input, QR_MODE_AN, static_cast<int>(more.size()), reinterpret_cast<const unsigned char*>(more.data())) == 0);
      QRcode* code = ::QRcode_encodeInput(input);
      CHECK((code == nullptr || code->version > version));
      ::QRcode_free(code);
      ::QRinput_free(input);
    }
  }
}

TEST_CASE("the largest version that an area holds") {
  struct Known {
    int columns, rows, version;
  };
  for (const Known& each : {Known{80, 20, 3}, {80, 24, 5}, {80, 25, 6}, {128, 44, 15}, {128, 47, 17}, {128, 48, 17}, {29, 15, 1}, {32, 100, 1}, {33, 17, 2}, {500, 500, 40}}) {
    INFO(each.columns << " x " << each.rows);
    const Fit found = fit(each.columns, each.rows);
    CHECK(found.version == each.version);
    CHECK(columns_of(found.version) <= each.columns);
    CHECK(rows_of(found.version) <= each.rows);
  }
  CHECK(fit(80, 20).characters_medium == 61);
  CHECK(fit(80, 20).characters_low == 77);
  CHECK(fit(500, 500).characters_low == longest_frame);
  CHECK(fit(128, 44, 12).version == 12);
  CHECK(test::fate([] { (void)fit(28, 100); }) == "qr/area");
  CHECK(test::fate([] { (void)fit(100, 14); }) == "qr/area");
  CHECK(test::fate([] { (void)fit(-1, -1); }) == "qr/area");
}

TEST_CASE("half blocks are the modules, two a cell, in a light frame of four") {
  for (const int version : {1, 2, 7}) {
    const Matrix code = matrix("KCYZ1", version, Level::medium);
    const auto rows = half_blocks(code);
    REQUIRE(rows.size() == static_cast<std::size_t>(rows_of(version)));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      REQUIRE(rows[row].size() == static_cast<std::size_t>(columns_of(version)));
      for (std::size_t column = 0; column < rows[row].size(); ++column) {
        const int x = static_cast<int>(column) - quiet_zone, y = static_cast<int>(row) * 2 - quiet_zone;
        if (rows[row][column] != HalfCell{code.dark(x, y), code.dark(x, y + 1)}) FAIL_CHECK("cell " << row << ", " << column);
        const bool quiet = x < 0 || x >= code.size() || y < 0 || y >= code.size();
        if (quiet && rows[row][column].top_dark) FAIL_CHECK("dark in the quiet zone");
      }
    }
    // The three finder patterns: corners dark, and their light ring.
    CHECK((code.dark(0, 0) && code.dark(6, 6) && code.dark(code.size() - 1, 0) && code.dark(0, code.size() - 1)));
    CHECK_FALSE((code.dark(1, 1) || code.dark(code.size() - 2, 1)));
  }
}

TEST_CASE("pages: M, or L where it makes fewer codes; one version, and no larger than needed") {
  // 24 bytes are 39 characters: one code at M.
  const Pages small = paginate(PayloadKind::digest, some_bytes(24), 80, 20);
  CHECK((small.level == Level::medium && small.version == 3 && small.frames.size() == 1));
  // A digest is 52 characters: one code at L, two at M.
  const Pages digest = paginate(PayloadKind::digest, some_bytes(32), 80, 20);
  CHECK((digest.level == Level::low && digest.version == 3 && digest.frames.size() == 1));
  // Much room: the code is as small as it can be.
  const Pages roomy = paginate(PayloadKind::digest, some_bytes(32), 128, 44);
  CHECK((roomy.level == Level::medium && roomy.version == 4 && roomy.frames.size() == 1));
  // One at L instead of two at M: L. As many at M as at L: M.
  const Pages saved = paginate(PayloadKind::csr, some_bytes(400), 128, 44);
  CHECK((saved.level == Level::low && saved.frames.size() == 1));
  const Pages even = paginate(PayloadKind::csr, some_bytes(500), 128, 44);
  CHECK((even.level == Level::medium && even.frames.size() == 2));
  // The smallest area has no frame at level M.
  CHECK(paginate(PayloadKind::digest, some_bytes(32), 29, 15).level == Level::low);
  for (std::size_t size = 1; size <= 2200; size += 61) {
    const Pages pages = paginate(PayloadKind::crl, some_bytes(size), 80, 20);
    CHECK((pages.frames.size() <= 64 && pages.matrices.size() == pages.frames.size()));
    for (const Matrix& each : pages.matrices) CHECK(each.size() == modules(pages.version));
    CHECK(half_blocks(pages.matrices[0]).size() <= 20);
  }
}

TEST_CASE("zbar reads the codes of every kind of payload on both screens, byte for byte") {
  struct Sent {
    PayloadKind kind;
    std::size_t size;
  };
  struct Area {
    int columns, rows;
  };
  for (const Area& area : {Area{80, 20}, Area{128, 44}}) {
    for (const Sent& sent : {Sent{PayloadKind::share, 900}, {PayloadKind::checkpoint, 700}, {PayloadKind::proof, 1500}, {PayloadKind::certificate, 600},
                             {PayloadKind::crl, 450}, {PayloadKind::csr, 300}, {PayloadKind::manifest, 2000}, {PayloadKind::digest, 32}}) {
      INFO(text_of(sent.kind) << " at " << area.columns << " x " << area.rows);
      const Bytes payload = some_bytes(sent.size);
      const Pages pages = paginate(sent.kind, payload, area.columns, area.rows);
      const auto seen = seen_by_zbar(pages.matrices);
      CHECK(seen == pages.frames);
      FrameCollector collector(sent.kind);
      for (const std::string& line : seen) (void)collector.take(line);
      REQUIRE(collector.complete());
      CHECK(collector.payload() == payload);
    }
  }
}

TEST_CASE("zbar reads a full code of every version up to 17, at both levels") {
  std::vector<Matrix> codes;
  std::vector<std::string> sent;
  for (int version = 1; version <= 17; ++version) {
    for (const Level level : {Level::low, Level::medium}) {
      const std::size_t most = capacity(version, level);
      const std::size_t data = most < shortest_frame ? 0 : most - frame_overhead;
      if (data == 0) continue;
      sent.push_back(frames(PayloadKind::share, some_bytes(data * 5 / 8), most).at(0));
      codes.push_back(matrix(sent.back(), version, level));
    }
  }
  CHECK(codes.size() == 33);
  CHECK(seen_by_zbar(codes) == sent);
}

}  // namespace ceremony::media
