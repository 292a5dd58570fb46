// Frames as QR codes, and how many characters a place on the screen holds. A code is drawn in half blocks: a character cell
// is one module wide and two modules high, dark on light, with a quiet zone of 4 modules around it.
//
// Pure: works on memory, draws nothing. Anybody who shows codes may call it.
// Invariants: alphanumeric mode only; the same frame, version and level give the same modules; what `paginate` makes fits
// into the area it was given, and all its codes are of one version and level.
// Source: ISO/IEC 18004 through libqrencode.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "media/qr_frames.h"

namespace ceremony::media {

enum class Level { low, medium };  ///< L: about 7 % of a code may be damaged; M: about 15 %.

inline constexpr int highest_version = 40;
inline constexpr int quiet_zone = 4;  ///< Modules of light around a code.

/// Modules along one side: 21 for version 1, 4 more for each version.
[[nodiscard]] constexpr int modules(int version) { return 17 + 4 * version; }

/// How many alphanumeric characters one code holds; version 1 to 40.
[[nodiscard]] std::size_t capacity(int version, Level level);

/// A square of modules. Outside of it everything is light.
class Matrix final {
 public:
  Matrix(int size, std::vector<bool> dark) : m_size(size), m_dark(std::move(dark)) {}
  [[nodiscard]] int size() const { return m_size; }
  [[nodiscard]] bool dark(int x, int y) const {
    return x >= 0 && y >= 0 && x < m_size && y < m_size && m_dark[static_cast<std::size_t>(y * m_size + x)];
  }
  bool operator==(const Matrix&) const = default;

 private:
  int m_size;
  std::vector<bool> m_dark;  ///< row by row
};

/// The code of one frame, in exactly this version and level; its length is at most their capacity.
/// Throws Refused{length} beyond that, {character} for what alphanumeric mode has not, {failed}.
[[nodiscard]] Matrix matrix(std::string_view frame, int version, Level level);

/// One character cell: two modules, one above the other.
struct HalfCell {
  bool top_dark = false;
  bool bottom_dark = false;
  bool operator==(const HalfCell&) const = default;
};
/// Rows of cells, quiet zone included. An odd number of modules leaves one more light half row at the bottom.
[[nodiscard]] std::vector<std::vector<HalfCell>> half_blocks(const Matrix& matrix);
/// The size of what half_blocks gives.
[[nodiscard]] constexpr int columns_of(int version) { return modules(version) + 2 * quiet_zone; }
[[nodiscard]] constexpr int rows_of(int version) { return (modules(version) + 2 * quiet_zone + 1) / 2; }

/// What an area of text holds.
struct Fit {
  int version = 0;
  std::size_t characters_medium = 0;  ///< length of a frame at level M
  std::size_t characters_low = 0;     ///< at level L
};
/// The largest version whose half blocks fit into so many columns and rows, at most `highest`.
/// Throws Refused{area} where not even a frame with one character of DATA fits.
[[nodiscard]] Fit fit(int columns, int rows, int highest = highest_version);

struct Pages {
  int version = 0;
  Level level = Level::medium;
  std::vector<std::string> frames;
  std::vector<Matrix> matrices;  ///< one a frame
};
/// The payload as codes for such an area: level M, or L where that makes fewer of them; then the smallest version that
/// holds them. Throws Refused{area}, {empty}, {too_long}.
[[nodiscard]] Pages paginate(PayloadKind kind, View payload, int columns, int rows, int highest = highest_version);

}  // namespace ceremony::media
