#include "ceremony/ledger/checkpoint.h"

#include <algorithm>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/text.h"

namespace ceremony::ledger {
namespace {

constexpr std::size_t origin_limit = 200;

[[noreturn]] void bad_checkpoint(std::string what, std::string_view where) {
  throw Refused(LedgerRefusal::checkpoint, std::move(what), std::string(where), "take the checkpoint from another copy of the ledger");
}

}  // namespace

bool is_origin(std::string_view text) {
  return !text.empty() && text.size() <= origin_limit && text.front() != '/' && text.back() != '/' &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '+'; });
}

bool is_person_id(std::string_view text) {
  return !text.empty() && text.size() <= 16 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string body(const Checkpoint& checkpoint) {
  if (!is_origin(checkpoint.origin)) bad_checkpoint("the origin " + shown(checkpoint.origin) + " holds a space, a plus or is no plain ASCII", "");
  return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" + base64(checkpoint.root.value) + "\n";
}

Checkpoint parse_body(std::string_view text, std::string_view where) {
  std::string_view rest = text;
  const auto origin = take_line(rest);
  const auto size_line = take_line(rest);
  const auto root_line = take_line(rest);
  if (!origin || !size_line || !root_line || !rest.empty()) bad_checkpoint("a checkpoint has exactly three lines", where);
  if (!is_origin(*origin)) bad_checkpoint("the origin " + shown(*origin) + " holds a space, a plus or is no plain ASCII", where);
  const auto size = decimal(*size_line);
  if (!size) bad_checkpoint("the tree size " + shown(*size_line) + " is no plain number", where);
  const auto root = unbase64(*root_line);
  if (!root || root->size() != 32) bad_checkpoint("the root " + shown(*root_line) + " is not base64 of 32 bytes", where);
  Checkpoint out{std::string(*origin), *size, {}};
  std::ranges::copy(*root, out.root.value.begin());
  return out;
}

SignedCheckpoint parse_checkpoint(std::string_view text, std::string_view where) {
  Note note = parse_note(text, where);
  Checkpoint checkpoint = parse_body(note.text, where);
  return {std::move(checkpoint), std::move(note)};
}

std::string log_key_name(std::string_view origin) { return std::string(origin); }

std::string person_key_name(std::string_view origin, std::string_view person) { return std::string(origin) + "/" + std::string(person); }

void add_signature(Note& note, std::string_view name, View spki, View der_signature) {
  auto refuse = [&](std::string what) {
    throw Refused(LedgerRefusal::note, std::move(what), std::string(name), "let this key sign the checkpoint again");
  };
  if (!is_key_name(name)) refuse("the key name " + shown(name) + " cannot stand in a signature line");
  if (!verify_ecdsa_p256(spki, as_view(note.text), der_signature)) refuse("the signature of " + shown(name) + " does not verify over the checkpoint");
  NoteSignature signature{std::string(name), key_id_of(spki), to_bytes(der_signature)};
  if (std::ranges::any_of(note.signatures, [&](const NoteSignature& s) { return s.name == signature.name && s.key_id == signature.key_id; }))
    refuse("the key " + shown(name) + " has signed already");
  note.signatures.push_back(std::move(signature));
}

}  // namespace ceremony::ledger
