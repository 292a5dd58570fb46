#include "ceremony/ledger/merkle.h"

#include <botan/hash.h>

#include <bit>
#include <cassert>

namespace ceremony::ledger {
namespace {

/// The largest power of two smaller than `n`, for n > 1 (RFC 6962 2.1: k).
std::uint64_t split(std::uint64_t n) { return std::bit_floor(n - 1); }

}  // namespace

Digest leaf_hash(std::string_view line) {
  const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
  hash->update(std::uint8_t{0});
  hash->update(as_view(line));
  Digest out;
  hash->final(out.value);
  return out;
}

Digest node_hash(const Digest& left, const Digest& right) {
  const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
  hash->update(std::uint8_t{1});
  hash->update(left.value);
  hash->update(right.value);
  Digest out;
  hash->final(out.value);
  return out;
}

void Tree::append(const Digest& leaf) {
  if (m_levels.empty()) m_levels.emplace_back();
  m_levels[0].push_back(leaf);
  for (std::size_t k = 0; m_levels[k].size() % 2 == 0; ++k) {
    const auto& level = m_levels[k];
    const Digest parent = node_hash(level[level.size() - 2], level.back());
    if (m_levels.size() == k + 1) m_levels.emplace_back();
    m_levels[k + 1].push_back(parent);
  }
}

Digest Tree::root_at(std::uint64_t size) const {
  assert(size <= this->size());
  return size == 0 ? sha256(View{}) : subtree(0, size);
}

/// MTH(D[begin:end]). `begin` is always a multiple of the width's power of two here, so complete subtrees are looked up.
Digest Tree::subtree(std::uint64_t begin, std::uint64_t end) const {
  const std::uint64_t width = end - begin;
  if (std::has_single_bit(width)) {
    const auto level = static_cast<std::size_t>(std::countr_zero(width));
    return m_levels[level][begin >> level];
  }
  const std::uint64_t middle = begin + split(width);
  return node_hash(subtree(begin, middle), subtree(middle, end));
}

Proof Tree::inclusion_proof(std::uint64_t index, std::uint64_t size) const {
  assert(index < size && size <= this->size());
  Proof down;  // from the root's side
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end - begin > 1) {
    const std::uint64_t middle = begin + split(end - begin);
    if (index < middle) {
      down.push_back(subtree(middle, end));
      end = middle;
    } else {
      down.push_back(subtree(begin, middle));
      begin = middle;
    }
  }
  return {down.rbegin(), down.rend()};
}

Proof Tree::consistency_proof(std::uint64_t from, std::uint64_t to) const {
  assert(from > 0 && from <= to && to <= size());
  if (from == to) return {};
  // SUBPROOF(from, D[begin:end], b) of RFC 6962 2.1.2, from the root down; b: the old tree is the whole of this side.
  Proof down;
  std::uint64_t begin = 0;
  std::uint64_t end = to;
  bool whole = true;
  while (end != from) {
    const std::uint64_t middle = begin + split(end - begin);
    if (from <= middle) {
      down.push_back(subtree(middle, end));
      end = middle;
    } else {
      down.push_back(subtree(begin, middle));
      begin = middle;
      whole = false;
    }
  }
  if (!whole) down.push_back(subtree(begin, end));
  return {down.rbegin(), down.rend()};
}

bool verify_inclusion(std::uint64_t index, std::uint64_t size, const Digest& leaf, std::span<const Digest> proof, const Digest& root) {
  if (index >= size) return false;
  std::uint64_t fn = index;
  std::uint64_t sn = size - 1;
  Digest r = leaf;
  for (const Digest& p : proof) {
    if (sn == 0) return false;
    if ((fn & 1U) != 0 || fn == sn) {
      r = node_hash(p, r);
      while ((fn & 1U) == 0 && fn != 0) {
        fn >>= 1U;
        sn >>= 1U;
      }
    } else {
      r = node_hash(r, p);
    }
    fn >>= 1U;
    sn >>= 1U;
  }
  return sn == 0 && r == root;
}

bool verify_consistency(std::uint64_t from, std::uint64_t to, std::span<const Digest> proof, const Digest& root_from, const Digest& root_to) {
  if (from == 0 || from > to) return false;
  if (from == to) return proof.empty() && root_from == root_to;
  // A complete old tree is itself the first node of the path and is left out of the proof.
  const bool complete = std::has_single_bit(from);
  if (!complete && proof.empty()) return false;
  std::uint64_t fn = from - 1;
  std::uint64_t sn = to - 1;
  while ((fn & 1U) != 0) {
    fn >>= 1U;
    sn >>= 1U;
  }
  Digest fr = complete ? root_from : proof.front();
  Digest sr = fr;
  for (const Digest& c : complete ? proof : proof.subspan(1)) {
    if (sn == 0) return false;
    if ((fn & 1U) != 0 || fn == sn) {
      fr = node_hash(c, fr);
      sr = node_hash(c, sr);
      while ((fn & 1U) == 0 && fn != 0) {
        fn >>= 1U;
        sn >>= 1U;
      }
    } else {
      sr = node_hash(sr, c);
    }
    fn >>= 1U;
    sn >>= 1U;
  }
  return sn == 0 && fr == root_from && sr == root_to;
}

}  // namespace ceremony::ledger
