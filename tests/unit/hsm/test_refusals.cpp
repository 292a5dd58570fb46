// Everything a person can get wrong with a token has a refusal of its own, and a sentence that helps.
#include <dlfcn.h>

#include <array>

#include "failing_module.h"
#include "hsm/pkcs11_errors.h"
#include "soft_token.h"

using namespace ceremony::hsm;
using ceremony::as_view;
using ceremony::Bytes;
using ceremony::Refused;

namespace {

bool says(const Refused& refused, std::string_view words) {
  INFO(refused.what());
  return std::string_view(refused.what()).find(words) != std::string_view::npos;
}

constexpr std::string_view user_pin = "user-pin-0";

/// What a stranger's program does on the same machine: a session of its own, no login, the module's bare functions.
void plant_public_data(const std::string& module, std::string label) {
  struct Attribute {
    unsigned long type;
    void* value;
    unsigned long size;
  };
  void* handle = ::dlopen(module.c_str(), RTLD_NOW);
  REQUIRE(handle != nullptr);
  const auto slots = reinterpret_cast<unsigned long (*)(unsigned char, unsigned long*, unsigned long*)>(
      ::dlsym(handle, "C_GetSlotList"));
  const auto open = reinterpret_cast<unsigned long (*)(unsigned long, unsigned long, void*, void*, unsigned long*)>(
      ::dlsym(handle, "C_OpenSession"));
  const auto create = reinterpret_cast<unsigned long (*)(unsigned long, Attribute*, unsigned long, unsigned long*)>(
      ::dlsym(handle, "C_CreateObject"));
  const auto close = reinterpret_cast<unsigned long (*)(unsigned long)>(::dlsym(handle, "C_CloseSession"));
  REQUIRE((slots != nullptr && open != nullptr && create != nullptr && close != nullptr));
  std::array<unsigned long, 8> all{};
  unsigned long count = all.size();
  REQUIRE(slots(1, all.data(), &count) == 0);
  unsigned long cls = 0;  // CKO_DATA
  unsigned char yes = 1;
  unsigned char no = 0;
  std::array<Attribute, 5> made{{{0x000, &cls, sizeof cls},
                                 {0x001, &yes, 1},
                                 {0x002, &no, 1},
                                 {0x003, label.data(), label.size()},
                                 {0x011, label.data(), label.size()}}};
  unsigned long session = 0;
  unsigned long object = 0;
  for (unsigned long i = 0; i < count && object == 0; ++i) {
    if (open(all[i], 0x6, nullptr, nullptr, &session) != 0) continue;  // the blank token
    CHECK(create(session, made.data(), made.size(), &object) == 0);
    close(session);
  }
  ::dlclose(handle);
  REQUIRE(object != 0);
}

}  // namespace

TEST_CASE("a module is found by name or path, or the message names what to install", "[hsm]") {
  CHECK_REFUSED(module_missing, open_pkcs11("nosuchhsm"));
  CHECK_REFUSED(module_missing, open_pkcs11("/usr/lib/softhsm/nosuch.so"));
  CHECK_REFUSED(module_missing, open_pkcs11(""));
  CHECK_REFUSED(module_missing, open_pkcs11("../lib/softhsm2"));
  CHECK(says(refusal_of([] { return open_pkcs11("nosuchhsm"); }), "\"nosuchhsm\""));
}

TEST_CASE("a library that is no PKCS#11 module, and a module that does not start, are told apart", "[hsm]") {
  SoftHsm soft;
  const std::string path = soft.module().info().path;
  soft.take().reset();
  const auto text = soft.write("text.so", as_view("not a library"));
  CHECK(says(refusal_of([&] { return open_pkcs11(text.string()); }), "does not load"));
  // libcatch or libc would do: any library without C_GetFunctionList.
  CHECK(says(refusal_of([&] { return open_pkcs11("/usr/lib/x86_64-linux-gnu/libc.so.6"); }), "no function list"));
  ::setenv("SOFTHSM2_CONF", soft.file("absent.conf").c_str(), 1);
  CHECK_REFUSED(module_failed, open_pkcs11(path));
  ::setenv("SOFTHSM2_CONF", soft.file("softhsm2.conf").c_str(), 1);
  CHECK(open_pkcs11(path)->tokens().size() == 1);
}

