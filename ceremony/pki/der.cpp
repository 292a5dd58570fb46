#include "ceremony/pki/der.h"

#include <algorithm>
#include <chrono>
#include <format>

#include "ceremony/pki/refusal.h"

namespace ceremony::pki::der {

namespace {

constexpr int deepest = 32;

[[noreturn]] void refuse_der(std::string_view what, std::string fact) {
  throw Refused(PkiRefusal::der, std::move(fact), std::string(what),
                "have the file made again by its sender; it is damaged or not what its name says");
}

struct Cut {
  Element element;
  View rest;
};

Cut cut(View bytes, std::string_view what) {
  if (bytes.size() < 2) refuse_der(what, "the encoding ends inside an element");
  const std::uint8_t tag = bytes[0];
  if ((tag & 0x1fU) == 0x1fU) refuse_der(what, std::format("the tag 0x{:02x} has the long form", tag));
  std::size_t length = bytes[1];
  std::size_t header = 2;
  if (length >= 0x80) {  // X.690 10.1: definite, in the fewest octets
    const std::size_t octets = length & 0x7fU;
    if (octets == 0) refuse_der(what, "a length is indefinite (BER, not DER)");
    if (octets > 4 || bytes.size() < 2 + octets) refuse_der(what, "a length is longer than the file");
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = (length << 8U) | bytes[2 + i];
    if (length < 0x80 || bytes[2] == 0) refuse_der(what, "a length is not in its shortest form (BER, not DER)");
    header += octets;
  }
  if (length > bytes.size() - header)
    refuse_der(what,
               std::format("an element of {} bytes is announced where {} are left", length, bytes.size() - header));
  return {{tag, bytes.subspan(header, length), bytes.first(header + length)}, bytes.subspan(header + length)};
}

bool minimal_integer(View c) {
  if (c.empty()) return false;
  return c.size() == 1 || !((c[0] == 0x00 && c[1] < 0x80) || (c[0] == 0xff && c[1] >= 0x80));
}

bool proper_oid(View c) {
  if (c.empty() || c.back() >= 0x80) return false;
  bool start = true;
  std::size_t arc = 0;
  for (const std::uint8_t b : c) {
    if (start && b == 0x80) return false;
    if (start) arc = 0;
    if (++arc > 9) return false;  // keeps every arc below 2^63
    start = b < 0x80;
  }
  return true;
}

bool printable(View c) {
  return std::ranges::all_of(c, [](std::uint8_t b) {
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
           std::string_view(" '()+,-./:=?").find(static_cast<char>(b)) != std::string_view::npos;
  });
}

void check_primitive(const Element& e, std::string_view what) {
  const View c = e.content;
  switch (e.tag) {
    case boolean:
      if (c.size() != 1 || (c[0] != 0x00 && c[0] != 0xff)) refuse_der(what, "a BOOLEAN is neither 00 nor FF");
      return;
    case integer:
    case enumerated:
      if (!minimal_integer(c)) refuse_der(what, "an INTEGER is not in its shortest form");
      return;
    case bit_string:
      if (c.empty() || c[0] > 7 || (c.size() == 1 && c[0] != 0) || (c.back() & ((1U << c[0]) - 1U)) != 0)
        refuse_der(what, "a BIT STRING has bad unused bits");
      return;
    case null:
      if (!c.empty()) refuse_der(what, "a NULL has content");
      return;
    case oid:
      if (!proper_oid(c)) refuse_der(what, "an OBJECT IDENTIFIER is malformed");
      return;
    case utf8_string:
      if (!valid_utf8(as_text(c))) refuse_der(what, "a UTF8String is not UTF-8");
      return;
    case printable_string:
      if (!printable(c)) refuse_der(what, "a PrintableString has a character outside its set");
      return;
    case ia5_string:
      if (std::ranges::any_of(c, [](std::uint8_t b) { return b >= 0x80; }))
        refuse_der(what, "an IA5String is not ASCII");
      return;
    default:
      return;
  }
}

void check(const Element& e, std::string_view what, int depth) {
  const unsigned kind = e.tag >> 6U;
  const bool constructed = (e.tag & 0x20U) != 0;
  if (kind == 0) {
    const unsigned number = e.tag & 0x1fU;
    if (number == 0) refuse_der(what, "an element has the reserved tag 0");
    const bool must = number == 0x10 || number == 0x11 || number == 0x08 || number == 0x0b;
    if (must != constructed)
      refuse_der(what,
                 std::format("the tag 0x{:02x} is constructed where DER has it primitive, or the other way", e.tag));
  }
  if (!constructed) return kind == 0 ? check_primitive(e, what) : void();
  if (depth >= deepest) refuse_der(what, std::format("elements are nested deeper than {}", deepest));
  View previous;
  for (View rest = e.content; !rest.empty();) {
    const Cut c = cut(rest, what);
    check(c.element, what, depth + 1);
    // X.690 11.6: the elements of a SET OF ascend.
    if (e.tag == set && std::ranges::lexicographical_compare(c.element.whole, previous))
      refuse_der(what, "a SET OF is not in ascending order");
    previous = c.element.whole;
    rest = c.rest;
  }
}

}  // namespace

bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto b = static_cast<std::uint8_t>(text[i]);
    const std::size_t more = b < 0x80                  ? 0
                             : (b >= 0xc2 && b < 0xe0) ? 1
                             : (b >= 0xe0 && b < 0xf0) ? 2
                             : (b >= 0xf0 && b < 0xf5) ? 3
                                                       : 9;
    if (more == 9 || i + more >= text.size() + (more == 0 ? 1 : 0)) return false;
    std::uint32_t point = more == 0 ? b : b & (0x3fU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto c = static_cast<std::uint8_t>(text[i + k]);
      if ((c & 0xc0U) != 0x80U) return false;
      point = (point << 6U) | (c & 0x3fU);
    }
    if ((more == 2 && point < 0x800) || (more == 3 && point < 0x10000) || point > 0x10ffff ||
        (point >= 0xd800 && point < 0xe000))
      return false;
    i += more + 1;
  }
  return true;
}

