#include "media/mounter_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "ceremony/ground/refused.h"

namespace ceremony::media {
namespace {

constexpr std::string_view first_line = "ceremony-mounter/v1\n";
constexpr unsigned most_places = 1000;

[[noreturn]] void malformed(const std::string& what) {
  throw Refused(MounterRefusal::malformed, "a message of the program that mounts disks is not one: " + what, "", "restart the machine; if it comes again, do not use this image");
}

bool is_node(std::string_view name) {
  const auto letters = static_cast<std::size_t>(std::ranges::find_if_not(name, [](char c) { return c >= 'a' && c <= 'z'; }) - name.begin());
  return letters >= 2 && letters <= 8 && name.size() - letters <= 4 &&
         std::ranges::all_of(name.substr(letters), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_port(std::string_view port) {
  return port.size() >= 3 && port.size() <= 31 && std::ranges::all_of(port, [](char c) { return (c >= '0' && c <= '9') || c == '.' || c == '-'; });
}

/// In quotes; what is not printable ASCII, and quote and backslash, as \xNN.
std::string escaped(std::string_view text, std::size_t longest = longest_text) {
  std::string out = "\"";
  for (const char c : text.substr(0, longest)) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      out += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += "\\x" + hex(View(&byte, 1));
    }
  }
  return out + "\"";
}

/// Takes a message apart from its start. Lenient: what it took is written again and compared by the caller.
class Taker final {
 public:
  explicit Taker(std::string_view rest) : m_rest(rest) {}

  [[nodiscard]] bool take(std::string_view text) {
    if (!m_rest.starts_with(text)) return false;
    m_rest.remove_prefix(text.size());
    return true;
  }
  void need(std::string_view text) {
    if (!take(text)) malformed("it has no " + shown(text) + " where one has to be");
  }
  std::string word() {
    const auto end = std::min(m_rest.find_first_of(" \n"), m_rest.size());
    std::string out(m_rest.substr(0, end));
    m_rest.remove_prefix(end);
    return out;
  }
  std::uint64_t number() {
    const auto text = word();
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size()) malformed("a number is none");
    return out;
  }
  std::string quote(std::size_t longest = longest_text) {
    need("\"");
    std::string out;
    while (!m_rest.empty() && m_rest.front() != '"' && m_rest.front() != '\n') {
      if (m_rest.starts_with("\\x")) {
        const auto byte = unhex(m_rest.substr(2, 2));
        if (!byte || byte->size() != 1) malformed("an escaped byte is none");
        out += static_cast<char>(byte->front());
        m_rest.remove_prefix(4);
      } else {
        out += m_rest.front();
        m_rest.remove_prefix(1);
      }
    }
    need("\"");
    if (out.size() > longest) malformed("a text is too long");
    return out;
  }
  [[nodiscard]] bool empty() const { return m_rest.empty(); }

