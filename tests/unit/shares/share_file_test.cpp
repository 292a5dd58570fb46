#include "ceremony/shares/share_file.h"

#include <botan/block_cipher.h>
#include <botan/nist_keywrap.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "ceremony/shares/age.h"
#include "ceremony/shares/credential.h"
#include "ceremony/shares/passphrase.h"
#include "ceremony/shares/slip39.h"
#include "peers.h"

using namespace ceremony;
using namespace ceremony::shares;

namespace {

const std::string example_secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

ShareFile share_file(const MasterSecret& secret, const ShareWords& words, unsigned count, std::string holder) {
  const ShareInfo info = inspect(words);
  return {.origin = "ca.example.com/kc/root-g1",
          .ceremony = "2026-11-22-genesis",
          .quorum = "recovery",
          .index = info.member_index + 1,
          .count = count,
          .threshold = info.member_threshold,
          .holder = std::move(holder),
          .words = words.duplicate(),
          .kcv = kcv(secret)};
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::string format_page() { return as_text(get(std::string(CEREMONY_SOURCE) + "/ceremony/shares/FORMAT.md")); }

/// The fenced block of the format page that follows this heading.
std::string block_after(const std::string& heading) {
  const std::string page = format_page();
  const auto head = page.find(heading);
  REQUIRE(head != std::string::npos);
  const auto begin = page.find('\n', page.find("```", head)) + 1;
  return page.substr(begin, page.find("```", begin) - begin);
}

}  // namespace

TEST_CASE("a share file is read as it was written") {
  auto rng = fixed_rng();
  const auto secret = secret_from_hex(example_secret);
  const auto words = split(secret, 3, 5, rng, 1);
  const auto text = write(share_file(secret, words[1], 5, "c2"));
  const ShareFile back = read(text.reveal());
  CHECK(back.origin == "ca.example.com/kc/root-g1");
  CHECK(back.ceremony == "2026-11-22-genesis");
  CHECK(back.quorum == "recovery");
  CHECK((back.index == 2 && back.count == 5 && back.threshold == 3));
  CHECK(back.holder == "c2");
  CHECK(back.words.same(words[1]));
  CHECK(back.kcv == kcv(secret));
  CHECK(write(back).same(text));
}

TEST_CASE("a share file that is not exactly one is refused, all mistakes at once") {
  auto rng = fixed_rng();
  const auto secret = secret_from_hex(example_secret);
  const auto words = split(secret, 3, 5, rng, 1);
  const std::string good = shown(write(share_file(secret, words[1], 5, "c2")));
  auto wheres = [](const std::string& text) {
    const auto r = refusal_of([&] { (void)read(as_view(text)); });
    CHECK(r.is(SharesRefusal::share_file));
    std::vector<std::string> out;
    for (const auto& f : r.findings()) out.push_back(f.where);
    return out;
  };
  using Lines = std::vector<std::string>;
  CHECK(wheres(replaced(good, "/v1", "/v2")) == Lines{"line 1"});
  CHECK(wheres("") == Lines{"line 1"});
  CHECK(wheres(replaced(good, "origin: ca", "origin: c a")) == Lines{"line 2"});
  CHECK(wheres(replaced(good, "2026-11", "2026/11")) == Lines{"line 3"});
  CHECK(wheres(replaced(good, "quorum: r", "quorum: R")) == Lines{"line 4"});
  CHECK(wheres(replaced(good, "share: 2", "share: 02")) == Lines{"line 5"});
  CHECK(wheres(replaced(good, "of 5", "of 17")) == Lines{"line 5"});
  CHECK(wheres(replaced(good, "of 5", "of 2")) == Lines{"line 5"});
  CHECK(wheres(replaced(good, "share: 2", "share: 3")) == Lines{"line 7"});
  CHECK(wheres(replaced(good, "threshold 3", "threshold 2")) == Lines{"line 7"});
  CHECK(wheres(replaced(good, "holder: c2", "holder: C2")) == Lines{"line 6"});
  CHECK(wheres(replaced(good, "words: ", "words:  ")) == Lines{"line 7"});
  CHECK(wheres(replaced(good, "kcv: ", "kcv: 0")) == Lines{"line 8"});
  CHECK(wheres(good + "\n") == Lines{"line 9"});
  CHECK(wheres(good.substr(0, good.size() - 1)) == Lines{"line 8"});
  CHECK(wheres(replaced(good, "\n", "\r\n")) == Lines{"line 1"});
  CHECK(wheres(replaced(replaced(replaced(good, "of 5", "of 1"), "c2", "c/2"), "words: ", "words: x")) ==
        Lines{"line 6", "line 5", "line 7"});
  // A share of a wallet, of 20 words.
  CHECK(wheres(replaced(good, shown(words[1]),
                        "duckling enlarge academic academic agency result length solution fridge kidney coal piece "
                        "deal husband erode duke ajar critical decision keyboard")) == Lines{"line 7"});
  for (std::size_t i = 0; i < good.size(); ++i) CHECK_THROWS_AS((void)read(as_view(good).first(i)), Refused);
}

TEST_CASE("what could not be read is not written") {
  auto rng = fixed_rng();
  const auto secret = secret_from_hex(example_secret);
  const auto words = split(secret, 2, 3, rng, 1);
  ShareFile share = share_file(secret, words[0], 3, "c1");
  share.origin = "has space";
  share.index = 2;
  share.kcv = "short";
  const auto r = refusal_of([&] { (void)write(share); });
  CHECK(r.is(SharesRefusal::share_file));
  CHECK(r.findings().size() == 3);
}

TEST_CASE("commitment and key check value are what sha256sum and openssl compute") {
  auto rng = fixed_rng();
  const auto secret = secret_from_hex(example_secret);
  const auto words = split(secret, 2, 3, rng, 1);
  const std::string origin = "ca.example.com/kc/root-g1";
  CHECK(run({"sha256sum"}, "ceremony-share-commit/v1\n" + origin + "\n" + shown(words[0]) + "\n")
            .out.starts_with(hex(commitment(origin, words[0]))));
  CHECK(commitment(origin, words[0]) != commitment(origin, words[1]));
  CHECK(commitment(origin, words[0]) != commitment(origin + "x", words[0]));
  const Ran mac = run({"openssl", "mac", "-digest", "SHA2-256", "-macopt", "hexkey:" + example_secret, "HMAC"},
                      "ceremony-kcv/v1");
  INFO(mac.out);
  std::string lower = mac.out.substr(0, 16);
  for (auto& c : lower) c = static_cast<char>(std::tolower(c));
  CHECK(lower == kcv(secret));
}

TEST_CASE("PINs and KEK are what openssl derives") {
  const auto secret = secret_from_hex(example_secret);
  auto derived = [&](const std::string& info, int length) {
    const Ran ran = run({"openssl", "kdf", "-keylen", std::to_string(length), "-kdfopt", "digest:SHA2-256", "-kdfopt",
                         "hexkey:" + example_secret, "-kdfopt", "info:" + info, "-binary", "HKDF"});
    REQUIRE(ran.status == 0);
    return ran.out;
  };
  CHECK(shown(derive_kek(secret)) == derived("ceremony/kek/v1", 32));
  CHECK(shown(derive_user_pin(secret, PinForm::base32_32)) + "\n" ==
        run({"base32"}, derived("ceremony/user-pin/v1", 20)).out);
  CHECK(shown(derive_so_pin(secret, PinForm::base32_32)) + "\n" ==
        run({"base32"}, derived("ceremony/so-pin/v1", 20)).out);
  CHECK(shown(derive_user_pin(secret, PinForm::hex_16)) == hex(as_view(derived("ceremony/user-pin/v1", 8))));
  CHECK(shown(derive_so_pin(secret, PinForm::hex_16)) == hex(as_view(derived("ceremony/so-pin/v1", 8))));
  CHECK(pin_form_from("base32-32") == PinForm::base32_32);
  CHECK(pin_form_from("hex-16") == PinForm::hex_16);
  CHECK(pin_form_from("hex-8") == std::nullopt);
}

TEST_CASE("the worked example of the format page is a share file, and its numbers are right") {
  const ShareFile share = read(as_view(block_after("### Worked example")));
  CHECK(share.kcv == kcv(secret_from_hex(example_secret)));
  const std::string page = format_page();
  CHECK(page.contains(example_secret));
  CHECK(page.contains(hex(commitment(share.origin, share.words))));
  const auto secret = secret_from_hex(example_secret);
  CHECK(page.contains(shown(derive_user_pin(secret, PinForm::base32_32))));
  CHECK(page.contains(shown(derive_user_pin(secret, PinForm::hex_16))));
  CHECK(page.contains(shown(derive_so_pin(secret, PinForm::base32_32))));
  CHECK(page.contains(hex(derive_kek(secret).reveal())));
}

TEST_CASE("the recipe of the format page opens a backup with age, shamir and openssl alone") {
  auto rng = seeded_rng("recipe");
  const MasterSecret secret(rng.random_vec(32));
  const auto words = split(secret, 3, 5, rng);
  const Folder f;
  std::vector<std::string> answers;
  for (const auto i : {4U, 1U, 2U}) {
    const auto passphrase = propose_passphrase(rng);
    const auto text = write(share_file(secret, words[i], 5, "c" + std::to_string(i + 1)));
    const Bytes file = age_encrypt_passphrase(text.reveal(), passphrase, 10, rng);
    put(f / ("share-" + std::to_string(answers.size()) + ".age"), i == 1 ? as_bytes(age_armor(file)) : file);
    answers.push_back(shown(passphrase));
  }
  // RFC 5649 over any bytes stands for the wrapped PKCS#8 key: the recipe's last line only unwraps.
  const Bytes key = as_bytes("a private key of 37 bytes, DER inside");
  const auto aes = Botan::BlockCipher::create_or_throw("AES-256");
  aes->set_key(derive_kek(secret).reveal());
  put(f / "backup.kwp", Botan::nist_key_wrap_padded(key.data(), key.size(), *aes));
  put(f / "recipe.sh", as_bytes("set -eu\ncd " + f.path() + "\n" + block_after("## Recovery without our programs")));
  const Ran ran = run_on_terminal({"bash", f / "recipe.sh"}, answers);
  INFO(ran.out);
  CHECK(ran.status == 0);
  CHECK(get(f / "key.pk8") == key);
}

TEST_CASE("a credential comes back from its file with its passphrase") {
  auto rng = seeded_rng("credential");
  const Credential c = Credential::generate("c1", rng);
  const auto passphrase = propose_passphrase(rng);
  const Bytes file = c.seal(passphrase, 10, rng);
  CHECK(as_text(file).starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
  const Credential back = Credential::unlock(file, passphrase);
  CHECK(back.person() == "c1");
  CHECK(back.spki() == c.spki());
  CHECK(back.recipient() == c.recipient());
  CHECK(back.identity().recipient() == c.recipient());
  CHECK(back.text().same(c.text()));
  const auto r = refusal_of([&] { (void)Credential::unlock(file, propose_passphrase(rng)); });
  CHECK(r.is(SharesRefusal::wrong_passphrase));
  CHECK(refusal_of([&] {
          (void)Credential::unlock(age_encrypt_passphrase(as_bytes("x\n"), passphrase, 10, rng), passphrase);
        }).is(SharesRefusal::credential));
  CHECK(refusal_of([&] { (void)Credential::generate("Bob", rng); }).is(SharesRefusal::credential));
}

TEST_CASE("openssl verifies what a credential signs") {
  auto rng = seeded_rng("sign");
  const Credential c = Credential::generate("c1", rng);
  const Folder f;
  put(f / "message", as_bytes("ceremony-approval/v1\n"));
  put(f / "key", c.spki());
  put(f / "signature", c.sign(as_bytes("ceremony-approval/v1\n"), rng));
  const Ran ran = run({"openssl", "dgst", "-sha256", "-verify", f / "key", "-keyform", "DER", "-signature",
                       f / "signature", f / "message"});
  INFO(ran.out);
  CHECK(ran.status == 0);
}

TEST_CASE("a credential is an age identity file, and its signing key a PEM that openssl reads") {
  auto rng = seeded_rng("foreign credential");
  const Credential c = Credential::generate("c1", rng);
  const Folder f;
  put(f / "credential", c.text().reveal());
  const std::vector<std::string> to{c.recipient()};
  put(f / "file", age_encrypt_to(as_bytes("for c1"), to, rng));
  CHECK(run({"age", "-d", "-i", f / "credential", f / "file"}).out == "for c1");
  CHECK(run({"age-keygen", "-y", f / "credential"}).out == c.recipient() + "\n");
  const Ran key = run({"bash", "-c", "cd " + f.path() + " && " + block_after("### Using it without our programs")});
  INFO(key.out);
  CHECK(key.status == 0);
  CHECK(get(f / "spki.der") == c.spki());
}

TEST_CASE("an edited credential is refused") {
  auto rng = fixed_rng();
  const Credential c = Credential::generate("c1", rng);
  const std::string good = shown(c.text());
  auto refused = [](const std::string& text) {
    const auto r = refusal_of([&] { (void)Credential::parse(secret<PrivateText>(text)); });
    CHECK((r.is(SharesRefusal::credential) || r.is(SharesRefusal::age_key)));
  };
  (void)Credential::parse(secret<PrivateText>(good));
  refused("");
  refused(good + "\n");
  refused(replaced(good, "# person: c1", "# person: c 1"));
  refused(replaced(good, "# person: c1", "# person: "));
  refused(replaced(good, "age1", "age1q"));
  refused(replaced(good, "# MIGH", "# AIGH"));
  refused(replaced(good, "# MIGH", "#  MIGH"));
  refused(replaced(good, "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1Q"));
  for (std::size_t i = 0; i < good.size(); i += 7) {
    refused(good.substr(0, i));
    std::string flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    // The person's name is the one thing here that is not tied to a key: 'c1' may become 'b1'.
    if (i < good.find("c1") || i > good.find("c1") + 1) refused(flipped);
  }
}

TEST_CASE("a credential whose public half is another key's is refused") {
  // Botan loads such a PKCS#8 key without a word; its signatures would verify under a key nobody enrolled.
  auto rng = fixed_rng();
  const Credential a = Credential::generate("c1", rng);
  const Credential b = Credential::generate("c1", rng);
  auto body = [](const Credential& c) {
    const std::string text = shown(c.text());
    std::string out;
    const auto begin = text.find("# MIGH");
    for (const char ch : text.substr(begin, text.find("# -----END") - begin))
      if (ch != '#' && ch != ' ' && ch != '\n') out += ch;
    return *unbase64(out);
  };
  Bytes forged = body(a);
  const Bytes other = body(b);
  std::copy(other.end() - 65, other.end(), forged.end() - 65);
  const std::string old_text = base64(body(a));
  const std::string new_text = base64(forged);
  std::string text = shown(a.text());
  for (std::size_t at = 0; at < old_text.size(); at += 64)
    text = replaced(text, old_text.substr(at, 64), new_text.substr(at, 64));
  CHECK(refusal_of([&] { (void)Credential::parse(secret<PrivateText>(text)); }).is(SharesRefusal::credential));
}
