// RFC 6962 section 2.1 over SHA-256: leaf = SHA-256(0x00 ‖ line), node = SHA-256(0x01 ‖ left ‖ right). The tree keeps
// every complete subtree's hash (64 bytes a leaf), so roots and proofs of any earlier size take O(log n) hashes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony::ledger {

using Proof = std::vector<Digest>;  ///< from the leaf's side to the root's

/// RFC 6962 2.1 of a record line without its LF.
[[nodiscard]] Digest leaf_hash(std::string_view line);
[[nodiscard]] Digest node_hash(const Digest& left, const Digest& right);

class Tree final {
 public:
  void append(const Digest& leaf);
  [[nodiscard]] std::uint64_t size() const { return m_levels.empty() ? 0 : m_levels.front().size(); }
  [[nodiscard]] const Digest& leaf(std::uint64_t index) const { return m_levels.front().at(index); }
  [[nodiscard]] Digest root() const { return root_at(size()); }
  /// The root when the tree had `size` leaves; SHA-256 of nothing for 0. Asserts size ≤ size().
  [[nodiscard]] Digest root_at(std::uint64_t size) const;
  /// RFC 6962 2.1.1, PATH(index, D[size]). Asserts index < size ≤ size().
  [[nodiscard]] Proof inclusion_proof(std::uint64_t index, std::uint64_t size) const;
  /// RFC 6962 2.1.2, PROOF(from, D[to]); empty if they are equal. Asserts 0 < from ≤ to ≤ size().
  [[nodiscard]] Proof consistency_proof(std::uint64_t from, std::uint64_t to) const;

 private:
  [[nodiscard]] Digest subtree(std::uint64_t begin, std::uint64_t end) const;

  std::vector<std::vector<Digest>> m_levels;  ///< [k][i]: root of leaves i·2^k … (i+1)·2^k
};

/// RFC 9162 2.1.3.2. Takes any numbers and any proof from outside.
[[nodiscard]] bool verify_inclusion(std::uint64_t index, std::uint64_t size, const Digest& leaf, std::span<const Digest> proof,
                                    const Digest& root);
/// RFC 9162 2.1.4.2, for 0 < from ≤ to. An empty log is a prefix of every log, so a proof of that is none.
[[nodiscard]] bool verify_consistency(std::uint64_t from, std::uint64_t to, std::span<const Digest> proof, const Digest& root_from,
                                      const Digest& root_to);

}  // namespace ceremony::ledger
