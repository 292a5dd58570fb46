// The examples of FORMAT.md are what the code reads and writes.
#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <iterator>

#include "ceremony/ledger/proof.h"
#include "ceremony/ledger/record.h"

using namespace ceremony::ledger;

namespace {

/// The code blocks of FORMAT.md, in order.
std::vector<std::string> examples() {
  std::ifstream file(std::string(CEREMONY_SOURCE) + "/ceremony/ledger/FORMAT.md");
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::string> out;
  for (auto at = page.find("```\n"); at != std::string::npos; at = page.find("```\n", at)) {
    const auto end = page.find("```\n", at + 4);
    out.push_back(page.substr(at + 4, end - at - 4));
    at = end + 4;
  }
  return out;
}

std::string example(std::string_view beginning, std::string_view containing = "") {
  for (const std::string& text : examples()) {
    if (text.starts_with(beginning) && text.contains(containing)) return text;
  }
  FAIL("FORMAT.md has no example that begins with " << beginning);
  return {};
}

}  // namespace

TEST_CASE("the record of FORMAT.md is a record") {
  std::string text = example("{\"c\"");
  text.pop_back();
  CHECK(line(parse_record(text, "FORMAT.md")) == text);
}

TEST_CASE("the checkpoint, key and proof of FORMAT.md fit together") {
  const std::string text = example("ca.example.com/root\n");
  const SignedCheckpoint head = parse_checkpoint(text, "FORMAT.md");
  std::string vkey = example("ca.example.com/root+");
  vkey.pop_back();
  const VerifierKey key = parse_vkey(vkey, "FORMAT.md");
  CHECK(check_note(head.note, std::span(&key, 1)).trusted());
  std::string proof = example("c2sp.org/tlog-proof@v1\n");
  proof = proof.substr(0, proof.find("\n\n") + 2) + text;  // the page shortens the signature
  CHECK(verify_proof(parse_proof(proof, "FORMAT.md"), "FORMAT.md").checkpoint.size == 2);
  Tree tree;
  tree.append(leaf_hash("one"));
  tree.append(leaf_hash("two"));
  CHECK(tree.root() == head.checkpoint.root);
}
