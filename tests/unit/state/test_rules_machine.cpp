// Each way to break the rule about the machine's TPM, POL-5, and what POL-4 wants of an image for its sake: that id and no other.
#include "ceremony/report/verdict.h"
#include "ceremony/state/machine.h"
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

/// A CA whose policy names the machine, and which admitted an image; its last record opens a ceremony on that image.
LogBuilder& measured() {
  static const auto built = [] {
    auto builder = std::make_unique<LogBuilder>(LogBuilder::Machine::named);
    builder->genesis();
    builder->issue_intermediates();
    builder->open_on_new_image();
    return builder;
  }();
  return *built;
}

Ids verdict_on(std::vector<Record> records) {
  const LogImage image = measured().signed_log(std::move(records));
  MemoryEnv env;
  image.write_to(env, "/log");
  const Ids ids = ids_of(report::verify_folder(env, "/log", measured().log_pin()).violations);
  keep_log(image, ids, measured().log_pin());
  return ids;
}

/// Its last `open` with another image, and a quote that says this. The ceremony is still open, which LOG-4 says each time.
Ids opened_on(const std::string& manifest, const std::string& uki, std::string_view pcr4, std::string_view pcr11) {
  auto records = measured().records();
  records.pop_back();  // the clock
  Record& open = records.back();
  set(open, "image", manifest), set(open, "uki", uki);
  const Digest root = *digest_from_hex(open.d.text("previous_root"));
  set(open, "tpm", measured().put(ledger::quote_artifact(measured().quoted(root, measured().machine(), pcr4, pcr11))));
  Ids ids = verdict_on(std::move(records));
  CHECK(ids.erase("LOG-4") == 1);
  return ids;
}