 private:
  std::string_view m_rest;
};

constexpr std::array<FilesystemKind, 5> kinds{FilesystemKind::fat32, FilesystemKind::iso9660, FilesystemKind::other, FilesystemKind::damaged, FilesystemKind::none};

FilesystemKind kind_of(std::string_view text) {
  const auto* found = std::ranges::find_if(kinds, [&](FilesystemKind kind) { return text_of(kind) == text; });
  if (found == kinds.end()) malformed("there is no kind of filesystem " + shown(text));
  return *found;
}

VolumeRefusal code_of(std::string_view text) {
  for (int i = 0; i <= static_cast<int>(VolumeRefusal::failed); ++i)
    if (name_of(static_cast<VolumeRefusal>(i)) == text) return static_cast<VolumeRefusal>(i);
  malformed("there is no refusal " + shown(text));
}

std::string line_of(const MediumSeen& seen) {
  const auto& fs = seen.filesystem;
  return "medium " + seen.node + " " + std::to_string(seen.sequence) + " " + std::to_string(seen.bytes) + " " + (seen.write_protected ? "protected " : "free ") +
         std::string(text_of(fs.kind)) + " " + escaped(fs.id) + " " + escaped(fs.label) + " " + escaped(fs.note) + " " + escaped(seen.model) + " " + escaped(seen.serial) + " " +
         escaped(seen.port) + "\n";
}

MediumSeen medium_of(Taker& taker) {
  MediumSeen seen;
  taker.need("medium ");
  seen.node = taker.word();
  if (!is_node(seen.node)) malformed(shown(seen.node) + " names no disk");
  taker.need(" ");
  seen.sequence = taker.number();
  taker.need(" ");
  seen.bytes = taker.number();
  taker.need(" ");
  const auto write = taker.word();
  if (write != "protected" && write != "free") malformed(shown(write) + " says nothing about writing");
  seen.write_protected = write == "protected";
  taker.need(" ");
  seen.filesystem.kind = kind_of(taker.word());
  for (std::string* text : {&seen.filesystem.id, &seen.filesystem.label, &seen.filesystem.note, &seen.model, &seen.serial, &seen.port}) {
    taker.need(" ");
    *text = taker.quote();
  }
  taker.need("\n");
  return seen;
}

constexpr std::array<std::pair<UsbState, std::string_view>, 4> states{{{UsbState::on, "on"}, {UsbState::asked, "asked"}, {UsbState::off, "off"}, {UsbState::gone, "gone"}}};

std::string port_of(Taker& taker) {
  auto port = taker.word();
  if (!is_port(port)) malformed(shown(port) + " is no port");
  return port;
}

unsigned number_of(Taker& taker) {
  const auto number = taker.number();
  if (number > 999) malformed("there is no such device");
  return static_cast<unsigned>(number);
}

std::string line_of(const UsbNews& news) {
  const auto* state = std::ranges::find(states, news.state, &std::pair<UsbState, std::string_view>::first);
  return "usb " + std::string(state->second) + " " + news.port + " " + std::to_string(news.number) + " " + escaped(news.role) + " " + escaped(news.sentence, longest_sentence) + "\n";
}

UsbNews news_of(Taker& taker) {
  UsbNews news;
  taker.need("usb ");
  const auto word = taker.word();
  const auto* state = std::ranges::find(states, word, &std::pair<UsbState, std::string_view>::second);
  if (state == states.end()) malformed(shown(word) + " is nothing that becomes of a device");
  news.state = state->first;
  taker.need(" ");
  news.port = port_of(taker);
  taker.need(" ");
  news.number = number_of(taker);
  taker.need(" ");
  news.role = taker.quote();
  taker.need(" ");
  news.sentence = taker.quote(longest_sentence);
  taker.need("\n");
  return news;
}

unsigned place_of(Taker& taker) {
  const auto number = taker.number();
  if (number >= most_places) malformed("there is no such place");
  return static_cast<unsigned>(number);
}

Taker begun(std::string_view message) {
  if (message.size() > longest_message)
    throw Refused(MounterRefusal::too_large, "a message is longer than " + std::to_string(longest_message) + " bytes", "", "restart the machine");
  Taker taker(message);
  taker.need(first_line);
  return taker;
}

template <typename Message>
Message canonical(Message taken, const Taker& taker, std::string_view message) {
  if (!taker.empty() || text_of(taken) != message) malformed("it is not written as it has to be");
  return taken;
}

template <typename... Ts>
struct Each : Ts... {
  using Ts::operator()...;
};

}  // namespace

bool MediumSeen::operator==(const MediumSeen& other) const { return line_of(*this) == line_of(other); }

