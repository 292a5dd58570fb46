// The outside opinion on certificates: the program zlint, run as a child. Own checks come first and are in pki; this one
// adds a second author's reading of the same clauses. zlint does not read CRLs worth speaking of: certificates only.
//
// Called by the linting actions. The child gets the certificates in anonymous memory files, a fixed environment, no shell,
// no other descriptor of ours; its output is bounded and so is its time.
// Never: lets a certificate pass because the linter was missing, slow, killed or unreadable: all of these are refusals.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony::actions {

enum class LintRefusal { absent, arguments, failed, timeout, output };
[[nodiscard]] constexpr std::string_view name_of(LintRefusal code) {
  switch (code) {
    case LintRefusal::absent: return "lint/absent";
    case LintRefusal::arguments: return "lint/arguments";
    case LintRefusal::failed: return "lint/failed";
    case LintRefusal::timeout: return "lint/timeout";
    case LintRefusal::output: return "lint/output";
  }
  return "lint/?";
}

enum class LintLevel { warn, error, fatal };  ///< In order of weight. zlint's pass, info, NA and NE are no findings.
/// `warn`, `error`, `fatal`.
[[nodiscard]] std::string_view text_of(LintLevel level);

struct LintFinding {
  std::string id;  ///< zlint's name of the lint: `e_ca_key_usage_missing`
  LintLevel level = LintLevel::warn;
  std::string details;  ///< what zlint adds, one line; may be empty
  bool operator==(const LintFinding&) const = default;
};

/// A linter that is not ours. Tests put their own in its place.
class ExternalLint {
 public:
  virtual ~ExternalLint() = default;
  /// `zlint 3.6.2`, as records name it.
  [[nodiscard]] virtual std::string version() = 0;
  /// Findings for each certificate (DER or one PEM block) in the same order, sorted by id; empty where there are none.
  /// `sources` are the profile's: {"RFC5280"}, {"RFC5280", "CABF_BR"}; at least one.
  /// Throws Refused{LintRefusal}.
  [[nodiscard]] virtual std::vector<std::vector<LintFinding>> lint(const std::vector<Bytes>& certificates,
                                                                   const std::vector<std::string>& sources) = 0;
  /// The same for one certificate.
  [[nodiscard]] std::vector<LintFinding> lint_one(const Bytes& certificate, const std::vector<std::string>& sources) {
    return lint({certificate}, sources).front();
  }
};

struct ZlintOptions {
  std::string program = "zlint";                             ///< a name to look for, or a path with a `/`
  std::string search_path = "/usr/local/bin:/usr/bin:/bin";  ///< not the caller's PATH: what runs is what the image ships
  std::chrono::milliseconds timeout{30000};                  ///< for one child
  std::size_t max_output = std::size_t{1} << 20;             ///< of one child
};

class Zlint final : public ExternalLint {
 public:
  explicit Zlint(ZlintOptions options = {});
  [[nodiscard]] std::string version() override;
  [[nodiscard]] std::vector<std::vector<LintFinding>> lint(const std::vector<Bytes>& certificates,
                                                           const std::vector<std::string>& sources) override;

 private:
  ZlintOptions m_options;
};

/// The findings in zlint's output: one JSON object a line, `count` of them. Throws Refused{output}. Pure; here for fuzzing.
[[nodiscard]] std::vector<std::vector<LintFinding>> parse_zlint_output(std::string_view output, std::size_t count);

}  // namespace ceremony::actions
