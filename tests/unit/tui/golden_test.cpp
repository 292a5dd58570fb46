// Every screen as it was last looked at and found good: tests/golden/<name>.<cols>x<rows>.txt, rows of text, `---`, rows of
// attributes. `./scripts/test --update-golden` writes them anew; look at what changed before it is committed.
#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "tests/unit/tui/fakes.h"

namespace ceremony::tui::testing {
namespace {

namespace fs = std::filesystem;
const fs::path folder = fs::path(CEREMONY_SOURCE) / "tests" / "golden";
bool updating() { return std::getenv("CEREMONY_UPDATE_GOLDEN") != nullptr; }

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '\n') out.emplace_back();
    else out.back() += c;
  }
  return out;
}

/// The rows that differ, as people compare them.
std::string difference(const std::string& golden, const std::string& now) {
  const auto a = lines(golden), b = lines(now);
  std::string out;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const auto was = i < a.size() ? a[i] : "(no row)", is = i < b.size() ? b[i] : "(no row)";
    if (was != is) out += "row " + std::to_string(i + 1) + "\n  golden |" + was + "|\n  now    |" + is + "|\n";
  }
  return out;
}

std::string compared(const std::string& file, const Grid& grid) {
  const auto path = folder / file;
  const auto now = grid.golden();
  if (updating()) {
    fs::create_directories(folder);
    std::ofstream(path) << now;
    return "";
  }
  std::ifstream in(path);
  if (!in) return file + " is not there; ./scripts/test --update-golden writes it\n";
  const std::string golden(std::istreambuf_iterator<char>(in), {});
  return golden == now ? "" : file + " differs:\n" + difference(golden, now);
}

const std::pair<int, int> sizes[] = {{80, 24}, {128, 48}};
std::string file_of(const std::string& name, int cols, int rows) { return name + "." + std::to_string(cols) + "x" + std::to_string(rows) + ".txt"; }

/// Runs of cells of one row with equal attributes: attributes, text.
std::vector<std::pair<std::uint8_t, std::string>> runs_of(const Grid& grid, int row) {
  std::vector<std::pair<std::uint8_t, std::string>> out;
  for (int x = 0; x < grid.cols(); ++x) {
    const auto cell = grid.at(x, row);
    if (out.empty() || out.back().first != cell.attr) out.push_back({cell.attr, ""});
    append_utf8(out.back().second, cell.c);
  }
  for (auto& [attr, text] : out) {
    text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
    text.erase(text.find_last_not_of(' ') + 1);
  }
  return out;
}

}  // namespace

TEST_CASE("every screen is as its golden file", "[golden]") {
  std::string wrong;
  std::set<std::string> known{file_of("too-small", 79, 24), file_of("too-small", 80, 23), file_of("too-small", 20, 5)};
  for (const auto& screen : all_screens()) {
    for (const auto& [cols, rows] : sizes) {
      const auto file = file_of(screen.name, cols, rows);
      known.insert(file);
      wrong += compared(file, played(screen, cols, rows));
    }
  }
  for (const auto& [cols, rows] : {std::pair{79, 24}, std::pair{80, 23}, std::pair{20, 5}}) wrong += compared(file_of("too-small", cols, rows), played(all_screens().front(), cols, rows));
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (entry.path().extension() != ".txt" || known.contains(name)) continue;
    if (updating()) fs::remove(entry.path());
    else wrong += name + " is of no screen any more; ./scripts/test --update-golden takes it away\n";
  }
  INFO(wrong);
  CHECK(wrong.empty());
}

TEST_CASE("the golden comparison shows a row that differs") {
  CHECK(difference("a\nb\n", "a\nc\n") == "row 2\n  golden |b|\n  now    |c|\n");
  CHECK(difference("a\n", "a\nc\n") == "row 2\n  golden ||\n  now    |c|\nrow 3\n  golden |(no row)|\n  now    ||\n");
}

