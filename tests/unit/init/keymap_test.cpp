#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>

#include "ceremony/ground/refused.h"
#include "ceremony/init/keymap.h"

using namespace ceremony;
using namespace ceremony::init;

namespace {

/// As loadkeys makes it of Debian's.
Bytes keys_of(const std::string& name) {
  std::ifstream in(CEREMONY_SOURCE "/tests/fuzz/corpus/keymap/" + name, std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string said(const Bytes& bytes) {
  try {
    (void)parse_keymap(bytes, "de");
    return "taken";
  } catch (const Refused& refusal) {
    CHECK(refusal.is(KeymapRefusal::malformed));
    return refusal.findings().front().what;
  }
}

/// linux/input-event-codes.h.
constexpr std::size_t key_q = 16, key_y = 21, key_a = 30, key_z = 44;

char letter_at(const Keymap& keymap, std::size_t key) { return static_cast<char>(keymap.front().keys[key] & 0xff); }

}  // namespace

TEST_CASE("the keys of three keyboards are where they are printed", "[init]") {
  const auto us = parse_keymap(keys_of("us"), ""), de = parse_keymap(keys_of("de"), ""), fr = parse_keymap(keys_of("fr"), "");
  const auto letters = [](const Keymap& keymap) { return std::string{letter_at(keymap, key_q), letter_at(keymap, key_y), letter_at(keymap, key_a), letter_at(keymap, key_z)}; };
  CHECK(letters(us) == "qyaz");
  CHECK(letters(de) == "qzay");
  CHECK(letters(fr) == "ayqw");
  CHECK(std::ranges::contains(de, 1, &KeyTable::shifts));
  CHECK(std::ranges::contains(de, 2, &KeyTable::shifts));
}

TEST_CASE("keys that are cut, longer, of another kind or without a letter are refused", "[init]") {
  const auto good = keys_of("de");
  for (std::size_t size = 0; size < good.size(); size += size < 300 ? 1 : 61) CHECK(said(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))) != "taken");
  auto bytes = good;
  bytes.push_back(0);
  CHECK(said(bytes) == "the table of keys is 2824 bytes long, which is not what it says");
  bytes = good;
  bytes[0] = 'B';
  CHECK(said(bytes) == "this is no table of keys");
  bytes = good;
  bytes[7] = 0;
  CHECK(said(bytes) == "the table of keys has no keys without shifts, or too many with them");
  bytes[7] = 2;
  CHECK(said(bytes) == "the table of keys has the flag 2");
  bytes = good;
  std::fill_n(bytes.begin() + 7, 17, std::uint8_t{1});
  CHECK(said(bytes) == "the table of keys has no keys without shifts, or too many with them");
  bytes = good;
  bytes[7 + 256 + 2 * key_z] = '?';  // on this keyboard it is the y
  CHECK(said(bytes) == "no key of this table is the letter \"y\"");
}

TEST_CASE("a keyboard is chosen by its number", "[init]") {
  CHECK(chosen("") == 1);
  CHECK(chosen(" 3 ") == 3);
  CHECK(chosen("0") == 0);
  CHECK(chosen("14") == 14);
  for (const auto* line : {"15", "03", "00", "3.", "de", "-1", "999999999999", "3 4"}) CHECK_FALSE(chosen(line));
}

TEST_CASE("the two words tell which keyboard it is not", "[init]") {
  CHECK(is_right("lazy mower"));
  CHECK(is_right("lazy mower - / . @ # _"));
  for (const auto* line : {"", "lazy", "lazy mowers", " lazy mower", "LAZY MOWER", "layz mower", "lqwy ,ozer"}) CHECK_FALSE(is_right(line));
}
