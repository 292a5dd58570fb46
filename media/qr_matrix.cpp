#include "media/qr_matrix.h"

#include <qrencode.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>
#include <utility>

#include "ceremony/ground/refused.h"
#include "media/files.h"

namespace ceremony::media {
namespace {

using Capacities = std::array<std::uint16_t, highest_version>;
// ISO/IEC 18004 table 7, alphanumeric, versions 1 to 40. libqrencode does not tell; a test asks it about each.
constexpr Capacities capacity_low{25,   47,   77,   114,  154,  195,  224,  279,  335,  395,  468,  535,  619,  667,
                                  758,  854,  938,  1046, 1153, 1249, 1352, 1460, 1588, 1704, 1853, 1990, 2132, 2223,
                                  2369, 2520, 2677, 2840, 3009, 3183, 3351, 3537, 3729, 3927, 4087, 4296};
constexpr Capacities capacity_medium{20,   38,   61,   90,   122,  154,  178,  221,  262,  311,  366,  419,  483,  528,
                                     600,  656,  734,  816,  909,  970,  1035, 1134, 1248, 1326, 1451, 1542, 1637, 1732,
                                     1839, 1994, 2113, 2238, 2369, 2506, 2632, 2780, 2894, 3054, 3220, 3391};

constexpr std::string_view alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

struct FreeInput {
  void operator()(QRinput* input) const { ::QRinput_free(input); }
};
struct FreeCode {
  void operator()(QRcode* code) const { ::QRcode_free(code); }
};

/// Frames at the level whose frames are so long; nothing where none are.
std::size_t count_at(View payload, std::size_t characters) {
  return characters < shortest_frame ? most_frames + 1 : frame_count(payload, characters);
}

}  // namespace

std::size_t capacity(int version, Level level) {
  assert(version >= 1 && version <= highest_version);
  return (level == Level::low ? capacity_low : capacity_medium).at(static_cast<std::size_t>(version) - 1);
}

Matrix matrix(std::string_view frame, int version, Level level) {
  if (frame.empty() || frame.size() > capacity(version, level))
    throw Refused(QrRefusal::length, "a QR code of version " + std::to_string(version) + " holds 1 to " + std::to_string(capacity(version, level)) + " characters, not " +
                  std::to_string(frame.size()), "", "make shorter frames, or use a larger window or screen");
  if (const auto at = frame.find_first_not_of(alphanumeric); at != std::string_view::npos)
    throw Refused(QrRefusal::character, "character " + std::to_string(at + 1) + " is " + shown(frame.substr(at, 1)) + ", and alphanumeric mode has it not", "",
                  "show only frames of the format");
  const std::unique_ptr<QRinput, FreeInput> input(::QRinput_new2(version, level == Level::low ? QR_ECLEVEL_L : QR_ECLEVEL_M));
  const auto* bytes = reinterpret_cast<const unsigned char*>(frame.data());
  const bool taken = input && ::QRinput_append(input.get(), QR_MODE_AN, static_cast<int>(frame.size()), bytes) == 0;
  const std::unique_ptr<QRcode, FreeCode> code(taken ? ::QRcode_encodeInput(input.get()) : nullptr);
  // The library would silently take a higher version where this one does not hold the frame.
  if (!code || code->version != version || code->width != modules(version))
    throw Refused(QrRefusal::failed, "no QR code of version " + std::to_string(version) + " could be made of " + std::to_string(frame.size()) + " characters", "",
                  "use a medium, and report this");
  std::vector<bool> dark;
  const auto size = static_cast<std::size_t>(code->width);
  dark.reserve(size * size);
  for (std::size_t i = 0; i < size * size; ++i) dark.push_back((code->data[i] & 1U) != 0);
  return {code->width, std::move(dark)};
}

std::vector<std::vector<HalfCell>> half_blocks(const Matrix& matrix) {
  const int end = matrix.size() + quiet_zone;
  std::vector<std::vector<HalfCell>> out;
  for (int y = -quiet_zone; y < end; y += 2) {
    auto& row = out.emplace_back();
    for (int x = -quiet_zone; x < end; ++x) row.push_back({matrix.dark(x, y), matrix.dark(x, y + 1)});
  }
  return out;
}

Fit fit(int columns, int rows, int highest) {
  int version = std::min(highest, highest_version);
  while (version > 0 && (columns_of(version) > columns || rows_of(version) > rows)) --version;
  if (version < 1)
    throw Refused(QrRefusal::area, "an area of " + std::to_string(columns) + " columns and " + std::to_string(rows) + " rows holds no QR code; the smallest needs " +
                  std::to_string(columns_of(1)) + " and " + std::to_string(rows_of(1)), "", "use a larger window or screen, or read the words and the hex digits");
  static_assert(capacity_low[0] >= shortest_frame);
  return {version, std::min(capacity(version, Level::medium), longest_frame), std::min(capacity(version, Level::low), longest_frame)};
}

Pages paginate(PayloadKind kind, View payload, int columns, int rows, int highest) {
  const Fit area = fit(columns, rows, highest);
  const bool low = count_at(payload, area.characters_low) < count_at(payload, area.characters_medium);
  Pages out{area.version, low ? Level::low : Level::medium, frames(kind, payload, low ? area.characters_low : area.characters_medium), {}};
  // The cut is even, so a smaller version may do; its code is easier to read from the same distance.
  while (out.version > 1 && capacity(out.version - 1, out.level) >= out.frames.front().size()) --out.version;
  for (const std::string& frame : out.frames) out.matrices.push_back(matrix(frame, out.version, out.level));
  return out;
}

}  // namespace ceremony::media
