// What this folder says no to. One closed list, so that a test asserts which check refused.
#pragma once

#include <string_view>

namespace ceremony::ledger {

enum class LedgerRefusal {
  record,      ///< a line is not a record: not JSON, wrong keys, wrong types, too long
  canonical,   ///< a record, but not in the one spelling that is allowed
  order,       ///< `n` does not count from 0 without gaps
  torn,        ///< the last line has no LF; a writer repairs that, a reader never does
  behind,      ///< one ledger lacks records of a closed ceremony, or a log is shorter than its own checkpoint
  edited,      ///< records do not have the root their checkpoint says
  forked,      ///< two ledgers, both well formed, differ
  artifact,    ///< an artifact is missing, foreign, or is not what its name says
  note,        ///< not a signed note
  key,         ///< not a verifier key, or not P-256
  checkpoint,  ///< not a checkpoint, or not of this log
  proof,       ///< not a tlog-proof, or it does not prove
  text,        ///< not an approval, act, batch or other signed text of ours
  taken,       ///< a new log is wanted where one is
  no_medium,   ///< no ledger medium works any more
};

[[nodiscard]] constexpr std::string_view name_of(LedgerRefusal code) {
  switch (code) {
    case LedgerRefusal::record: return "ledger/record";
    case LedgerRefusal::canonical: return "ledger/canonical";
    case LedgerRefusal::order: return "ledger/order";
    case LedgerRefusal::torn: return "ledger/torn";
    case LedgerRefusal::behind: return "ledger/behind";
    case LedgerRefusal::edited: return "ledger/edited";
    case LedgerRefusal::forked: return "ledger/forked";
    case LedgerRefusal::artifact: return "ledger/artifact";
    case LedgerRefusal::note: return "ledger/note";
    case LedgerRefusal::key: return "ledger/key";
    case LedgerRefusal::checkpoint: return "ledger/checkpoint";
    case LedgerRefusal::proof: return "ledger/proof";
    case LedgerRefusal::text: return "ledger/text";
    case LedgerRefusal::taken: return "ledger/taken";
    case LedgerRefusal::no_medium: return "ledger/no-medium";
  }
  return "ledger/?";
}

}  // namespace ceremony::ledger
