// Opening a journal: reads every ledger folder, decides what they are to each other, and only when everything that may
// be refused has been checked, repairs. Internal to the journal.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ceremony/ledger/journal.h"

namespace ceremony::ledger {

enum class MendMode {
  resume,  ///< a process begins: what lies in incoming/ and no record names is removed
  rejoin,  ///< folders[0] is in use and right, folders[1] comes back or is new: only folders[1] is changed
};

struct Mended {
  Transcript transcript;
  std::string checkpoint;  ///< text of the latest, empty if there is none
};

[[nodiscard]] Mended mend(Env& env, std::span<const Path> folders, MendMode mode, std::vector<Repair>& repairs);

/// True if both notes have the same text and every signature of `few` is in `many`.
[[nodiscard]] bool has_all_signatures(const Note& many, const Note& few);

}  // namespace ceremony::ledger
