// The closed list of actions a procedure may name, and what each means to the symbolic run: the facts it requires, provides
// and removes. The programs behind them are in ceremony/actions and register under the same names; a name on one side only
// is a bug that a test there finds.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ceremony/policy/policy.h"
#include "ceremony/procedure/procedure.h"

namespace ceremony::procedure {

/// What can be so in the middle of a ceremony.
enum class Fact {
  self_tested,
  clock_agreed,
  opened,
  enrolled,
  policy_in_force,
  evidence_recorded,
  root_linted,         ///< the whole root certificate was linted in a dry run
  token_initialised,
  shares_read_back,    ///< both sets, every share
  keys_generated,
  backed_up,
  restore_proven,
  locked,
  csrs_taken,
  root_prepared,       ///< final TBS, linted
  certificates_prepared,
  crl_prepared,
  approved,            ///< all that is prepared at this moment
  root_signed,
  certificates_signed,
  crl_signed,
  exported,            ///< all that is signed at this moment, and read back
  image_admitted,
  deviations_confirmed,
  signed_off,
  closed,
};

/// A fact's name, and how findings speak of it.
struct FactSpec {
  Fact fact;
  std::string_view name;     ///< "shares-read-back", as in FORMAT.md
  std::string_view lacking;  ///< "no share was read back"
  std::string_view already;  ///< "the shares exist already"
};
[[nodiscard]] const FactSpec& spec_of(Fact fact);

/// One of `choices`; some of them, none twice, parted by ", "; names that the procedure gives to things, parted the same way;
/// a line that it gives, or nothing.
enum class ArgKind { choice, list, names, line };
struct ArgSpec {
  std::string_view name;
  ArgKind kind;
  std::string_view fallback;  ///< what a step has that leaves it out
  std::vector<std::string_view> choices;
  std::string_view says;                    ///< for FORMAT.md and error hints
  bool needed = false;                      ///< it has no fallback: a step that leaves it out does not load
};

/// "If `from` is so, it is no longer, and `to` is": what signing does to what was prepared.
struct Turn {
  Fact from;
  Fact to;
};

struct ActionSpec {
  std::string_view name{};
  std::string_view says{};  ///< one line, for the paper script and FORMAT.md
  std::vector<Fact> needs{};
  std::vector<Fact> needs_one_of{};  ///< empty: nothing
  std::vector<Fact> forbids{};
  std::vector<Fact> provides{};
  std::vector<Fact> removes{};
  std::vector<Turn> turns{};
  std::vector<policy::Role> roles{};           ///< `who` of the step must name these
  std::vector<std::string_view> acts{};        ///< acts people approve in it
  std::vector<policy::QuorumName> shares{};    ///< shares handed in, in this order
  bool everyone = false;                     ///< `who` must be "everyone"
  std::vector<ArgSpec> args{};
};

/// What a list's or names' value holds, in order.
[[nodiscard]] std::vector<std::string_view> parts_of(std::string_view value);

[[nodiscard]] std::span<const ActionSpec> actions();
/// Null for a name that is not in the list.
[[nodiscard]] const ActionSpec* action_named(std::string_view name);

/// What is so before the first step, and what must be so after the last (besides `closed`).
[[nodiscard]] std::vector<Fact> facts_before(Kind kind);
[[nodiscard]] std::vector<Fact> goals(Kind kind);

}  // namespace ceremony::procedure
