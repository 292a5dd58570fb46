// Health of a source of randomness, by the start-up tests of NIST SP 800-90B section 4.4: Repetition Count and Adaptive Proportion
// over consecutive bytes. They find a source that has failed outright (stuck, nearly stuck); nothing can find one that
// was built to be guessed, which is why sources are mixed (entropy.h).
//
// What is claimed of each source is full entropy, H = 8 bits a byte: kernel, TPM and token hand out what a deterministic
// generator made of their noise. alpha = 2^-40, the stricter end of what section 4.4 recommends (2^-20 to 2^-40): a sound source
// is refused less than once in 10^9 starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "ceremony/ground/bytes.h"

namespace ceremony::actions {

/// Something that hands out random bytes: the kernel, a TPM, a token.
struct RandomSource {
  std::string name;  ///< "tpm"
  std::function<void(std::span<std::uint8_t>)> fill;
};

struct HealthClaim {
  double bits = 8;        ///< H: min-entropy of a sample
  unsigned alpha = 40;    ///< false alarms: 2^-alpha
  unsigned window = 512;  ///< W of section 4.4.2 for samples that are no bits
};

/// Section 4.3 requires at least 1024 consecutive samples at start-up. They are not used for anything else.
inline constexpr std::size_t start_up_samples = 1024;

/// 4.4.1: C = 1 + ceil(alpha / H). So many equal samples in a row are a failure.
[[nodiscard]] unsigned repetition_cutoff(const HealthClaim& claim);
/// 4.4.2: C = 1 + critbinom(W, 2^-H, 1 - 2^-alpha). A window whose first sample is in it so often is a failure.
[[nodiscard]] unsigned proportion_cutoff(const HealthClaim& claim);

/// 4.4.1 over all that a source ever gave.
class RepetitionCount final {
 public:
  explicit RepetitionCount(const HealthClaim& claim = {}) : m_cutoff(repetition_cutoff(claim)) {}
  /// Whether all is well so far; once false, it stays so.
  [[nodiscard]] bool takes(View samples);
  void forget() { m_count = 0; }

 private:
  unsigned m_cutoff;
  unsigned m_count = 0;
  std::uint8_t m_last = 0;
};

/// What is wrong with these samples, as a sentence that names test and numbers; nothing if both tests pass.
[[nodiscard]] std::optional<std::string> health_fault(View samples, const HealthClaim& claim = {});
/// Draws `start_up_samples` and tests them; they are wiped.
[[nodiscard]] std::optional<std::string> start_up_fault(const RandomSource& source);

}  // namespace ceremony::actions
