// One record taken out of the happy log, changed, and asked about again: which rules does it break?
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "ceremony/policy/policy.h"
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

/// What breaks these rules, to be asked again with one of them left out.
struct Case {
  Ids broken;
  std::function<std::vector<state::Violation>(std::string_view without)> ask;
};
[[nodiscard]] inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
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

/// The rules that are broken by what `ask` asks about. `ask` outlives the test that makes it.
[[nodiscard]] inline Ids broken_in(std::function<std::vector<state::Violation>(std::string_view without)> ask) {
  Ids ids = ids_of(ask(""));
  if (!ids.empty()) cases().push_back({ids, std::move(ask)});
  return ids;
}

/// The rules broken by `record` in `state`.
[[nodiscard]] inline Ids broken_by(const state::CaState& s, const Record& record, const state::ArtifactSource& source) {
  return broken_in([s, record, source](std::string_view without) { return state::check(s, record, source, without); });
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

inline void set(Record& r, std::string field, Value value) { r.d.set(std::move(field), std::move(value)); }
[[nodiscard]] inline Digest field_digest(std::size_t n, std::string_view field) { return *digest_from_hex(happy().records()[n].d.text(field)); }

/// The intent for a certificate other than the happy one: a TBS with something changed, approved as the policy asks.
[[nodiscard]] inline Ids broken_by_tbs(const pki::CertificatePlan& plan, bool root = false) {
  const std::size_t n = root ? where("intent", "act", "sign-certificate") : where("intent", "act", "sign-batch");
  state::CaState s = before(n);
  const Digest tbs = happy().put(pki::build_tbs(plan).view());
  s.open->approvals["sign-certificate"][tbs] = {{"c1", 0}, {"c2", 0}};
  // Whoever asked for that key asked for that name: what is broken is not that.
  for (state::Import& import : s.open->imports)
    if (import.spki_sha256 == sha256(plan.key.view())) import.subject = pki::text(plan.subject);
  Record r = happy().records()[n];
  set(r, "act", "sign-certificate");
  set(r, "tbs", tbs);
  return broken_by(s, r, happy().source());
}

[[nodiscard]] inline Ids broken_by_crl(const pki::CrlPlan& plan, const std::function<void(state::CaState&)>& change = {}) {
  const std::size_t n = where("intent", "act", "sign-crl", 1);
  state::CaState s = before(n);
  if (change) change(s);
  const Digest tbs = happy().put(pki::build_crl_tbs(plan).view());
  s.open->approvals["sign-crl"][tbs] = {{"c1", 0}, {"c2", 0}};
  Record r = happy().records()[n];
  set(r, "tbs", tbs);
  return broken_by(s, r, happy().source());
}

/// The happy policy with the first `from` of each pair replaced.
[[nodiscard]] inline std::string policy_with(std::initializer_list<std::pair<std::string, std::string>> changes) {
  std::string text = happy().policy_text();
  for (const auto& [from, to] : changes) {
    const auto at = text.find(from);
    INFO("looking for: " << from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
  }
  return text;
}
/// As if that had been the policy in force.
[[nodiscard]] inline auto under_policy(std::initializer_list<std::pair<std::string, std::string>> changes) {
  return [policy = std::make_shared<const policy::Policy>(policy::read_policy("policy", policy_with(changes)))](state::CaState& s) { s.policy = policy; };
}

}  // namespace ceremony::testing
