// SLIP-0039: a secret split into mnemonics of which any M give it back.
//
// We split into one group, extendable, empty passphrase; we combine everything the standard allows, so that its
// vectors prove the arithmetic. Mnemonics are taken in their canonical form only: lower case, whole words, single
// spaces. Arithmetic over secrets has no branch and no table (tests/fuzz/ct_shares.cpp has valgrind watch it), and
// everything on the way lies in locked, wiping memory.
//
// A passphrase of SLIP-0039 cannot be checked: a wrong one silently gives another secret. We never use one; share
// files are encrypted instead.
#pragma once

#include <botan/rng.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ceremony/ground/secret.h"
#include "ceremony/shares/refusal.h"

namespace ceremony::shares {

/// What the first words of a share say; nothing here is secret.
struct ShareInfo {
  unsigned identifier;  ///< 15 bits, the same in all shares of a set
  bool extendable;
  unsigned exponent;     ///< PBKDF2 rounds = 10000 << exponent
  unsigned group_index;  ///< from 0
  unsigned group_threshold;
  unsigned group_count;
  unsigned member_index;  ///< from 0; people count from 1
  unsigned member_threshold;
  std::size_t value_bytes;  ///< length of the secret
};

/// N shares of which any M give the secret (16 to 32 bytes, even; ours have 32, which makes 33 words).
/// `other_than`: an identifier this set must not have, since two sets of one ceremony must be told apart.
/// Throws quorum.
[[nodiscard]] std::vector<ShareWords> split(const MasterSecret& secret, unsigned m, unsigned n,
                                            Botan::RandomNumberGenerator& rng, unsigned iteration_exponent = 1,
                                            std::optional<unsigned> other_than = std::nullopt);

/// Checks one share alone: words, checksum, header, padding. Throws word_count, unknown_word, checksum, header,
/// padding; a hint names the word's number (from 1) where it is known, and never a word.
[[nodiscard]] ShareInfo inspect(const ShareWords& share);

/// The secret of a set of shares, in any order. More shares than needed must agree with the rest.
/// Throws what inspect throws (`where`: "share 2", from 1 in the order given), mixed_sets, mixed_thresholds,
/// same_share, too_few, digest.
[[nodiscard]] MasterSecret combine(std::span<const ShareWords> shares, std::span<const std::uint8_t> passphrase = {});

}  // namespace ceremony::shares
