#include "media/qr_frames.h"

#include <botan/base32.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "ceremony/ground/refused.h"
#include "media/files.h"

namespace ceremony::media {
namespace {

constexpr std::string_view magic = "KCYZ1";
constexpr std::size_t kind_at = 5;
constexpr std::size_t sid_at = 6, sid_length = 8;
constexpr std::size_t index_at = 14, total_at = 16, data_at = 18;
constexpr std::size_t check_length = 4;
static_assert(data_at + check_length == frame_overhead);

bool is_base32(char c) { return (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string base32(View bytes) {
  std::string out = Botan::base32_encode(bytes);
  out.erase(std::min(out.find('='), out.size()));
  return out;
}

/// The canonical form only: no stray bits at the end, no length that no bytes have.
std::optional<Bytes> unbase32(std::string text) {
  const std::string canonical = text;
  text.append((8 - text.size() % 8) % 8, '=');
  try {
    Bytes out = to_bytes(Botan::base32_decode(text, false));
    if (base32(out) != canonical) return std::nullopt;
    return out;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string digest_start(View bytes, std::size_t characters) {
  return base32(View(sha256(bytes).value)).substr(0, characters);
}

std::string two_digits(std::size_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view white = " \t\r\n";
  const auto from = line.find_first_not_of(white);
  if (from == std::string_view::npos) return {};
  return line.substr(from, line.find_last_not_of(white) - from + 1);
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

void check_beginning(std::string_view line) {
  if (line.empty())
    throw Refused(QrRefusal::length, "the line is empty, and a frame begins with \"KCYZ1\"", "", "read one whole code, one code a line, and nothing else");
  const std::string_view start = line.substr(0, magic.size());
  if (start == magic) return;
  const std::string begins = "the line begins with " + shown(start) + ", and a frame begins with \"KCYZ1\"";
  const std::string raised = upper(start);
  if (raised.starts_with("KCZY"))
    throw Refused(QrRefusal::layout, begins + ": the layout of the keyboard or scanner swaps Y and Z", "",
                  "set the scanner and this machine to the same layout (US) and read the code again");
  if (raised == magic)
    throw Refused(QrRefusal::layout, begins + ": upper case has become lower case", "",
                  "switch caps lock off, set the scanner to send the text as it is, and read the code again");
  if (start.starts_with("KCYZ") && start.size() == magic.size() && is_digit(start.back()))
    throw Refused(QrRefusal::magic, begins + ": this is another version of the format", "",
                  "show the codes with the version of the program that reads them, or use a medium");
  if (start.starts_with("KCYZ"))
    throw Refused(QrRefusal::layout, begins + ": the layout of the keyboard or scanner changes digits", "",
                  "set the scanner and this machine to the same layout (US) and read the code again");
  throw Refused(QrRefusal::magic, begins + ": this is not a frame of ours", "",
                "read one of the codes that the other screen or the paper shows, and no other code");
}

void check_length_of(std::string_view line) {
  constexpr std::string_view hint = "read one whole code, one code a line, and nothing else";
  // No DATA holds the magic's 1; a SID and an IDX may spell the magic together.
  if (const auto second = line.find(magic, data_at); second != std::string_view::npos)
    throw Refused(QrRefusal::length, "a second frame begins at character " + std::to_string(second + 1) + " of the line", "", std::string(hint));
  if (line.size() < shortest_frame || line.size() > longest_frame)
    throw Refused(QrRefusal::length, "the line " + shown(line.substr(0, 24)) + " has " + std::to_string(line.size()) + " characters, and a frame has 23 to 4096", "",
                  std::string(hint));
}

void check_characters(std::string_view line) {
  for (std::size_t at = kind_at; at < line.size(); ++at) {
    const char c = line[at];
    const bool numeric = at >= index_at && at < data_at;
    const bool fine = at == kind_at ? c >= 'A' && c <= 'Z' : numeric ? is_digit(c) : is_base32(c);
    if (fine) continue;
    throw Refused(QrRefusal::character, "character " + std::to_string(at + 1) + " is " + shown(line.substr(at, 1)) + ", and in this place a frame has " +
                  (at == kind_at ? "a letter A-Z" : numeric ? "a digit 0-9" : "one of A-Z and 2-7"), "",
                  "read the code again; if it was typed, compare this character with the paper (O is not 0, I is not 1, B is not 8)");
  }
}

/// "3", "3 and 5", "1, 4 to 7 and 9".
std::string listed(const std::vector<std::size_t>& numbers) {
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i;
    while (end + 1 < numbers.size() && numbers[end + 1] == numbers[end] + 1) ++end;
    if (end < i + 2) end = i;
    runs.push_back(std::to_string(numbers[i]) + (end == i ? "" : " to " + std::to_string(numbers[end])));
    i = end + 1;
  }
  std::string out;
  for (std::size_t i = 0; i < runs.size(); ++i) out += (i == 0 ? "" : i + 1 == runs.size() ? " and " : ", ") + runs[i];
  return out;
}

}  // namespace

std::optional<PayloadKind> kind_from(char letter) {
  const auto at = kind_letters.find(letter);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<PayloadKind>(at);
}

std::string_view text_of(PayloadKind kind) {
  constexpr std::array<std::string_view, kind_letters.size()> names{"share", "checkpoint", "proof", "certificate", "CRL", "CSR", "manifest", "digest"};
  return names.at(static_cast<std::size_t>(kind));
}

std::size_t frame_count(View payload, std::size_t max_characters) {
  if (payload.empty()) throw Refused(QrRefusal::empty, "there is nothing to show as QR codes", "", "choose what is to be shown");
  if (max_characters < shortest_frame)
    throw Refused(QrRefusal::length, "a frame of " + std::to_string(max_characters) + " characters cannot be made; the shortest has 23", "", "use a larger window or screen");
  const std::size_t room = std::min(max_characters, longest_frame) - frame_overhead;
  const std::size_t characters = (payload.size() * 8 + 4) / 5;
  return (characters + room - 1) / room;
}

std::vector<std::string> frames(PayloadKind kind, View payload, std::size_t max_characters) {
  const std::size_t total = frame_count(payload, max_characters);
  if (total > most_frames)
    throw Refused(QrRefusal::too_long, "the " + std::string(text_of(kind)) + " of " + std::to_string(payload.size()) + " bytes needs " + std::to_string(total) +
                  " QR codes of " + std::to_string(max_characters) + " characters, and 64 is the most", "", "use a larger screen, or a medium");
  const std::string text = base32(payload);
  const std::size_t each = (text.size() + total - 1) / total;
  const std::string start = std::string(magic) + letter_of(kind) + digest_start(payload, sid_length);
  std::vector<std::string> out;
  for (std::size_t index = 1; index <= total; ++index)
    out.push_back(with_check(start + two_digits(index) + two_digits(total) + text.substr((index - 1) * each, each)));
  return out;
}

std::string with_check(std::string_view body) { return std::string(body) + digest_start(as_view(body), check_length); }

FrameCollector::Frame FrameCollector::parsed(std::string_view line) {
  check_beginning(line);
  check_length_of(line);
  check_characters(line);
  const std::string_view body = line.substr(0, line.size() - check_length);
  const std::string_view check = line.substr(body.size());
  if (const std::string right = digest_start(as_view(body), check_length); check != right)
    throw Refused(QrRefusal::check, "the frame ends with " + shown(check) + ", and what stands before that gives \"" + right + "\": it is damaged or cut off", "",
                  "read the code again; if it was typed, compare it with the paper in groups of four");
  const auto kind = kind_from(line[kind_at]);
  if (!kind)
    throw Refused(QrRefusal::kind, "the frame is of the kind " + shown(line.substr(kind_at, 1)) + ", which is not known here (known: S T P C R Q M D)", "",
                  "show the codes with the version of the program that reads them, or use a medium");
  const auto number = [&](std::size_t at) { return static_cast<std::size_t>((line[at] - '0') * 10 + (line[at + 1] - '0')); };
  const Frame out{*kind, line.substr(sid_at, sid_length), number(index_at), number(total_at), body.substr(data_at)};
  if (out.total < 1 || out.total > most_frames || out.index < 1 || out.index > out.total)
    throw Refused(QrRefusal::range, "the frame says that it is number " + shown(line.substr(index_at, 2)) + " of " + shown(line.substr(total_at, 2)) +
                  ", and a frame is one of 01 to 64", "", "the program that made this code is at fault; use another copy, or a medium");
  return out;
}

void FrameCollector::check_belongs(const Frame& frame) const {
  if (m_wanted && frame.kind != *m_wanted)
    throw Refused(QrRefusal::kind, "this is a frame of a " + std::string(text_of(frame.kind)) + ", and a " + std::string(text_of(*m_wanted)) + " is wanted here", "",
                  "read the codes of the " + std::string(text_of(*m_wanted)));
  if (m_data.empty()) return;
  if (frame.sid != m_sid)
    throw Refused(QrRefusal::other_payload, "this frame belongs to " + shown(frame.sid) + ", and the frames read before belong to " + shown(m_sid), "",
                  "go on with the codes of \"" + m_sid + "\", or start anew to read the other ones");
  const std::string contradicts = "frame " + std::to_string(frame.index) + " of " + std::to_string(frame.total) + " contradicts ";
  const std::string_view hint = "codes of two showings are mixed; start anew and read all codes of one screen or one paper";
  if (frame.kind != *m_kind)
    throw Refused(QrRefusal::contradiction, contradicts + "the frames read before: they are of a " + std::string(text_of(*m_kind)) + ", it is of a " + std::string(text_of(frame.kind)), "", std::string(hint));
  if (frame.total != m_data.size())
    throw Refused(QrRefusal::contradiction, contradicts + "the frames read before, which are " + std::to_string(m_data.size()) + " in all", "", std::string(hint));
  const std::string& before = m_data[frame.index - 1];
  if (!before.empty() && before != frame.data)
    throw Refused(QrRefusal::contradiction, contradicts + "a frame of the same number that was read before", "", std::string(hint));
}

FrameCollector::Taken FrameCollector::take(std::string_view line) {
  const Frame frame = parsed(trimmed(line));
  check_belongs(frame);
  if (m_data.empty()) {
    m_kind = frame.kind;
    m_sid = frame.sid;
    m_data.resize(frame.total);
  }
  std::string& place = m_data[frame.index - 1];
  Taken out{frame.index, frame.total, !place.empty(), ""};
  if (!out.repeated) {
    place = frame.data;
    join();
  }
  out.says = "frame " + std::to_string(out.index) + " of " + std::to_string(out.total) + (out.repeated ? " was read before; " : " is read; ") + progress();
  return out;
}

void FrameCollector::join() {
  std::string text;
  for (const std::string& each : m_data) {
    if (each.empty()) return;
    text += each;
  }
  auto payload = unbase32(std::move(text));
  const std::string sid = payload ? digest_start(*payload, sid_length) : "";
  if (sid == m_sid) {
    m_payload = std::move(*payload);
    return;
  }
  const std::string named = m_sid;
  start_anew();
  throw Refused(QrRefusal::payload, payload ? "all frames are read, but together they give \"" + sid + "\" where they name \"" + named + "\""
                                            : "all frames are read, but together they are not base32 of whole bytes", "",
                "one of them is not as it was made; read all codes again, from the first, or use a medium");
}

std::string FrameCollector::progress() const {
  if (m_data.empty()) return "no frame has been read";
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < m_data.size(); ++i)
    if (m_data[i].empty()) missing.push_back(i + 1);
  const std::string total = std::to_string(m_data.size());
  if (missing.empty()) return m_data.size() == 1 ? "the one frame is here" : "all " + total + " frames are here";
  return (missing.size() == 1 ? "frame " : "frames ") + listed(missing) + " of " + total + (missing.size() == 1 ? " is missing" : " are missing");
}

const Bytes& FrameCollector::payload() const {
  assert(complete());
  return m_payload;
}

void FrameCollector::start_anew() {
  m_kind.reset();
  m_sid.clear();
  m_data.clear();
  m_payload.clear();
}

}  // namespace ceremony::media
