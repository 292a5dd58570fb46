// What is looked at before a ceremony begins, each with a state and one line: ledgers, token, people, clock, entropy, media,
// machine. Called by the console. Nothing is written, mended, logged in to or recorded by looking: what an opened ledger would mend
// is only said. Throws nothing of the outside world: what it refuses is a line.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "ceremony/ground/env.h"
#include "ceremony/ledger/journal.h"
#include "ceremony/policy/binding.h"
#include "ceremony/report/dashboard.h"
#include "ceremony/state/machine.h"
#include "ceremony/state/state.h"
#include "hsm/token.h"
#include "hsm/tpm.h"
#include "media/volume.h"

namespace ceremony {

/// `look`: people should read it and may begin. `missing`: there is no beginning without it.
enum class Ready { ok, look, missing };
[[nodiscard]] std::string_view name_of(Ready ready);

struct Check {
  std::string what;  ///< "ledgers"
  Ready ready = Ready::ok;
  std::string says;  ///< one line; where something is to be done, what
};

/// The two ledgers as they would be opened, and the state they tell.
struct LedgersSeen {
  Check check;
  std::vector<ledger::Record> records;
  state::CaState state;  ///< empty where the ledgers cannot be read together
  bool readable = true;
};
/// `names`: what people call the folders, where it is not their last part.
[[nodiscard]] LedgersSeen look_at_ledgers(Env& env, const std::vector<Path>& ledgers, const policy::Policy& policy, const std::map<Path, std::string>& names = {});

/// What is looked at. `module` is null where it does not load; `module_refusal` then says why.
struct Surroundings {
  Env& env;
  media::Volumes& volumes;
  hsm::Module* module;
  std::string module_refusal;
  const policy::Policy& policy;
  const policy::Binding& binding;
  hsm::Tpm* tpm = nullptr;   ///< null where there is none
  state::Started started{};  ///< nothing at a desk
};

/// In the order ledgers, token, people, clock, entropy, media, machine. `startable` is the procedure's entry of the dashboard.
[[nodiscard]] std::vector<Check> preflight(const LedgersSeen& ledgers, const procedure::Procedure& procedure, const report::Startable& startable, Surroundings& around);
[[nodiscard]] bool may_begin(std::span<const Check> checks);
[[nodiscard]] std::string text(std::span<const Check> checks);

}  // namespace ceremony