TEST_CASE("the id of a screen stands in its corner, and the frame around it") {
  for (const auto& screen : all_screens())
    for (const auto& [cols, rows] : sizes) {
      const auto whole = played(screen, cols, rows).text();
      const auto text = lines(whole);
      INFO(screen.name << "\n" << text[1]);
      CHECK(text[1].ends_with(" " + screen.name.substr(0, screen.name.find('+'))));
      CHECK(text[1].starts_with(" Steps (15 of 23)"));
      CHECK(text[0].starts_with(" ACME ROOT G1  *** REHEARSAL ***"));
      CHECK(text[0].ends_with("island tolerance sailboat  14:07:31Z"));
      CHECK(whole.find("\n[!]11 Write the backups") != std::string::npos);
    }
}

TEST_CASE("at 80 columns nothing but a step's title is cut") {
  for (const auto& screen : all_screens()) {
    const auto text = lines(played(screen, 80, 24).text());
    for (std::size_t row = 0; row < text.size(); ++row) {
      INFO(screen.name << " row " << row + 1 << ": " << text[row]);
      const auto task = row == 0 || row > 21 || text[row].size() < 26 ? text[row] : text[row].substr(26);
      auto without = task;
      for (auto at = without.find("..."); at != std::string::npos; at = without.find("...")) without.erase(at, 3);
      for (auto at = without.find("[..]"); at != std::string::npos; at = without.find("[..]")) without.erase(at, 4);
      CHECK(without.find("..") == std::string::npos);
    }
  }
}

TEST_CASE("how to get out and on stands on every screen") {
  for (const auto& screen : all_screens())
    for (const auto& [cols, rows] : sizes) {
      if (screen.name == "working") continue;  // nobody acts
      const auto text = lines(played(screen, cols, rows).text());
      const auto foot = text[static_cast<std::size_t>(rows) - 3] + text[static_cast<std::size_t>(rows) - 2] + text[static_cast<std::size_t>(rows) - 1];
      INFO(screen.name << "\n" << foot);
      CHECK(foot.find("Enter") != std::string::npos);
      // Out: Esc, but where a secret stands or nobody is there any more.
      const bool alone = screen.name == "new-passphrase.c2" || screen.name == "locked" || screen.name == "finished";
      CHECK((foot.find("Esc") != std::string::npos) != alone);
    }
}

// The monochrome copy of a screen is the screen without `accent` and `warning`. It means the same if the same words are never
// coloured in one place and not in another: then the colour says nothing that the words do not.
TEST_CASE("no meaning is in a colour alone") {
  std::map<std::string, std::set<std::uint8_t>> colours;
  std::size_t coloured = 0;
  for (const auto& screen : all_screens())
    for (const auto& [cols, rows] : sizes) {
      const auto grid = played(screen, cols, rows);
      Grid monochrome(cols, rows);
      for (int y = 0; y < rows; ++y)
        for (int x = 0; x < cols; ++x) monochrome.set(x, y, grid.at(x, y).c, static_cast<std::uint8_t>(grid.at(x, y).attr & (bold | reverse | underline)));
      CHECK(monochrome.text() == grid.text());
      for (int y = 0; y < rows; ++y)
        for (const auto& [attr, text] : runs_of(grid, y)) {
          const auto colour = static_cast<std::uint8_t>(attr & (accent | warning));
          coloured += colour != 0 ? 1 : 0;
          if (!text.empty()) colours[text].insert(colour);
          // What is coloured is words or marks, never a bare patch.
          if (colour != 0) CHECK(text.size() > 2);
        }
    }
  for (const auto& [text, seen] : colours) {
    INFO("\"" << text << "\"");
    CHECK(seen.size() == 1);
  }
  CHECK(coloured > 50);
  // Each state of a step and a seat is another text.
  const auto usual = played(all_screens().front(), 128, 48).text();
  for (const auto* mark : {"[x]10", "[!]11", "[>]15", "[ ]16"}) CHECK(usual.find(mark) != std::string::npos);
  Stage stage("");
  stage.quorum({Seat::done, Seat::acting, Seat::to_come, Seat::absent});
  CHECK_THROWS_AS((void)stage.op->confirm({"x", "c1", "?"}), Refused);
  CHECK(stage.record.text().find("c1[OK]  c2[..]  c3[  ]  c4[absent]") != std::string::npos);
}

}  // namespace ceremony::tui::testing
