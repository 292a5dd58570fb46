#include "ceremony/shares/slip39.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "ceremony/shares/arithmetic.h"
#include "ceremony/shares/passphrase.h"
#include "ceremony/shares/words.h"
#include "peers.h"

using namespace ceremony;
using namespace ceremony::shares;

namespace {

std::vector<ShareWords> some(const std::vector<ShareWords>& all, std::initializer_list<std::size_t> which) {
  std::vector<ShareWords> out;
  for (const auto i : which) out.push_back(all[i].duplicate());
  return out;
}

std::vector<std::string> word_list(const ShareWords& share) {
  std::istringstream in(shown(share));
  return {std::istream_iterator<std::string>(in), {}};
}

ShareWords joined(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& w : list) out += (out.empty() ? "" : " ") + w;
  return secret<ShareWords>(out);
}

std::string other_word(const std::string& word) { return word == "academic" ? "acid" : "academic"; }

}  // namespace

TEST_CASE("the published SLIP-0039 vectors, every one") {
  const std::string path = std::string(CEREMONY_VECTORS) + "/slip39/vectors.json";
  if (!std::filesystem::exists(path)) SKIP("the published vectors are not there");
  std::ifstream file(path);
  const auto vectors = nlohmann::json::parse(file);
  REQUIRE(vectors.size() == 45);
  const std::string passphrase = "TREZOR";
  for (const auto& v : vectors) {
    INFO(v[0].get<std::string>());
    std::vector<ShareWords> shares;
    for (const auto& words : v[1]) shares.push_back(secret<ShareWords>(words.get<std::string>()));
    if (const auto expected = v[2].get<std::string>(); !expected.empty())
      CHECK(combine(shares, as_view(passphrase)).same(secret_from_hex(expected)));
    else
      (void)refusal_of([&] { (void)combine(shares, as_view(passphrase)); });
  }
}

TEST_CASE("any M of N shares give the secret, in any order, and all of them do") {
  auto rng = seeded_rng("split");
  const auto [m, n] =
      GENERATE(std::pair(2U, 2U), std::pair(2U, 3U), std::pair(3U, 5U), std::pair(5U, 5U), std::pair(16U, 16U));
  const MasterSecret secret(rng.random_vec(32));
  const auto shares = split(secret, m, n, rng, 0);
  REQUIRE(shares.size() == n);
  for (unsigned mask = 0; mask < (n > 5 ? 0 : 1U << n); ++mask) {
    std::vector<ShareWords> chosen;
    for (unsigned i = n; i-- > 0;)
      if ((mask >> i & 1U) != 0) chosen.push_back(shares[i].duplicate());
    if (chosen.size() >= m)
      CHECK(combine(chosen).same(secret));
    else
      CHECK(refusal_of([&] { (void)combine(chosen); }).is(SharesRefusal::too_few));
  }
  CHECK(combine(shares).same(secret));
}

TEST_CASE("a share of ours has 33 words and says what it is") {
  auto rng = seeded_rng("inspect");
  const auto shares = split(MasterSecret(rng.random_vec(32)), 3, 5, rng);
  for (unsigned i = 0; i < 5; ++i) {
    CHECK(word_list(shares[i]).size() == 33);
    const ShareInfo info = inspect(shares[i]);
    CHECK(info.extendable);
    CHECK(info.exponent == 1);
    CHECK((info.group_index == 0 && info.group_threshold == 1 && info.group_count == 1));
    CHECK(info.member_index == i);
    CHECK(info.member_threshold == 3);
    CHECK(info.value_bytes == 32);
    CHECK(info.identifier == inspect(shares[0]).identifier);
  }
}

TEST_CASE("two sets of one ceremony can be given different identifiers") {
  // A generator that repeats itself would give the same identifier; the second draw must be another one.
  class Stuck final : public Botan::RandomNumberGenerator {
   public:
    void clear() override {}
    bool accepts_input() const override { return false; }
    std::string name() const override { return "stuck"; }
    bool is_seeded() const override { return true; }

   private:
    void fill_bytes_with_input(std::span<std::uint8_t> out, std::span<const std::uint8_t>) override {
      for (auto& b : out) b = static_cast<std::uint8_t>(m_calls);
      ++m_calls;
    }
    unsigned m_calls = 0;
  };
  Stuck rng;
  const auto shares = split(secret_from_hex(std::string(64, '5')), 2, 2, rng, 0, 0U);
  CHECK(inspect(shares[0]).identifier == 0x0101);
}

