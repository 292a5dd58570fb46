// A table of bad files, one mistake an entry, with the exact text that people read. The table is a text file beside the
// test, because it is read by people who judge the sentences:
//
//   # a remark
//   == a role misspelt              the entry's name, once in the table
//   of rehearsal                    which good file is changed; left out: the first one
//   - c1 = ["custodian"]            these lines …
//   + c1 = ["custodain"]            … become these; several changes are made in their order; + alone: at the end
//   ! a zero byte                   a change that the test knows by this name
//   error: p.toml:@:1: …            the whole text expected
//   hint: …
//
// `:@:` is the number of the line that was changed (the last one, if several), `:@+2:` two below it, `:@[root]:` that of the
// first line which begins with "root": so a shipped file may be improved without touching the tables, and the place is exact still.
// An entry that fails is printed as it would have to be.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ceremony/ground/refused.h"

namespace ceremony::test {

inline std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    out.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  out.push_back(text);
  return out;
}

struct BadFile {
  std::string name;
  std::string good;
  std::vector<std::pair<std::string, std::string>> changes;  ///< from, to; or the name of a change, and nothing
  std::vector<bool> named;                                   ///< for each change
  std::string expected;
};

/// Thrown by an act whose reader gives back lines for a report instead of refusing.
struct Said {
  std::string lines;
};

using Change = std::function<std::string(std::string)>;

/// What any text file may suffer; tests add what their kind may.
inline std::map<std::string, Change> changes_of_any_text() {
  return {
      {"empty", [](const std::string&) { return std::string(); }},
      {"a zero byte", [](const std::string& text) { return text + std::string(1, '\0'); }},
      {"a byte order mark", [](const std::string& text) { return "\xef\xbb\xbf" + text; }},
      {"CR LF", [](const std::string& text) {
         std::string out;
         for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
         return out;
       }},
      {"Latin-1", [](std::string text) { return text.insert(text.find('\n') + 1, "# Z\xfcrich\n"); }},
      {"the first half", [](const std::string& text) { return text.substr(0, text.size() / 2); }},
      {"a mebibyte more", [](const std::string& text) { return text + std::string(std::size_t{1} << 20, '#'); }},
      {"a picture", [](const std::string&) { return std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16); }},
      {"a certificate", [](const std::string&) { return std::string("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"); }},
      {"right to left", [](std::string text) { return text.insert(text.find('\n'), " \u202e"); }},
  };
}

