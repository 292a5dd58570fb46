#include "ceremony/ledger/quote.h"

#include <algorithm>
#include <array>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/note.h"
#include "ceremony/ledger/text.h"

namespace ceremony::ledger {
namespace {

constexpr std::string_view head = "ceremony-quote/v1\n";
constexpr std::size_t quote_limit = 4096;
constexpr std::size_t longest_signature = 72;  // two integers of 33 bytes at most, with their heads

// Part 2: TPM_GENERATED_VALUE, TPM_ST_ATTEST_QUOTE, TPM_ALG_SHA256.
constexpr std::uint64_t generated = 0xff544347;
constexpr std::uint64_t attest_quote = 0x8018;
constexpr std::uint64_t alg_sha256 = 0x000b;
constexpr std::array<std::uint8_t, 3> selected{1U << 4U | 1U << 7U, 1U << (11U - 8U), 0};  // a bit a PCR, PCR 0 first
constexpr std::uint64_t digest_size = 32;

[[noreturn]] void bad_quote(std::string what, std::string_view where) {
  throw Refused(LedgerRefusal::text, std::move(what), std::string(where), "take the file from another copy of the ledger");
}

/// Takes big-endian numbers and byte strings off the front; once there are too few bytes it stays failed.
class Taker final {
 public:
  explicit Taker(View bytes) : m_rest(bytes) {}
  std::uint64_t number(std::size_t size) {
    std::uint64_t out = 0;
    for (const std::uint8_t byte : take(size)) out = out << 8U | byte;
    return out;
  }
  View take(std::size_t size) {
    m_good = m_good && size <= m_rest.size();
    if (!m_good) return {};
    const View out = m_rest.first(size);
    m_rest = m_rest.subspan(size);
    return out;
  }
  Digest digest() {
    Digest out;
    const View bytes = take(out.value.size());
    std::ranges::copy(bytes, out.value.begin());
    return out;
  }
  [[nodiscard]] bool at_end() const { return m_good && m_rest.empty(); }

 private:
  View m_rest;
  bool m_good = true;
};

/// The value of the line `key: value` that is due.
std::string_view take_value(std::string_view& rest, std::string_view key, std::string_view where) {
  const auto line = take_line(rest);
  if (!line || !line->starts_with(key) || !line->substr(key.size()).starts_with(": ")) bad_quote("a quote lacks the line " + shown(key), where);
  return line->substr(key.size() + 2);
}

Bytes take_bytes(std::string_view& rest, std::string_view key, std::string_view where) {
  const auto value = take_value(rest, key, where);
  auto bytes = unbase64(value);
  if (!bytes) bad_quote("the " + std::string(key) + " of a quote is not base64: " + shown(value), where);
  return std::move(*bytes);
}

Digest take_pcr(std::string_view& rest, std::string_view key, std::string_view where) {
  const auto value = take_value(rest, key, where);
  const auto digest = digest_from_hex(value);
  if (!digest) bad_quote("the " + std::string(key) + " of a quote is no SHA-256 value: " + shown(value), where);
  return *digest;
}

void check_form(const Quote& quote, std::string_view where) {
  if (!is_p256_spki(quote.key)) bad_quote("the key of a quote is no P-256 public key", where);
  if (!read_attest(quote.attest)) bad_quote("what the key of a quote signed is no quote of a TPM over PCR 4, 7 and 11 of SHA-256", where);
  if (quote.signature.empty() || quote.signature.size() > longest_signature)
    bad_quote("the signature of a quote is of " + std::to_string(quote.signature.size()) + " bytes", where);
}

}  // namespace

std::optional<Attested> read_attest(View bytes) {
  Taker taker(bytes);
  Attested out;
  bool good = taker.number(4) == generated && taker.number(2) == attest_quote;
  taker.take(taker.number(2));  // qualifiedSigner: the key's name below its hierarchy
  good = good && taker.number(2) == digest_size;
  out.nonce = taker.digest();
  taker.take(8 + 4 + 4);        // clockInfo: clock, resetCount, restartCount, …
  good = taker.number(1) <= 1 && good;  // … safe
  taker.take(8);                // firmwareVersion
  good = good && taker.number(4) == 1 && taker.number(2) == alg_sha256 && taker.number(1) == selected.size();
  good = std::ranges::equal(taker.take(selected.size()), selected) && good;
  good = good && taker.number(2) == digest_size;
  out.values = taker.digest();
  return good && taker.at_end() ? std::optional(out) : std::nullopt;
}

std::string quote_artifact(const Quote& quote) {
  check_form(quote, "quote");
  return std::string(head) + "key: " + base64(quote.key) + "\nattest: " + base64(quote.attest) + "\nsignature: " + base64(quote.signature) +
         "\npcr4: " + hex(quote.pcr4) + "\npcr7: " + hex(quote.pcr7) + "\npcr11: " + hex(quote.pcr11) + "\n";
}

Quote parse_quote(std::string_view text, std::string_view where) {
  if (text.size() > quote_limit) bad_quote("the text is larger than " + std::to_string(quote_limit) + " bytes", where);
  if (!text.starts_with(head)) bad_quote("the first line is not " + std::string(head.substr(0, head.size() - 1)), where);
  std::string_view rest = text.substr(head.size());
  Quote out;
  out.key = take_bytes(rest, "key", where);
  out.attest = take_bytes(rest, "attest", where);
  out.signature = take_bytes(rest, "signature", where);
  out.pcr4 = take_pcr(rest, "pcr4", where);
  out.pcr7 = take_pcr(rest, "pcr7", where);
  out.pcr11 = take_pcr(rest, "pcr11", where);
  if (!rest.empty()) bad_quote("a quote goes on after its last line: " + shown(rest), where);
  check_form(out, where);
  return out;
}

std::vector<std::string> faults_of(const Quote& quote, const Digest& nonce) {
  std::vector<std::string> out;
  const auto attested = read_attest(quote.attest);
  if (!attested) return {"what was signed is no quote of a TPM over PCR 4, 7 and 11 of SHA-256"};
  if (!verify_ecdsa_p256(quote.key, quote.attest, quote.signature)) out.emplace_back("the signature of the quote is not one by its key");
  if (attested->nonce != nonce) out.push_back("the quote is over the nonce " + hex(attested->nonce) + ", not over " + hex(nonce));
  Bytes values;
  for (const Digest& pcr : {quote.pcr4, quote.pcr7, quote.pcr11}) values.insert(values.end(), pcr.value.begin(), pcr.value.end());
  if (attested->values != sha256(values)) out.emplace_back("the values of the PCRs are not those that were signed");
  return out;
}

}  // namespace ceremony::ledger
