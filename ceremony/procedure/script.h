// The paper script: the procedure as people hold it in their hands, with boxes for initials and times. Made from the same
// steps that drive the screen; every step's id is printed, so that paper, screen and transcript can be laid side by side.
// Same input, same bytes. Holds no secret and no person's name: those are written in by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/policy/policy.h"
#include "ceremony/procedure/procedure.h"

namespace ceremony::procedure {

/// A file that people compare with what the screen shows.
struct Checked {
  std::string what;  ///< "policy", "profile root-generic"
  Digest digest;
  std::vector<std::string_view> words;  ///< twelve, of the digest, as the screen shows them
};

/// What is known when the script is printed; what is empty becomes a line to be filled in by hand.
struct ScriptDetails {
  std::string ceremony;  ///< ceremony id
  std::string date;      ///< any text: "2026-11-22"
  std::string place;
  std::string software;  ///< name and version of what printed it
  std::vector<Checked> checked;
  struct Previous {
    std::uint64_t size = 0;
    std::vector<std::string_view> words;  ///< twelve, of the root at that size
  };
  std::optional<Previous> previous;  ///< the checkpoint the ceremony goes on from, where a ledger was at hand
};

[[nodiscard]] std::string script_markdown(const Procedure& procedure, const policy::Policy& policy, const ScriptDetails& details);
/// One self-contained file: no script, no font and no image from elsewhere; A4 and Letter.
[[nodiscard]] std::string script_html(const Procedure& procedure, const policy::Policy& policy, const ScriptDetails& details);

}  // namespace ceremony::procedure
