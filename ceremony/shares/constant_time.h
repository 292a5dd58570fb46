// Masks instead of branches. The barrier keeps the compiler from seeing that a mask has only two values, which is
// what would let it put the branch back.
#pragma once

#include <cstdint>

namespace ceremony::shares {

template <typename T>
[[nodiscard]] inline T hidden(T value) {
  asm("" : "+r"(value));  // NOLINT: an empty instruction whose result the optimiser knows nothing about
  return value;
}

/// All ones if value is 0, else 0.
[[nodiscard]] inline std::uint64_t mask_if_zero(std::uint64_t value) {
  return hidden(((value | (0 - value)) >> 63U) - 1);
}

/// All ones if the lowest bit is set, else 0.
[[nodiscard]] inline std::uint32_t mask_of_bit(std::uint32_t bit) { return hidden(0 - (bit & 1U)); }

}  // namespace ceremony::shares
