#include "tui/desk_screens.h"

#include <algorithm>

namespace ceremony::tui {
namespace {

/// Sets a flag and takes it back however the screen is left.
class While final {
 public:
  explicit While(bool& flag) : m_flag(flag), m_before(flag) { m_flag = true; }
  ~While() { m_flag = m_before; }
  While(const While&) = delete;
  While& operator=(const While&) = delete;

 private:
  bool& m_flag;
  bool m_before;
};

constexpr std::string_view keys_reading = "F1/? Help  F2/n Deviation  F3/l Transcript  F4/s State";
constexpr std::string_view keys_typing = "F1/^G Help  F2/^N Deviation  F3/^L Transcript  F4/^T State";

}  // namespace

std::vector<std::string> paragraphs_of(std::string_view text) {
  std::vector<std::string> out;
  bool joins = false;
  for (auto& line : lines_of(text)) {
    const bool own = line.empty() || line.front() == ' ';
    if (joins && !own) out.back() += " " + line;
    else out.push_back(line);
    joins = !own;
  }
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

void DeskScreens::attend(Desk* desk) {
  if (desk == nullptr && m_desk != nullptr) m_frame = m_desk->frame();  // as it is left
  m_desk = desk;
  if (desk != nullptr) return;
  // What only the desk can know is no longer said.
  m_frame.quorum.reset();
  m_frame.token_active = false;
}

void DeskScreens::begin_step(const StepView& step) {
  m_step = step;
  m_log.clear();
  m_news = false;
}

void DeskScreens::progress(std::string_view doing) {
  m_log.emplace_back(doing);
  m_news = true;
  if (m_log.size() > 200) m_log.pop_front();
  const While desk(m_at_desk);  // no key is read, so none is offered
  Asked asked;
  asked.id = "working";
  for (const auto& line : m_log) asked.body.push_back({line, plain});
  asked.follow = asked.body.size() - 1;
  asked.status = {"The machine is at work; nobody has to do anything.", plain};
  draw(asked);
}

std::string DeskScreens::news() {
  return std::exchange(m_news, false) ? m_log.back() : "";
}

bool DeskScreens::read_on(Asked& asked) const {
  if (!m_more) return false;
  asked.follow.reset();
  asked.scroll += std::max<std::size_t>(m_page, 2) - 1;
  return true;
}

View DeskScreens::around(const Asked& asked) {
  View view;
  if (m_desk != nullptr) {
    m_frame = m_desk->frame();
    m_now = m_desk->now();
  }
  view.frame = m_frame;
  view.now = m_now;
  view.step = m_step;
  view.id = asked.id;
  return view;
}

void DeskScreens::draw(Asked& asked) {
  auto view = around(asked);
  view.who = m_desk == nullptr ? asked.who : m_desk->who_is(asked.who);
  view.body = asked.body;
  if (!asked.below.empty()) view.body.push_back({"", plain});
  view.body.insert(view.body.end(), asked.below.begin(), asked.below.end());
  view.scroll = asked.scroll;
  view.follow = asked.follow;
  view.field = asked.field;
  view.status = asked.status;
  view.own_keys = asked.keys;
  if (m_desk != nullptr && !asked.secret && !m_at_desk) view.keys = std::string(asked.typing ? keys_typing : keys_reading) + (m_desk->may_go_back() ? "  Esc Back  ^C Pause" : "  Esc Pause");
  Grid grid(m_terminal.cols(), m_terminal.rows());
  const auto drawn = render(view, grid);
  if (asked.secret) scrub(view.body);
  asked.scroll = drawn.scroll;
  m_page = static_cast<std::size_t>(drawn.page);
  m_more = drawn.more;
  m_terminal.draw(grid, asked.field ? drawn.cursor : std::nullopt);
  if (!asked.secret) return;
  for (auto& line : view.body) Botan::secure_scrub_memory(line.text.data(), line.text.size());
}

Key DeskScreens::read() {
  try {
    return m_terminal.read(std::chrono::seconds(1));
  } catch (const Refused& refusal) {
    if (m_desk != nullptr && refusal.is(OperatorRefusal::idle)) m_desk->leaving(OperatorRefusal::idle);
    throw;
  }
}

Key DeskScreens::next_key(Asked& asked) {
  while (true) {
    draw(asked);
    const auto key = read();
    switch (key.kind) {
      case Key::quiet: case Key::resized: case Key::unknown: continue;
      case Key::scanned: case Key::scan_failed:
        if (asked.scans) return key;
        m_terminal.beep();  // nobody asked for it
        continue;
      case Key::page_up: case Key::page_down:
        if (key.kind == Key::page_down) {
          (void)read_on(asked);
          continue;
        }
        asked.follow.reset();
        asked.scroll -= std::min(asked.scroll, std::max<std::size_t>(m_page, 2) - 1);
        continue;
      case Key::up: case Key::down:
        if (asked.moves) return key;
        asked.follow.reset();
        asked.scroll = key.kind == Key::down ? asked.scroll + 1 : asked.scroll - std::min<std::size_t>(asked.scroll, 1);
        continue;
      default: break;
    }
    if (m_desk == nullptr || asked.secret || m_at_desk || !global(key, asked)) return key;
  }
}

bool DeskScreens::global(const Key& key, const Asked& asked) {
  const auto is = [&](int function, char32_t letter, char32_t control) {
    return (key.kind == Key::function && key.number == function) || (!asked.typing && key.kind == Key::character && key.c == letter) ||
           (asked.typing && key.kind == Key::control && key.c == control);
  };
  const bool interrupt = key.kind == Key::control && key.c == U'c';
  if (is(1, U'?', U'g')) read_long("help", "Help", paragraphs_of(m_desk->help()));
  else if (is(2, U'n', U'n')) note_deviation();
  else if (is(3, U'l', U'l')) read_long("transcript", "The transcript so far", m_desk->transcript());
  else if (is(4, U's', U't')) read_long("state", "The state of the CA", lines_of(m_desk->state()));
  else if (key.kind == Key::escape && m_desk->may_go_back()) throw Refused(OperatorRefusal::back, "the people went back", "", "the step begins again");
  else if (key.kind == Key::escape || interrupt) pause();
  else return false;
  return true;
}

void DeskScreens::read_long(const std::string& id, const std::string& title, const std::vector<std::string>& lines) {
  const While desk(m_at_desk);
  Asked asked;
  asked.id = id;
  asked.keys = "Up/Down PgUp/PgDn  / Search  n Next  Esc or Enter: back to the ceremony";
  asked.body.push_back({title, bold});
  for (const auto& line : lines) asked.body.push_back({line, plain});
  std::string wanted;
  std::size_t found = 0;
  const auto search = [&](std::size_t from) {
    for (std::size_t i = 1; i <= lines.size(); ++i) {
      const auto at = (from + i - 1) % lines.size();
      if (lines[at].find(wanted) == std::string::npos) continue;
      if (found > 0) asked.body[found].attr = plain;
      found = at + 1;
      asked.body[found].attr = reverse;
      asked.follow = found;
      asked.status = {"Found \"" + wanted + "\".", plain};
      return;
    }
    asked.status = {"\"" + wanted + "\" is not there.", bold};
  };
  while (true) {
    const auto key = next_key(asked);
    if (key.kind == Key::escape || key.kind == Key::enter || (key.kind == Key::character && key.c == U'q') || (key.kind == Key::control && key.c == U'c')) return;
    if (key.kind == Key::character && key.c == U'/' && !lines.empty()) {
      Asked ask = asked;
      ask.field = Field{"Search for:", "", ""};
      ask.keys = "Enter: search  Esc: leave";
      if (const auto typed = read_line(ask, "", true); typed && !typed->empty()) {
        wanted = *typed;
        search(found);
      }
    } else if (key.kind == Key::character && key.c == U'n' && !wanted.empty()) {
      search(found);
    }
  }
}

void DeskScreens::show_codes(const std::string& id, const std::vector<Code>& codes, const Words& words) {
  const While desk(m_at_desk);
  Asked refused;
  refused.id = id + ".qr";
  refused.keys = "Enter: back";
  const auto say = [&](const std::string& text) {
    refused.body.push_back({text, bold});
    while (true)
      if (const auto key = next_key(refused); key.kind == Key::enter || key.kind == Key::escape) return;
  };
  if (!m_terminal.utf8()) return say("This terminal does not take UTF-8, so it cannot show QR codes. The words and the digest on the screen before stand for the same.");
  std::size_t which = 0, at = 0;
  while (true) {
    const auto [columns, rows] = room_for_code(m_terminal.cols(), m_terminal.rows());
    std::vector<CodePicture> pictures;
    try {
      if (m_terminal.cols() >= least_cols && m_terminal.rows() >= least_rows) pictures = codes[which].pictures(columns, rows);
    } catch (const Refused& refusal) {
      return say(codes[which].name + ": " + refusal.findings().front().what + ". " + refusal.findings().front().hint);
    }
    Grid grid(m_terminal.cols(), m_terminal.rows());
    if (pictures.empty()) {
      (void)render(around(refused), grid);  // too small
    } else {
      at = std::min(at, pictures.size() - 1);
      render_code(around(refused), {codes[which].name, &pictures[at], at + 1, pictures.size(), words, codes.size() > 1 ? "Left/Right: other code  Tab: " + codes[(which + 1) % codes.size()].name + "  Esc: back" : "Left/Right: other code  Esc: back"}, grid);
    }
    m_terminal.draw(grid, std::nullopt);
    const auto key = read();
    if (key.kind == Key::right && at + 1 < pictures.size()) ++at;
    if (key.kind == Key::left && at > 0) --at;
    if (key.kind == Key::tab) {
      which = (which + 1) % codes.size();
      at = 0;
    }
    if (key.kind == Key::escape || key.kind == Key::enter || (key.kind == Key::control && key.c == U'c')) return;
  }
}

std::optional<std::string> DeskScreens::read_line(Asked& asked, std::string text, bool may_leave) {
  asked.typing = true;
  while (true) {
    asked.field->shown = text;
    const auto key = next_key(asked);
    if (key.kind == Key::enter) return text;
    if (key.kind == Key::escape && may_leave) return std::nullopt;
    edit(text, key, asked.longest);
  }
}

void DeskScreens::edit(std::string& text, const Key& key, std::size_t longest) {
  if (key.kind == Key::control && key.c == U'u') text.clear();
  if (key.kind == Key::character && text.size() < longest) append_utf8(text, key.c);
  if (key.kind == Key::backspace && !text.empty()) {
    // The bytes that go on with a character, then the one that begins it.
    while (text.size() > 1 && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80) text.pop_back();
    text.pop_back();
  }
}

void DeskScreens::note_deviation() {
  const While desk(m_at_desk);
  Asked asked;
  asked.id = "deviation-note";
  asked.body = {{"What went otherwise than the script says? It goes onto the record.", plain}};
  asked.field = Field{"Deviation:", "", ""};
  asked.keys = "Enter: next  Esc: leave without noting anything";
  const auto text = read_line(asked, "", true);
  if (!text || text->empty()) return;
  const auto known = m_desk->people();
  std::string all;
  for (const auto& one : known) all += " " + one;
  Asked who;
  who.id = "deviation-note";
  who.body = {{"\"" + *text + "\"", bold}, {"", plain}, {"Who reports it? One of:" + all, plain}};
  who.field = Field{"Reported by:", "", ""};
  who.keys = asked.keys;
  while (true) {
    const auto person = read_line(who, "", true);
    if (!person) return;
    if (std::ranges::find(known, *person) == known.end()) {
      who.status = {"\"" + *person + "\" is nobody of this ceremony.", bold};
      continue;
    }
    Asked done;
    done.id = "deviation-note";
    done.body = {{m_desk->note_deviation(*person, *text), plain}};
    done.keys = "Enter or Esc: back to the ceremony";
    while (true)
      if (const auto key = next_key(done); key.kind == Key::enter || key.kind == Key::escape) return;
  }
}

void DeskScreens::pause() {
  const While desk(m_at_desk);
  Asked asked;
  asked.id = "pause";
  asked.body = {{"PAUSED", bold}, {"", plain}};
  for (auto& line : lines_of(m_desk->stopping())) asked.body.push_back({std::move(line), plain});
  // Beside the field, where it is seen however long the rest is.
  asked.field = Field{"Now:", "", "Type STOP to stop here, ABORT to abort. Enter or Esc goes on with the ceremony."};
  asked.keys = "Enter or Esc: go on";
  asked.status = {"There is no undo: what is recorded stays.", warning};
  while (true) {
    const auto typed = read_line(asked, "", true);
    if (!typed || typed->empty()) return;
    if (*typed == "STOP") leave(OperatorRefusal::stop, "the people chose to stop");
    if (*typed == "ABORT") leave(OperatorRefusal::abort, "the people chose to abort");
    asked.status = {"\"" + *typed + "\" is neither STOP nor ABORT.", bold};
  }
}

void DeskScreens::leave(OperatorRefusal why, const char* what) {
  m_desk->leaving(why);
  throw Refused(why, what, "", "run the same command again to go on");
}

}  // namespace ceremony::tui
