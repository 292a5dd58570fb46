// Reading one ledger folder: for the verifier and for everybody who only looks. Never writes, never repairs.
// What is wrong with single lines is refused here (a record in another spelling, a gap, a torn last line); whether
// checkpoints, signatures and artifacts are right is decided by the rules, with the texts given here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ceremony/ground/env.h"
#include "ceremony/ledger/artifacts.h"
#include "ceremony/ledger/checkpoint.h"
#include "ceremony/ledger/merkle.h"
#include "ceremony/ledger/record.h"

namespace ceremony::ledger {

inline constexpr std::size_t transcript_limit = std::size_t{1} << 30;

/// The lines of a transcript, parsed. `torn` is what stands after the last LF.
struct Transcript {
  std::vector<std::string> lines;  ///< without LF
  std::vector<Record> records;
  Tree tree;
  std::size_t bytes = 0;  ///< length of the whole lines with their LFs
  std::string torn;
};
/// Throws LedgerRefusal::record, ::canonical, ::order for a whole line; never for the torn rest.
[[nodiscard]] Transcript parse_transcript(std::string_view text, std::string_view where);

struct Ledger {
  Path folder;
  std::vector<std::string> lines;
  std::vector<Record> records;
  Tree tree;
  std::string checkpoint;                             ///< text of `checkpoint`, empty if there is none
  std::map<std::uint64_t, std::string> checkpoints;   ///< texts of checkpoints/<size>, by the size in the name
  std::map<std::string, std::string, std::less<>> keys;  ///< keys/: file name → text
  std::vector<Digest> artifacts;                      ///< names of what is there; `artifact` reads and checks one
  std::vector<Digest> private_texts;                  ///< names; none in a published ledger
  Env* env = nullptr;

  /// The artifact's bytes, or nothing. Throws LedgerRefusal::artifact if they are not what the name says.
  [[nodiscard]] std::optional<Bytes> artifact(const Digest& digest) const;
  /// Text of a private file without its 16 random bytes, or nothing.
  [[nodiscard]] std::optional<std::string> private_text(const Digest& digest) const;
};

/// Throws as parse_transcript, LedgerRefusal::torn, ::artifact, ::checkpoint (a name that is no size), EnvRefusal.
[[nodiscard]] Ledger load_ledger(Env& env, const Path& folder);

/// True for the record that ends a ceremony.
[[nodiscard]] bool closes(const Record& record);
/// Index of the first record of the last ceremony on the log: the one after the last `close` before the end.
[[nodiscard]] std::uint64_t last_ceremony_begin(const std::vector<Record>& records);
/// True if no ceremony is open: no record, or the last one is `close`.
[[nodiscard]] bool is_closed(const std::vector<Record>& records);

}  // namespace ceremony::ledger