TEST_CASE("what cannot be split is refused") {
  auto rng = seeded_rng();
  const MasterSecret secret(rng.random_vec(32));
  for (const auto& [m, n] : {std::pair(1U, 3U), std::pair(0U, 0U), std::pair(4U, 3U), std::pair(2U, 17U)})
    CHECK(refusal_of([&] { (void)split(secret, m, n, rng); }).is(SharesRefusal::quorum));
  CHECK(refusal_of([&] { (void)split(MasterSecret(rng.random_vec(31)), 2, 3, rng); }).is(SharesRefusal::quorum));
  CHECK(refusal_of([&] { (void)split(MasterSecret(rng.random_vec(14)), 2, 3, rng); }).is(SharesRefusal::quorum));
}

TEST_CASE("a bad share is refused alone, and the word is named by its number") {
  auto rng = fixed_rng();  // so that the words of the share are none of the messages' own
  const auto shares = split(MasterSecret(rng.random_vec(32)), 2, 3, rng, 0);
  auto list = word_list(shares[0]);
  auto refused = [&] {
    const auto words = joined(list);
    const auto r = refusal_of([&] { (void)inspect(words); });
    // Whatever is said, no word of the share is in it.
    for (const auto& w : list)
      if (w.size() > 5) CHECK(std::string(r.what()).find(" " + w + " ") == std::string::npos);
    return r;
  };
  SECTION("a word that is not on the list") {
    list[4] = "wrongly";
    list[32] = "lengthywordhere";
    const auto r = refused();
    CHECK(r.is(SharesRefusal::unknown_word));
    CHECK(r.findings()[0].what.contains("words 5 and 33"));
  }
  SECTION("an upper-case letter") {
    list[0][0] = static_cast<char>(list[0][0] - 'a' + 'A');
    CHECK(refused().is(SharesRefusal::unknown_word));
  }
  SECTION("one wrong word") {
    list[7] = other_word(list[7]);
    const auto r = refused();
    CHECK(r.is(SharesRefusal::checksum));
    CHECK(r.findings()[0].hint.contains("word 8 looks wrong"));
  }
  SECTION("two words swapped") {
    REQUIRE(list[20] != list[21]);
    std::swap(list[20], list[21]);
    CHECK(refused().findings()[0].hint.contains("words 21 and 22 look swapped"));
  }
  SECTION("two wrong words") {
    list[9] = other_word(list[9]);
    list[19] = other_word(list[19]);
    CHECK(refused().is(SharesRefusal::checksum));
  }
  SECTION("too few words") {
    list.resize(19);
    CHECK(refused().is(SharesRefusal::word_count));
    list.clear();
    CHECK(refusal_of([&] { (void)inspect(ShareWords()); }).is(SharesRefusal::word_count));
  }
  SECTION("one word missing") {
    list.erase(list.begin() + 10);
    CHECK(refused().is(SharesRefusal::checksum));
  }
  SECTION("two spaces, a space at the end") {
    const auto text = shown(shares[0]);
    CHECK(refusal_of([&] { (void)inspect(secret<ShareWords>(text + " ")); }).is(SharesRefusal::unknown_word));
    CHECK(refusal_of([&] { (void)inspect(secret<ShareWords>(" " + text)); }).is(SharesRefusal::unknown_word));
    CHECK(refusal_of([&] { (void)inspect(secret<ShareWords>(text + "\n")); }).is(SharesRefusal::unknown_word));
  }
}

