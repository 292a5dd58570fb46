// The binding file: which HSM, and never a path or a PIN.
#include "ceremony/policy/binding.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/policy/one_mistake.h"

using namespace ceremony::policy;  // NOLINT: a test reads as a story
using ceremony::test::shipped;

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