Element Reader::next() {
  const Cut c = cut(m_rest, m_what);
  m_rest = c.rest;
  return c.element;
}

Element Reader::next(std::uint8_t tag, std::string_view field) {
  if (m_rest.empty()) refuse(std::format("{} is missing", field));
  if (m_rest[0] != tag) refuse(std::format("{} has the tag 0x{:02x}, not 0x{:02x}", field, m_rest[0], tag));
  return next();
}

std::optional<Element> Reader::next_if(std::uint8_t tag) {
  if (m_rest.empty() || m_rest[0] != tag) return std::nullopt;
  return next();
}

void Reader::end() const {
  if (!m_rest.empty())
    refuse(std::format("an element with the tag 0x{:02x} stands where nothing more may follow", m_rest[0]));
}

void Reader::refuse(std::string fact) const { refuse_der(m_what, std::move(fact)); }

Element one(View bytes, std::string_view what) {
  const Cut c = cut(bytes, what);
  if (!c.rest.empty()) refuse_der(what, std::format("something follows its end (bytes: {})", c.rest.size()));
  check(c.element, what, 0);
  return c.element;
}

Element one(View bytes, std::uint8_t tag, std::string_view what) {
  const Element e = one(bytes, what);
  if (e.tag != tag) refuse_der(what, std::format("it begins with the tag 0x{:02x}, not 0x{:02x}", e.tag, tag));
  return e;
}

std::string oid_text(View content) {
  std::string out;
  std::uint64_t arc = 0;
  for (const std::uint8_t b : content) {
    arc = (arc << 7U) | (b & 0x7fU);
    if (b >= 0x80) continue;
    if (out.empty()) {
      const std::uint64_t first = std::min<std::uint64_t>(arc / 40, 2);
      out = std::format("{}.{}", first, arc - first * 40);
    } else {
      out += std::format(".{}", arc);
    }
    arc = 0;
  }
  return out;
}

bool to_bool(View content) { return !content.empty() && content[0] != 0; }

std::optional<std::uint64_t> to_number(View content) {
  if (content.empty() || content.size() > 8 || content[0] >= 0x80) return std::nullopt;
  std::uint64_t out = 0;
  for (const std::uint8_t b : content) out = (out << 8U) | b;
  return out;
}

Bytes from_number(std::uint64_t number) {
  Bytes out;
  do {
    out.insert(out.begin(), static_cast<std::uint8_t>(number & 0xffU));
    number >>= 8U;
  } while (number != 0);
  if (out.front() >= 0x80) out.insert(out.begin(), 0);
  return out;
}

View whole_octets(View content, std::string_view what) {
  if (content.empty() || content[0] != 0) refuse_der(what, "a BIT STRING does not hold whole octets");
  return content.subspan(1);
}

Time to_time(const Element& element, std::string_view what) {
  const std::string text = as_text(element.content);
  const bool utc = element.tag == utc_time;
  if (!utc && element.tag != generalized_time)
    refuse_der(what, std::format("a time has the tag 0x{:02x}", element.tag));
  const std::size_t year_digits = utc ? 2 : 4;
  const bool shape = text.size() == year_digits + 11 && text.back() == 'Z' &&
                     std::ranges::all_of(std::string_view(text).substr(0, text.size() - 1),
                                         [](char c) { return c >= '0' && c <= '9'; });
  if (!shape) refuse_der(what, "a time is not in the form YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ");
  auto at = [&](std::size_t from, std::size_t digits) {
    int out = 0;
    for (std::size_t i = from; i < from + digits; ++i) out = out * 10 + (text[i] - '0');
    return out;
  };
  int year = at(0, year_digits);
  if (utc) year += year < 50 ? 2000 : 1900;
  if (!utc && year < 2050)
    refuse_der(what,
               std::format("the time '{}' before 2050 is a GeneralizedTime (RFC 5280 4.1.2.5 wants UTCTime)", text));
  const std::size_t d = year_digits;
  const std::chrono::year_month_day day{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(at(d, 2))),
                                        std::chrono::day(static_cast<unsigned>(at(d + 2, 2)))};
  const int h = at(d + 4, 2);
  const int m = at(d + 6, 2);
  const int s = at(d + 8, 2);
  if (!day.ok() || h > 23 || m > 59 || s > 59) refuse_der(what, std::format("the time '{}' does not exist", text));
  return std::chrono::sys_days(day) + std::chrono::hours(h) + std::chrono::minutes(m) + std::chrono::seconds(s);
}

TimeText from_time(Time time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day day(days);
  const std::chrono::hh_mm_ss clock(time - days);
  const int year = static_cast<int>(day.year());
  const std::string rest =
      std::format("{:02}{:02}{:02}{:02}{:02}Z", static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (year >= 1950 && year < 2050) return {utc_time, std::format("{:02}{}", year % 100, rest)};
  return {generalized_time, std::format("{:04}{}", year, rest)};
}

Bytes wrap(std::uint8_t tag, View content) {
  Bytes out{tag};
  std::size_t length = content.size();
  if (length < 0x80) {
    out.push_back(static_cast<std::uint8_t>(length));
  } else {
    Bytes octets;
    for (; length != 0; length >>= 8U) octets.insert(octets.begin(), static_cast<std::uint8_t>(length & 0xffU));
    out.push_back(static_cast<std::uint8_t>(0x80 + octets.size()));
    out.insert(out.end(), octets.begin(), octets.end());
  }
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

}  // namespace ceremony::pki::der
