// The binding file: which HSM, and never a path or a PIN.
#include "ceremony/policy/binding.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/unit/policy/one_mistake.h"

using namespace ceremony::policy;  // NOLINT: a test reads as a story
using ceremony::test::shipped;
using ceremony::test::with;

namespace {
struct Mistake {
  const char* from;
  const char* to;
  const char* expected;
};
}  // namespace

TEST_CASE("the SoftHSM2 sample names a module, a PIN form and two tokens") {
  const std::string text = shipped("hsm-softhsm2.toml");
  const Binding binding = read_binding("hsm.toml", text);
  CHECK(binding.digest == ceremony::sha256(text));
  CHECK(binding.module == "softhsm2");
  CHECK(binding.pin_form == PinForm::base32_32);
  CHECK(name_of(binding.pin_form) == "base32-32");
  CHECK(binding.token.label == "ceremony-root");
  CHECK_FALSE(binding.token.serial);
  REQUIRE(binding.restore_token);
  CHECK(binding.restore_token->label == "ceremony-restore");
  CHECK(binding.restore_token->blank);
}

TEST_CASE("a token may be named by serial, and a ceremony without a restore needs no second one") {
  const Binding binding = read_binding("hsm.toml",
                                       "format = \"ceremony-hsm/v1\"\nmodule = \"yubihsm\"\npin_form = \"hex-16\"\n[token]\nlabel = \"root\"\nserial = \"0012345678\"\n");
  CHECK(binding.pin_form == PinForm::hex_16);
  CHECK(binding.token.serial == "0012345678");
  CHECK_FALSE(binding.restore_token);
}

TEST_CASE("each mistake in a binding is one finding with its place") {
  const auto [from, to, expected] = GENERATE(values<Mistake>({
      {"hsm/v1", "hsm/v9", "2:1: the format is \"ceremony-hsm/v9\""},
      {"\"softhsm2\"", "\"/usr/lib/softhsm/libsofthsm2.so\"", "3:1: the module is \"/usr/lib/softhsm/libsofthsm2.so\""},
      {"\"softhsm2\"", "\"../evil\"", "3:1: the module is \"../evil\""},
      {"\"softhsm2\"", "\"\"", "3:1: the module is \"\""},
      {"base32-32", "base32", "4:1: the PIN form is \"base32\""},
      {"label = \"ceremony-root\"", "label = \"a label of more than thirty-two bytes\"", "7:1: the token label is \"a label of more than thirty-two bytes\""},
      {"label = \"ceremony-root\"", "label = \"root \"", "7:1: the token label is \"root \""},
      {"label = \"ceremony-root\"", "label = \"root\"\nserial = \"\"", "8:1: the token serial is \"\""},
      {"label = \"ceremony-root\"", "label = \"ceremony-restore\"", "10:1: the restore token has the label \"ceremony-restore\" of the token"},
      {"blank = true", "blank = \"yes\"", "11:1: \"restore_token.blank\" is a text, not true or false"},
      {"blank = true", "blank = true\npin = \"1234\"", "12:1: unknown key \"restore_token.pin\""},
      {"[token]\nlabel = \"ceremony-root\"", "", "1:1: \"token\" is missing"},
  }));
  INFO(from << " -> " << to);
  const std::string found = ceremony::test::findings_of([&] { (void)read_binding("h.toml", with(shipped("hsm-softhsm2.toml"), from, to)); });
  CHECK(found == "h.toml:" + std::string(expected) + "\n");
}
