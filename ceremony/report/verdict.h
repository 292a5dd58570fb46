// The same replay as the appliance's, on another machine: what a log, or a factory's bundle, proves, what it asserts, and
// what is wrong with it, by the rules' ids. Reads only; links no HSM, UI or media code.
//
// Never: takes a log's word for its own identity. Without a pin (SHA-256 of the log key's SubjectPublicKeyInfo, from the
// people's receipts) a log can only be consistent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"
#include "ceremony/ground/refused.h"
#include "ceremony/ground/refused.h"
#include "ceremony/ledger/ledger.h"
#include "ceremony/state/rules.h"
#include "ceremony/state/state.h"

namespace ceremony::report {

enum class ReportRefusal { not_a_bundle, records };
[[nodiscard]] constexpr std::string_view name_of(ReportRefusal code) {
  return code == ReportRefusal::not_a_bundle ? "report/not-a-bundle" : "report/records";
}

/// Records that rest on the people's signatures only, not on the log key's.
struct Span {
  std::string ceremony;
  std::uint64_t first = 0, last = 0;
  std::string why;  ///< close's log_signature
};

struct Count {
  std::string what;  ///< "records", "ceremonies", "certificates", …
  std::uint64_t count = 0;
};

/// Who approved what, as far as their signatures stand on the log.
struct Approved {
  std::string ceremony, act, what;  ///< what: "CN=…" where known, else the digest
  Digest digest;
  std::vector<std::string> people;
};

struct Verdict {
  bool is_bundle = false;
  std::string origin, environment;
  bool consistent = false;
  std::optional<bool> pinned;     ///< nothing: no pin was given
  std::optional<Digest> log_key;  ///< SHA-256 of the log key's SPKI
  std::vector<state::Violation> violations;  ///< empty if consistent
  std::vector<state::Violation> waived;
  std::vector<std::string> proved, asserted;  ///< ids of the rules that were checked and hold
  std::vector<std::string> not_checked;       ///< sentences
  std::vector<Span> people_only;
  std::vector<Approved> approvals;
  std::vector<Count> counts;
  std::vector<std::string> notes;  ///< what a reader should know: failures on the log, quorum re-checked, …

  /// 0: consistent and the pin matches. 1: a violation or a foreign log key. 2: consistent, no pin.
  [[nodiscard]] int exit_code() const;
};

/// Replays the log with every rule. `without`: a rule to leave out (tests).
[[nodiscard]] Verdict verify_ledger(const ledger::Ledger& ledger, const std::optional<Digest>& pin, std::string_view without = {});
/// The same for a folder; what keeps it from loading is a violation of LOG-1, LOG-2, LOG-6 or LOG-8, unless there is no
/// log to read (Refused).
[[nodiscard]] Verdict verify_folder(Env& env, const Path& folder, const std::optional<Digest>& pin);

/// A factory's bundle: name → bytes, as media::unpack and the folder reader give them. `manifest_faults` is what
/// media::check_manifest said. Format: FORMAT.md beside this file.
using Files = std::map<std::string, Bytes>;
[[nodiscard]] Verdict verify_bundle(const Files& files, const std::vector<std::string>& manifest_faults, const std::optional<Digest>& pin);

/// Which records of the log a bundle's log/records.jsonl holds for these certificates: genesis `policy`, the enrolments of
/// everybody who approved, the open of the ceremony, its approvals, intents, results, issue, crl and the bundle's export.
[[nodiscard]] std::vector<std::uint64_t> records_for_bundle(const std::vector<ledger::Record>& records, const std::vector<Digest>& certificates,
                                                            const Digest& manifest);
/// log/records.jsonl: each of these records with its proof in that checkpoint.
[[nodiscard]] std::string write_bundle_records(const std::vector<std::string>& lines, const ledger::Tree& tree, std::string_view checkpoint,
                                               const std::vector<std::uint64_t>& which);

/// For people, in the order of the format document: what it rests on, proved, asserted, people only, waivers, not checked.
[[nodiscard]] std::string text(const Verdict& verdict);
/// The same as JSON, two spaces, final LF.
[[nodiscard]] std::string json(const Verdict& verdict);

/// For `ceremony status`: keys, certificates, CRLs, shares, people, the open ceremony, and what is due at `now`.
[[nodiscard]] std::string status_text(const state::CaState& state, Time now);
/// A record as people read it at the console: number, time, event, who, what it is about.
[[nodiscard]] std::string transcript_line(const ledger::Record& record);

}  // namespace ceremony::report
