// Every record of the happy log left out, doubled, swapped with the next; every field of every record something else: each log signed again by everybody,
// as a misbehaving appliance would, and written out for a second verifier (see broken_logs.h). Hidden, because it asks nothing by itself:
// run it by its tag with CEREMONY_BROKEN_LOGS set, and CEREMONY_CHANGES to how many of the changes, evenly taken (all without it).
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "ceremony/ledger/events.h"
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

using ledger::FieldType;
using Change = std::function<void(std::vector<Record>&)>;

/// Other values for a field, each of its type unless nothing else is left.
std::vector<Value> others(const Value& was, const ledger::Field& field, const std::vector<Value>& elsewhere) {
  std::vector<Value> out;
  switch (field.type) {
    case FieldType::integer: out = {*was.if_number() + 1, 0}; break;
    case FieldType::boolean: out = {!*was.if_boolean()}; break;
    case FieldType::time: out = {"2026-11-22T09:00:00Z", "2060-01-01T00:00:00Z", "2020-01-01T00:00:00Z"}; break;
    case FieldType::texts: out = {Value::Array{}, Value::Array{"another"}}; break;
    case FieldType::people: out = {Value::Array{}, Value::Array{"c1"}, Value::Array{"so1", "w1"}}; break;
    case FieldType::map:
    case FieldType::digest_map: out = {Value::Object{}}; break;
    case FieldType::person: out = {"c1", "g2", "w1"}; break;
    case FieldType::choice:
      for (std::string_view rest = field.values; !rest.empty();) {
        const auto bar = std::min(rest.find('|'), rest.size());
        out.emplace_back(rest.substr(0, bar));
        rest.remove_prefix(std::min(bar + 1, rest.size()));
      }
      break;
    case FieldType::digest: out = {sha256("another")}; break;
    case FieldType::digest_or_none: out = {sha256("another"), "none"}; break;
    case FieldType::hex: out = {"abcdef"}; break;
    case FieldType::base64: out = {"AAAA"}; break;
    case FieldType::text: out = {"another"}; break;
  }
  out.insert(out.end(), elsewhere.begin(), elsewhere.end());
  return out;
}

/// The values of the same field in the records of that event before and after.
std::vector<Value> in_neighbours(std::size_t n, std::string_view field) {
  const auto& records = happy().records();
  std::vector<Value> out;
  const auto take = [&](const Record& r) {
    const Value* value = r.ev == records[n].ev ? r.d.find(field) : nullptr;
    if (value != nullptr && *value != *records[n].d.find(field)) out.push_back(*value);
    return value != nullptr;
  };
  for (std::size_t i = n + 1; i < records.size(); ++i)
    if (take(records[i])) break;
  for (std::size_t i = n; i-- > 0;)
    if (take(records[i])) break;
  return out;
}

void change_fields(std::size_t n, std::vector<std::pair<std::size_t, Change>>& out) {
  const Record& r = happy().records()[n];
  const auto with = [&](const std::function<void(Record&)>& change) { out.emplace_back(n, [n, change](std::vector<Record>& all) { change(all[n]); }); };
  for (const ledger::Field& field : ledger::find_event(r.ev)->fields) {
    const std::string name(field.name);
    const Value* was = r.d.find(name);
    if (was == nullptr) continue;
    with([name](Record& changed) {
      Value::Object d = changed.d.object();
      d.erase(name);
      changed.d = d;
    });
    for (const Value& value : others(*was, field, in_neighbours(n, name)))
      if (value != *was) with([name, value](Record& changed) { changed.d.set(name, value); });
  }
  with([](Record& changed) { changed.who.clear(); });
  with([](Record& changed) { changed.who = {"g1"}; });
  with([](Record& changed) { changed.who.emplace_back("x9"); });
  with([](Record& changed) { changed.t += std::chrono::days(2); });
  with([](Record& changed) { changed.t -= std::chrono::days(2); });
  with([](Record& changed) { changed.c = "another"; });
  with([](Record& changed) { changed.ok = false, changed.d = {{"reason", "it did not work"}}; });
}

std::vector<std::pair<std::size_t, Change>> all_changes() {
  std::vector<std::pair<std::size_t, Change>> out;
  const auto& records = happy().records();
  for (std::size_t n = 0; n < records.size(); ++n) {
    const auto at = static_cast<std::ptrdiff_t>(n);
    out.emplace_back(n, [at](std::vector<Record>& all) { all.erase(all.begin() + at); });
    out.emplace_back(n, [at](std::vector<Record>& all) { all.insert(all.begin() + at, Record(all[static_cast<std::size_t>(at)])); });
    if (records[n].ev != "close") out.emplace_back(n, [at](std::vector<Record>& all) { std::swap(all[static_cast<std::size_t>(at)], all[static_cast<std::size_t>(at) + 1]); });
    change_fields(n, out);
  }
  return out;
}

}  // namespace

TEST_CASE("Every change, written out for a second verifier", "[.every-change]") {
  REQUIRE(keeps_logs());
  const auto changes = all_changes();
  const char* asked = std::getenv("CEREMONY_CHANGES");
  const std::size_t wanted = asked == nullptr ? changes.size() : std::min<std::size_t>(std::stoul(asked), changes.size());
  REQUIRE(wanted > 0);
  for (std::size_t i = 0; i < wanted; ++i) {
    const auto& [n, change] = changes[i * changes.size() / wanted];
    auto records = happy().records();
    // What comes after the ceremony of that record would only add that the log before it is another.
    const auto end = std::ranges::find_if(records.begin() + static_cast<std::ptrdiff_t>(n), records.end(), [](const auto& r) { return r.ev == "close"; });
    records.erase(end + 1, records.end());
    change(records);
    keep_unjudged_log(happy().signed_log(std::move(records)));
  }
  std::printf("counted: changes written out: %zu of %zu\n", wanted, changes.size());
}

}  // namespace ceremony::testing
