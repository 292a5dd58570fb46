// Mixing: known answers by openssl, each source by itself changes what is drawn, and dice as they are typed.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <numeric>

#include "ceremony/actions/dice.h"
#include "ceremony/actions/run.h"
#include "tests/unit/ledger/memory_env.h"
#include "tests/unit/shared/fate.h"
#include "tests/unit/shared/no_files_env.h"

namespace ceremony::actions {
namespace {

/// A kernel that gives 00 01 02 …, or that somebody knows.
class Counting final : public test::NoFilesEnv {
 public:
  std::uint8_t next = 0;
  std::optional<std::uint8_t> stuck;
  std::size_t given = 0;
  void random(std::span<std::uint8_t> out) override {
    given += out.size();
    for (auto& byte : out) byte = stuck ? *stuck : next++;
  }
};

/// HKDF-SHA-256 without a salt, by the openssl program.
Bytes openssl_hkdf(View key, const std::string& info, std::size_t length) {
  const auto line = "openssl kdf -keylen " + std::to_string(length) + " -kdfopt digest:SHA2-256 -kdfopt hexkey:" + hex(key) + " -kdfopt 'info:" + info + "' HKDF";
  FILE* pipe = ::popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
    if (c != ':' && c != '\n') out += static_cast<char>(std::tolower(c));
  REQUIRE(::pclose(pipe) == 0);
  return unhex(out).value();
}

Bytes joined(const Bytes& a, const Bytes& b) {
  Bytes out = a;
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

Bytes numbers(std::uint8_t from, std::size_t count) {
  Bytes out(count);
  std::iota(out.begin(), out.end(), from);
  return out;
}

Bytes drawn(EntropyPool& pool, std::size_t count) { return to_bytes(pool.random_vec(count)); }

Passphrase typed(std::string_view text) { return Passphrase(as_view(text)); }

std::string rolls(std::string_view text) { return std::string(read_dice(typed(text)).reveal_text()); }

}  // namespace

TEST_CASE("what is drawn is what openssl makes of the same bytes", "[entropy]") {
  Counting kernel;
  EntropyPool pool(kernel);
  // A first draw: S is zero.
  Bytes state(32);
  auto t = openssl_hkdf(joined(numbers(0, 32), state), "ceremony/entropy/v1 draw", 32 + 16);
  CHECK(drawn(pool, 16) == Bytes(t.begin() + 32, t.end()));
  state.assign(t.begin(), t.begin() + 32);
  // Dice and a token.
  state = openssl_hkdf(joined(state, as_bytes("4261533")), "ceremony/entropy/v1 add dice", 32);
  pool.add("dice", as_view("4261533"), "rolls");
  state = openssl_hkdf(joined(state, Bytes(32, 7)), "ceremony/entropy/v1 add token", 32);
  pool.add("token", Bytes(32, 7));
  // More than 32 bytes: as many of the kernel.
  t = openssl_hkdf(joined(numbers(32, 40), state), "ceremony/entropy/v1 draw", 32 + 40);
  CHECK(drawn(pool, 40) == Bytes(t.begin() + 32, t.end()));
  CHECK(pool.sources() == "kernel, dice 7 rolls, token 32 bytes");
}

TEST_CASE("each source alone changes all that is drawn after it", "[entropy]") {
  const auto with = [](std::uint8_t kernel_from, std::string_view source, std::string_view bytes) {
    Counting kernel;
    kernel.next = kernel_from;
    EntropyPool pool(kernel);
    pool.add(source, as_view(bytes));
    return drawn(pool, 32);
  };
  const auto alone = with(0, "token", "");
  CHECK(with(0, "token", "") == alone);  // and nothing else does
  CHECK(with(1, "token", "") != alone);
  CHECK(with(0, "token", "t") != alone);
  CHECK(with(0, "dice", "t") != with(0, "token", "t"));
  CHECK(with(0, "dice", "1") != with(0, "dice", "2"));
}

TEST_CASE("a kernel that somebody knows gives nothing away once dice are in", "[entropy]") {
  const auto second_draw = [](std::string_view dice) {
    Counting kernel;
    EntropyPool pool(kernel);
    pool.add("dice", as_view(dice), "rolls");
    const auto first = drawn(pool, 32);
    kernel.next = 0;  // the very same bytes again
    const auto second = drawn(pool, 32);
    CHECK(first != second);
    return second;
  };
  CHECK(second_draw("123456") != second_draw("123455"));
}

TEST_CASE("each draw asks the kernel for at least as much as is drawn", "[entropy]") {
  for (const std::size_t count : {std::size_t{1}, std::size_t{32}, std::size_t{33}, std::size_t{4096}, std::size_t{4097}, std::size_t{10000}}) {
    Counting kernel;
    EntropyPool pool(kernel);
    CHECK(drawn(pool, count).size() == count);
    CHECK(kernel.given >= std::max<std::size_t>(count, 32));
  }
}

TEST_CASE("a kernel that gets stuck in the middle is found at the next draw, and stays refused", "[entropy]") {
  Counting kernel;
  EntropyPool pool(kernel);
  (void)drawn(pool, 32);
  kernel.stuck = 3;
  CHECK(test::fate([&] { (void)drawn(pool, 32); }) == "ceremony/incomplete");
  kernel.stuck.reset();
  CHECK(test::fate([&] { (void)drawn(pool, 32); }) == "ceremony/incomplete");
}

TEST_CASE("sources are counted, and nothing is no source", "[entropy]") {
  Counting kernel;
  EntropyPool pool(kernel);
  pool.add("dice", {}, "rolls");
  CHECK(pool.sources() == "kernel");
  CHECK_FALSE(pool.has("dice"));
  pool.add("token", Bytes(32, 1));
  pool.add("token", Bytes(32, 2));
  CHECK(pool.sources() == "kernel, token 64 bytes");
}

TEST_CASE("dice are read as they are typed", "[dice]") {
  CHECK(rolls("") == "");
  CHECK(rolls("   ") == "");
  CHECK(rolls("1 2 3 4 5 6") == "123456");
  CHECK(rolls("123 456") == "123456");
  CHECK(rolls(std::string(255, '4')).size() == 255);
  CHECK(test::fate([] { (void)rolls(std::string(256, '4')); }) == "ceremony/mistaken");
  for (const auto* wrong : {"0", "7", "12a", "1,2", "1\t2", "1\n2", "\xef\xbc\x91"}) CHECK(test::fate([&] { (void)rolls(wrong); }) == "ceremony/mistaken");
  // The place is named, and nothing of what was typed.
  try {
    (void)rolls("426 19 3");
    FAIL("it was taken");
  } catch (const Refused& refusal) {
    CHECK(refusal.findings().front().what == "character 6 of what was typed is no number from 1 to 6");
  }
}

TEST_CASE("what no dice show is told from what they do", "[dice]") {
  const auto fault = [](std::string_view text) { return dice_fault(read_dice(typed(text))).value_or(""); };
  CHECK(fault("") == "");
  CHECK(fault("6") == "");
  CHECK(fault("111222") == "");
  CHECK(fault("42615332546116254421361352456612344652133165246351251436221453361146254351226634152634153662415332142615332546116254421") == "");
  CHECK(fault("1111111111111") == "one number stands there 13 times in a row");
  CHECK(fault("123456123456123456") == "the same 6 numbers are repeated to the end");
  CHECK(fault("121212121212") == "the same 2 numbers are repeated to the end");
  CHECK(fault("111111111111") == "it is one number to the end");
  std::string mostly;
  for (int i = 0; i < 20; ++i) mostly += "1111" + std::string(1, static_cast<char>('2' + i % 5));
  CHECK(fault(mostly) == "one number is most of them");
}

}  // namespace ceremony::actions
