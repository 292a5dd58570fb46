#include "ceremony/ledger/record.h"

#include <nlohmann/json.hpp>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/text.h"

namespace ceremony::ledger {
namespace {

using Json = nlohmann::json;  // its objects are sorted by key, bytewise

constexpr int depth_limit = 16;
constexpr std::string_view bad_line_hint = "this transcript was not written by this program, or was changed; compare it with another copy";

[[noreturn]] void cannot_write(const Record& record, std::string what) {
  throw Refused(LedgerRefusal::record, std::move(what), "record " + std::to_string(record.n) + " (" + record.ev + ")",
                "shorten or correct what was entered, then repeat the step");
}

[[noreturn]] void bad_line(std::string what, std::string_view where) {
  throw Refused(LedgerRefusal::record, std::move(what), std::string(where), std::string(bad_line_hint));
}

Json json_of(const Value& value, const Record& record, int depth) {
  if (depth > depth_limit) cannot_write(record, "lists are nested deeper than " + std::to_string(depth_limit));
  if (const auto* number = value.if_number()) {
    if (*number > integer_limit || *number < -integer_limit) cannot_write(record, "the number \"" + std::to_string(*number) + "\" is beyond 2^53");
    return *number;
  }
  if (const auto* flag = value.if_boolean()) return *flag;
  if (const auto* text = value.if_text()) return *text;
  if (const auto* list = value.if_array()) {
    Json out = Json::array();
    for (const Value& item : *list) out.push_back(json_of(item, record, depth + 1));
    return out;
  }
  Json out = Json::object();
  for (const auto& [key, field] : value.object()) out[key] = json_of(field, record, depth + 1);
  return out;
}

Value value_of(const Json& json, std::string_view where, int depth) {
  if (depth > depth_limit) bad_line("lists are nested deeper than " + std::to_string(depth_limit), where);
  switch (json.type()) {
    case Json::value_t::boolean: return json.get<bool>();
    case Json::value_t::string: return json.get<std::string>();
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > static_cast<std::uint64_t>(integer_limit)) bad_line("the number " + json.dump() + " is beyond 2^53", where);
      return json.get<std::int64_t>();
    case Json::value_t::number_integer:
      if (json.get<std::int64_t>() < -integer_limit) bad_line("the number " + json.dump() + " is beyond 2^53", where);
      return json.get<std::int64_t>();
    case Json::value_t::array: {
      Value::Array out;
      for (const Json& item : json) out.push_back(value_of(item, where, depth + 1));
      return out;
    }
    case Json::value_t::object: {
      Value::Object out;
      for (const auto& [key, field] : json.items()) out.emplace(key, value_of(field, where, depth + 1));
      return out;
    }
    default: bad_line("a value is neither integer, boolean, text, list nor object", where);
  }
}

/// Canonical spelling: sorted keys, no white space, ASCII, lower-case `\u` escapes.
std::string dumped(const Json& json) { return json.dump(-1, ' ', true); }

std::string text_field(const Json& json, const char* key, std::string_view where) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_string()) bad_line("the field \"" + std::string(key) + "\" is missing or is no text", where);
  return at->get<std::string>();
}

Record record_of(const Json& json, std::string_view where) {
  if (!json.is_object() || json.size() != 8) bad_line("the line is not an object with exactly the fields c, d, ev, n, res, step, t, who", where);
  Record out;
  const auto n = json.find("n");
  if (n == json.end() || !n->is_number_unsigned() || n->get<std::uint64_t>() > static_cast<std::uint64_t>(integer_limit))
    bad_line("the field \"n\" is missing or is no index", where);
  out.n = n->get<std::uint64_t>();
  const auto time_text = text_field(json, "t", where);
  const auto time = time_from_text(time_text);
  if (!time) bad_line("the field \"t\" is no UTC time: " + shown(time_text), where);
  out.t = *time;
  out.c = text_field(json, "c", where);
  out.ev = text_field(json, "ev", where);
  out.step = text_field(json, "step", where);
  const auto result = text_field(json, "res", where);
  if (result != "ok" && result != "fail") bad_line("the field \"res\" is neither ok nor fail: " + shown(result), where);
  out.ok = result == "ok";
  const auto who = json.find("who");
  if (who == json.end() || !who->is_array()) bad_line("the field \"who\" is missing or is no list", where);
  for (const Json& id : *who) {
    if (!id.is_string()) bad_line("the field \"who\" holds something that is no text", where);
    out.who.push_back(id.get<std::string>());
  }
  const auto d = json.find("d");
  if (d == json.end() || !d->is_object()) bad_line("the field \"d\" is missing or is no object", where);
  out.d = value_of(*d, where, 1);
  return out;
}

void collect_digests(const Value& value, std::set<Digest>& out) {
  if (const auto* text = value.if_text()) {
    if (const auto digest = digest_from_hex(*text)) out.insert(*digest);
  }
  for (const Value& item : value.array()) collect_digests(item, out);
  for (const auto& [key, field] : value.object()) collect_digests(field, out);
}

}  // namespace

std::string line(const Record& record) {
  if (record.d.if_object() == nullptr) cannot_write(record, "the event's fields are no object");
  if (record.n > static_cast<std::uint64_t>(integer_limit)) cannot_write(record, "the index is beyond 2^53");
  std::string out;
  try {
    Json json;
    json["n"] = record.n;
    json["t"] = text_of(record.t);
    json["c"] = record.c;
    json["ev"] = record.ev;
    json["step"] = record.step;
    json["who"] = record.who;
    json["res"] = record.ok ? "ok" : "fail";
    json["d"] = json_of(record.d, record, 1);
    out = dumped(json);
  } catch (const Json::exception&) {
    cannot_write(record, "a text is not UTF-8");
  }
  if (out.size() > record_limit) cannot_write(record, "the record takes " + std::to_string(out.size()) + " bytes, more than " + std::to_string(record_limit));
  if (!time_from_text(text_of(record.t))) cannot_write(record, "the time \"" + text_of(record.t) + "\" has no four-digit year");
  return out;
}

Record parse_record(std::string_view line, std::string_view where) {
  if (line.size() > record_limit) bad_line("the line is longer than " + std::to_string(record_limit) + " bytes", where);
  try {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_discarded()) bad_line("the line is not JSON: " + shown(line), where);
    Record out = record_of(json, where);
    // Also what catches doubled keys: only one of the two comes back.
    if (dumped(json) != line)
      throw Refused(LedgerRefusal::canonical, "the record is not in its one canonical spelling: " + shown(line), std::string(where),
                    std::string(bad_line_hint));
    return out;
  } catch (const Json::exception&) {
    bad_line("the line is not JSON: " + shown(line), where);
  }
}

std::set<Digest> named_digests(const Record& record) {
  std::set<Digest> out;
  collect_digests(record.d, out);
  return out;
}

}  // namespace ceremony::ledger