/// Its ceremony that admits the image, with other values in the record, and in what was approved.
Ids admitted_with(const std::string& pcr4, const std::string& pcr11, const std::optional<ledger::Act>& values = std::nullopt) {
  auto records = measured().records();
  const auto image = std::ranges::find(records, "image", &Record::ev);
  records.erase(std::find_if(image, records.end(), [](const Record& r) { return r.ev == "close"; }) + 1, records.end());
  set(*image, "pcr4", pcr4), set(*image, "pcr11", pcr11);
  if (values) {
    const std::string old(image->d.text("act"));
    ledger::Act act{{"manifest", std::string(image->d.text("manifest"))}, {"medium-hash", std::string(image->d.text("uki"))}, {"uki", std::string(image->d.text("uki"))}, {"version", "0.2.0"}};
    act.insert(values->begin(), values->end());
    const Digest approved = measured().put(ledger::act_artifact(act));
    set(*image, "act", approved);
    state::CaState opened;
    for (Record& r : records) {
      if (r.ev == "approve" && r.d.text("sha256") == old) {
        set(r, "sha256", approved);
        set(r, "sig", measured().approval(std::string(r.d.text("person")), opened, "admit-image", approved));
      }
      opened = state::fold(std::move(opened), r, ledger::leaf_hash(ledger::line(r)), measured().source());
    }
  }
  return verdict_on(std::move(records));
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

TEST_CASE("POL-5: PCR 4 and 11 are policy's, or both those of the admitted image that open names") {
  const std::string manifest = hex(sha256("new manifest")), uki = hex(sha256("new uki"));
  CHECK(opened_on(manifest, uki, "new pcr 4", "new pcr 11") == Ids{});
  CHECK(opened_on(manifest, uki, "pcr 4", "pcr 11") == Ids{});
  CHECK(opened_on("none", "none", "pcr 4", "pcr 11") == Ids{});
  // One of policy's and one of the image's, whichever.
  CHECK(opened_on(manifest, uki, "new pcr 4", "pcr 11") == Ids{"POL-5"});
  CHECK(opened_on(manifest, uki, "pcr 4", "new pcr 11") == Ids{"POL-5"});
  CHECK(opened_on(manifest, uki, "new pcr 11", "new pcr 4") == Ids{"POL-5"});
  // Those of an image that open does not name, or names by half.
  CHECK(opened_on("none", "none", "new pcr 4", "new pcr 11") == Ids{"POL-5"});
  CHECK(opened_on(manifest, "none", "new pcr 4", "new pcr 11") == Ids{"POL-5"});
  CHECK(opened_on(manifest, hex(sha256("another uki")), "new pcr 4", "new pcr 11") == Ids{"POL-5"});
  CHECK(opened_on(hex(sha256("another manifest")), uki, "new pcr 4", "new pcr 11") == Ids{"POL-5"});
}

TEST_CASE("POL-5: the values of two admitted images are not put together, and what is wrong says what was admitted") {
  const auto policy = policy::read_policy("policy", measured().policy_text());
  const std::vector<state::AdmittedImage> admitted{{sha256("a"), sha256("a uki"), "0.2.0", "x", 1, sha256("a 4"), sha256("a 11")}, {sha256("b"), sha256("b uki"), "0.3.0", "y", 2, sha256("b 4"), sha256("b 11")},
                                                   {sha256("c"), sha256("c uki"), "0.4.0", "z", 3}};
  const auto says = [&](const std::string& image, const std::string& pcr4, const std::string& pcr11) {
    return state::not_admitted(measured().quoted({}, measured().machine(), pcr4, pcr11), policy, admitted, {sha256(image), sha256(image + " uki")});
  };
  using Faults = std::vector<std::string>;
  CHECK(says("a", "a 4", "a 11") == Faults{});
  CHECK(says("b", "b 4", "b 11") == Faults{});
  CHECK(says("a", "b 4", "b 11").size() == 2);
  CHECK(says("a", "a 4", "b 11").size() == 2);
  CHECK(says("c", "a 4", "a 11").size() == 2);
  CHECK(says("c", "pcr 4", "pcr 11") == Faults{});
  CHECK(says("a", "a 4", "pcr 11") == Faults{"policy does not expect PCR 4 to be " + hex(sha256("a 4")) + ", and the image 0.2.0 was admitted with PCR 4 " + hex(sha256("a 4")) + " and PCR 11 " + hex(sha256("a 11"))});
  // PCR 7 and the key stay policy's.
  auto other = measured().quoted({}, happy().machine(), "a 4", "a 11");
  other.pcr7 = sha256("a 7");
  CHECK(state::not_admitted(other, policy, admitted, {sha256("a"), sha256("a uki")}) ==
        Faults{"policy does not enrol the attestation key " + hex(sha256(other.key)), "policy does not expect PCR 7 to be " + hex(sha256("a 7"))});
}

TEST_CASE("POL-4: an admitted image has PCR 4 and 11, as approved, where policy names the machine, and nowhere else") {
  const std::string pcr4 = hex(sha256("new pcr 4")), pcr11 = hex(sha256("new pcr 11")), other = hex(sha256("another"));
  CHECK(admitted_with(pcr4, pcr11) == Ids{});
  CHECK(admitted_with(pcr4, pcr11, ledger::Act{{"pcr4", pcr4}, {"pcr11", pcr11}}) == Ids{});
  CHECK(admitted_with(other, other, ledger::Act{{"pcr4", other}, {"pcr11", other}}) == Ids{});
  CHECK(admitted_with(other, pcr11) == Ids{"POL-4"});
  CHECK(admitted_with(pcr4, other) == Ids{"POL-4"});
  CHECK(admitted_with(pcr11, pcr4) == Ids{"POL-4"});
  CHECK(admitted_with(pcr4, pcr11, ledger::Act{}) == Ids{"POL-4"});
  CHECK(admitted_with(pcr4, pcr11, ledger::Act{{"pcr4", pcr4}}) == Ids{"POL-4"});
  // Approved as it is on the record, and not what such a policy wants.
  CHECK(admitted_with("none", "none", ledger::Act{}) == Ids{"POL-4"});
  CHECK(admitted_with("none", pcr11, ledger::Act{{"pcr11", pcr11}}) == Ids{"POL-4"});
  CHECK(admitted_with(pcr4, "none", ledger::Act{{"pcr4", pcr4}}) == Ids{"POL-4"});
  CHECK(admitted_with(pcr4, "no digest").contains("LOG-1"));
  // A policy without [tpm]: values that nobody asked for, whether they were approved or not.
  CHECK(broken_at(where("image"), [&](Record& r) { set(r, "pcr4", pcr4); }) == Ids{"POL-4"});
  CHECK(broken_at(where("image"), [&](Record& r) { set(r, "pcr11", pcr11); }) == Ids{"POL-4"});
  const std::size_t n = where("image");
  state::CaState s = before(n);
  Record r = happy().records()[n];
  const Digest act = happy().put(ledger::act_artifact({{"manifest", std::string(r.d.text("manifest"))}, {"medium-hash", std::string(r.d.text("uki"))}, {"pcr11", pcr11}, {"pcr4", pcr4}, {"uki", std::string(r.d.text("uki"))}, {"version", "0.2.0"}}));
  s.open->approvals["admit-image"][act] = {{"g1", 0}, {"g2", 0}};
  set(r, "act", act), set(r, "pcr4", pcr4), set(r, "pcr11", pcr11);
  CHECK(broken_by(s, r, happy().source()) == Ids{"POL-4"});
}

}  // namespace ceremony::testing