TEST_CASE("header and padding are checked even where the checksum is right") {
  const Octets value(32, 7);
  ShareInfo info{.identifier = 77,
                 .extendable = true,
                 .exponent = 0,
                 .group_index = 0,
                 .group_threshold = 1,
                 .group_count = 1,
                 .member_index = 0,
                 .member_threshold = 2,
                 .value_bytes = 32};
  auto inspected = [](const Indices& indices) {
    const ShareWords words(text_of_words(indices));
    return refusal_of([&] { (void)inspect(words); });
  };
  info.group_threshold = 3;
  info.group_count = 2;
  CHECK(inspected(share_indices(info, value)).is(SharesRefusal::header));
  info.group_threshold = 1;
  info.group_index = 2;
  CHECK(inspected(share_indices(info, value)).is(SharesRefusal::header));
  info.group_index = 0;
  // A set padding bit in word 5 with a checksum made for it.
  Indices indices = share_indices(info, value);
  indices[4] = static_cast<std::uint16_t>(indices[4] | 0x200);
  indices.resize(indices.size() - 3);
  indices.resize(indices.size() + 3);
  const auto sum = rs1024_syndrome(indices, true);
  for (unsigned k = 0; k < 3; ++k)
    indices[indices.size() - 3 + k] = static_cast<std::uint16_t>(sum >> (20 - 10 * k) & 1023U);
  CHECK(inspected(indices).is(SharesRefusal::padding));
}

TEST_CASE("sets that do not belong together are refused, never combined into a wrong secret") {
  auto rng = seeded_rng("sets");
  const MasterSecret secret(rng.random_vec(32));
  const auto a = split(secret, 3, 5, rng, 0);
  const auto b = split(secret, 3, 5, rng, 0, inspect(a[0]).identifier);
  SECTION("the same share twice") {
    const auto r = refusal_of([&] { (void)combine(some(a, {0, 2, 2})); });
    CHECK(r.is(SharesRefusal::same_share));
    CHECK(r.findings()[0].what == "share 2 and share 3 are both number 3 of the set");
  }
  SECTION("a share of another set, named") {
    auto mixed = some(a, {0, 1, 2});
    mixed[1] = b[1].duplicate();
    const auto r = refusal_of([&] { (void)combine(mixed); });
    CHECK(r.is(SharesRefusal::mixed_sets));
    REQUIRE(r.findings().size() == 1);
    CHECK(r.findings()[0].where == "share 2");
  }
  SECTION("too few") {
    const auto r = refusal_of([&] { (void)combine(some(a, {0, 4})); });
    CHECK(r.is(SharesRefusal::too_few));
    CHECK(r.findings()[0].what.contains("2 of the 3"));
    CHECK(refusal_of([&] { (void)combine({}); }).is(SharesRefusal::too_few));
  }
  SECTION("a bad share says which") {
    auto bad = some(a, {0, 1, 2});
    auto list = word_list(bad[2]);
    list[30] = other_word(list[30]);
    bad[2] = joined(list);
    CHECK(refusal_of([&] { (void)combine(bad); }).findings()[0].where == "share 3");
  }
  SECTION("other threshold under the same identifier") {
    Octets value(32, 1);
    ShareInfo info = inspect(a[3]);
    info.member_threshold = 2;
    auto mixed = some(a, {0, 1, 2});
    mixed.emplace_back(text_of_words(share_indices(info, value)));
    CHECK(refusal_of([&] { (void)combine(mixed); }).is(SharesRefusal::mixed_thresholds));
  }
  SECTION("a forged share: well-formed, same identifier, other value") {
    const ShareWords forged(text_of_words(share_indices(inspect(a[2]), Octets(32, 9))));
    auto set = some(a, {0, 1, 2});
    set[2] = forged.duplicate();
    CHECK(refusal_of([&] { (void)combine(set); }).is(SharesRefusal::digest));
    // As an extra share it is named.
    auto extra = some(a, {0, 1, 3, 2});
    extra[3] = forged.duplicate();
    const auto r = refusal_of([&] { (void)combine(extra); });
    CHECK(r.is(SharesRefusal::digest));
    CHECK(r.findings()[0].where == "share 4");
  }
}

TEST_CASE("the field has no zero divisors, and every element but 0 an inverse") {
  for (unsigned a = 0; a < 256; ++a) {
    const auto inverse = gf_inverse(static_cast<std::uint8_t>(a));
    CHECK(gf_multiply(static_cast<std::uint8_t>(a), inverse) == (a == 0 ? 0 : 1));
  }
  CHECK(gf_multiply(0x57, 0x83) == 0xC1);  // FIPS 197, 4.2
}

