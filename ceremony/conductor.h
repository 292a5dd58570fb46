// Runs one procedure: step after step, its action, its records. The step boundary is where refusals are caught: what was
// kept is said, and people choose to try again, to stop (and resume later) or to abort.
#pragma once

#include <vector>

#include "ceremony/actions/run.h"
#include "ceremony/procedure/procedure.h"

namespace ceremony {

enum class Outcome { complete, stopped, aborted };

/// From the first step, or, where the log has an open ceremony, from the step of its last record. `repairs`: what the
/// journal put right when it was opened; recorded. Throws Refused for what belongs to no step (another ceremony is open,
/// a log that cannot be resumed).
[[nodiscard]] Outcome conduct(actions::Run& run, const procedure::Procedure& procedure, const std::vector<ledger::Repair>& repairs);

}  // namespace ceremony
