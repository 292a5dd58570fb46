#include <catch2/catch_test_macros.hpp>

#include "ceremony/boot.h"
#include "ceremony/ground/refused.h"

using namespace ceremony;

namespace {

bool is_refused(const std::string& text) {
  try {
    (void)parse_boot(text);
    return false;
  } catch (const Refused& refusal) {
    return refusal.is(BootRefusal::malformed);
  }
}

}  // namespace

TEST_CASE("what the machine was started from is read as it was written", "[boot]") {
  const Boot rehearsal{false, sha256("manifest"), std::nullopt};
  CHECK(text_of(rehearsal) == "ceremony-boot/v1\nenvironment: rehearsal\nimage: " + hex(sha256("manifest")) + "\nuki: none\n");
  const Boot production{true, sha256("manifest"), sha256("uki")};
  for (const auto& boot : {rehearsal, production, Boot{}}) CHECK(parse_boot(text_of(boot)) == boot);
}

TEST_CASE("a boot file that is cut, longer or changed anywhere is refused", "[boot]") {
  const auto text = text_of(Boot{true, sha256("manifest"), sha256("uki")});
  for (std::size_t at = 0; at < text.size(); ++at) CHECK(is_refused(text.substr(0, at)));
  CHECK(is_refused(text + "\n"));
  CHECK(is_refused("\n" + text));
  std::string other = text;
  for (std::size_t at = 0; at < text.size(); ++at) {
    other[at] = static_cast<char>(text[at] ^ 0x20);  // upper case, and what is no hex
    // A digit that became another would be another digest; these do not.
    CHECK(is_refused(other));
    other[at] = text[at];
  }
}

TEST_CASE("at a desk there is no boot file", "[boot]") {
  const auto env = make_posix_env();
  CHECK_FALSE(read_boot(*env, "/nowhere/at/all"));
}