std::string text_of(const Request& request) {
  const auto body = std::visit(Each{[](const ListRequest& r) { return "list " + std::to_string(r.wait.count()); },
                                    [](const MountRequest& r) {
                                      return "mount " + r.node + " " + std::to_string(r.sequence) + (r.access == Access::writable ? " rw" : " ro");
                                    },
                                    [](const UnmountRequest& r) { return "unmount " + std::to_string(r.place); }, [](const UsbRequest&) { return std::string("usb"); },
                                    [](const ApproveRequest& r) { return "approve " + r.port + " " + std::to_string(r.number); }},
                               request);
  return std::string(first_line) + body + "\n";
}

std::string text_of(const Answer& answer) {
  const auto body = std::visit(Each{[](const Listed& a) {
                                      const auto count = std::min(a.media.size(), most_media);
                                      std::string out = "media " + std::to_string(count) + "\n";
                                      for (std::size_t i = 0; i < count; ++i) out += line_of(a.media[i]);
                                      return out;
                                    },
                                    [](const Mounted& a) { return "mounted " + std::to_string(a.place) + "\n"; },
                                    [](const Unmounted&) { return std::string("unmounted\n"); },
                                    [](const UsbTold& a) {
                                      const auto count = std::min(a.news.size(), most_news);
                                      std::string out = "news " + std::to_string(count) + "\n";
                                      for (std::size_t i = 0; i < count; ++i) out += line_of(a.news[i]);
                                      return out;
                                    },
                                    [](const Approved&) { return std::string("approved\n"); },
                                    [](const NotDone& a) { return "no " + std::string(name_of(a.code)) + " " + escaped(a.what, longest_sentence) + " " + escaped(a.hint, longest_sentence) + "\n"; }},
                               answer);
  return std::string(first_line) + body;
}

Request parse_request(std::string_view message) {
  Taker taker = begun(message);
  Request out;
  if (taker.take("list ")) {
    const auto wait = taker.number();
    if (wait > static_cast<std::uint64_t>(longest_wait.count())) malformed("it would wait too long");
    out = ListRequest{std::chrono::milliseconds(wait)};
  } else if (taker.take("mount ")) {
    MountRequest mount;
    mount.node = taker.word();
    if (!is_node(mount.node)) malformed(shown(mount.node) + " names no disk");
    taker.need(" ");
    mount.sequence = taker.number();
    if (taker.take(" rw")) mount.access = Access::writable;
    else taker.need(" ro");
    out = std::move(mount);
  } else if (taker.take("usb")) {
    out = UsbRequest{};
  } else if (taker.take("approve ")) {
    ApproveRequest approve{port_of(taker), 0};
    taker.need(" ");
    approve.number = number_of(taker);
    out = std::move(approve);
  } else {
    taker.need("unmount ");
    out = UnmountRequest{place_of(taker)};
  }
  taker.need("\n");
  return canonical(std::move(out), taker, message);
}

Answer parse_answer(std::string_view message) {
  Taker taker = begun(message);
  Answer out;
  if (taker.take("media ")) {
    const auto count = taker.number();
    if (count > most_media) malformed("it lists too many media");
    taker.need("\n");
    Listed listed;
    while (listed.media.size() < count) listed.media.push_back(medium_of(taker));
    out = std::move(listed);
  } else if (taker.take("mounted ")) {
    out = Mounted{place_of(taker)};
    taker.need("\n");
  } else if (taker.take("unmounted\n")) {
    out = Unmounted{};
  } else if (taker.take("news ")) {
    const auto count = taker.number();
    if (count > most_news) malformed("it has too much news");
    taker.need("\n");
    UsbTold told;
    while (told.news.size() < count) told.news.push_back(news_of(taker));
    out = std::move(told);
  } else if (taker.take("approved\n")) {
    out = Approved{};
  } else {
    taker.need("no ");
    NotDone no;
    no.code = code_of(taker.word());
    taker.need(" ");
    no.what = taker.quote(longest_sentence);
    taker.need(" ");
    no.hint = taker.quote(longest_sentence);
    taker.need("\n");
    out = std::move(no);
  }
  return canonical(std::move(out), taker, message);
}

}  // namespace ceremony::media
