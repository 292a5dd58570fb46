// A procedure: what people and software do in one kind of ceremony, step by step, as data. The same file drives the
// screen and prints the paper script. Format: FORMAT.md beside this file.
//
// Invariant: a Procedure that exists has been run symbolically (actions_spec.h): every action finds what it requires, nothing
// is signed before it was approved, nothing exported before it was verified, the deviations are confirmed, everybody signs
// off and the ceremony is closed. That it also fits a given policy is `check`. Nothing here acts.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"
#include "ceremony/policy/policy.h"
#include "ceremony/toml/reader.h"

namespace ceremony::procedure {

/// What a ceremony starts from: `genesis` from nothing; `issuance`, and `admission` of a boot image, from a log whose root is in use.
enum class Kind { genesis, issuance, admission };
[[nodiscard]] std::string_view name_of(Kind kind);  ///< "genesis", "issuance", "admission"

enum class ProcedureRefusal { does_not_fit };
[[nodiscard]] constexpr std::string_view name_of(ProcedureRefusal) { return "procedure/does-not-fit"; }

struct Step {
  std::string id;      ///< unique in the procedure; stands in records, on screens and on paper
  std::string title;   ///< one line
  std::string says;    ///< what people read; paragraphs parted by an empty line
  std::string help;    ///< may be empty
  std::vector<policy::Role> who;  ///< who acts; all roles for "everyone"
  std::string action;  ///< a name of actions_spec.h
  std::map<std::string, std::string, std::less<>> args;  ///< complete: what the file leaves out has the action's default
  int minutes = 0;     ///< expected
  std::string where;   ///< file:line:column

  [[nodiscard]] bool acts(policy::Role role) const;
  /// "everyone", or the roles' names joined by " and ".
  [[nodiscard]] std::string who_text() const;
  /// An argument the action has (asserted).
  [[nodiscard]] const std::string& arg(std::string_view name) const;
};

struct Procedure {
  Digest digest;        ///< SHA-256 of the file's exact bytes: what governance adopts
  std::string file;     ///< as findings call it
  std::string id;
  std::string title;
  std::string purpose;
  Kind kind = Kind::genesis;
  std::vector<Step> steps;
  std::vector<std::string> hardware;  ///< lists of the printed script
  std::vector<std::string> room;      ///< physical security
  std::vector<std::string> storage;   ///< what goes where afterwards

  [[nodiscard]] const Step* step(std::string_view step_id) const;
  [[nodiscard]] int minutes() const;  ///< all steps together
  /// Where a run that stopped in that step (counted from 0) begins again. What is prepared and not signed lives in memory
  /// only: with it gone, its first preparation is done anew.
  [[nodiscard]] std::size_t begins_again_at(std::size_t step) const;
};

/// How the id of a question about a thing calls it: "HSM bag" → "hsm-bag".
[[nodiscard]] std::string thing_id(std::string_view name);

/// Reads a procedure file and runs it symbolically. Throws Refused{TomlRefusal::syntax} or Refused{TomlRefusal::mistakes} with
/// every mistake at once, each with file:line:column and one finding a mistake.
[[nodiscard]] Procedure read_procedure(std::string file_name, std::string_view text);

/// Whether this procedure can be run under this policy: it is admitted (by digest where the policy pins one), every role that
/// acts is held by somebody, and its arguments keep the policy's limits. Throws Refused{ProcedureRefusal::does_not_fit} with
/// every finding.
void check(const Procedure& procedure, const policy::Policy& policy);

}  // namespace ceremony::procedure
