// The exact bytes people and keys sign, and the small text artifacts they sign about. Every text begins with its own
// name and version, so a signature over one kind is never one over another, and never over DER (which begins with 0x30).
// Everything that goes into a line is checked for control characters, so no value can forge a line.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ledger/refusal.h"

namespace ceremony::ledger {

/// All of these throw LedgerRefusal::text if a value cannot stand in a line.

/// What an approver signs: `ceremony-approval/v1`, origin, ceremony, leaf hash of the open record, act, SHA-256 of the
/// bytes approved; six lines, each ended by LF.
[[nodiscard]] std::string approval_message(std::string_view origin, std::string_view ceremony, const Digest& open_leaf, std::string_view act,
                                           const Digest& of_bytes);

/// What a new key signs when its holder is enrolled. `roles` are written sorted; `age_recipient` and `replaces` (the
/// SPKI digest of the key it replaces) may be empty: `none`.
struct Enrolment {
  std::string person;
  std::vector<std::string> roles;
  Digest key;                 ///< SHA-256 of the new key's SPKI DER
  std::string age_recipient;  ///< `age1…`
  std::string replaces;       ///< hex
};
[[nodiscard]] std::string enrolment_statement(std::string_view origin, std::string_view ceremony, const Digest& open_leaf, const Enrolment& enrolment);

/// What a key on a token signs to show that it is there: `ceremony-proof/v1`, origin, ceremony, open leaf, key id, label.
[[nodiscard]] std::string challenge_text(std::string_view origin, std::string_view ceremony, const Digest& open_leaf, std::string_view key_id,
                                         std::string_view label);

/// `ceremony-act/v1` and sorted `key: value` lines. Keys `[a-z0-9.-]+`, values not empty, at most 64 KiB in all.
using Act = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] std::string act_artifact(const Act& act);
[[nodiscard]] Act parse_act(std::string_view text, std::string_view where);

/// `ceremony-batch/v1` and a line `<SHA-256 of TBS>  <serial>  <subject>` for each, sorted, no TBS and no serial twice.
struct BatchLine {
  Digest tbs;
  std::string serial;   ///< lower-case hex
  std::string subject;
  auto operator<=>(const BatchLine&) const = default;
};
[[nodiscard]] std::string batch_artifact(std::vector<BatchLine> lines);
[[nodiscard]] std::vector<BatchLine> parse_batch(std::string_view text, std::string_view where);

}  // namespace ceremony::ledger
