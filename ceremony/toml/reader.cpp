#include "ceremony/toml/reader.h"

#include <toml++/toml.hpp>

#include <algorithm>
#include <cassert>
#include <map>
#include <set>
#include <utility>

#include "ceremony/toml/syntax.h"

namespace ceremony::toml_file {

namespace {

constexpr std::size_t max_findings = 100;

struct Place {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  auto operator<=>(const Place&) const = default;
};

Place place_of(const toml::source_region& region) {
  return {std::max<std::uint32_t>(region.begin.line, 1), std::max<std::uint32_t>(region.begin.column, 1)};
}

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
    case toml::node_type::none: break;
  }
  return "nothing";
}

}  // namespace

struct Document::Inside {
  std::string name;
  toml::table root;
  struct Noted {
    Place place;
    Finding finding;
  };
  std::vector<Noted> findings;
  std::set<std::pair<const toml::table*, std::string>, std::less<>> asked;
  std::set<std::pair<const toml::table*, std::string>> faulty;  ///< keys that have a finding of the reader's own
  std::set<const toml::table*> opened;                          ///< tables that were handed out

  [[nodiscard]] std::string text_of(Place place) const {
    return name + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  }
  void add(Place place, std::string what, std::string hint) {
    findings.push_back({place, {std::move(what), text_of(place), std::move(hint)}});
  }
};

/// What the getters share.
struct Reading {
  const Table& view;
  std::string_view key;

  [[nodiscard]] Document::Inside& inside() const { return *view.m_document->m_inside; }
  [[nodiscard]] const toml::table* table() const { return static_cast<const toml::table*>(view.m_node); }
  [[nodiscard]] std::string full() const {
    return view.m_path.empty() ? std::string(key) : view.m_path + "." + std::string(key);
  }
  [[nodiscard]] Table stand_in() const { return {view.m_document, nullptr, full()}; }
  [[nodiscard]] Table open(const toml::table& node, std::string path) const {
    inside().opened.insert(&node);
    return {view.m_document, &node, std::move(path)};
  }
  [[nodiscard]] Place place() const {
    if (table() == nullptr) {
      return {};
    }
    if (!key.empty()) {
      for (auto&& [k, v] : *table()) {
        if (k.str() == key) {
          return place_of(k.source());
        }
      }
    }
    return place_of(table()->source());
  }
  void fault(Place at, std::string what, std::string hint) const {
    if (!inside().faulty.emplace(table(), std::string(key)).second) {
      return;  // the key was asked for twice
    }
    inside().add(at, std::move(what), std::move(hint));
  }
  void wrong(const toml::node& node, std::string_view wanted) const {
    fault(place(), "\"" + full() + "\" is " + std::string(kind_of(node)) + ", not " + std::string(wanted),
          "write " + std::string(wanted) + " here");
  }
  /// The node, marked as known; null where it is absent.
  [[nodiscard]] const toml::node* find() const {
    if (table() == nullptr) {
      return nullptr;
    }
    inside().asked.emplace(table(), std::string(key));
    return table()->get(key);
  }
  /// The same, and its absence is a finding (once: what stands in for an absent table lacks everything).
  [[nodiscard]] const toml::node* need(std::string_view wanted) const {
    const toml::node* node = find();
    if (node == nullptr && table() != nullptr && !inside().faulty.contains({table(), std::string(key)})) {
      fault(place_of(table()->source()), "\"" + full() + "\" is missing",
            "add it: " + std::string(wanted));
    }
    return node;
  }
  [[nodiscard]] std::string as_text(const toml::node& node) const {
    const auto* value = node.as_string();
    if (value == nullptr) {
      wrong(node, "a text in quotes");
      return {};
    }
    if (!shows_as_written(value->get())) {
      fault(place(), "\"" + full() + "\" holds a control or invisible character", "write plain text only");
      return {};
    }
    return value->get();
  }
  [[nodiscard]] std::int64_t as_integer(const toml::node& node, std::int64_t low, std::int64_t high) const {
    const auto* value = node.as_integer();
    if (value == nullptr) {
      wrong(node, "a whole number");
      return low;
    }
    if (value->get() < low || value->get() > high) {
      fault(place(),
            "\"" + full() + "\" is " + std::to_string(value->get()) + ", outside " + std::to_string(low) + " to " +
                std::to_string(high),
            "write a whole number from " + std::to_string(low) + " to " + std::to_string(high));
      return low;
    }
    return value->get();
  }
  [[nodiscard]] bool as_boolean(const toml::node& node) const {
    const auto* value = node.as_boolean();
    if (value == nullptr) {
      wrong(node, "true or false");
      return false;
    }
    return value->get();
  }
  [[nodiscard]] std::vector<std::string> as_texts(const toml::node& node) const {
    const auto* list = node.as_array();
    if (list == nullptr) {
      wrong(node, "a list of texts, like [\"one\", \"two\"]");
      return {};
    }
    std::vector<std::string> out;
    for (const toml::node& item : *list) {
      const auto* value = item.as_string();
      if (value == nullptr || !shows_as_written(value->get())) {
        fault(place_of(item.source()),
              "\"" + full() + "\" holds " +
                  (value == nullptr ? std::string(kind_of(item)) + ", not a text"
                                    : std::string("a control or invisible character")),
              "write a list of plain texts in quotes");
        return {};
      }
      out.push_back(value->get());
    }
    return out;
  }
  [[nodiscard]] std::vector<Table> as_tables(const toml::node& node) const {
    const auto* list = node.as_array();
    if (list == nullptr) {
      wrong(node, "a list of tables ([[" + full() + "]])");
      return {};
    }
    std::vector<Table> out;
    for (const toml::node& item : *list) {
      const auto* value = item.as_table();
      if (value == nullptr) {
        wrong(item, "a list of tables ([[" + full() + "]])");
        return {};
      }
      out.push_back(open(*value, full() + "[" + std::to_string(out.size() + 1) + "]"));
    }
    return out;
  }
  /// The keys that were asked for and are not there: an unknown one is most often one of them, misspelt.
  static std::string absent_of(const Document::Inside& inside, const toml::table& table) {
    std::string out;
    for (auto at = inside.asked.lower_bound({&table, std::string()}); at != inside.asked.end() && at->first == &table; ++at) {
      if (!table.contains(at->second)) out += (out.empty() ? " (not there: " : ", ") + quoted(at->second);
    }
    return out.empty() ? out : out + ")";
  }
  /// Every key that nobody asked for, in the tables that were handed out.
  static void unknown(Document::Inside& inside, const toml::table& table, const std::string& path) {
    for (auto&& [k, v] : table) {
      const std::string full = path.empty() ? std::string(k.str()) : path + "." + std::string(k.str());
      if (!inside.asked.contains({&table, std::string(k.str())})) {
        inside.add(place_of(k.source()), "unknown " + std::string(v.is_table() || v.is_array_of_tables() ? "table " : "key ") + quoted(full),
                   "correct its spelling" + absent_of(inside, table) + ", or take it out");
        continue;
      }
      if (const auto* inner = v.as_table(); inner != nullptr && inside.opened.contains(inner)) {
        unknown(inside, *inner, full);
      }
      if (const auto* list = v.as_array()) {
        std::size_t number = 0;
        for (const toml::node& item : *list) {
          ++number;
          if (const auto* inner = item.as_table(); inner != nullptr && inside.opened.contains(inner)) {
            unknown(inside, *inner, full + "[" + std::to_string(number) + "]");
          }
        }
      }
    }
  }
};

