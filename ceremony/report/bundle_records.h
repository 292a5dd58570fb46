// log/records.jsonl of a factory's bundle, read back. Format: FORMAT.md.
#pragma once

#include <string_view>
#include <vector>

#include "ceremony/ledger/proof.h"
#include "ceremony/ledger/record.h"

namespace ceremony::report {

struct ProvenRecord {
  ledger::Record record;
  Digest leaf;
  ledger::TlogProof proof;  ///< of exactly this record's line; whether it holds is for verify_proof
};

/// Throws ReportRefusal::records, LedgerRefusal::record, ::canonical, ::proof.
[[nodiscard]] std::vector<ProvenRecord> read_bundle_records(std::string_view text);

}  // namespace ceremony::report
