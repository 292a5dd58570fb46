#include <algorithm>
#include <charconv>
#include <set>

#include "ceremony/ledger/checkpoint.h"
#include "ceremony/ledger/text.h"
#include "ceremony/report/verdict.h"

namespace ceremony::report {
namespace {

using ledger::shown;
using state::CaState;
using state::Violation;

/// Artifacts of a ledger folder: each is read and compared with its name once; what is not what its name says is noted.
class Artifacts {
 public:
  Artifacts(const ledger::Ledger& ledger, std::vector<Violation>& violations) : m_ledger(ledger), m_violations(violations) {}
  std::optional<Bytes> get(const Digest& digest, std::uint64_t n) {
    const auto found = m_cache.find(digest);
    if (found != m_cache.end()) return found->second;
    std::optional<Bytes> bytes;
    try {
      bytes = m_ledger.artifact(digest);
    } catch (const Refused& refused) {
      if (m_spoilt.insert(digest).second) m_violations.push_back({"LOG-8", n, refused.findings().front().what, false});
      return std::nullopt;
    }
    if (m_held > cache_limit) m_cache.clear(), m_held = 0;
    m_held += bytes ? bytes->size() : 0;
    m_cache[digest] = bytes;
    return bytes;
  }
  [[nodiscard]] bool is_spoilt(const Digest& digest) const { return m_spoilt.contains(digest); }