std::string Table::text(std::string_view key) const {
  const Reading reading{*this, key};
  const auto* node = reading.need("a text in quotes");
  return node == nullptr ? std::string() : reading.as_text(*node);
}

std::int64_t Table::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const Reading reading{*this, key};
  const auto* node = reading.need("a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  return node == nullptr ? low : reading.as_integer(*node, low, high);
}

bool Table::boolean(std::string_view key) const {
  const Reading reading{*this, key};
  const auto* node = reading.need("true or false");
  return node != nullptr && reading.as_boolean(*node);
}

std::vector<std::string> Table::texts(std::string_view key) const {
  const Reading reading{*this, key};
  const auto* node = reading.need("a list of texts");
  return node == nullptr ? std::vector<std::string>() : reading.as_texts(*node);
}

Table Table::table(std::string_view key) const {
  const Reading reading{*this, key};
  const auto* node = reading.need("a table [" + reading.full() + "]");
  if (node == nullptr) {
    return reading.stand_in();
  }
  if (!node->is_table()) {
    reading.wrong(*node, "a table [" + reading.full() + "]");
    return reading.stand_in();
  }
  return reading.open(*node->as_table(), reading.full());
}

std::vector<Table> Table::tables(std::string_view key) const {
  const Reading reading{*this, key};
  const auto* node = reading.need("at least one table [[" + reading.full() + "]]");
  return node == nullptr ? std::vector<Table>() : reading.as_tables(*node);
}

std::string Table::text_or(std::string_view key, std::string_view fallback) const {
  const Reading reading{*this, key};
  const auto* node = reading.find();
  return node == nullptr ? std::string(fallback) : reading.as_text(*node);
}

std::int64_t Table::integer_or(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t fallback) const {
  const Reading reading{*this, key};
  const auto* node = reading.find();
  return node == nullptr ? fallback : reading.as_integer(*node, low, high);
}

