#include "ceremony/report/dashboard.h"

#include <algorithm>
#include <map>

#include "ceremony/ledger/text.h"
#include "ceremony/procedure/actions_spec.h"

namespace ceremony::report {
namespace {

using ledger::shown;
using state::CaState;

constexpr std::chrono::days notice{30};
constexpr std::chrono::days certificate_notice{365};
constexpr std::chrono::days shares_checked_within{365};

std::string day(Time time) { return text_of(time).substr(0, 10); }
std::string in_days(std::int64_t days) { return "(" + std::to_string(days) + (days == 1 ? " day)" : " days)"); }
std::int64_t days_from(Time now, Time then) { return std::chrono::floor<std::chrono::days>(then - now).count(); }

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

/// A share that nobody opened since the ceremony that made it may be a share no longer.
void add_shares(const CaState& s, Time now, std::vector<Due>& out) {
  for (const char* quorum : {"activation", "recovery"}) {
    const auto* set = s.share_set(quorum);
    if (set == nullptr || set->is_void) continue;
    std::vector<std::string> unread;
    for (const auto& [index, share] : set->shares)
      if (!share.read_back && !share.is_void) unread.push_back(share.holder);
    if (!unread.empty()) out.push_back({"the shares of " + set->id + " that were never read back: " + joined(unread), true});
    const auto made = std::ranges::find(s.closed, set->ceremony, &state::Closed::id);
    if (made == s.closed.end()) continue;
    const Time by = made->at + shares_checked_within;
    if (by < now) out.push_back({"a check of the shares of " + set->id + ", read back on " + day(made->at) + ": it was due on " + day(by), true});
    else if (by - now < notice) out.push_back({"a check of the shares of " + set->id + ", by " + day(by) + " " + in_days(days_from(now, by)), false});
  }
}

const state::Key* ca_key(const CaState& s) {
  for (const auto& [id, key] : s.keys)
    if (key.purpose == "ca" && !key.destroyed && !key.retired) return &key;
  return nullptr;
}

/// What is against every procedure alike.
std::string against_all(const CaState& s, const policy::Policy& policy) {
  if (!s.origin.empty() && s.origin != policy.origin) return "the ledgers are those of the CA " + shown(s.origin) + ", the policy is that of " + shown(policy.origin);
  if (s.policy_digest && *s.policy_digest != policy.digest) return "the policy file is not the one that governance adopted";
  return "";
}

std::string why_not(const CaState& s, const policy::Policy& policy, const procedure::Procedure& p) {
  if (auto all = against_all(s, policy); !all.empty()) return all;
  if (s.open && s.open->kind != p.id) return "the ceremony " + shown(s.open->id) + " is open: finish or abort it with its own procedure, " + s.open->kind;
  if (const auto adopted = s.procedures.find(p.id); adopted != s.procedures.end() && adopted->second != p.digest) return "the procedure file is not the one that governance adopted";
  if (!s.open) {
    const auto* key = ca_key(s);
    const bool root = key != nullptr && s.certificate_of(key->id) != nullptr;
    if (p.kind == procedure::Kind::genesis && root) return "this CA has its root already";
    if (p.kind != procedure::Kind::genesis && !root) return "there is no root yet: a genesis comes first";
  }
  try {
    procedure::check(p, policy);
  } catch (const Refused& refusal) {
    return refusal.findings().front().what;
  }
  return "";
}

std::vector<std::string> everybody(const policy::Policy& policy) {
  std::vector<std::string> out;
  for (const auto& [id, person] : policy.people) out.push_back(id);
  return out;
}

/// From the steps: quorums of what is approved and handed in, then one of each role that acts alone or signs off.
std::vector<Needed> needed_for(const policy::Policy& policy, const procedure::Procedure& p) {
  std::map<policy::QuorumName, std::size_t> quorums;
  std::vector<policy::Role> roles;
  bool all = false;
  for (const auto& step : p.steps) {
    if (step.action == "record_waiver") continue;  // nobody has to come for an exception that is not asked for
    if (step.action == "enrol_people") all = true;
    if (const auto* spec = procedure::action_named(step.action)) {
      for (const auto act : spec->acts)
        if (const auto needed = policy.approval_for(act)) quorums[needed->quorum] = std::max(quorums[needed->quorum], needed->m);
      for (const auto quorum : spec->shares) quorums[quorum] = std::max(quorums[quorum], policy.quorum(quorum).m);
    }
    if (step.who.size() < policy::all_roles.size()) roles.insert(roles.end(), step.who.begin(), step.who.end());
  }
  if (const auto* admitted = policy.procedure(p.id)) roles.insert(roles.end(), admitted->sign_off.begin(), admitted->sign_off.end());
  std::vector<Needed> out;
  if (all) out.push_back({"everybody", policy.people.size(), everybody(policy)});
  for (const auto& [quorum, m] : quorums) out.push_back({std::string(policy::name_of(quorum)) + " quorum", m, policy.quorum(quorum).members});
  for (const auto role : policy::all_roles) {
    // Custodians and governance come as quorums.
    if (role == policy::Role::custodian || role == policy::Role::governance || std::ranges::find(roles, role) == roles.end()) continue;
    out.push_back({std::string(policy::name_of(role)), 1, policy.people_with(role)});
  }
  return out;
}

std::string last_of(const CaState& s) {
  if (s.open) return "open: " + s.open->id + ", since " + text_of(s.open->opened);
  if (s.closed.empty()) return "none yet";
  const auto& last = s.closed.back();
  return last.id + ", " + last.outcome + ", closed " + text_of(last.at) + (last.deviations == 0 ? "" : ", deviations: " + std::to_string(last.deviations));
}

}  // namespace

std::vector<Due> due(const CaState& s, Time now) {
  std::vector<Due> out;
  for (const auto& [issuer, crl] : s.crls) {
    const auto days = days_from(now, crl.next_update);
    if (days < 0) out.push_back({"CRL " + std::to_string(crl.number) + " ran out on " + day(crl.next_update) + ": issue the next one now", true});
    else if (crl.next_update - now <= notice) out.push_back({"the next CRL, by " + day(crl.next_update) + " " + in_days(days), false});
  }
  for (const auto& [digest, c] : s.certificates) {
    if (c.revoked) continue;
    if (c.not_after < now) out.push_back({"nothing can be done any more under " + shown(c.subject) + ", which ended on " + day(c.not_after), true});
    else if (c.not_after - now <= certificate_notice) out.push_back({"a successor of " + shown(c.subject) + ", which ends on " + day(c.not_after), false});
  }
  add_shares(s, now, out);
  if (s.policy && !s.open && s.tree.size() > 0) {
    const Time last = s.last_time + std::chrono::days(s.policy->longest_gap_days);
    if (last - now < notice) out.push_back({"a ceremony before " + day(last) + ": after a longer gap governance has to agree", last < now});
  }
  for (const std::string& id : s.open_intents()) out.push_back({"the intent " + shown(id) + " has no result: resume the ceremony", true});
  return out;
}

Dashboard dashboard(const CaState& s, Time now, const policy::Policy& policy, std::span<const procedure::Procedure> procedures) {
  Dashboard out{policy.name, last_of(s), due(s, now), {}};
  if (!s.origin.empty() && s.origin != policy.origin) out.ca += ", but the ledgers are those of " + s.origin;
  for (const auto& p : procedures)
    out.procedures.push_back({p.id, p.title, p.steps.size(), p.minutes(), needed_for(policy, p), s.open && s.open->kind == p.id, why_not(s, policy, p)});
  return out;
}

std::string duration(int minutes) {
  const int hours = minutes / 60;
  return (hours > 0 ? std::to_string(hours) + " h " : "") + std::to_string(minutes % 60) + " min";
}

std::string text(const Dashboard& d, std::string_view ledgers) {
  std::string out = d.ca + "\nLedgers: " + std::string(ledgers) + "\nLast ceremony: " + d.last + "\nDue:" + (d.due.empty() ? " nothing" : "") + "\n";
  for (const auto& one : d.due) out += std::string(one.late ? "  LATE " : "  ") + one.text + "\n";
  for (const auto& p : d.procedures) {
    out += "\n" + p.id + ": " + p.title + ", about " + duration(p.minutes) + (p.goes_on ? " in all; it goes on where it stopped" : "") + "\n";
    std::string people;
    for (const auto& n : p.needed)
      people += (people.empty() ? "" : "; ") + (n.as == "everybody" ? "everybody (" + std::to_string(n.count) + " people)"
                                                : n.among.size() == 1 ? n.as + " " + n.among.front()
                                                                      : std::to_string(n.count) + " of " + std::to_string(n.among.size()) + " " + n.as);
    out += "  needs " + people + "\n";
    if (!p.why_not.empty()) out += "  NOT NOW: " + p.why_not + "\n";
  }
  return out;
}

}  // namespace ceremony::report
