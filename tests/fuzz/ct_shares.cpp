// Run under valgrind: secret, randomness and shares are marked undefined, so that memcheck reports every branch and
// every address that depends on them. With the argument `leak` it branches on the secret, to show that it would be
// seen.
#include <botan/chacha_rng.h>
#include <valgrind/memcheck.h>

#include <array>
#include <cstdio>
#include <string_view>

#include "ceremony/shares/arithmetic.h"
#include "ceremony/shares/bech32.h"
#include "ceremony/shares/words.h"

using namespace ceremony::shares;

namespace {

template <typename Range>
void poison(const Range& range) {
  VALGRIND_MAKE_MEM_UNDEFINED(range.data(), range.size() * sizeof(range[0]));
}
template <typename Range>
void reveal(const Range& range) {
  VALGRIND_MAKE_MEM_DEFINED(range.data(), range.size() * sizeof(range[0]));
}

/// What it gives is secret too.
class PoisonedRng final : public Botan::RandomNumberGenerator {
 public:
  void clear() override {}
  [[nodiscard]] bool accepts_input() const override { return false; }
  [[nodiscard]] std::string name() const override { return "poisoned"; }
  [[nodiscard]] bool is_seeded() const override { return true; }

 private:
  void fill_bytes_with_input(std::span<std::uint8_t> out, std::span<const std::uint8_t> /*in*/) override {
    m_rng.randomize(out);
    poison(out);
  }
  std::array<std::uint8_t, 32> m_seed{};
  Botan::ChaCha_RNG m_rng{std::span<const std::uint8_t>(m_seed)};
};

bool round_trip(unsigned m, unsigned n) {
  PoisonedRng rng;
  const CipherParameters with{.identifier = 1234, .extendable = true, .exponent = 0};
  Octets secret(32, 42);
  poison(secret);
  const std::vector<Octets> values = split_value(feistel_encrypt(secret, {}, with), m, n, rng);
  std::vector<Point> points;
  std::uint32_t fine = ~0U;
  std::uint32_t syndromes = 0;
  for (unsigned i = n - m; i < n; ++i) {
    const ShareInfo info{.identifier = 1234,
                         .extendable = true,
                         .exponent = 0,
                         .group_index = 0,
                         .group_threshold = 1,
                         .group_count = 1,
                         .member_index = i,
                         .member_threshold = m,
                         .value_bytes = 32};
    Indices indices = share_indices(info, values[i]);
    for (auto& index : indices) {
      const WordIndex found = index_of(packed_word(index));
      fine &= found.found;
      index = static_cast<std::uint16_t>(found.index);
    }
    syndromes |= rs1024_syndrome(indices, true);
    Unpacked unpacked = share_value(indices);
    points.push_back({static_cast<std::uint8_t>(i), std::move(unpacked.value)});
  }
  const Recovered recovered = recover_value(points);
  fine &= recovered.authentic;
  const Octets back = feistel_decrypt(recovered.secret, {}, with);
  fine &= equal_mask(back, secret);
  const Octets text = bech32("age-secret-key-", back);
  // The verdict is public from here on.
  VALGRIND_MAKE_MEM_DEFINED(&fine, sizeof fine);
  VALGRIND_MAKE_MEM_DEFINED(&syndromes, sizeof syndromes);
  reveal(text);
  return fine == ~0U && syndromes == 0 &&
         std::string_view(reinterpret_cast<const char*>(text.data()), text.size()).starts_with("age-secret-key-1");
}

}  // namespace

int main(int argc, char** argv) {
  if (RUNNING_ON_VALGRIND == 0) {
    std::fputs("error: this says nothing without valgrind\nhint: valgrind -q --error-exitcode=1 ct_shares\n", stderr);
    return 2;
  }
  if (argc > 1 && std::string_view(argv[1]) == "leak") {
    Octets secret(32, 42);
    poison(secret);
    std::puts(gf_multiply(secret[0], secret[1]) == 7 ? "seven" : "another");
    return 0;
  }
  const bool fine = round_trip(2, 3) && round_trip(3, 5) && round_trip(16, 16);
  if (!fine) std::fputs("error: what was split did not come back\n", stderr);
  return fine ? 0 : 3;
}
