#include "ceremony/actions/random_health.h"

#include <botan/secmem.h>

#include <cmath>

namespace ceremony::actions {

unsigned repetition_cutoff(const HealthClaim& claim) { return 1 + static_cast<unsigned>(std::ceil(claim.alpha / claim.bits)); }

unsigned proportion_cutoff(const HealthClaim& claim) {
  // The upper tail is summed from its end, where it is smallest, so that 2^-40 is not lost beside 1.
  const double p = std::exp2(-claim.bits), alpha = std::exp2(-static_cast<double>(claim.alpha)), n = claim.window;
  const auto exactly = [&](double k) {
    return std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * std::log(p) + (n - k) * std::log1p(-p));
  };
  double tail = 0;  // P(X > k)
  for (unsigned k = claim.window; k > 0; --k) {
    tail += exactly(k);
    if (tail > alpha) return 1 + k;  // P(X > k) ≤ alpha, P(X > k - 1) is not: k is critbinom
  }
  return 1;
}

bool RepetitionCount::takes(View samples) {
  for (const auto sample : samples) {
    if (m_count >= m_cutoff) return false;
    m_count = m_count > 0 && sample == m_last ? m_count + 1 : 1;
    m_last = sample;
  }
  return m_count < m_cutoff;
}

std::optional<std::string> health_fault(View samples, const HealthClaim& claim) {
  const unsigned most_in_a_row = repetition_cutoff(claim), most_in_window = proportion_cutoff(claim);
  // One of them at a time: a run may be anywhere.
  RepetitionCount repetition(claim);
  for (std::size_t i = 0; i < samples.size(); ++i)
    if (!repetition.takes(samples.subspan(i, 1)))
      return "gives one value " + std::to_string(most_in_a_row) + " times in a row (repetition count test, SP 800-90B 4.4.1)";
  for (std::size_t begin = 0; begin + claim.window <= samples.size(); begin += claim.window) {
    unsigned count = 0;
    for (const auto sample : samples.subspan(begin, claim.window)) count += sample == samples[begin] ? 1 : 0;
    if (count >= most_in_window)
      return "gives one value " + std::to_string(count) + " times among " + std::to_string(claim.window) + ", " + std::to_string(most_in_window) +
             " are too many (adaptive proportion test, SP 800-90B 4.4.2)";
  }
  return std::nullopt;
}

std::optional<std::string> start_up_fault(const RandomSource& source) {
  Botan::secure_vector<std::uint8_t> samples(start_up_samples);
  source.fill(samples);
  return health_fault(samples);
}

}  // namespace ceremony::actions
