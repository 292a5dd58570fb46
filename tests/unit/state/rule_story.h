// One record taken out of the happy log, changed, and asked about again: which rules does it break?
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <set>
#include <string>

#include "tests/unit/state/broken_logs.h"
#include "tests/unit/state/log_builder.h"

namespace ceremony::testing {

/// The state of the happy log before record n; made once for each.
[[nodiscard]] inline const state::CaState& before(std::size_t n) {
  static std::map<std::size_t, state::CaState> states;
  const auto found = states.find(n);
  if (found != states.end()) return found->second;
  const LogBuilder& log = happy();
  state::CaState s;
  std::size_t from = 0;
  if (const auto nearest = states.lower_bound(n); nearest != states.begin()) {
    from = std::prev(nearest)->first;
    s = std::prev(nearest)->second;
  }
  for (std::size_t i = from; i < n; ++i) s = state::fold(std::move(s), log.records()[i], ledger::leaf_hash(ledger::line(log.records()[i])), log.source());
  return states[n] = std::move(s);
}

/// The index of the `nth` (from 0) record for which `fits` holds.
template <typename Fits>
[[nodiscard]] std::size_t where_if(Fits fits, std::size_t nth = 0) {
  const auto& records = happy().records();
  for (std::size_t i = 0; i < records.size(); ++i)
    if (fits(records[i]) && nth-- == 0) return i;
  FAIL("the happy log has no such record");
  return 0;
}
[[nodiscard]] inline std::size_t where(std::string_view event, std::size_t nth = 0) {
  return where_if([&](const Record& r) { return r.ev == event; }, nth);
}
[[nodiscard]] inline std::size_t where(std::string_view event, std::string_view field, std::string_view value, std::size_t nth = 0) {
  return where_if([&](const Record& r) { return r.ev == event && r.d.text(field) == value; }, nth);
}

using Ids = std::set<std::string>;

struct Tally {
  std::set<std::string> broken;
};
[[nodiscard]] inline Tally& tally() {
  static Tally t;
  return t;
}

[[nodiscard]] inline Ids ids_of(const std::vector<state::Violation>& violations) {
  Ids ids;
  for (const state::Violation& v : violations) {
    if (v.waived) continue;
    ids.insert(v.rule);
    UNSCOPED_INFO(v.rule << " at " << v.n << ": " << v.what);
  }
  return ids;
}

/// The rules broken by `record` in `state`. If it is one, that one counts as broken and named.
[[nodiscard]] inline Ids broken_by(const state::CaState& s, const Record& record, const state::ArtifactSource& source) {
  const Ids ids = ids_of(state::check(s, record, source));
  if (ids.size() == 1) tally().broken.insert(*ids.begin());
  return ids;
}

/// Record n of the happy log with `change` done to it.
[[nodiscard]] inline Ids broken_at(std::size_t n, const std::function<void(Record&)>& change) {
  Record r = happy().records().at(n);
  change(r);
  const Ids ids = broken_by(before(n), r, happy().source());
  if (!ids.empty()) keep_record(n, r, ids);
  return ids;
}

/// Record n of the happy log in a state that `change` was done to.
[[nodiscard]] inline Ids broken_after(std::size_t n, const std::function<void(state::CaState&)>& change) {
  state::CaState s = before(n);
  change(s);
  return broken_by(s, happy().records().at(n), happy().source());
}

/// A record that the happy log does not have, put in place of record n.
[[nodiscard]] inline Ids broken_by_new(std::size_t n, std::string event, std::vector<std::string> who, Value d) {
  return broken_at(n, [&](Record& r) {
    r.ev = std::move(event);
    r.who = std::move(who);
    r.d = std::move(d);
  });
}

}  // namespace ceremony::testing
