#include <algorithm>
#include <array>

#include "ceremony/ground/refused.h"
#include "media/files.h"
#include "media/usb_policy.h"

namespace ceremony::media {
namespace {

constexpr std::string_view head = "ceremony-usb/v1";
constexpr std::size_t longest_file = 65536, longest_name_of_device = 40;
// Keys, networks and radios are not let in by a number that any device can give itself; hubs need no line.
constexpr std::array<std::uint8_t, 5> never{0x02, 0x03, 0x09, 0x0a, 0xe0};

class Rules final {
 public:
  Rules(std::string_view text, const std::string& name) : m_name(name) {
    if (text.size() > longest_file) {
      wrong("the file has more than " + std::to_string(longest_file) + " bytes", "leave only the devices that are really used");
      return;
    }
    while (!text.empty()) {
      ++m_line;
      const auto end = text.find('\n');
      const auto line = text.substr(0, end);
      if (end == std::string_view::npos) wrong("the last line does not end", "end the file with the end of a line");
      take(line);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    if (m_line == 0) ++m_line, wrong("the file is empty", "begin it with " + std::string(head));
  }

  UsbRules rules() && {
    if (!m_findings.empty()) throw Refused(UsbRefusal::rules, std::move(m_findings));
    return std::move(m_rules);
  }

 private:
  void wrong(std::string what, std::string hint) { m_findings.push_back({std::move(what), m_name + ":" + std::to_string(m_line), std::move(hint)}); }

  void take(std::string_view line) {
    if (m_line == 1) {
      if (line != head) wrong("the first line is " + shown(line), "begin the file with " + std::string(head));
      return;
    }
    if (line.empty() || line.front() == '#') return;
    auto rest = line;
    const auto word = cut(rest);
    const auto number = cut(rest);
    const auto model = usb_model_from(number);
    if (word != "device" && word != "scanner") return wrong("the line begins with " + shown(word), "write `device` or `scanner`, then a number as 1050:0030");
    if (!model) return wrong("the number is " + shown(number), "write vendor and product as lsusb does: 1050:0030, in lower case");
    UsbListed listed{*model, {}, {}};
    if (word == "device" && !take_kinds(cut(rest), listed)) return;
    listed.name = rest;
    if (rest.empty() || rest.size() > longest_name_of_device || rest.front() == ' ' || rest.back() == ' ' ||
        !std::ranges::all_of(rest, [](char c) { return c >= ' ' && c <= '~'; }))
      return wrong("the name is " + shown(rest), "end the line with what people call the device: 1 to 40 characters of ASCII, one space before them");
    if (!m_rules.listed.empty() && m_rules.listed.back().model >= *model)
      return wrong(text_of(*model) + " stands behind " + text_of(m_rules.listed.back().model), "sort the lines by number, each number once");
    m_rules.listed.push_back(std::move(listed));
  }

  /// `0b/00/00+ff/00/00`, ascending.
  bool take_kinds(std::string_view text, UsbListed& listed) {
    const auto all = text;
    while (true) {
      const auto plus = std::min(text.find('+'), text.size());
      const auto kind = usb_class_from(text.substr(0, plus));
      if (!kind || (!listed.kinds.empty() && *listed.kinds.rbegin() >= *kind)) {
        wrong("the interfaces are " + shown(all), "write class/subclass/protocol of each interface in hexadecimal, ascending, joined by +: 0b/00/00+ff/00/00");
        return false;
      }
      if (std::ranges::find(never, kind->base) != never.end()) {
        wrong("the interface " + text_of(*kind) + " is one that no line lets in", "leave the device out: keyboards, hubs, networks and radios are not listed");
        return false;
      }
      listed.kinds.insert(*kind);
      if (plus == text.size()) return true;
      text.remove_prefix(plus + 1);
    }
  }

  /// What stands before the next space.
  static std::string_view cut(std::string_view& rest) {
    const auto end = std::min(rest.find(' '), rest.size());
    const auto out = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return out;
  }

  std::string m_name;
  std::size_t m_line = 0;
  UsbRules m_rules;
  std::vector<Finding> m_findings;
};

}  // namespace

UsbRules parse_usb_rules(std::string_view text, const std::string& name) { return Rules(text, name).rules(); }

}  // namespace ceremony::media