TEST_CASE("one module is open once: the second would be finalised under the first", "[hsm]") {
  SoftHsm soft;
  CHECK_REFUSED(module_failed, open_pkcs11("softhsm2"));
  CHECK(soft.module().tokens().size() == 1);
}

TEST_CASE("wrong PIN, absent token and absent key are told apart", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("here");
  const Refused wrong = refusal_of([&] {
    token->login(pin("user-pin-1"));
    return 0;
  });
  CHECK(wrong.is(HsmRefusal::pin_wrong));
  CHECK(says(wrong, "the user PIN is wrong"));
  CHECK(says(wrong, "\"here\""));
  CHECK(says(wrong, "does not say how many tries are left"));
  CHECK(token->pin_state().user.low);
  CHECK_FALSE(token->pin_state().user.locked);
  CHECK_FALSE(says(wrong, "user-pin-1"));
  CHECK_FALSE(token->logged_in());

  const Refused gone = refusal_of([&] { return soft.module().by_label("elsewhere"); });
  CHECK(gone.is(HsmRefusal::token_absent));
  CHECK(says(gone, "\"elsewhere\""));
  CHECK(says(gone, "\"here\""));
  CHECK_REFUSED(token_absent, soft.module().by_serial("0123456789abcdef"));
  CHECK_REFUSED(token_absent, soft.module().by_serial(""));

  CHECK_REFUSED(not_logged_in, token->find("root"));
  const Login login(*token, pin(user_pin));
  CHECK(says(refusal_of([&] { return token->find("root"); }), "no private key is labelled \"root\""));
  CHECK_REFUSED(key_absent, token->find("root"));
  CHECK_REFUSED(key_absent, token->find(""));
  CHECK_REFUSED(key_absent, token->find_by_id(id(9)));
  CHECK_REFUSED(key_absent, token->wrap(id(9), kek()));
  CHECK_REFUSED(key_absent, token->lock(id(9)));
  CHECK_REFUSED(key_absent, token->destroy(id(9)));
}

TEST_CASE("everything that needs a login says so", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("locked");
  CHECK_REFUSED(not_logged_in, token->objects());
  CHECK_REFUSED(not_logged_in, token->generate_key({KeyAlgorithm::p256, "k", id(1)}));
  CHECK_REFUSED(not_logged_in, token->find_by_id(id(1)));
  CHECK_REFUSED(not_logged_in, token->wrap(id(1), kek()));
  CHECK_REFUSED(not_logged_in, token->unwrap(Bytes(88), kek(), {KeyAlgorithm::p384, "k", id(1)}, Bytes{}));
  CHECK_REFUSED(not_logged_in, token->lock(id(1)));
  CHECK_REFUSED(not_logged_in, token->destroy(id(1)));
  CHECK_REFUSED(not_logged_in, token->data_labels());
  CHECK_REFUSED(not_logged_in, token->get_data("x"));
  CHECK_REFUSED(not_logged_in, token->remove_data("x"));
  token->logout();
}

TEST_CASE("a PIN is never taken without being looked at", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("pins");
  const Login login(*token, pin(user_pin));
  CHECK_REFUSED(session_in_use, token->login(pin("user-pin-1")));
  CHECK_REFUSED(session_in_use, soft.module().by_label("pins")->login(pin("user-pin-1")));
  CHECK_REFUSED(session_in_use, token->init_user_pin(pin("so-pin-0000"), pin("user-pin-1")));
  CHECK(token->logged_in());
}

