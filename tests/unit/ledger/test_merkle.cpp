// The tree of RFC 6962, against published proofs, its own definition, and sha256sum.
#include <catch2/benchmark/catch_benchmark.hpp>
#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <nlohmann/json.hpp>

#include "ceremony/ledger/merkle.h"
#include "tests/unit/ledger/openssl.h"

using ceremony::Digest;
using ceremony::sha256;
using ceremony::View;
using ceremony::ledger::leaf_hash;
using ceremony::ledger::node_hash;
using ceremony::ledger::Proof;
using ceremony::ledger::Tree;
using ceremony::ledger::verify_consistency;
using ceremony::ledger::verify_inclusion;

namespace {

std::optional<Digest> digest_of(const nlohmann::json& text) {
  const auto bytes = ceremony::unbase64(text.get<std::string>());
  if (!bytes || bytes->size() != 32) return std::nullopt;
  Digest out;
  std::ranges::copy(*bytes, out.value.begin());
  return out;
}

/// Nothing if one of the hashes is none: such a proof cannot even be written down in our types.
std::optional<Proof> proof_of(const nlohmann::json& list) {
  Proof out;
  for (const auto& item : list) {
    const auto digest = digest_of(item);
    if (!digest) return std::nullopt;
    out.push_back(*digest);
  }
  return out;
}

nlohmann::json vectors(const std::string& name) {
  const std::string folder = std::string(CEREMONY_VECTORS) + "/merkle/";
  if (!std::filesystem::exists(folder)) SKIP("the published vectors are not there: " << folder);
  std::ifstream file(folder + name);
  return nlohmann::json::parse(file);
}

Tree tree_of(std::uint64_t size) {
  Tree tree;
  for (std::uint64_t i = 0; i < size; ++i) tree.append(leaf_hash(std::to_string(i)));
  return tree;
}

/// MTH of RFC 6962 2.1, as it stands there.
Digest mth(const std::vector<Digest>& leaves) {
  if (leaves.empty()) return sha256(View{});
  if (leaves.size() == 1) return leaves.front();
  std::size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  return node_hash(mth({leaves.begin(), leaves.begin() + static_cast<std::ptrdiff_t>(k)}), mth({leaves.begin() + static_cast<std::ptrdiff_t>(k), leaves.end()}));
}

}  // namespace

TEST_CASE("every published inclusion proof is judged as published") {
  const auto cases = vectors("inclusion.json");
  CHECK(cases.size() > 50);
  for (const auto& c : cases) {
    INFO(c["name"].get<std::string>());
    const auto root = digest_of(c["root"]);
    const auto leaf = digest_of(c["leafHash"]);
    const auto proof = proof_of(c["proof"]);
    const bool good = root && leaf && proof && verify_inclusion(c["leafIdx"].get<std::uint64_t>(), c["treeSize"].get<std::uint64_t>(), *leaf, *proof, *root);
    CHECK(good == !c["wantErr"].get<bool>());
  }
}

TEST_CASE("every published consistency proof is judged as published") {
  const auto cases = vectors("consistency.json");
  CHECK(cases.size() > 50);
  for (const auto& c : cases) {
    INFO(c["name"].get<std::string>());
    // Where a root does not matter it is a few words instead; equal words stand for equal roots.
    const Digest from = digest_of(c["root1"]).value_or(sha256(c["root1"].get<std::string>()));
    const Digest to = digest_of(c["root2"]).value_or(sha256(c["root2"].get<std::string>()));
    const auto proof = proof_of(c["proof"]);
    const bool good = proof && verify_consistency(c["size1"].get<std::uint64_t>(), c["size2"].get<std::uint64_t>(), *proof, from, to);
    CHECK(good == !c["wantErr"].get<bool>());
  }
}

TEST_CASE("roots of all sizes are those of the definition") {
  const Tree tree = tree_of(70);
  std::vector<Digest> leaves;
  CHECK(tree.root_at(0) == mth(leaves));
  for (std::uint64_t size = 1; size <= 70; ++size) {
    leaves.push_back(leaf_hash(std::to_string(size - 1)));
    CHECK(tree.root_at(size) == mth(leaves));
  }
  CHECK(tree.root() == mth(leaves));
}

TEST_CASE("every leaf is provable in every size, and only there") {
  const Tree tree = tree_of(34);
  for (std::uint64_t size = 1; size <= 34; ++size) {
    for (std::uint64_t index = 0; index < size; ++index) {
      Proof proof = tree.inclusion_proof(index, size);
      const Digest& leaf = tree.leaf(index);
      const Digest root = tree.root_at(size);
      CHECK(verify_inclusion(index, size, leaf, proof, root));
      CHECK_FALSE(verify_inclusion(index, size, leaf_hash("another"), proof, root));
      if (size > 1) CHECK_FALSE(verify_inclusion((index + 1) % size, size, leaf, proof, root));
      proof.push_back(leaf);
      CHECK_FALSE(verify_inclusion(index, size, leaf, proof, root));
    }
  }
}

TEST_CASE("every size is consistent with every later one, and with no other root") {
  const Tree tree = tree_of(34);
  for (std::uint64_t to = 1; to <= 34; ++to) {
    for (std::uint64_t from = 1; from <= to; ++from) {
      Proof proof = tree.consistency_proof(from, to);
      CHECK(verify_consistency(from, to, proof, tree.root_at(from), tree.root_at(to)));
      CHECK_FALSE(verify_consistency(from, to, proof, leaf_hash("x"), tree.root_at(to)));
      if (from < to) CHECK_FALSE(verify_consistency(from, to, proof, tree.root_at(from), leaf_hash("x")));
      proof.push_back(tree.root());
      CHECK_FALSE(verify_consistency(from, to, proof, tree.root_at(from), tree.root_at(to)));
    }
  }
  CHECK_FALSE(verify_consistency(0, 5, {}, tree.root_at(0), tree.root_at(5)));
  CHECK_FALSE(verify_consistency(6, 5, {}, tree.root_at(6), tree.root_at(5)));
}

TEST_CASE("sha256sum comes to the same leaf and root by hand") {
  const ceremony::testing::Workshop shop;
  shop.write("a", "first");
  shop.write("b", "second");
  const std::string leaf_a = shop.run("{ printf '\\000'; cat a; } | sha256sum | cut -d' ' -f1");
  CHECK(leaf_a == hex(leaf_hash("first")));
  const std::string root = shop.run(
      "h() { sha256sum | cut -d' ' -f1; }; bin() { sed 's/../\\\\x&/g'; }\n"
      "a=$({ printf '\\000'; cat a; } | h); b=$({ printf '\\000'; cat b; } | h)\n"
      "{ printf '\\001'; /usr/bin/printf \"$(echo $a | bin)\"; /usr/bin/printf \"$(echo $b | bin)\"; } | h");
  Tree tree;
  tree.append(leaf_hash("first"));
  tree.append(leaf_hash("second"));
  CHECK(root == hex(tree.root()));
}

TEST_CASE("a hundred thousand records are no load", "[!benchmark]") {
  BENCHMARK("append 100,000 leaves") { return tree_of(100000).root(); };
  const Tree tree = tree_of(100000);
  BENCHMARK("one inclusion proof of 100,000") { return tree.inclusion_proof(77777, 100000); };
}
