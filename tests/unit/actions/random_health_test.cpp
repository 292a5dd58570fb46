// The start-up tests of SP 800-90B: cut-offs against other people's numbers, and sources that fail in one way each.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "ceremony/actions/random_health.h"

namespace ceremony::actions {
namespace {

Bytes sound(std::size_t count) {
  Bytes out(count);
  std::uint64_t state = 1;
  for (auto& byte : out) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::uint8_t>(state >> 56U);
  }
  return out;
}

}  // namespace

TEST_CASE("cut-offs are those of the formulas", "[random]") {
  // 4.4.1: 1 + ceil(alpha / H).
  CHECK(repetition_cutoff({8, 20, 512}) == 4);
  CHECK(repetition_cutoff({8, 30, 512}) == 5);
  CHECK(repetition_cutoff({8, 40, 512}) == 6);
  CHECK(repetition_cutoff({1, 30, 512}) == 31);
  // 4.4.2, computed with Python's integers and 80 digits; the first two are in the table of the jitterentropy library too.
  CHECK(proportion_cutoff({1, 30, 512}) == 325);
  CHECK(proportion_cutoff({0.5, 30, 512}) == 422);
  CHECK(proportion_cutoff({8, 20, 512}) == 13);
  CHECK(proportion_cutoff({8, 30, 512}) == 16);
  CHECK(proportion_cutoff({8, 40, 512}) == 19);
  CHECK(proportion_cutoff({7, 40, 512}) == 26);
  CHECK(proportion_cutoff({4, 20, 512}) == 62);
  CHECK(proportion_cutoff({1, 40, 512}) == 336);
}

TEST_CASE("a sound source passes; a run of six is found wherever it is, one of five is not", "[random]") {
  const auto samples = sound(start_up_samples);
  CHECK_FALSE(health_fault(samples));
  for (std::size_t at = 0; at + 6 <= samples.size(); at += 7) {
    auto stuck = samples;
    std::fill_n(stuck.begin() + static_cast<std::ptrdiff_t>(at), 5, std::uint8_t{0});
    // Neighbours must not lengthen the run.
    if (at > 0) stuck[at - 1] = 1;
    stuck[at + 5] = 1;
    CHECK_FALSE(health_fault(stuck));
    stuck[at + 5] = 0;
    CHECK(health_fault(stuck) == "gives one value 6 times in a row (repetition count test, SP 800-90B 4.4.1)");
  }
}

TEST_CASE("a value that is too frequent in a window is found, in any window", "[random]") {
  for (const std::size_t window : {std::size_t{0}, std::size_t{512}}) {
    auto samples = sound(start_up_samples);
    const auto first = samples[window];
    for (std::size_t i = window + 1; i < window + 512; ++i)
      if (samples[i] == first) samples[i] ^= 1;
    for (unsigned count = 1; count < 18; ++count) samples[window + count * 20] = first;
    CHECK_FALSE(health_fault(samples));
    samples[window + 500] = first;
    CHECK(health_fault(samples) == "gives one value 19 times among 512, 19 are too many (adaptive proportion test, SP 800-90B 4.4.2)");
  }
}

TEST_CASE("what was drawn in pieces is one run, and a source that failed stays failed", "[random]") {
  RepetitionCount count;
  const Bytes three(3, 9), other = sound(100);
  CHECK(count.takes(three));
  CHECK_FALSE(count.takes(three));
  CHECK_FALSE(count.takes(other));
}

TEST_CASE("a start-up test takes 1024 samples", "[random]") {
  std::size_t asked = 0;
  const RandomSource source{"x", [&](std::span<std::uint8_t> out) {
    asked += out.size();
    std::ranges::copy(sound(out.size()), out.begin());
  }};
  CHECK_FALSE(start_up_fault(source));
  CHECK(asked == 1024);
}

}  // namespace ceremony::actions