 private:
  static constexpr std::size_t cache_limit = std::size_t{64} << 20;
  const ledger::Ledger& m_ledger;
  std::vector<Violation>& m_violations;
  std::map<Digest, std::optional<Bytes>> m_cache;
  std::set<Digest> m_spoilt;
  std::size_t m_held = 0;
};

void sort_out(std::vector<Violation> found, Verdict& verdict) {
  for (Violation& v : found) (v.waived ? verdict.waived : verdict.violations).push_back(std::move(v));
}

/// What an approved digest is, in words.
std::string what_of(const CaState& s, const std::string& act, const Digest& digest) {
  for (const auto& [made, certificate] : s.certificates)
    if (certificate.tbs == digest) return certificate.subject;
  for (const auto& [id, intent] : s.open->intents)
    if (intent.tbs == digest && act == "sign-crl") return "a CRL, intent " + id;
  return hex(digest);
}

void note_approvals(const CaState& s, Verdict& verdict) {
  for (const auto& [act, digests] : s.open->approvals)
    for (const auto& [digest, people] : digests) {
      Approved approved{s.open->id, act, what_of(s, act, digest), digest, {}};
      for (const auto& [person, n] : people) approved.people.push_back(person);
      verdict.approvals.push_back(std::move(approved));
    }
}

void say_what_was_checked(const CaState& s, std::uint64_t crls, Verdict& verdict) {
  for (const state::Rule& rule : state::rules()) {
    const auto of_rule = [&](const Violation& v) { return v.rule == rule.id; };
    if (std::ranges::none_of(verdict.violations, of_rule) && std::ranges::none_of(verdict.waived, of_rule)) (rule.proved ? verdict.proved : verdict.asserted).emplace_back(rule.id);
  }
  verdict.not_checked.emplace_back("what the token did while this appliance did not see it: M holders can use it elsewhere");
  verdict.not_checked.emplace_back("names and documents of the people, the numbers on seals, videos: the log carries digests and references only");
  verdict.counts = {{"records", s.tree.size()},         {"ceremonies", s.closed.size()}, {"failed attempts", s.failures}, {"people", s.people.size()},
                    {"keys", s.keys.size()},            {"certificates", s.certificates.size()}, {"CRLs", crls}, {"artifacts", s.named.size()}};
}

/// The log key on the log, against the pin.
void compare_pin(const std::optional<Digest>& pin, Verdict& verdict) {
  if (!pin) return;
  verdict.pinned = verdict.log_key && *verdict.log_key == *pin;
}

void check_head(const ledger::Ledger& ledger, const CaState& s, std::vector<Violation>& violations) {
  const std::uint64_t at = s.tree.size() == 0 ? 0 : s.tree.size() - 1;
  if (s.open) violations.push_back({"LOG-4", at, "the ceremony " + shown(s.open->id) + " is still open", false});
  if (s.closed.empty()) return;
  const auto newest = ledger.checkpoints.find(s.last_closed_size());
  if (newest != ledger.checkpoints.end() && ledger.checkpoint != newest->second) {
    try {
      const auto head = ledger::parse_checkpoint(ledger.checkpoint, "checkpoint").checkpoint;
      if (head.size != s.last_closed_size())
        violations.push_back({"LOG-7", at, "the file checkpoint is of " + std::to_string(head.size) + " records, the last ceremony ended with " +
                                               std::to_string(s.last_closed_size()), false});
      else
        violations.push_back({"LOG-6", at, "the file checkpoint is not checkpoints/" + std::to_string(head.size), false});
    } catch (const Refused& refused) {
      violations.push_back({"LOG-6", at, "the file checkpoint does not read: " + refused.findings().front().what, false});
    }
  }
  for (const auto& [size, text] : ledger.checkpoints)
    if (std::ranges::none_of(s.closed, [&](const auto& c) { return c.size() == size; }))
      violations.push_back({"LOG-6", at, "checkpoints/" + std::to_string(size) + " belongs to no closed ceremony", false});
}

}  // namespace

int Verdict::exit_code() const {
  if (!consistent || pinned == false) return 1;
  return pinned == true ? 0 : 2;
}

Verdict verify_ledger(const ledger::Ledger& ledger, const std::optional<Digest>& pin, std::string_view without) {
  Verdict verdict;
  CaState s;
  Artifacts artifacts(ledger, verdict.violations);
  std::uint64_t n = 0;
  const state::ArtifactSource source = [&](const Digest& digest) { return artifacts.get(digest, n); };
  for (; n < ledger.records.size(); ++n) {
    const ledger::Record& record = ledger.records[n];
    auto found = state::check(s, record, source, without);
    // An artifact with other bytes has been named already, with what it holds.
    std::erase_if(found, [&](const Violation& v) {
      return v.rule == "LOG-8" && std::ranges::any_of(state::artifacts_named(record), [&](const Digest& d) { return artifacts.is_spoilt(d); });
    });
    sort_out(std::move(found), verdict);
    const auto kept = ledger.checkpoints.find(s.last_closed_size());
    if (record.ev == "open" && kept != ledger.checkpoints.end()) sort_out(state::check_previous_checkpoint(s, record, kept->second, without), verdict);
    if (record.ok && record.ev == "close" && s.open) note_approvals(s, verdict);
    s = state::fold(std::move(s), record, ledger.tree.leaf(n), source);
    if (!record.ok || record.ev != "close" || s.open || s.closed.empty() || s.closed.back().last != n) continue;
    const auto note = ledger.checkpoints.find(s.closed.back().size());
    // The newest may lie in the file `checkpoint` only (an older copy, a single published file).
    const bool last = n + 1 == ledger.records.size();
    sort_out(state::check_checkpoint(s, ledger.tree, note != ledger.checkpoints.end() ? note->second : last ? ledger.checkpoint : std::string(), without), verdict);
    const state::Closed& closed = s.closed.back();
    if (closed.log_signature != "yes") verdict.people_only.push_back({closed.id, closed.first, closed.last, closed.log_signature});
  }
  sort_out(state::check_artifacts(s, ledger.artifacts, without), verdict);
  check_head(ledger, s, verdict.violations);
  if (ledger.records.empty()) verdict.violations.push_back({"LOG-4", 0, "the log has no record", false});
  verdict.origin = s.origin;
  verdict.environment = s.environment;
  if (const state::Key* key = s.log_key()) verdict.log_key = key->spki_sha256;
  const auto crls = std::ranges::count_if(ledger.records, [](const ledger::Record& r) { return r.ok && r.ev == "crl"; });
  say_what_was_checked(s, static_cast<std::uint64_t>(crls), verdict);
  if (s.failures > 0) verdict.notes.push_back(std::to_string(s.failures) + " failed attempts are on the log");
  verdict.consistent = verdict.violations.empty();
  compare_pin(pin, verdict);
  return verdict;
}

Verdict verify_folder(Env& env, const Path& folder, const std::optional<Digest>& pin) {
  try {
    return verify_ledger(ledger::load_ledger(env, folder), pin);
  } catch (const Refused& refused) {
    using enum ledger::LedgerRefusal;
    const std::string_view rule = refused.is(record) || refused.is(canonical) || refused.is(torn) ? "LOG-1"
                                  : refused.is(order)                                             ? "LOG-2"
                                  : refused.is(artifact)                                          ? "LOG-8"
                                  : refused.is(checkpoint) || refused.is(note)                    ? "LOG-6"
                                                                                                  : "";
    if (rule.empty()) throw;
    Verdict verdict;
    for (const Finding& finding : refused.findings()) {
      // "…/transcript.log:12" counts lines from 1.
      std::uint64_t line = 0;
      const auto colon = finding.where.rfind(':');
      if (colon != std::string::npos) std::from_chars(finding.where.data() + colon + 1, finding.where.data() + finding.where.size(), line);
      verdict.violations.push_back({std::string(rule), line == 0 ? 0 : line - 1, finding.what, false});
    }
    verdict.not_checked.emplace_back("everything else: the log does not load");
    compare_pin(pin, verdict);
    return verdict;
  }
}

}  // namespace ceremony::report
