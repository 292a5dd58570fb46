#include "ceremony/shares/passphrase.h"

#include "ceremony/shares/arithmetic.h"
#include "ceremony/shares/guarded.h"

namespace ceremony::shares {
namespace {
constexpr std::size_t passphrase_words = 8;
}

Passphrase propose_passphrase(Botan::RandomNumberGenerator& rng) {
  return guarded("draw a passphrase", [&] {
    const Octets random = rng.random_vec(2 * passphrase_words);
    Indices indices;
    // 1024 divides 65536: ten bits of sixteen are uniform.
    for (std::size_t i = 0; i < random.size(); i += 2)
      indices.push_back(static_cast<std::uint16_t>((random[i] << 8U | random[i + 1]) & 1023));
    return Passphrase(text_of_words(indices));
  });
}

bool is_proposed_form(const Passphrase& passphrase) {
  const WordsRead read = read_words(passphrase.reveal());
  return read.unknown.empty() && read.indices.size() == passphrase_words;
}

}  // namespace ceremony::shares
