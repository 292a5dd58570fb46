#include <algorithm>

#include "tui/view.h"

namespace ceremony::tui {
namespace {

std::string_view mark_of(Mark mark) {
  switch (mark) {
    case Mark::done: return "[x]";
    case Mark::here: return "[>]";
    case Mark::to_come: return "[ ]";
    case Mark::deviation: return "[!]";
  }
  return "[?]";
}

std::string_view seat_of(Seat seat) {
  switch (seat) {
    case Seat::done: return "[OK]";
    case Seat::acting: return "[..]";
    case Seat::to_come: return "[  ]";
    case Seat::absent: return "[absent]";
  }
  return "[?]";
}

void title(const View& view, Grid& grid) {
  grid.fill(0, 0, grid.cols(), U' ', reverse);
  std::string image;
  for (const auto& word : view.frame.image) image += (image.empty() ? "" : " ") + word;
  // Before a CA is known there is neither.
  if (!image.empty() && grid.cols() >= 100) image = "software: " + image;
  const std::string right = image + "  " + (view.now == Time{} ? std::string() : text_of(view.now).substr(11)) + " ";
  const std::string mark = view.frame.rehearsal ? "  *** REHEARSAL ***" : "";
  const int room = grid.cols() - columns(right) - columns(mark) - 1;
  // A long name gives way to the mark and the clock.
  int x = grid.put(0, 0, fitted(" " + view.frame.ca, std::max(room, 8)), reverse | bold);
  grid.put(x, 0, mark, reverse | bold | warning);
  grid.put(grid.cols() - columns(right), 0, right, reverse);
}

void steps(const View& view, Grid& grid, int width, int bottom) {
  const auto& all = view.frame.steps;
  if (all.empty()) grid.put(0, 1, " No ceremony runs", bold, width);
  else grid.put(0, 1, " Steps (" + std::to_string(std::min(view.frame.at + 1, all.size())) + " of " + std::to_string(all.size()) + ")", bold, width);
  const int room = bottom - 2;
  const int at = static_cast<int>(view.frame.at);
  const int count = static_cast<int>(all.size());
  const int first = std::clamp(at - room / 2, 0, std::max(0, count - room));
  for (int i = first; i < std::min(count, first + room); ++i) {
    const auto& step = all[static_cast<std::size_t>(i)];
    const std::string number = (i + 1 < 10 ? " " : "") + std::to_string(i + 1);
    grid.put(0, 2 + i - first, fitted(std::string(mark_of(step.mark)) + number + " " + step.title, width), i == at ? bold : step.mark == Mark::deviation ? warning : plain);
  }
  for (int y = 1; y < bottom; ++y) grid.set(width, y, U'|', plain);
}

/// The count, and below it the members with their brackets, none of which is broken over two lines.
std::vector<std::string> quorum(const QuorumView& q, int width) {
  const auto done = std::ranges::count_if(q.members, [](const auto& m) { return m.second == Seat::done; });
  auto out = wrapped("Quorum to " + q.doing + ": " + std::to_string(done) + " of " + std::to_string(q.m) + " needed", width);
  bool first = true;
  for (const auto& [member, seat] : q.members) {
    const std::string one = member + std::string(seat_of(seat));
    if (first || columns(out.back()) + 2 + columns(one) > width) out.push_back(" " + one);
    else out.back() += "  " + one;
    first = false;
  }
  return out;
}

bool too_small(Grid& grid) {
  if (grid.cols() >= least_cols && grid.rows() >= least_rows) return false;
  int y = 0;
  for (const auto& line : wrapped("This screen is too small: make it at least 80 columns wide and 24 rows high. The ceremony waits.", grid.cols())) grid.put(0, y++, line);
  return true;
}

constexpr int beside_code = 34;

}  // namespace

std::pair<int, int> room_for_code(int cols, int rows) { return {cols - beside_code, rows - 2}; }

void render_code(const View& view, const CodeView& code, Grid& grid) {
  if (too_small(grid)) return;
  title(view, grid);
  for (std::size_t y = 0; y < code.picture->rows.size(); ++y)
    for (std::size_t x = 0; x < code.picture->rows[y].size(); ++x) {
      const auto [top, bottom] = code.picture->rows[y][x];
      grid.set(static_cast<int>(x), 1 + static_cast<int>(y), top && bottom ? U'\u2588' : top ? U'\u2580' : bottom ? U'\u2584' : U' ', paper);
    }
  const int x = grid.cols() - beside_code + 1;
  int y = 1;
  const auto say = [&](std::string_view text, std::uint8_t attr) {
    for (const auto& line : wrapped(text, beside_code - 2)) grid.put(x, y++, line, attr);
  };
  grid.put(grid.cols() - 1 - columns(view.id), y++, view.id);
  say(code.name, bold);
  say("Code " + std::to_string(code.number) + " of " + std::to_string(code.of) + ", in any order", plain);
  ++y;
  say(code.picture->frame, plain);
  ++y;
  for (std::size_t i = 0; i < code.words.size(); i += 3) {
    std::string row;
    for (std::size_t j = i; j < std::min(i + 3, code.words.size()); ++j) row += std::string(code.words[j]) + " ";
    say(row, bold);
  }
  grid.put(1, grid.rows() - 1, code.keys);
}

void scrub(std::vector<Line>& lines) {
  for (auto& line : lines) Botan::secure_scrub_memory(line.text.data(), line.text.size());
  lines.clear();
}

Drawn render(const View& view, Grid& grid) {
  Drawn drawn;
  if (too_small(grid)) return drawn;
  const int left = grid.cols() >= 120 ? 38 : 25;
  const int bottom = grid.rows() - 3;
  const int x = left + 2;
  const int width = grid.cols() - x - 1;
  title(view, grid);
  steps(view, grid, left, bottom);
  int y = 1;
  grid.put(x, y, fitted(view.step.title, width - 2 - columns(view.id)), bold);
  grid.put(grid.cols() - 1 - std::min(columns(view.id), width), y++, view.id, plain, width);
  if (!view.who.empty()) {
    grid.fill(x, y, width, U' ', reverse);
    grid.put(x, y++, fitted(" NOW: " + view.who, width), reverse | bold);
  }
  if (view.frame.quorum)
    for (const auto& line : quorum(*view.frame.quorum, width)) grid.put(x, y++, line, accent);
  if (view.frame.token_active) grid.put(x, y++, "The token is ACTIVE.", bold | warning, width);
  ++y;

  std::vector<Line> lines;
  std::size_t follow_from = 0, follow_to = 0;
  for (std::size_t i = 0; i < view.body.size(); ++i) {
    if (view.follow == i) follow_from = lines.size();
    auto rows = wrapped(view.body[i].text, width);
    if (rows.empty()) rows.emplace_back();
    for (auto& row : rows) lines.push_back({std::move(row), view.body[i].attr});
    if (view.follow == i) follow_to = lines.size();
  }
  const auto hint = wrapped(view.field ? view.field->hint : "", width);
  const int field_rows = view.field ? 2 + static_cast<int>(std::min<std::size_t>(hint.size(), 3)) : 0;
  const int room = std::max(1, bottom - y - field_rows);
  const auto fits = static_cast<std::size_t>(room);
  drawn.page = room;
  const std::size_t most = lines.size() > fits ? lines.size() - fits : 0;
  drawn.scroll = std::min(view.scroll, most);
  if (view.follow && follow_to > drawn.scroll + fits) drawn.scroll = std::min(follow_to - fits, most);
  if (view.follow && follow_from < drawn.scroll) drawn.scroll = follow_from;
  drawn.more = drawn.scroll < most;
  for (std::size_t i = drawn.scroll; i < std::min(lines.size(), drawn.scroll + fits); ++i) {
    const int row = y + static_cast<int>(i - drawn.scroll);
    if ((lines[i].attr & reverse) != 0) grid.fill(x, row, width, U' ', lines[i].attr);
    grid.put(x, row, lines[i].text, lines[i].attr, width);
  }
  const int shown_rows = static_cast<int>(std::min(lines.size(), fits));
  scrub(lines);
  if (view.field) {
    // Right below what it is about, so that eyes need not wander on a tall screen.
    int at = std::min(bottom - field_rows, y + shown_rows) + 1;
    for (std::size_t i = 0; i < std::min<std::size_t>(hint.size(), 3); ++i) grid.put(x, at++, hint[i]);
    const int label = grid.put(x, at, view.field->label + " ", bold, width);
    // The end of what is typed stays in sight.
    std::string_view shown = view.field->shown;
    while (columns(shown) > width - label - 1) (void)take_code_point(shown);
    const int used = grid.put(x + label, at, shown, underline);
    drawn.cursor = {x + label + used, at};
  }
  grid.fill(0, bottom, grid.cols(), U'-', plain);
  grid.set(left, bottom, U'+', plain);
  const int said = grid.put(1, bottom + 1, fitted(view.status.text, grid.cols() - 2), view.status.attr);
  // What this question takes stands beside what was said last, or above it where both do not fit.
  const bool above = said != 0 && said + columns(view.own_keys) + 4 >= grid.cols();
  if (drawn.more && drawn.scroll > 0) grid.put(x, bottom, above ? " more: PgUp, PgDn " : " more above and below: Up, Down, PgUp, PgDn ", bold);
  else if (drawn.more) grid.put(x, bottom, above ? " more: PgDn " : " more below: Down or PgDn ", bold);
  else if (drawn.scroll > 0) grid.put(x, bottom, above ? " more: PgUp " : " more above: Up or PgUp ", bold);
  if (!above) grid.put(said == 0 ? 1 : grid.cols() - 1 - columns(view.own_keys), bottom + 1, view.own_keys, said == 0 ? bold : plain, grid.cols() - 2);
  else grid.put(grid.cols() - 2 - columns(view.own_keys), bottom, " " + view.own_keys + " ", bold);
  grid.put(1, bottom + 2, view.keys, plain, grid.cols() - 2);
  scrub(lines);  // copies of what may be a secret
  return drawn;
}

}  // namespace ceremony::tui
