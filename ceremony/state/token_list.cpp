#include "ceremony/state/token_list.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "ceremony/ledger/text.h"
#include "ceremony/state/state.h"

namespace ceremony::state {
namespace {

constexpr std::string_view head = "ceremony-token-list/v1\n";
constexpr std::string_view classes[] = {"private-key", "public-key", "secret-key", "certificate", "data", "other"};
constexpr std::string_view hex_digits = "0123456789abcdef";

bool plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || std::string_view("._/:-").contains(c);
}

std::string escaped(std::string_view label) {
  if (label.empty()) return "%";
  std::string out;
  for (const char c : label) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (plain(c)) {
      out += c;
    } else {
      out += {'%', hex_digits[byte >> 4], hex_digits[byte & 15]};
    }
  }
  return out;
}

std::optional<std::string> unescaped(std::string_view text) {
  if (text == "%") return std::string();
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = unhex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += static_cast<char>(byte->front());
    i += 2;
  }
  return out.empty() || escaped(out) != text ? std::nullopt : std::optional(out);
}

std::string_view word(std::optional<bool> flag) { return !flag ? "-" : *flag ? "yes" : "no"; }

bool take_flag(std::string_view field, std::string_view name, std::optional<bool>& flag) {
  if (!field.starts_with(name)) return false;
  field.remove_prefix(name.size());
  if (field == "yes") flag = true;
  if (field == "no") flag = false;
  return flag.has_value() || field == "-";
}

std::optional<TokenObject> parse_line(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const auto space = line.find(' ');
    fields.push_back(line.substr(0, space));
    if (space == std::string_view::npos) break;
    line.remove_prefix(space + 1);
  }
  if (fields.size() != 7 || std::ranges::find(classes, fields[0]) == std::end(classes)) return std::nullopt;
  TokenObject object;
  object.cls = fields[0];
  const auto label = unescaped(fields[1]);
  if (!label) return std::nullopt;
  object.label = *label;
  if (fields[2] != "-") {
    const auto id = unhex(fields[2]);
    if (!id || id->empty()) return std::nullopt;
    object.id = fields[2];
  }
  if (!take_flag(fields[3], "local=", object.local) || !take_flag(fields[4], "extractable=", object.extractable) || !take_flag(fields[5], "wrap=", object.wrap))
    return std::nullopt;
  if (!fields[6].starts_with("key=")) return std::nullopt;
  if (const auto key = fields[6].substr(4); key != "-") {
    object.key = digest_from_hex(key);
    if (!object.key) return std::nullopt;
  }
  return object;
}

std::string named(const TokenObject& object) { return object.cls + " " + ledger::shown(object.label) + (object.id.empty() ? "" : " (id " + object.id + ")"); }

/// A private key that has to be on the token.
struct Expected {
  const Key* key;
  bool local;
  bool extractable;
};

std::vector<Expected> expected_on(const CaState& state, std::string_view serial) {
  std::vector<Expected> out;
  for (const auto& [id, key] : state.keys) {
    if (key.destroyed) continue;
    if (key.token == serial) out.push_back({&key, true, key.extractable});
    for (const Restored& restored : key.restores)
      if (restored.token == serial && !restored.erased) out.push_back({&key, false, restored.extractable});
  }
  return out;
}

std::optional<std::string> differs(const TokenObject& object, const Expected& expected) {
  const bool is_private = object.cls == "private-key";
  if (object.label != expected.key->label) return named(object) + " should have the label " + ledger::shown(expected.key->label);
  if (object.key && *object.key != expected.key->spki_sha256) return named(object) + " has another public key than the log says";
  if (!is_private) return std::nullopt;
  if (object.local != expected.local) return named(object) + " has LOCAL " + std::string(word(object.local)) + ", the log expects " + std::string(word(expected.local));
  if (object.extractable != expected.extractable)
    return named(object) + " has EXTRACTABLE " + std::string(word(object.extractable)) + ", the log expects " + std::string(word(expected.extractable));
  if (object.wrap == true) return named(object) + " may wrap other keys";
  return std::nullopt;
}

bool is_checkpoint_of(const CaState& state, std::string_view label) {
  constexpr std::string_view prefix = "checkpoint-";
  if (!label.starts_with(prefix)) return false;
  const auto size = ledger::decimal(label.substr(prefix.size()));
  return size && std::ranges::any_of(state.closed, [&](const Closed& c) { return c.size() == *size; });
}

}  // namespace

std::string token_list(std::vector<TokenObject> objects) {
  std::vector<std::string> lines;
  for (const TokenObject& o : objects)
    lines.push_back(o.cls + " " + escaped(o.label) + " " + (o.id.empty() ? "-" : o.id) + " local=" + std::string(word(o.local)) + " extractable=" +
                    std::string(word(o.extractable)) + " wrap=" + std::string(word(o.wrap)) + " key=" + (o.key ? hex(*o.key) : "-") + "\n");
  std::ranges::sort(lines);
  std::string out(head);
  for (const std::string& line : lines) out += line;
  return out;
}

std::optional<std::vector<TokenObject>> parse_token_list(std::string_view text) {
  if (!text.starts_with(head)) return std::nullopt;
  std::string_view rest = text.substr(head.size());
  std::vector<TokenObject> objects;
  while (const auto line = ledger::take_line(rest)) {
    auto object = parse_line(*line);
    if (!object) return std::nullopt;
    objects.push_back(std::move(*object));
  }
  if (!rest.empty() || token_list(objects) != text) return std::nullopt;
  return objects;
}

std::optional<std::string> unexpected(const CaState& state, std::string_view token_serial, std::string_view list) {
  const auto objects = parse_token_list(list);
  if (!objects) return "the list of the token's objects is not a list";
  const std::vector<Expected> expected = expected_on(state, token_serial);
  std::map<std::pair<std::string, KeyId>, int> seen;
  for (const TokenObject& object : *objects) {
    if (object.cls == "data") {
      if (!is_checkpoint_of(state, object.label)) return named(object) + " is no checkpoint after a closed ceremony of this log";
      continue;
    }
    const auto match = std::ranges::find_if(expected, [&](const Expected& e) { return e.key->id == object.id; });
    if ((object.cls != "private-key" && object.cls != "public-key") || match == expected.end()) return named(object) + " is not on the log";
    if (++seen[{object.cls, object.id}] > 1) return named(object) + " is there twice";
    if (auto difference = differs(object, *match)) return difference;
  }
  for (const Expected& e : expected) {
    if (!seen.contains({"private-key", e.key->id})) return "private-key " + ledger::shown(e.key->label) + " (id " + e.key->id + ") is missing";
    if (e.local && !seen.contains({"public-key", e.key->id})) return "public-key " + ledger::shown(e.key->label) + " (id " + e.key->id + ") is missing";
  }
  return std::nullopt;
}

}  // namespace ceremony::state
