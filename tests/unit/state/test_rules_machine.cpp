// Each way to break the rule about the machine's TPM, POL-5: that id and no other.
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

/// The `open` of the happy issuance with this quote, under a policy with that table.
Ids broken_by_quote(const std::function<void(ledger::Quote&)>& change, const std::string& table = "", const pki::ThrowawayKey& key = happy().machine(),
                    const std::optional<Digest>& nonce = std::nullopt) {
  const std::size_t n = table.empty() ? where("open", 1) : where("open");
  return broken_at(n, [&](Record& r) {
    auto quote = happy().quoted(nonce.value_or(*digest_from_hex(r.d.text("previous_root"))), key);
    change(quote);
    std::string text = "ceremony-quote/v1\nkey: " + base64(quote.key) + "\nattest: " + base64(quote.attest) + "\nsignature: " + base64(quote.signature) + "\npcr4: " + hex(quote.pcr4) +
                       "\npcr7: " + hex(quote.pcr7) + "\npcr11: " + hex(quote.pcr11) + "\n";
    set(r, "tpm", happy().put(text));
    if (!table.empty()) set(r, "policy", happy().put(happy().policy_text() + table));
  });
}

/// [tpm] with one list replaced.
std::string expecting(const std::string& list = "", const std::string& value = "") {
  const auto quote = happy().quoted({}, happy().machine());
  std::string out = "[tpm]\n";
  for (const auto& [name, good] : {std::pair{"keys", sha256(quote.key)}, std::pair{"pcr4", quote.pcr4}, std::pair{"pcr7", quote.pcr7}, std::pair{"pcr11", quote.pcr11}})
    out += std::string(name) + " = [\"" + hex(sha256("another one")) + "\", \"" + (name == list ? value : hex(good)) + "\"]\n";
  return out;
}

}  // namespace

TEST_CASE("POL-5: a quote is one, is signed and is fresh, whatever policy says") {
  const auto as_it_is = [](ledger::Quote&) {};
  CHECK(broken_by_quote(as_it_is) == Ids{});
  CHECK(broken_by_quote([](auto& q) { q.signature[12] ^= 1; }) == Ids{"POL-5"});
  CHECK(broken_by_quote([](auto& q) { q.key = happy().log().info().spki.value; }) == Ids{"POL-5"});
  CHECK(broken_by_quote([](auto& q) { q.pcr4 = sha256("x"); }) == Ids{"POL-5"});
  CHECK(broken_by_quote([](auto& q) { q.pcr7 = sha256("x"); }) == Ids{"POL-5"});
  CHECK(broken_by_quote([](auto& q) { q.pcr11 = sha256("x"); }) == Ids{"POL-5"});
  // That of another day, and one that a key signed which a TPM's would not.
  CHECK(broken_by_quote(as_it_is, "", happy().machine(), sha256("another root")) == Ids{"POL-5"});
  CHECK(broken_by_quote([](auto& q) { q.attest[0] = 'x', q.signature = happy().machine().sign(q.attest, "ecdsa-sha256", happy().rng); }) == Ids{"POL-5"});
  CHECK(broken_by_quote([](auto& q) { q.attest.push_back(0), q.signature = happy().machine().sign(q.attest, "ecdsa-sha256", happy().rng); }) == Ids{"POL-5"});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "tpm", happy().put("no quote")); }) == Ids{"POL-5"});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "tpm", "none"); }) == Ids{});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "tpm", "not asked"); }) == Ids{"LOG-1"});
  CHECK(broken_at(where("open", 1), [](Record& r) { set(r, "tpm", sha256("not there")); }) == Ids{"LOG-8"});
}

TEST_CASE("POL-5: where policy names a machine, it is that one, started as expected") {
  const auto as_it_is = [](ledger::Quote&) {};
  CHECK(broken_by_quote(as_it_is, expecting()) == Ids{});
  CHECK(broken_at(where("open"), [](Record& r) { set(r, "policy", happy().put(happy().policy_text() + expecting())); }) == Ids{"POL-5"});  // none
  CHECK(broken_by_quote(as_it_is, expecting(), happy().log()) == Ids{"POL-5"});  // a machine that is not enrolled
  for (const char* list : {"keys", "pcr4", "pcr7", "pcr11"}) CHECK(broken_by_quote(as_it_is, expecting(list, hex(sha256("something else")))) == Ids{"POL-5"});
  CHECK(broken_by_quote([](auto& q) { q.signature[12] ^= 1; }, expecting()) == Ids{"POL-5"});
  CHECK(broken_by_quote(as_it_is, expecting(), happy().machine(), sha256("another root")) == Ids{"POL-5"});
}

}  // namespace ceremony::testing