bool Table::boolean_or(std::string_view key, bool fallback) const {
  const Reading reading{*this, key};
  const auto* node = reading.find();
  return node == nullptr ? fallback : reading.as_boolean(*node);
}

std::vector<std::string> Table::texts_or(std::string_view key, std::vector<std::string> fallback) const {
  const Reading reading{*this, key};
  const auto* node = reading.find();
  return node == nullptr ? std::move(fallback) : reading.as_texts(*node);
}

std::optional<Table> Table::table_if(std::string_view key) const {
  const Reading reading{*this, key};
  const auto* node = reading.find();
  if (node == nullptr) {
    return std::nullopt;
  }
  if (!node->is_table()) {
    reading.wrong(*node, "a table [" + reading.full() + "]");
    return std::nullopt;
  }
  return reading.open(*node->as_table(), reading.full());
}

std::vector<Table> Table::tables_if(std::string_view key) const {
  const Reading reading{*this, key};
  const auto* node = reading.find();
  return node == nullptr ? std::vector<Table>() : reading.as_tables(*node);
}

bool Table::has(std::string_view key) const {
  const Reading reading{*this, key};
  return reading.table() != nullptr && reading.table()->get(key) != nullptr;
}

bool Table::good(std::string_view key) const {
  const Reading reading{*this, key};
  return has(key) && !reading.inside().faulty.contains({reading.table(), std::string(key)});
}

std::vector<std::string> Table::keys() const {
  const Reading reading{*this, {}};
  std::vector<std::pair<Place, std::string>> found;
  if (reading.table() != nullptr) {
    for (auto&& [k, v] : *reading.table()) {
      found.emplace_back(place_of(k.source()), std::string(k.str()));
      reading.inside().asked.emplace(reading.table(), std::string(k.str()));
    }
  }
  std::ranges::sort(found);
  std::vector<std::string> out;
  for (auto& [place, key] : found) {
    out.push_back(std::move(key));
  }
  return out;
}

std::string Table::where(std::string_view key) const {
  const Reading reading{*this, key};
  return reading.inside().text_of(reading.place());
}

void Table::note(std::string_view key, std::string what, std::string hint) const {
  const Reading reading{*this, key};
  // One mistake, one finding: what follows from a key that is absent or of the wrong type is not said again.
  if (reading.table() == nullptr || reading.inside().faulty.contains({reading.table(), std::string(key)})) {
    assert(!reading.inside().findings.empty());
    return;
  }
  reading.inside().add(reading.place(), std::move(what), std::move(hint));
}

Document::Document(std::string name, std::string_view text) : m_inside(std::make_unique<Inside>()) {
  m_inside->name = std::move(name);
  const auto refuse = [&](const SyntaxFault& fault) {
    throw Refused(TomlRefusal::syntax, fault.what, fault.line == 0 ? m_inside->name : m_inside->text_of({fault.line, fault.column}), fault.hint);
  };
  if (const auto fault = fault_of_bytes(text)) {
    refuse(*fault);
  }
  try {
    m_inside->root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    const Place at = place_of(error.source());
    refuse(fault_of_parse(text, at.line, at.column, error.description()));
  }
  m_inside->opened.insert(&m_inside->root);
}

Document::~Document() = default;

Table Document::root() { return {this, &m_inside->root, {}}; }

void Document::require_format(std::string_view kind, std::string_view format) {
  const std::string found = root().text("format");
  if (found == format || !root().good("format")) {
    return;
  }
  const std::string_view family = format.substr(0, format.find('/') + 1);
  throw Refused(TomlRefusal::mistakes,
                found.starts_with(family) ? "the format is " + quoted(found) + ", which this program does not read"
                                          : "this is not a " + std::string(kind) + ": its format is " + quoted(found),
                root().where("format"),
                found.starts_with(family) ? "use the program that this file was made for, or write the file anew with format = " + quoted(format)
                                          : "give the " + std::string(kind) + ", which says format = " + quoted(format));
}

bool Document::clean() const { return m_inside->findings.empty(); }

void Document::done() {
  Reading::unknown(*m_inside, m_inside->root, {});
  auto& noted = m_inside->findings;
  if (noted.empty()) {
    return;
  }
  std::ranges::stable_sort(noted, {}, &Inside::Noted::place);
  std::vector<Finding> findings;
  for (auto& each : noted) {
    if (findings.size() == max_findings) {
      findings.push_back({std::to_string(noted.size() - max_findings) + " more mistakes in this file", m_inside->name,
                          "correct the ones above first"});
      break;
    }
    findings.push_back(std::move(each.finding));
  }
  noted.clear();
  throw Refused(TomlRefusal::mistakes, std::move(findings));
}

}  // namespace ceremony::toml_file
