// The rules that must hold of every log. Each is one function over the state before a record and the record, with its id,
// its sentence and the clause it serves. The appliance asks before the effect and the append; the verifier asks when it
// replays; both call check().
//
// Invariants: a rule has no effect and no state; ids never change once a log names them; a record with res `fail` is
// measured by the rules of form only (LOG-*), since a failure is a fact.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ledger/record.h"
#include "ceremony/state/state.h"

namespace ceremony::ledger {
class Tree;
}  // namespace ceremony::ledger

namespace ceremony::state {

struct Violation {
  std::string rule;      ///< "QUORUM-1"
  std::uint64_t n = 0;   ///< the record at which it shows
  std::string what;      ///< a sentence: what exactly is wrong
  bool waived = false;   ///< covered by a waiver: listed, and no violation
};

/// What an intent is about to have signed, read and linted once for all rules (rule_functions.h).
struct Planned;

/// What a rule function sees.
struct Question {
  const CaState& before;
  const ledger::Record& record;
  const ArtifactSource& artifacts;
  const Planned& planned;
};
/// Adds a sentence for each way in which the rule is broken.
using RuleFunction = void (*)(const Question& question, std::vector<std::string>& broken);

struct Rule {
  std::string_view id;
  std::string_view sentence;
  std::string_view serves;  ///< clause, may be empty
  bool absolute = true;     ///< no waiver
  bool proved = false;      ///< rests on signatures and digests on the log; else on the appliance's word
  RuleFunction function = nullptr;  ///< null: no record breaks it, it is checked elsewhere only
  std::string_view elsewhere;       ///< what else is checked for it, outside check(); may be empty where there is a function
};

/// The catalogue, in the order of the rules document.
[[nodiscard]] std::span<const Rule> rules();
[[nodiscard]] const Rule* find_rule(std::string_view id);

/// Whether a waiver covers that rule: it covers the records of the one event its act names, in its ceremony, until its end.
[[nodiscard]] bool is_waived(const CaState& before, std::string_view rule, std::string_view event, Time at, const ArtifactSource& artifacts);

/// Everything that is wrong with appending the record to a log in that state. What a waiver covers comes back with
/// `waived` set. `without`: the id of a rule to leave out (a test's means to show that it bites).
[[nodiscard]] std::vector<Violation> check(const CaState& before, const ledger::Record& record, const ArtifactSource& artifacts,
                                           std::string_view without = {});
/// Only those that are not waived.
[[nodiscard]] std::vector<Violation> unwaived(std::vector<Violation> violations);

/// LOG-6 and LOG-7, ROLE-3: the note against the tree and the people at the close it belongs to. `after_close` is the
/// state right after that `close`.
[[nodiscard]] std::vector<Violation> check_checkpoint(const CaState& after_close, const ledger::Tree& tree, std::string_view note,
                                                      std::string_view without = {});

/// LOG-5's part that needs the folder: what `open` names as the previous checkpoint is `note`, the one of the ceremony
/// before it, as it was with its first signatures (later ones are added behind them).
[[nodiscard]] std::vector<Violation> check_previous_checkpoint(const CaState& before, const ledger::Record& record, std::string_view note,
                                                               std::string_view without = {});

/// LOG-8's other half: nothing is in the artifacts folder that no record names.
[[nodiscard]] std::vector<Violation> check_artifacts(const CaState& state, std::span<const Digest> in_folder, std::string_view without = {});

}  // namespace ceremony::state
