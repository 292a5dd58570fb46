// Share files, credentials and encrypted files that are not taken: the exact text people read, which never repeats a secret.
#include <catch2/catch_test_macros.hpp>

#include "ceremony/ground/refused.h"
#include "ceremony/shares/age.h"
#include "ceremony/shares/credential.h"
#include "ceremony/shares/share_file.h"
#include "ceremony/shares/slip39.h"
#include "tests/unit/shared/refusal_table.h"
#include "tests/unit/shares/peers.h"

using namespace ceremony;
using namespace ceremony::shares;
using ceremony::test::Change;
using ceremony::test::RefusalTable;

namespace {

/// The worked example of the format page.
std::string example_share() {
  const std::string page = as_text(get(std::string(CEREMONY_SOURCE) + "/ceremony/shares/FORMAT.md"));
  const auto at = page.find("### Worked example");
  const auto begin = page.find("ceremony-share/v1\n", at);
  return page.substr(begin, page.find("```", begin) - begin);
}

std::string changed(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  if (at == std::string::npos) throw std::out_of_range(std::string(what));
  return text.replace(at, what.size(), with);
}

Change instead(std::string text) {
  return [text = std::move(text)](const std::string&) { return text; };
}

/// A credential's signing key as other people's programs see it: the base64 between the PEM lines.
std::string key_lines(const std::string& credential) {
  const auto begin = credential.find("# MIGH");
  return credential.substr(begin, credential.find("# -----END") - begin);
}

}  // namespace

TEST_CASE("every bad share file is refused with the text of the table, and no word of it") {
  const RefusalTable table("share files", "shares/share_file.refusals");
  const std::string good = example_share();
  REQUIRE_NOTHROW((void)read(as_view(good)));
  const auto words_at = good.find("words: ") + 7;
  const std::string words = good.substr(words_at, good.find('\n', words_at) - words_at);
  auto rng = fixed_rng();
  auto changes = test::changes_of_any_text();
  changes["no end of the last line"] = [](const std::string& text) { return text.substr(0, text.size() - 1); };
  changes["an empty line at the end"] = [](const std::string& text) { return text + "\n"; };
  changes["words of a wallet"] = instead(changed(good, words,
                                                 "duckling enlarge academic academic agency result length solution fridge kidney coal piece deal husband erode duke ajar "
                                                 "critical decision keyboard"));
  changes["still encrypted"] = instead(age_armor(age_encrypt_passphrase(as_view(good), secret<Passphrase>("x"), 2, rng)));
  changes["a credential"] = instead(shown(Credential::generate("c1", rng).text()));
  table.check_texts({{"good", good}}, [&](const std::string& text) {
    try {
      (void)read(as_view(text));
    } catch (const Refused& refused) {
      for (const char* const word : {"cargo", "sister", "cargp", "carpet"}) CHECK(std::string_view(refused.what()).find(word) == std::string_view::npos);
      throw;
    }
  }, changes);
  table.print_count();
}

TEST_CASE("every bad credential is refused with the text of the table") {
  const RefusalTable table("credentials", "shares/credential.refusals");
  auto rng = fixed_rng();
  const Credential credential = Credential::generate("c1", rng);
  const std::string good = shown(credential.text());
  const Credential other = Credential::generate("c1", rng);
  auto changes = test::changes_of_any_text();
  changes["an empty line at the end"] = [](const std::string& text) { return text + "\n"; };
  changes["a share"] = instead(example_share());
  changes["a plain age identity"] = instead(shown(credential.identity().text()) + "\n");
  changes["the public half of another key"] = [&](const std::string& text) {
    const auto body = [](const std::string& of) {
      std::string out;
      for (const char c : key_lines(of)) {
        if (c != '#' && c != ' ' && c != '\n') out += c;
      }
      return *unbase64(out);
    };
    Bytes forged = body(text);
    const Bytes from = body(shown(other.text()));
    std::copy(from.end() - 65, from.end(), forged.end() - 65);
    std::string lines;
    const std::string encoded = base64(forged);
    for (std::size_t at = 0; at < encoded.size(); at += 64) lines += "# " + encoded.substr(at, 64) + "\n";
    return changed(text, key_lines(text), lines);
  };
  changes["a key of another curve"] = [&](const std::string& text) {
    const Folder folder;
    const Ran made = run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"});
    REQUIRE(made.status == 0);
    std::string lines;
    for (std::size_t at = made.out.find('\n') + 1; made.out[at] != '-'; at = made.out.find('\n', at) + 1) lines += "# " + made.out.substr(at, made.out.find('\n', at) + 1 - at);
    return changed(text, key_lines(text), lines);
  };
  table.check_texts({{"good", good}}, [](const std::string& text) { (void)Credential::parse(secret<PrivateText>(text)); }, changes);
  table.print_count();
}

TEST_CASE("every encrypted file that does not open says why, in the text of the table") {
  const RefusalTable table("encrypted files", "shares/age.refusals");
  auto rng = fixed_rng();
  const auto passphrase = secret<Passphrase>("academic acid acne");
  const std::string plain = "what is inside\n";
  const Bytes file = age_encrypt_passphrase(as_view(plain), passphrase, 2, rng);
  const std::string text = as_text(file);
  const std::string armored = age_armor(file);
  const auto opens = [&](std::string bytes) { return [&passphrase, bytes = std::move(bytes)] { (void)age_decrypt_passphrase(as_view(bytes), passphrase, 18); }; };
  const auto with = [&](std::string typed) { return [&file, typed = std::move(typed)] { (void)age_decrypt_passphrase(file, secret<Passphrase>(typed), 18); }; };
  const std::vector<std::string> to{AgeIdentity::generate(rng).recipient()};
  std::string flipped = text;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  const auto armored_line = armored.find('\n') + 1;
  std::string other_letter = armored;
  other_letter[armored_line + 70] = '!';
  table.check_acts({
      {"empty", opens("")},
      {"not encrypted", opens(plain)},
      {"armor without its end", opens(armored.substr(0, armored.find("-----END")))},
      {"armor with a short line", opens(changed(armored, armored.substr(armored_line, 64), armored.substr(armored_line, 60)))},
      {"armor with a letter changed", opens(other_letter)},
      {"text before the armor", opens("my share:\n" + armored)},
      {"text after the armor", opens(armored + "my share\n")},
      {"another version of age", opens(changed(text, "/v1", "/v2"))},
      {"encrypted to an age key", opens(as_text(age_encrypt_to(as_view(plain), to, rng)))},
      {"an extra stanza", opens(changed(text, "-> scrypt", "-> scrypt AAAAAAAAAAAAAAAAAAAAAA 2\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-> scrypt"))},
      {"a work factor too high", [&] { (void)age_decrypt_passphrase(age_encrypt_passphrase(as_view(plain), passphrase, 4, rng), passphrase, 2); }},
      {"the header changed", opens(changed(text, "\n---", "\n-> grease\n\n---"))},
      {"the header's end cut off", opens(text.substr(0, text.find("---") + 10))},
      {"the body changed", opens(flipped)},
      {"the body cut off", opens(text.substr(0, text.size() - 5))},
      {"the wrong passphrase", with("academic acid acid")},
      {"an empty passphrase", with("")},
      {"a passphrase with a space at its end", with("academic acid acne ")},
  });
  table.print_count();
}
