// What a TPM says of a machine, as an artifact: one spelling, every byte of what was signed, and what is wrong with it.
#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "ceremony/ledger/note.h"
#include "ceremony/ledger/quote.h"
#include "tests/unit/ledger/openssl.h"
#include "tests/unit/ledger/refusing.h"
#include "tests/unit/shared/attest.h"

namespace ceremony::testing {
namespace {

const Digest nonce = sha256("the last root"), pcr4 = sha256("4"), pcr7 = sha256("7"), pcr11 = sha256("11");
const Bytes said = attest(nonce, digest_of_values(pcr4, pcr7, pcr11));

/// openssl stands for the TPM.
ledger::Quote signed_quote(const Bytes& what = said) { return {log_key().spki(), what, log_key().sign(as_text(what)), pcr4, pcr7, pcr11}; }

const ledger::Quote& good() {
  static const auto quote = signed_quote();
  return quote;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("A quote is six lines behind its name, and comes back") {
  const std::string text = ledger::quote_artifact(good());
  CHECK(text == "ceremony-quote/v1\nkey: " + base64(good().key) + "\nattest: " + base64(said) + "\nsignature: " + base64(good().signature) + "\npcr4: " + hex(pcr4) + "\npcr7: " + hex(pcr7) +
                    "\npcr11: " + hex(pcr11) + "\n");
  CHECK(ledger::parse_quote(text, "q") == good());
  CHECK(ledger::faults_of(good(), nonce) == std::vector<std::string>{});
}

TEST_CASE("A quote in any other spelling is refused") {
  const std::string text = ledger::quote_artifact(good());
  const std::string spki = base64(good().key), upper = hex(pcr7);
  std::string shouted = upper;
  for (char& c : shouted) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
  REQUIRE(shouted != upper);
  for (const std::string& bad :
       {std::string(), std::string("ceremony-quote/v1"), std::string("ceremony-quote/v1\n"), replaced(text, "/v1", "/v2"), text + "\n", text + "pcr12: " + hex(pcr4) + "\n",
        text.substr(0, text.size() - 1), replaced(text, "\n", "\r\n"), replaced(text, "key: ", "key:"), replaced(text, "key: ", "Key: "), replaced(text, "pcr7", "pcr8"),
        replaced(text, "pcr4: " + hex(pcr4) + "\n", ""), replaced(text, upper, shouted), replaced(text, upper, upper.substr(1)), replaced(text, spki, spki.substr(0, 88)),
        replaced(text, spki, base64(person_key().spki()).substr(0, 60)), replaced(text, base64(said), base64(Bytes(said.begin() + 1, said.end()))),
        replaced(text, base64(good().signature), ""), replaced(text, base64(good().signature), base64(Bytes(73, 1))), text + std::string(4096, '\n')}) {
    INFO(bad);
    CHECK(refused_with("ledger/text", [&] { (void)ledger::parse_quote(bad, "q"); }));
  }
  CHECK(refusal([&] { (void)ledger::parse_quote(replaced(text, "pcr7: ", "pcr8: "), "q"); }) ==
        "ledger/text error: q: a quote lacks the line \"pcr7\"\nhint: take the file from another copy of the ledger");
  auto without = good();
  without.attest.clear();
  CHECK(refused_with("ledger/text", [&] { (void)ledger::quote_artifact(without); }));
}

TEST_CASE("Every byte of what a TPM signed is read: cut, longer or of another form it is no quote") {
  const auto read = ledger::read_attest(said);
  REQUIRE(read);
  CHECK(read->nonce == nonce);
  CHECK(read->values == digest_of_values(pcr4, pcr7, pcr11));
  for (std::size_t size = 0; size < said.size(); ++size) CHECK_FALSE(ledger::read_attest(View(said).first(size)));
  auto longer = said;
  longer.push_back(0);
  CHECK_FALSE(ledger::read_attest(longer));
  // Magic, type, lengths, the flag, the selection and its bank: another value is another statement. Names, clock and firmware are free.
  std::size_t free = 0;
  for (std::size_t at = 0; at < said.size(); ++at) {
    auto changed = said;
    changed[at] ^= 0x02;
    const auto now = ledger::read_attest(changed);
    if (now == read) ++free;
    else CHECK((!now || now->nonce != nonce || now->values != read->values));
  }
  CHECK(free == 34 + 16 + 8);
  // A certificate of a key, a time and an audit begin alike.
  for (const unsigned type : {0x14U, 0x15U, 0x16U, 0x17U, 0x19U, 0x1aU}) {
    auto other = said;
    other[5] = static_cast<std::uint8_t>(type);
    CHECK_FALSE(ledger::read_attest(other));
  }
}

TEST_CASE("What is wrong with a quote is said: its signature, its nonce, its values") {
  const auto faults = [](const std::function<void(ledger::Quote&)>& change) {
    auto quote = good();
    change(quote);
    return ledger::faults_of(quote, nonce);
  };
  using Faults = std::vector<std::string>;
  const Faults forged{"the signature of the quote is not one by its key"};
  CHECK(faults([](auto& q) { q.signature[10] ^= 1; }) == forged);
  CHECK(faults([](auto& q) { q.key = person_key().spki(); }) == forged);
  CHECK(faults([](auto& q) { q.attest[45] ^= 1; }).size() == 2);  // the nonce
  CHECK(faults([](auto& q) { q.attest.pop_back(); }) == Faults{"what was signed is no quote of a TPM over PCR 4, 7 and 11 of SHA-256"});
  for (const auto pcr : {&ledger::Quote::pcr4, &ledger::Quote::pcr7, &ledger::Quote::pcr11})
    CHECK(faults([&](auto& q) { q.*pcr = sha256("other"); }) == Faults{"the values of the PCRs are not those that were signed"});
  CHECK(ledger::faults_of(good(), sha256("another root")) == Faults{"the quote is over the nonce " + hex(nonce) + ", not over " + hex(sha256("another root"))});
  CHECK(ledger::faults_of(signed_quote(attest(sha256("x"), digest_of_values(pcr4, pcr7, pcr11))), sha256("x")).empty());
}

}  // namespace ceremony::testing
