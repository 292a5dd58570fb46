// What a screen shows, and the pure function that draws it: three bands, title, steps beside the task, status and keys.
// Nothing ever covers the step list. Golden screens are this function's output.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ceremony/ground/env.h"
#include "ceremony/operator.h"
#include "tui/grid.h"

namespace ceremony::tui {

inline constexpr int least_cols = 80;
inline constexpr int least_rows = 24;

struct Line {
  std::string text;
  std::uint8_t attr = plain;
};

/// Overwrites what the lines held: it may have been a secret.
void scrub(std::vector<Line>& lines);

/// Where people type. `shown` is what may be seen of it: nothing of a secret, not even its length.
struct Field {
  std::string label;
  std::string shown;
  std::string hint;  ///< beside or below: completion, what is wrong
};

/// `body` is wrapped to the task's width; `scroll` counts wrapped lines from its top and is corrected by `render`.
struct View {
  FrameView frame;
  StepView step;
  Time now{};
  std::string id;   ///< of the question: the screen's id
  std::string who;  ///< who acts now
  std::vector<Line> body;
  std::size_t scroll = 0;
  std::optional<std::size_t> follow;  ///< index into `body` that has to be seen
  std::optional<Field> field;
  Line status;
  std::string own_keys;  ///< of this question
  std::string keys;      ///< everywhere
};

struct Drawn {
  std::size_t scroll = 0;       ///< as corrected
  bool more = false;            ///< lines below
  int page = 1;                 ///< lines of the body that fit
  std::optional<std::pair<int, int>> cursor;
};

/// One QR code with what stands beside it. It is the one screen that needs the step list's place.
struct CodeView {
  std::string name;
  const CodePicture* picture = nullptr;
  std::size_t number = 1, of = 1;
  Words words;
  std::string keys;
};
/// The characters that a picture may take of a screen of that size.
[[nodiscard]] std::pair<int, int> room_for_code(int cols, int rows);
void render_code(const View& view, const CodeView& code, Grid& grid);

/// Draws onto the whole grid. A grid below 80×24 gets one sentence.
Drawn render(const View& view, Grid& grid);

}  // namespace ceremony::tui
