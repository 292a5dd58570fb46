// One record of the transcript and its one spelling: a line of JSON with sorted keys, no white space, ASCII only (`\u`
// escapes in lower-case hex), integers of at most 2^53, at most 8 KiB. A line in any other spelling is refused, so the
// same record always has the same leaf hash. Which events and fields exist is events.h's business.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/env.h"
#include "ceremony/ledger/refusal.h"
#include "ceremony/ledger/value.h"

namespace ceremony::ledger {

inline constexpr std::size_t record_limit = 8192;                       ///< bytes of a line without its LF
inline constexpr std::int64_t integer_limit = std::int64_t{1} << 53;

struct Record {
  std::uint64_t n = 0;             ///< index in the log, from 0
  Time t{};                        ///< UTC
  std::string c;                   ///< ceremony id
  std::string ev;                  ///< event
  std::string step;                ///< step id of the procedure; may be empty
  std::vector<std::string> who;    ///< ids of the people the appliance says are acting
  bool ok = true;                  ///< `res`: `ok` or `fail`
  Value d;                         ///< the event's own fields, an object

  bool operator==(const Record&) const = default;
};

/// The canonical line, without LF. Throws LedgerRefusal::record if the record has none: text that is not UTF-8, an
/// integer beyond 2^53, lists nested deeper than 16, over 8 KiB, `d` not an object.
[[nodiscard]] std::string line(const Record& record);

/// Exactly what `line` makes, or refused: `record` if it is none, `canonical` if it is spelt differently.
/// `where` is named in the refusal ("transcript.log:12").
[[nodiscard]] Record parse_record(std::string_view line, std::string_view where);

/// Every text in `d`, at any depth, that is spelt like a SHA-256 digest: what this record may name as artifact.
[[nodiscard]] std::set<Digest> named_digests(const Record& record);

}  // namespace ceremony::ledger
