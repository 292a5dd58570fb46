#include "ceremony/init/keyboard.h"

#include <linux/kd.h>
#include <linux/keyboard.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ceremony/ground/refused.h"
#include "ceremony/init/keymap.h"
#include "ceremony/init/world.h"

namespace ceremony::init {
namespace {

constexpr std::string_view folder = "/usr/share/ceremony/keymaps/";
/// What the ceremony's screens need at least (tui/screen.h).
constexpr unsigned least_columns = 80, least_rows = 24;

struct Font {
  char name[16];  ///< as the kernel calls it
  unsigned width, height;
};
constexpr Font small_font{"VGA8x16", 8, 16}, large_font{"TER16x32", 16, 32};

struct Console {
  unsigned columns = 0, rows = 0;       ///< of characters as they are now
  unsigned width = 0, height = 0;       ///< of one of them
  [[nodiscard]] unsigned columns_of(const Font& font) const { return columns * width / font.width; }
  [[nodiscard]] unsigned rows_of(const Font& font) const { return rows * height / font.height; }
  [[nodiscard]] bool is_large() const { return width == large_font.width; }
};

/// All zero where there is no such console.
Console look() {
  ::winsize size{};
  ::console_font_op font{};
  font.op = KD_FONT_OP_GET;
  font.width = font.height = 32;
  font.charcount = 512;
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || ::ioctl(STDIN_FILENO, KDFONTOP, &font) != 0) return {};
  return {size.ws_col, size.ws_row, font.width, font.height};
}

/// What people are told; empty when it was done.
std::string set_font(const Font& font) {
  const auto now = look();
  const auto columns = now.columns_of(font), rows = now.rows_of(font);
  if (columns < least_columns || rows < least_rows)
    return "The characters stay as they are: " + std::to_string(columns) + "x" + std::to_string(rows) + " larger ones fit on this screen, and " +
           std::to_string(least_columns) + "x" + std::to_string(least_rows) + " are needed.";
  Font wanted = font;
  ::console_font_op set{};
  set.op = KD_FONT_OP_SET_DEFAULT;
  set.data = reinterpret_cast<unsigned char*>(wanted.name);
  if (::ioctl(STDIN_FILENO, KDFONTOP, &set) != 0) return std::string("The characters stay as they are: ") + std::strerror(errno) + ".";
  note("characters of " + std::to_string(font.width) + "x" + std::to_string(font.height));
  return "";
}

/// Takes away every table that the new keys do not have.
void load(const Keymap& keymap) {
  const auto failed = [] {
    throw Refused(InitRefusal::world, std::string("the console does not take the keys: ") + std::strerror(errno), "", "go on with the keys as they are; letters and digits of a US keyboard work");
  };
  for (unsigned shifts = 1; shifts <= 255; ++shifts) {
    ::kbentry entry{static_cast<unsigned char>(shifts), 0, 0};
    if (std::ranges::contains(keymap, shifts, &KeyTable::shifts) || ::ioctl(STDIN_FILENO, KDGKBENT, &entry) != 0 || entry.kb_value == K_NOSUCHMAP) continue;
    entry.kb_value = K_NOSUCHMAP;
    if (::ioctl(STDIN_FILENO, KDSKBENT, &entry) != 0) failed();
  }
  for (const auto& table : keymap)
    for (unsigned key = 1; key < keys_of_table; ++key) {
      ::kbentry entry{table.shifts, static_cast<unsigned char>(key), table.keys[key]};
      if (::ioctl(STDIN_FILENO, KDSKBENT, &entry) != 0) failed();
    }
}

/// What people are told; empty when it was done.
std::string use(Env& env, const Keyboard& keyboard) {
  try {
    const auto path = std::string(folder) + std::string(keyboard.name);
    load(parse_keymap(env.read(path, longest_keymap), path));
    note("keyboard " + std::string(keyboard.name));
    return "";
  } catch (const Refused& refusal) {
    note(refusal.findings().front().what);
    return refusal.what();
  }
}

std::string padded(std::string text, std::size_t columns) {
  text.resize(std::max(text.size(), columns), ' ');
  return text;
}

std::string entry(std::size_t number) {
  const auto& keyboard = keyboards.at(number - 1);
  return (number < 10 ? "    " : "   ") + std::to_string(number) + "  " + padded(std::string(keyboard.name), 7) + std::string(keyboard.title);
}

void show_list(Screen& screen, std::string_view title, const std::string& news) {
  screen.clear();
  screen.say(std::string(title) + "\n");
  if (!news.empty()) screen.say(news + "\n");
  screen.say("Which keyboard is this?\n");
  const auto half = (keyboards.size() + 1) / 2;
  for (std::size_t number = 1; number <= half; ++number)
    screen.say(padded(entry(number), 38) + (number + half <= keyboards.size() ? entry(number + half) : ""));
  screen.say(std::string("\n    0  ") + (look().is_large() ? "smaller" : "larger") + " characters\n");
}

/// As it came out, without what would move the cursor.
std::string shown(std::string line) {
  std::ranges::replace_if(line, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, '?');
  return "\"" + line + "\"";
}

}  // namespace

void set_usual_font() {
  const auto now = look();
  const bool is_4k = now.columns * now.width >= 3200;
  if (now.width != 0 && now.width != (is_4k ? large_font : small_font).width) (void)set_font(is_4k ? large_font : small_font);
}

void ask_keyboard(Env& env, Screen& screen, std::string_view title) {
  std::string news = use(env, keyboards.front());
  note("which keyboard");
  while (true) {
    show_list(screen, title, news);
    const auto line = screen.ask("Type its number, on the digits above the letters, without Shift, and press Enter.\nEnter alone is 1, us.");
    const auto number = chosen(line);
    if (!number) {
      news = "There is no keyboard " + shown(line) + " in the list.";
      continue;
    }
    if (*number == 0) {
      news = set_font(look().is_large() ? small_font : large_font);
      continue;
    }
    const auto& keyboard = keyboards.at(*number - 1);
    news = use(env, keyboard);
    screen.say("\n" + (news.empty() ? std::string(keyboard.title) + "." : news));
    const auto typed = screen.ask("Now type   " + std::string(proof_words) + "   and press Enter, to see that the keys are right.\n"
                                  "Behind these words you may try others, for example  - / . @ # _");
    if (is_right(typed)) return;
    news = "The keys gave " + shown(typed) + " and not \"" + std::string(proof_words) + "\". Choose again.";
    // The digits are where they are printed again.
    if (const auto bad = use(env, keyboards.front()); !bad.empty()) news = bad;
  }
}

}  // namespace ceremony::init
