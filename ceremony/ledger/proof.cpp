#include "ceremony/ledger/proof.h"

#include <algorithm>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/text.h"

namespace ceremony::ledger {
namespace {

constexpr std::size_t proof_limit = 131072;
constexpr std::string_view first_line = "c2sp.org/tlog-proof@v1";
constexpr std::size_t path_limit = 64;  // no deeper than a tree of 2^64 leaves

[[noreturn]] void bad_proof(std::string what, std::string_view where) {
  throw Refused(LedgerRefusal::proof, std::move(what), std::string(where), "take the proof from another copy, or have it made again from the ledger");
}

}  // namespace

std::string write_proof(const TlogProof& proof) {
  std::string out = std::string(first_line) + "\nextra " + base64(as_view(proof.line)) + "\nindex " + std::to_string(proof.index) + "\n";
  for (const Digest& hash : proof.path) out += base64(hash.value) + "\n";
  return out + "\n" + proof.checkpoint;
}

TlogProof parse_proof(std::string_view text, std::string_view where) {
  if (text.size() > proof_limit) bad_proof("the proof is larger than " + std::to_string(proof_limit) + " bytes", where);
  std::string_view rest = text;
  auto next = [&] {
    const auto line = take_line(rest);
    if (!line) bad_proof("the proof ends in the middle", where);
    return *line;
  };
  if (const auto line = next(); line != first_line) bad_proof("the first line is not " + std::string(first_line) + " but " + shown(line), where);
  const auto extra = next();
  const auto record_line = extra.starts_with("extra ") ? unbase64(extra.substr(6)) : std::nullopt;
  if (!record_line || record_line->empty()) bad_proof("the second line is not \"extra\" and the base64 of a record: " + shown(extra), where);
  const auto index_line = next();
  const auto index = index_line.starts_with("index ") ? decimal(index_line.substr(6)) : std::nullopt;
  if (!index) bad_proof("the third line is not \"index\" and a number: " + shown(index_line), where);
  TlogProof out{as_text(*record_line), *index, {}, {}};
  for (auto line = next(); !line.empty(); line = next()) {
    const auto hash = unbase64(line);
    if (!hash || hash->size() != 32) bad_proof("a line of the path is not base64 of 32 bytes: " + shown(line), where);
    if (out.path.size() == path_limit) bad_proof("the path has more than " + std::to_string(path_limit) + " hashes", where);
    std::ranges::copy(*hash, out.path.emplace_back().value.begin());
  }
  out.checkpoint = rest;
  static_cast<void>(parse_checkpoint(out.checkpoint, where));
  return out;
}

SignedCheckpoint verify_proof(const TlogProof& proof, std::string_view where) {
  SignedCheckpoint out = parse_checkpoint(proof.checkpoint, where);
  if (!verify_inclusion(proof.index, out.checkpoint.size, leaf_hash(proof.line), proof.path, out.checkpoint.root))
    bad_proof("record " + std::to_string(proof.index) + " does not lead to the root of the checkpoint of size " + std::to_string(out.checkpoint.size), where);
  return out;
}

}  // namespace ceremony::ledger