TEST_CASE("PINs of a wrong form or of the wrong officer are refused before anything changes", "[hsm]") {
  SoftHsm soft;
  const auto blank = soft.module().blank();
  CHECK_REFUSED(pin_format, blank->initialise(pin("123"), "short"));
  CHECK_REFUSED(pin_format, blank->initialise(pin(""), "empty"));
  CHECK_REFUSED(attribute_wrong, blank->initialise(pin("so-pin-0000"), ""));
  CHECK_REFUSED(attribute_wrong, blank->initialise(pin("so-pin-0000"), std::string(33, 'x')));
  CHECK_FALSE(blank->identity().initialized);
  const auto token = soft.ready("forms");
  CHECK_REFUSED(pin_format, token->init_user_pin(pin("so-pin-0000"), pin(std::string(256, '1'))));
  CHECK_REFUSED(pin_wrong, token->init_user_pin(pin("so-pin-1111"), pin("user-pin-1")));
  CHECK(says(refusal_of([&] {
               token->set_so_pin(pin("so-pin-1111"), pin("so-pin-2222"));
               return 0;
             }),
             "the SO PIN is wrong"));
  CHECK_REFUSED(pin_format, token->login(pin("")));
  const Login login(*token, pin(user_pin));
}

TEST_CASE("a token that is initialised is not initialised again unasked; erasing asks for its SO PIN", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("kept");
  {
    const Login login(*token, pin(user_pin));
    static_cast<void>(token->generate_key({KeyAlgorithm::p256, "k", id(1)}));
    CHECK_REFUSED(session_in_use, soft.module().by_label("kept")->erase(pin("so-pin-0000"), "new"));
  }
  CHECK_REFUSED(token_not_blank, token->initialise(pin("so-pin-0000"), "again"));
  CHECK_REFUSED(pin_wrong, token->erase(pin("so-pin-1111"), "again"));
  {
    const Login login(*token, pin(user_pin));
    CHECK(token->objects().size() == 2);
  }
  token->erase(pin("so-pin-0000"), "again");
  CHECK(token->identity().label == "again");
  CHECK_REFUSED(pin_not_set, token->login(pin(user_pin)));
  token->init_user_pin(pin("so-pin-0000"), pin(user_pin));
  const Login login(*token, pin(user_pin));
  CHECK(token->objects().empty());
  CHECK_REFUSED(token_blank, soft.module().blank()->erase(pin("so-pin-0000"), "x"));
}

TEST_CASE("two tokens under one label are refused by label and told apart by serial", "[hsm]") {
  SoftHsm soft;
  const auto one = soft.ready("twin");
  const auto two = soft.ready("twin");
  CHECK(one->identity().serial != two->identity().serial);
  CHECK_REFUSED(token_ambiguous, soft.module().by_label("twin"));
  CHECK(soft.module().by_serial(two->identity().serial)->identity().serial == two->identity().serial);
}

TEST_CASE("an existing label or id is refused, and the key that has it stays", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("taken");
  const Login login(*token, pin(user_pin));
  const auto key = token->generate_key({KeyAlgorithm::p256, "root", id(1)});
  CHECK_REFUSED(label_taken, token->generate_key({KeyAlgorithm::p384, "root", id(2)}));
  CHECK_REFUSED(id_taken, token->generate_key({KeyAlgorithm::p384, "other", id(1)}));
  CHECK_REFUSED(attribute_wrong, token->generate_key({KeyAlgorithm::p384, "", id(2)}));
  CHECK_REFUSED(attribute_wrong, token->generate_key({KeyAlgorithm::p384, "two words", id(2)}));
  CHECK_REFUSED(attribute_wrong, token->generate_key({KeyAlgorithm::p384, "other", {}}));
  CHECK(token->objects().size() == 2);
  CHECK(token->find("root")->spki() == key->spki());
}