TEST_CASE("fewer than M shares say nothing: their values are uniform whatever the secret") {
  auto rng = seeded_rng("uniform");
  // 1024 splits of one secret: every octet value of a share's first octet comes up about 4 times; 40 is out of the
  // question.
  std::array<unsigned, 256> seen{};
  for (unsigned i = 0; i < 1024; ++i) ++seen[split_value(Octets(32, 0), 3, 5, rng)[i % 5][i % 32]];
  CHECK(std::ranges::max(seen) < 40);
  CHECK(std::ranges::count(seen, 0U) < 30);
}

TEST_CASE("the word list is the standard's, as Debian's shamir package has it") {
  CHECK(words().size() == 1024);
  std::string all;
  for (const auto w : words()) all += std::string(w) + "\n";
  const std::string theirs = "/usr/lib/python3/dist-packages/shamir_mnemonic/wordlist.txt";
  if (!std::filesystem::exists(theirs)) SKIP("shamir is not installed");
  CHECK(all == as_text(get(theirs)));
}

TEST_CASE("a word is found by its first four letters") {
  std::set<std::string_view> starts;
  for (const auto w : words()) {
    CHECK(w.size() >= 4);
    CHECK(w.size() <= 8);
    CHECK(word_for(w.substr(0, 4)) == w);
    starts.insert(w.substr(0, 4));
  }
  CHECK(starts.size() == 1024);
  CHECK(starting_with("aca").size() == 1);
  CHECK(starting_with("").size() == 1024);
  CHECK(starting_with("zzz").empty());
  CHECK(word_for("a") == std::nullopt);
  for (std::uint32_t i = 0; i < 1024; ++i) {
    const auto at = index_of(packed_word(i));
    CHECK((at.index == i && at.found == ~0U));
  }
  CHECK(index_of(0).found == 0);
}

TEST_CASE("a proposed passphrase is eight words of the list, and each word is as likely as any other") {
  auto rng = seeded_rng("passphrase");
  std::set<std::string> all;
  std::array<unsigned, 1024> seen{};
  for (unsigned i = 0; i < 1024; ++i) {
    const Passphrase p = propose_passphrase(rng);
    CHECK(is_proposed_form(p));
    all.insert(shown(p));
    for (const auto index : read_words(p.reveal()).indices) ++seen[index];
  }
  CHECK(all.size() == 1024);
  CHECK(std::ranges::max(seen) < 40);  // 8 on average
  CHECK(std::ranges::count(seen, 0U) < 10);
  CHECK_FALSE(is_proposed_form(secret<Passphrase>("correct horse battery staple")));
  CHECK_FALSE(is_proposed_form(Passphrase()));
}

TEST_CASE("shamir recovers what we split") {
  auto rng = seeded_rng("to shamir");
  const MasterSecret secret(rng.random_vec(32));
  const auto shares = split(secret, 3, 5, rng);
  std::string input;
  for (const auto i : {4U, 0U, 2U}) input += shown(shares[i]) + "\n";
  const Ran ran = run({"shamir", "recover"}, input);
  INFO(ran.out);
  CHECK(ran.status == 0);
  CHECK(ran.out.contains("Your master secret is: " + hex(secret.reveal())));
}

TEST_CASE("we combine what shamir split") {
  const std::string secret = "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef";
  const auto arguments =
      GENERATE(std::vector<std::string>{"3of5"}, std::vector<std::string>{"-X", "-E", "0", "2of2"},
               std::vector<std::string>{"custom", "-t", "2", "-g", "2", "3", "-g", "1", "1", "-g", "2", "2"});
  std::vector<std::string> command{"shamir", "create", "-S", secret, "-p", "TREZOR"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const Ran ran = run(command);
  INFO(ran.out);
  REQUIRE(ran.status == 0);
  std::vector<ShareWords> shares;
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);)
    if (std::ranges::count(line, ' ') == 32 &&
        line.find_first_not_of("abcdefghijklmnopqrstuvwxyz ") == std::string::npos)
      shares.push_back(::secret<ShareWords>(line));
  REQUIRE(shares.size() >= 2);
  CHECK(combine(shares, as_view("TREZOR")).same(secret_from_hex(secret)));
  shares.erase(shares.begin());
  if (arguments[0] == "3of5") CHECK(combine(shares, as_view("TREZOR")).same(secret_from_hex(secret)));
}
