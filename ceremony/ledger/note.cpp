#include "ceremony/ledger/note.h"

#include <botan/ecdsa.h>
#include <botan/pubkey.h>
#include <botan/x509_key.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/text.h"

namespace ceremony::ledger {
namespace {

constexpr std::size_t note_limit = 65536;
constexpr std::size_t signature_limit = 64;
constexpr std::string_view signature_mark = "\xE2\x80\x94 ";  // em dash, space
constexpr std::uint8_t type_ecdsa = 0x02;
constexpr std::size_t pem_columns = 64;  // RFC 7468 section 2
constexpr std::string_view pem_begin = "-----BEGIN PUBLIC KEY-----\n";
constexpr std::string_view pem_end = "-----END PUBLIC KEY-----\n";
// RFC 5480: SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING of 65 bytes that begin with 04 (uncompressed).
constexpr std::array<std::uint8_t, 27> p256_head = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
                                                    0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr std::size_t p256_size = 91;

[[noreturn]] void bad_note(std::string what, std::string_view where) {
  throw Refused(LedgerRefusal::note, std::move(what), std::string(where), "take the file from another copy of the ledger");
}

[[noreturn]] void bad_key(std::string what, std::string_view where) {
  throw Refused(LedgerRefusal::key, std::move(what), std::string(where), "take the key from another copy of the ledger");
}

/// The key, or nullptr: exactly the canonical SPKI of a point on P-256. Botan checks that the point is on the curve.
std::unique_ptr<Botan::Public_Key> load_p256(View spki) {
  if (spki.size() != p256_size || !std::ranges::equal(spki.first(p256_head.size()), p256_head)) return nullptr;
  try {
    return Botan::X509::load_key(std::vector<std::uint8_t>(spki.begin(), spki.end()));
  } catch (const std::exception&) {
    return nullptr;
  }
}

bool verifies(const Botan::Public_Key& key, View message, View der_signature) {
  try {
    Botan::PK_Verifier verifier(key, "SHA-256", Botan::Signature_Format::DerSequence);
    verifier.update(message);
    return verifier.check_signature(der_signature);
  } catch (const std::exception&) {  // Botan throws where the DER is malformed
    return false;
  }
}

bool same_key(const NoteSignature& a, const NoteSignature& b) { return a.name == b.name && a.key_id == b.key_id; }

void check_writable(const Note& note, std::string_view where) {
  if (note.text.empty() || note.text.back() != '\n') bad_note("the note's text does not end with a line feed", where);
  std::string_view rest = note.text;
  while (const auto line = take_line(rest)) {
    if (!is_line(*line)) bad_note("the note's text holds a control character or is not UTF-8", where);
  }
  if (note.signatures.empty()) bad_note("the note has no signature", where);
  if (note.signatures.size() > signature_limit) bad_note("the note has more than " + std::to_string(signature_limit) + " signatures", where);
  for (auto it = note.signatures.begin(); it != note.signatures.end(); ++it) {
    if (!is_key_name(it->name)) bad_note("the key name " + shown(it->name) + " holds a space, a plus or a control character, or is empty", where);
    if (it->signature.empty()) bad_note("the signature of " + shown(it->name) + " is empty", where);
    if (std::any_of(note.signatures.begin(), it, [&](const NoteSignature& s) { return same_key(s, *it); }))
      bad_note("the key " + shown(it->name) + " has signed twice", where);
  }
}

std::string join(const Note& note) {
  std::string out = note.text + "\n";
  for (const NoteSignature& s : note.signatures) {
    Bytes blob(s.key_id.begin(), s.key_id.end());
    blob.insert(blob.end(), s.signature.begin(), s.signature.end());
    out += std::string(signature_mark) + s.name + " " + base64(blob) + "\n";
  }
  return out;
}

NoteSignature parse_signature(std::string_view line, std::string_view where) {
  if (!line.starts_with(signature_mark)) bad_note("a signature line does not begin with an em dash: " + shown(line), where);
  line.remove_prefix(signature_mark.size());
  const auto space = line.find(' ');
  if (space == std::string_view::npos) bad_note("a signature line has no signature: " + shown(line), where);
  const auto blob = unbase64(line.substr(space + 1));
  if (!blob || blob->size() < 5) bad_note("a signature line is not base64 of key id and signature: " + shown(line), where);
  NoteSignature out;
  out.name = line.substr(0, space);
  std::copy_n(blob->begin(), out.key_id.size(), out.key_id.begin());
  out.signature.assign(blob->begin() + 4, blob->end());
  return out;
}

}  // namespace

NoteKeyId key_id_of(View spki) {
  const Digest digest = sha256(spki);
  NoteKeyId out{};
  std::copy_n(digest.value.begin(), out.size(), out.begin());
  return out;
}

bool is_key_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || !is_line(name) || name.find_first_of(" +") != std::string_view::npos) return false;
  // The Unicode spaces beyond ASCII: U+0085, U+00A0, U+1680, U+2000–200A, U+2028, U+2029, U+202F, U+205F, U+3000.
  for (const std::string_view space : {"\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"}) {
    if (name.contains(space)) return false;
  }
  for (std::size_t at = name.find("\xE2\x80"); at != std::string_view::npos; at = name.find("\xE2\x80", at + 1)) {
    const auto last = static_cast<unsigned char>(name[at + 2]);  // it is UTF-8, so there is a third byte
    if (last >= 0x80 && last <= 0x8A) return false;
  }
  return true;
}

