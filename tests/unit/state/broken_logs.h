// Logs that tests have broken, written out as ledger folders, so that another verifier can be asked about them too: each into a folder of its own
// below the one that the environment variable CEREMONY_BROKEN_LOGS names, with the files
//   expected   the ids that our verifier names for the whole log, one a line (none: it is consistent); not there where nobody asked it yet
//   broke      the id that the test broke the log for, as far as it says one
//   pin        of its log key
// Without the variable nothing happens.
#pragma once

#include <set>
#include <string>

#include "tests/unit/state/log_builder.h"

namespace ceremony::testing {

[[nodiscard]] bool keeps_logs();
/// The log as it lies there, which our verifier has said this of.
void keep_log(const LogImage& image, const std::set<std::string>& named, const Digest& pin = happy().log_pin());
void keep_unjudged_log(const LogImage& image);
/// The happy log to the end of the ceremony of record `n`, with that record in the place of its own, signed again by everybody. Left out (and noted in the
/// file `left-out`) is a record that breaks a rule only in its test: one that cannot be written, or that a whole log does not show.
void keep_record(std::size_t n, const ledger::Record& changed, const std::set<std::string>& broke);

}  // namespace ceremony::testing
