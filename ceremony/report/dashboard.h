// What people see when no ceremony runs: what is due, how the last ceremony ended, and the procedures with who is needed,
// how long each takes, and why one cannot be started now. A pure function of the log's state, the time and the reviewed
// files; nothing is looked at here (ceremony/preflight.h does that).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ceremony/ground/env.h"
#include "ceremony/policy/policy.h"
#include "ceremony/procedure/procedure.h"
#include "ceremony/state/state.h"

namespace ceremony::report {

struct Due {
  std::string text;  ///< one line
  bool late = false;
};

/// CRL, ends of certificates, checks of shares, the next ceremony, intents without a result. In this order; late or within
/// their notice: 30 days, a year for certificates. Shares are opened at least once a year.
[[nodiscard]] std::vector<Due> due(const state::CaState& state, Time now);

/// `count` of these people.
struct Needed {
  std::string as;  ///< "everybody", "activation quorum", "administrator"
  std::size_t count = 0;
  std::vector<std::string> among;
};

struct Startable {
  std::string id, title;
  std::size_t steps = 0;
  int minutes = 0;
  std::vector<Needed> needed;
  bool goes_on = false;  ///< it is the procedure of the ceremony that is open
  std::string why_not;   ///< empty: nothing on the log is against it
};

struct Dashboard {
  std::string ca;    ///< name of the policy, and origin of the log where it is another
  std::string last;  ///< the ceremony that is open, or the last one
  std::vector<Due> due;
  std::vector<Startable> procedures;  ///< in the order given
};

[[nodiscard]] Dashboard dashboard(const state::CaState& state, Time now, const policy::Policy& policy, std::span<const procedure::Procedure> procedures);
/// `ledgers`: a line on their health.
[[nodiscard]] std::string text(const Dashboard& dashboard, std::string_view ledgers);
/// "2 h 35 min".
[[nodiscard]] std::string duration(int minutes);

}  // namespace ceremony::report
