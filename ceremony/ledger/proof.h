// C2SP tlog-proof (c2sp.org/tlog-proof@v1): one record, its place in the tree, and the signed checkpoint of that tree, in
// one text file. `extra` is the base64 of the record's line without LF; it proves itself, since its leaf hash must lead
// to the root.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ceremony/ledger/checkpoint.h"
#include "ceremony/ledger/merkle.h"

namespace ceremony::ledger {

struct TlogProof {
  std::string line;  ///< the record's line, without LF
  std::uint64_t index = 0;
  Proof path;
  std::string checkpoint;  ///< the signed checkpoint, verbatim
  bool operator==(const TlogProof&) const = default;
};

[[nodiscard]] std::string write_proof(const TlogProof& proof);
/// At most 128 KiB; `extra` is required, the checkpoint must parse. Throws LedgerRefusal::proof, ::note, ::checkpoint.
[[nodiscard]] TlogProof parse_proof(std::string_view text, std::string_view where);

/// The checkpoint, if the line's leaf hash leads to its root. Throws LedgerRefusal::proof. Whether the checkpoint's
/// signatures are trusted is `check_note`'s business.
SignedCheckpoint verify_proof(const TlogProof& proof, std::string_view where);

}  // namespace ceremony::ledger