TEST_CASE("two keys under one label or one id are refused, never guessed between", "[hsm]") {
  // Seen in peers: 6 of 30 signatures by the wrong one of two keys, exit 0.
  SoftHsm soft;
  const auto token = soft.ready("doubles");
  REQUIRE(soft.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out a.pem"));
  REQUIRE(soft.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out b.pem"));
  const std::string util = "softhsm2-util --token doubles --pin user-pin-0 --force --label root --import ";
  REQUIRE(soft.run(util + "a.pem --id ce01"));
  SECTION("one label") {
    REQUIRE(soft.run(util + "b.pem --id ce02"));
    const Login login(*token, pin(user_pin));
    CHECK_REFUSED(key_ambiguous, token->find("root"));
    CHECK(token->find_by_id(id(2))->label() == "root");
  }
  SECTION("one label and one id") {
    REQUIRE(soft.run(util + "b.pem --id ce01"));
    const Login login(*token, pin(user_pin));
    CHECK_REFUSED(key_ambiguous, token->find("root"));
    CHECK_REFUSED(key_ambiguous, token->find_by_id(id(1)));
    CHECK_REFUSED(key_ambiguous, token->destroy(id(1)));
    CHECK(token->objects().size() == 4);
  }
  SECTION("an imported key says that it was not made here") {
    const Login login(*token, pin(user_pin));
    CHECK(token->find("root")->attributes().local == false);
    CHECK(token->find("root")->attributes().always_sensitive == false);
  }
}

TEST_CASE("a backup is refused where it cannot be the key it should be", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("from");
  const auto onto = soft.ready("onto");
  const Login login(*token, pin(user_pin));
  const Login onto_login(*onto, pin(user_pin));
  const auto key = token->generate_key({KeyAlgorithm::p256, "a", id(1), true});
  const auto other = token->generate_key({KeyAlgorithm::p256, "b", id(2)});
  const Bytes blob = token->wrap(id(1), kek());
  const KeyPlan plan{KeyAlgorithm::p256, "a", id(1)};
  CHECK_REFUSED(wrap_refused, token->wrap(id(2), kek()));
  CHECK_REFUSED(wrap_refused, token->wrap(id(1), ceremony::Kek(Bytes(16))));
  CHECK(
      says(refusal_of([&] { return onto->unwrap(blob, kek(), plan, other->spki()); }), "not that of the public key"));
  CHECK_REFUSED(unwrap_failed, onto->unwrap(blob, kek(), plan, other->spki()));
  CHECK_REFUSED(unwrap_failed, onto->unwrap(Bytes(blob.begin(), blob.end() - 8), kek(), plan, key->spki()));
  CHECK_REFUSED(unwrap_failed, onto->unwrap(Bytes{}, kek(), plan, key->spki()));
  CHECK_REFUSED(attribute_wrong, onto->unwrap(blob, kek(), {KeyAlgorithm::p384, "a", id(1)}, key->spki()));
  CHECK_REFUSED(attribute_wrong, onto->unwrap(blob, kek(), plan, as_view("no key")));
  Bytes trailing = key->spki();
  trailing.push_back(0);
  CHECK_REFUSED(attribute_wrong, onto->unwrap(blob, kek(), plan, trailing));
  CHECK(onto->objects().empty());
  CHECK(onto->unwrap(blob, kek(), plan, key->spki())->spki() == key->spki());
}

TEST_CASE("a public data object, which anybody can plant without a PIN, does not pass for a private one", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("data");
  plant_public_data(soft.module().info().path, "checkpoint-7");
  const Login login(*token, pin(user_pin));
  REQUIRE(token->objects().size() == 1);
  CHECK(token->objects().front().private_object == false);
  CHECK(token->data_labels().empty());
  CHECK(
      says(refusal_of([&] { return token->get_data("checkpoint-7"); }), "public object of that name does not count"));
  token->put_data("checkpoint-7", as_view("ours"));
  CHECK(token->get_data("checkpoint-7") == ceremony::as_bytes("ours"));
}

TEST_CASE("what is known of the tries left is said before they bite", "[hsm]") {
  CHECK(tries_left({}) == "the token warns of no lock-out");
  CHECK(std::string(tries_left({.low = true})).find("a wrong PIN was given") != std::string::npos);
  CHECK(tries_left({.low = true, .final_try = true}) == "one more wrong PIN locks it");
  CHECK(tries_left({.low = true, .final_try = true, .locked = true}) == "the PIN is locked");
}

TEST_CASE("each return value a person can cause has its own code and sentence", "[hsm]") {
  struct Row {
    unsigned long rv;
    HsmRefusal code;
    std::string_view words;
  };
  const Row rows[] = {
      {0x30, HsmRefusal::device_error, "reports a fault"},
      {0x31, HsmRefusal::token_full, "no room left"},
      {0x32, HsmRefusal::token_removed, "pulled out"},
      {0x6a, HsmRefusal::wrap_refused, "may not leave"},
      {0x70, HsmRefusal::mechanism_missing, "mechanism"},
      {0xa0, HsmRefusal::pin_wrong, "PIN is wrong"},
      {0xa1, HsmRefusal::pin_format, "characters"},
      {0xa2, HsmRefusal::pin_format, "too short or too long"},
      {0xa3, HsmRefusal::pin_format, "expired"},
      {0xa4, HsmRefusal::pin_locked, "locked"},
      {0xb1, HsmRefusal::token_full, "no session left"},
      {0xb3, HsmRefusal::token_removed, "session"},
      {0xe0, HsmRefusal::token_removed, "gone"},
      {0xe2, HsmRefusal::token_read_only, "write protected"},
      {0x100, HsmRefusal::session_in_use, "logged in already"},
      {0x101, HsmRefusal::not_logged_in, "nobody is logged in"},
      {0x102, HsmRefusal::pin_not_set, "no user PIN"},
      {0x110, HsmRefusal::unwrap_failed, "does not open"},
      {0x190, HsmRefusal::module_failed, "shut down"},
      {0x80001234, HsmRefusal::device_error, "0x80001234"},
  };
  for (const Row& row : rows) {
    const Refused refused = refusal_of([&]() -> int { pkcs11::refuse(row.rv, "do it", "token \"t\""); });
    INFO(refused.what());
    CHECK(refused.is(row.code));
    CHECK(says(refused, row.words));
    CHECK(says(refused, "cannot do it"));
    CHECK(says(refused, "token \"t\""));
  }
}

TEST_CASE("a token that disappears under an open session is said to be gone, and nothing hangs", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("vanishes");
  const Login login(*token, pin(user_pin));
  const auto key = token->generate_key({KeyAlgorithm::p256, "k", id(1)});
  std::filesystem::remove_all(soft.file("tokens"));
  const Refused refused = refusal_of([&] { return token->find("k"); });
  CHECK((refused.is(HsmRefusal::key_absent) || refused.is(HsmRefusal::token_removed) ||
         refused.is(HsmRefusal::device_error)));
  CHECK_REFUSED(token_removed, token->identity());
  CHECK_REFUSED(token_absent, soft.module().by_label("vanishes"));
}

TEST_CASE("the failing module fails the n-th call, before or after its effect", "[hsm]") {
  for (const FailAt::When when : {FailAt::When::before_effect, FailAt::When::after_effect}) {
    SoftHsm soft;
    const auto plan = std::make_shared<FailAt>(5, when);
    FailingModule module(soft.take(), plan);
    const auto token = module.blank();                        // 1
    token->initialise(pin("so-pin-0000"), "failing");         // 2
    token->init_user_pin(pin("so-pin-0000"), pin(user_pin));  // 3
    token->login(pin(user_pin));                              // 4
    CHECK_REFUSED(device_error, token->generate_key({KeyAlgorithm::p256, "k", id(1)}));
    CHECK(plan->failed());
    CHECK(token->objects().size() == (when == FailAt::When::before_effect ? 0U : 2U));
    CHECK(plan->calls() == 6);
  }
}