class RefusalTable final {
 public:
  /// `file` below tests/unit; `kind` for the count at the end.
  RefusalTable(std::string kind, const std::string& file) : m_kind(std::move(kind)) {
    std::ifstream in(std::string(CEREMONY_SOURCE "/tests/unit/") + file, std::ios::binary);
    REQUIRE(in);
    std::set<std::string> names;
    char before = ' ';
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("== ")) {
        m_entries.push_back({line.substr(3), "", {}, {}, ""});
        INFO("twice in the table: " << line);
        REQUIRE(names.insert(m_entries.back().name).second);
      } else if (!m_entries.empty()) {
        take(m_entries.back(), line, before);
      }
      before = line.empty() ? ' ' : line[0];
    }
    REQUIRE_FALSE(m_entries.empty());
  }

  [[nodiscard]] const std::vector<BadFile>& entries() const { return m_entries; }

  /// Every entry: the good file of its name, changed, and read. What it says must be what the table says.
  void check_texts(const std::vector<std::pair<std::string, std::string>>& good, const std::function<void(const std::string&)>& read,
                   const std::map<std::string, Change>& changes = changes_of_any_text()) const {
    for (const BadFile& each : m_entries) {
      INFO(each.name);
      const auto found = std::ranges::find(good, each.good.empty() ? good.front().first : each.good, [](const auto& one) { return one.first; });
      REQUIRE(found != good.end());
      std::string text = found->second;
      std::size_t line = 0;
      for (std::size_t i = 0; i < each.changes.size(); ++i) {
        if (each.named[i]) {
          INFO("no such change: " << each.changes[i].first);
          REQUIRE(changes.contains(each.changes[i].first));
          text = changes.at(each.changes[i].first)(text);
          line = 1;
        } else {
          line = replace(text, each.changes[i]);
        }
      }
      check(each, text_of([&] { read(text); }), text, line);
    }
  }

  /// Every entry: the test's own act of that name.
  void check_acts(const std::map<std::string, std::function<void()>>& acts) const {
    for (const BadFile& each : m_entries) {
      INFO("no such act: " << each.name);
      REQUIRE(acts.contains(each.name));
      check(each, text_of(acts.at(each.name)), "", 0);
    }
    CHECK(acts.size() == m_entries.size());
  }

  void print_count() const {
    std::printf("counted: refusals: %s: %zu\n", m_kind.c_str(), m_entries.size());
    std::fflush(stdout);
  }

 private:
  template <typename Act>
  static std::string text_of(const Act& act) {
    try {
      act();
      return "taken\n";
    } catch (const Said& said) {
      return said.lines;
    } catch (const Refused& refused) {
      for (const Finding& each : refused.findings()) {
        CHECK_FALSE(each.what.empty());
        CHECK_FALSE(each.hint.empty());
      }
      return std::string(refused.what()) + "\n";
    }
  }

  static void take(BadFile& entry, const std::string& line, char before) {
    const auto more = [](std::string& text, const std::string& next) { text += (text.empty() ? "" : "\n") + next; };
    if (line.empty() || line.starts_with("# ")) return;
    const std::string rest = line.size() > 2 ? line.substr(2) : "";
    if (line.starts_with("of ")) {
      entry.good = line.substr(3);
    } else if (line.starts_with("- ") || line == "-") {
      if (before != '-') entry.changes.emplace_back(), entry.named.push_back(false);
      more(entry.changes.back().first, rest);
    } else if (line.starts_with("+ ") || line == "+") {
      if (before != '+' && before != '-') entry.changes.emplace_back(), entry.named.push_back(false);
      if (before == '+') entry.changes.back().second += "\n";
      entry.changes.back().second += rest;
    } else if (line.starts_with("! ")) {
      entry.changes.emplace_back(rest, "");
      entry.named.push_back(true);
    } else {
      entry.expected += line + "\n";
    }
  }

  /// Makes the change and gives the number of the first line it touches.
  static std::size_t replace(std::string& text, const std::pair<std::string, std::string>& change) {
    const auto& [from, to] = change;
    std::size_t at = text.size();
    if (from.empty()) {
      text += to + "\n";
    } else {
      at = text.find(from);
      INFO("looking for: " << from);
      REQUIRE(at != std::string::npos);
      text.replace(at, from.size(), to);
    }
    return static_cast<std::size_t>(std::ranges::count(text.substr(0, at), '\n')) + 1;
  }

  /// The places of the table as numbers.
  static std::string placed(const std::string& expected, std::string_view text, std::size_t line) {
    std::string out;
    const auto lines = lines_of(text);
    for (std::size_t at = 0; at < expected.size();) {
      if (!expected.substr(at).starts_with(":@") || (at + 2 < expected.size() && std::string_view(":+-[").find(expected[at + 2]) == std::string_view::npos)) {
        out += expected[at++];
        continue;
      }
      at += 2;
      std::size_t number = line;
      if (expected[at] == '[') {
        auto end = expected.find(']', at);
        while (end != std::string::npos && std::string_view(":+-").find(expected[end + 1]) == std::string_view::npos) end = expected.find(']', end + 1);
        REQUIRE(end != std::string::npos);
        const std::string start = expected.substr(at + 1, end - at - 1);
        const auto found = std::ranges::find_if(lines, [&](std::string_view each) { return each.starts_with(start); });
        INFO("no line begins with: " << start);
        REQUIRE(found != lines.end());
        number = static_cast<std::size_t>(found - lines.begin()) + 1;
        at = end + 1;
      }
      int more = 0;
      if (expected[at] == '+' || expected[at] == '-') {
        std::size_t used = 0;
        more = std::stoi(expected.substr(at), &used);
        at += used;
      }
      out += ":" + std::to_string(static_cast<int>(number) + more);
    }
    return out;
  }

  /// The other way round, for what is printed: a line's number as the table would say it.
  static std::string unplaced(const std::string& said, std::string_view text, std::size_t line) {
    if (line == 0) return said;
    const auto lines = lines_of(text);
    std::string out;
    for (const std::string_view each : lines_of(said)) {
      const auto name = each.starts_with("error: ") ? each.find(':', 7) : std::string_view::npos;
      const auto end = name == std::string_view::npos ? name : each.find(':', name + 1);
      const std::string_view number = end == std::string_view::npos ? "" : each.substr(name + 1, end - name - 1);
      if (number.empty() || !std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; })) {
        out += std::string(each) + "\n";
        continue;
      }
      const int there = std::stoi(std::string(number));
      const auto signed_text = [](int off) { return off == 0 ? std::string() : (off > 0 ? "+" : "") + std::to_string(off); };
      std::string place = "@" + signed_text(there - static_cast<int>(line));
      if (std::abs(there - static_cast<int>(line)) > 3) {
        // The nearest line above that no earlier line begins like.
        for (int from = there; from > 0; --from) {
          const std::string_view start = lines.at(static_cast<std::size_t>(from) - 1);
          const auto first = std::ranges::find_if(lines, [&](std::string_view one) { return one.starts_with(start); });
          if (start.empty() || first != lines.begin() + from - 1) continue;
          place = "@[" + std::string(start) + "]" + signed_text(there - from);
          break;
        }
      }
      out += std::string(each.substr(0, name + 1)) + place + std::string(each.substr(end)) + "\n";
    }
    out.pop_back();
    return out;
  }

  static void check(const BadFile& entry, const std::string& said, const std::string& text, std::size_t line) {
    const std::string expected = placed(entry.expected, text, line);
    if (said != expected) FAIL_CHECK("the table should say\n<<<" << entry.name << "\n" << unplaced(said, text, line) << ">>>\ninstead of\n" << entry.expected);
    else SUCCEED();
  }

  std::string m_kind;
  std::vector<BadFile> m_entries;
};

}  // namespace ceremony::test