std::string write_note(const Note& note) {
  check_writable(note, "");
  std::string out = join(note);
  if (out.size() > note_limit) bad_note("the note is larger than " + std::to_string(note_limit) + " bytes", "");
  return out;
}

Note parse_note(std::string_view text, std::string_view where) {
  if (text.size() > note_limit) bad_note("the note is larger than " + std::to_string(note_limit) + " bytes", where);
  // The last empty line separates text and signatures (C2SP signed-note, Format).
  const auto blank = text.rfind("\n\n");
  if (blank == std::string_view::npos) bad_note("no empty line separates the text from the signatures", where);
  Note out;
  out.text = text.substr(0, blank + 1);
  std::string_view rest = text.substr(blank + 2);
  while (const auto line = take_line(rest)) {
    if (out.signatures.size() == signature_limit) bad_note("the note has more than " + std::to_string(signature_limit) + " signatures", where);
    out.signatures.push_back(parse_signature(*line, where));
  }
  if (!rest.empty()) bad_note("the last line does not end with a line feed", where);
  check_writable(out, where);
  if (join(out) != text) bad_note("the note is not in its one canonical spelling", where);
  return out;
}

std::string write_vkey(const VerifierKey& key) {
  if (!is_key_name(key.name)) bad_key("the key name " + shown(key.name) + " cannot stand in a verifier key", "");
  if (!is_p256_spki(key.spki)) bad_key("the key of " + shown(key.name) + " is not a P-256 public key", "");
  Bytes blob{type_ecdsa};
  blob.insert(blob.end(), key.spki.begin(), key.spki.end());
  return key.name + "+" + hex(key_id_of(key.spki)) + "+" + base64(blob);
}

VerifierKey parse_vkey(std::string_view text, std::string_view where) {
  const auto first = text.find('+');
  const auto second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) bad_key("a verifier key is name+id+key, this is " + shown(text), where);
  const auto blob = unbase64(text.substr(second + 1));
  if (!blob || blob->empty()) bad_key("the last part of the verifier key is not base64: " + shown(text), where);
  if (blob->front() != type_ecdsa) bad_key("the verifier key is of type " + std::to_string(blob->front()) + ", only 2 (ECDSA) is read", where);
  VerifierKey out{std::string(text.substr(0, first)), Bytes(blob->begin() + 1, blob->end())};
  if (!is_key_name(out.name)) bad_key("the key name " + shown(out.name) + " holds a space, a plus or a control character, or is empty", where);
  if (!is_p256_spki(out.spki)) bad_key("the verifier key holds no P-256 public key", where);
  if (write_vkey(out) != text) bad_key("the key id " + shown(text.substr(first + 1, second - first - 1)) + " is not that of the key", where);
  return out;
}

bool is_p256_spki(View spki_der) { return load_p256(spki_der) != nullptr; }

std::string write_public_pem(View spki_der) {
  const std::string text = base64(spki_der);
  std::string out(pem_begin);
  for (std::size_t i = 0; i < text.size(); i += pem_columns) out += text.substr(i, pem_columns) + "\n";
  return out += pem_end;
}

Bytes parse_public_pem(std::string_view pem, std::string_view where) {
  if (pem.size() > note_limit || !pem.starts_with(pem_begin) || !pem.ends_with(pem_end)) bad_key("this is not a PEM public key", where);
  const auto inner = pem.substr(pem_begin.size(), pem.size() - std::min(pem.size(), pem_begin.size() + pem_end.size()));
  std::string text;
  std::ranges::copy_if(inner, std::back_inserter(text), [](char c) { return c != '\n'; });
  const auto der = unbase64(text);
  if (!der || write_public_pem(*der) != pem) bad_key("the PEM text is not in its one canonical spelling", where);
  if (!is_p256_spki(*der)) bad_key("the PEM text holds no P-256 public key", where);
  return *der;
}

bool verify_ecdsa_p256(View spki_der, View message, View der_signature) {
  const auto key = load_p256(spki_der);
  return key != nullptr && verifies(*key, message, der_signature);
}

NoteCheck check_note(const Note& note, std::span<const VerifierKey> known) {
  NoteCheck out;
  for (const NoteSignature& s : note.signatures) {
    // Two known keys may share name and id (an id is only 32 bits): then either may have signed.
    bool is_known = false;
    bool is_good = false;
    for (const VerifierKey& key : known) {
      if (key.name != s.name || key_id_of(key.spki) != s.key_id) continue;
      is_known = true;
      is_good = is_good || verify_ecdsa_p256(key.spki, as_view(note.text), s.signature);
    }
    if (is_known) (is_good ? out.good : out.bad).push_back(s.name);
  }
  return out;
}

}  // namespace ceremony::ledger
