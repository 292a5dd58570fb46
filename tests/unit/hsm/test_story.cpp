// The life of a root key on SoftHSM2, from a blank token to its end, with openssl as the second opinion.
#include <algorithm>
#include <catch2/generators/catch_generators.hpp>
#include <thread>

#include "soft_token.h"

using namespace ceremony::hsm;
using ceremony::as_view;
using ceremony::Bytes;
using ceremony::hex;
using ceremony::sha256;

TEST_CASE("a token's first hour: throw-away SO PIN, random bytes, real SO PIN, user PIN", "[hsm]") {
  SoftHsm soft;
  CHECK(soft.module().info().description.find("PKCS11") != std::string::npos);
  auto token = soft.module().blank();
  CHECK_FALSE(token->identity().initialized);
  CHECK_FALSE(token->logged_in());
  CHECK_REFUSED(token_blank, token->random(8));
  CHECK_REFUSED(token_blank, token->login(pin("user-pin-0")));

  token->initialise(pin("throw-away-00"), "ceremony-a");
  const TokenIdentity identity = token->identity();
  CHECK(identity.initialized);
  CHECK(identity.label == "ceremony-a");
  CHECK(identity.manufacturer == "SoftHSM project");
  CHECK(identity.model == "SoftHSM v2");
  CHECK(identity.firmware == "2.6");
  CHECK(identity.pin_min == 4);
  CHECK(identity.pin_max == 255);
  CHECK_FALSE(identity.user_pin_set);
  const Bytes random = token->random(32);
  CHECK(random.size() == 32);
  CHECK(random != token->random(32));

  token->set_so_pin(pin("throw-away-00"), pin("so-pin-0000"));
  CHECK(token->refuses_so_pin(pin("throw-away-00")));
  CHECK_FALSE(token->refuses_so_pin(pin("so-pin-0000")));
  CHECK_REFUSED(pin_not_set, token->login(pin("user-pin-0")));
  token->init_user_pin(pin("so-pin-0000"), pin("user-pin-0"));
  CHECK(token->identity().user_pin_set);
  CHECK(token->pin_state() == PinStates{});
  {
    const Login login(*token, pin("user-pin-0"));
    CHECK(token->logged_in());
    CHECK(token->objects().empty());
  }
  CHECK_FALSE(token->logged_in());

  token.reset();
  soft.reopen();
  CHECK(soft.module().by_serial(identity.serial)->identity().label == "ceremony-a");
  CHECK(soft.module().by_label("ceremony-a")->identity().serial == identity.serial);
}

TEST_CASE("a key is generated, backed up, restored on a second token, locked and destroyed", "[hsm]") {
  struct Row {
    KeyAlgorithm algorithm;
    std::string digest;
    std::size_t blob_size;  ///< 0: not the same for every key
  };
  const auto [algorithm, digest, blob_size] =
      GENERATE(Row{KeyAlgorithm::p384, "-sha384", 88}, Row{KeyAlgorithm::p256, "-sha256", 0},
               Row{KeyAlgorithm::rsa3072, "-sha256", 0});
  SoftHsm soft;
  const auto first = soft.ready("first");
  const auto second = soft.ready("second");
  const Bytes message = ceremony::as_bytes("to be signed");
  const SignatureScheme scheme = algorithm == KeyAlgorithm::p384   ? SignatureScheme::ecdsa_sha384
                                 : algorithm == KeyAlgorithm::p256 ? SignatureScheme::ecdsa_sha256
                                                                   : SignatureScheme::rsa_pkcs1_sha256;
  const Login login(*first, pin("user-pin-0"));
  const auto key = first->generate_key({algorithm, "root", id(1), true});
  CHECK(key->algorithm() == algorithm);
  CHECK(soft.openssl_verifies(key->spki(), message, key->sign(message, scheme), digest));

  const ObjectInfo made = key->attributes();
  CHECK(made.cls == "private-key");
  CHECK(made.label == "root");
  CHECK(made.id == "ce01");
  CHECK(made.algorithm == algorithm);
  CHECK(made.local == true);
  CHECK(made.sensitive == true);
  CHECK(made.always_sensitive == true);
  CHECK(made.extractable == true);
  CHECK(made.never_extractable == false);
  CHECK(made.private_object == true);
  CHECK(made.sign == true);
  CHECK(made.decrypt == false);
  CHECK(made.unwrap == false);
  CHECK(made.derive == false);
  CHECK(made.public_key == sha256(key->spki()));

  // Backed up: anybody with the KEK and openssl has the key.
  const Bytes blob = first->wrap(id(1), kek());
  if (blob_size != 0) CHECK(blob.size() == blob_size);
  soft.write("key.kwp", blob);
  REQUIRE(soft.run("openssl enc -d -id-aes256-wrap-pad -K " + hex(kek().reveal()) +
                   " -iv A65959A6 -in key.kwp -out key.p8"));
  REQUIRE(soft.run("openssl pkey -inform DER -in key.p8 -pubout -outform DER -out restored.der"));
  CHECK(soft.read("restored.der") == key->spki());

  // Restored: on a second token the same key signs and cannot leave again.
  {
    const Login second_login(*second, pin("user-pin-0"));
    CHECK_REFUSED(unwrap_failed, second->unwrap(blob, kek(0x11), {algorithm, "root", id(1)}, key->spki()));
    Bytes damaged = blob;
    damaged[20] ^= 1;
    CHECK_REFUSED(unwrap_failed, second->unwrap(damaged, kek(), {algorithm, "root", id(1)}, key->spki()));
    CHECK(second->objects().empty());
    const auto restored = second->unwrap(blob, kek(), {algorithm, "root", id(1), true}, key->spki());
    CHECK(restored->spki() == key->spki());
    CHECK(soft.openssl_verifies(key->spki(), message, restored->sign(message, scheme), digest));
    const ObjectInfo back = restored->attributes();
    CHECK(back.local == false);
    CHECK(back.extractable == false);
    CHECK(back.sensitive == true);
    CHECK(back.public_key == sha256(key->spki()));
    CHECK_REFUSED(wrap_refused, second->wrap(id(1), kek()));
    CHECK_REFUSED(label_taken, second->unwrap(blob, kek(), {algorithm, "root", id(2)}, key->spki()));
  }

  first->lock(id(1));
  CHECK(key->attributes().extractable == false);
  CHECK_REFUSED(wrap_refused, first->wrap(id(1), kek()));
  first->lock(id(1));
  CHECK(soft.openssl_verifies(key->spki(), message, key->sign(message, scheme), digest));

  CHECK(first->objects().size() == 2);
  first->destroy(id(1));
  CHECK(first->objects().empty());
  CHECK_REFUSED(key_absent, first->find("root"));
  CHECK_REFUSED(key_absent, key->sign(message, scheme));
  CHECK_REFUSED(key_absent, first->destroy(id(1)));
}

TEST_CASE("every scheme's signature is what openssl expects", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("signer");
  const Login login(*token, pin("user-pin-0"));
  const Bytes message(1000, 0x61);
  const auto p256 = token->generate_key({KeyAlgorithm::p256, "p256", id(1)});
  const auto p384 = token->generate_key({KeyAlgorithm::p384, "p384", id(2)});
  const auto rsa = token->generate_key({KeyAlgorithm::rsa3072, "rsa", id(3)});
  CHECK(p384->attributes().never_extractable == true);
  const auto check = [&](Key& key, SignatureScheme scheme, const std::string& options) {
    INFO(name_of(scheme));
    CHECK(soft.openssl_verifies(key.spki(), message, key.sign(message, scheme), options));
  };
  for (Key* key : {p256.get(), p384.get()}) {
    check(*key, SignatureScheme::ecdsa_sha256, "-sha256");
    check(*key, SignatureScheme::ecdsa_sha384, "-sha384");
    check(*key, SignatureScheme::ecdsa_sha512, "-sha512");
  }
  check(*rsa, SignatureScheme::rsa_pkcs1_sha256, "-sha256");
  check(*rsa, SignatureScheme::rsa_pkcs1_sha384, "-sha384");
  check(*rsa, SignatureScheme::rsa_pkcs1_sha512, "-sha512");
  const std::string pss = " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest";
  check(*rsa, SignatureScheme::rsa_pss_sha256, "-sha256" + pss);
  check(*rsa, SignatureScheme::rsa_pss_sha384, "-sha384" + pss);
  check(*rsa, SignatureScheme::rsa_pss_sha512, "-sha512" + pss);
  CHECK_REFUSED(mechanism_missing, rsa->sign(message, SignatureScheme::ecdsa_sha256));
  CHECK_REFUSED(mechanism_missing, p256->sign(message, SignatureScheme::rsa_pss_sha256));

  // What the list of objects says of all this.
  const std::vector<ObjectInfo> objects = token->objects();
  REQUIRE(objects.size() == 6);
  CHECK(objects[0].label == "p256");
  CHECK(objects[3].cls == "public-key");
  CHECK(std::ranges::all_of(objects, [](const ObjectInfo& o) { return o.public_key.has_value(); }));
  CHECK(std::ranges::none_of(objects, [](const ObjectInfo& o) { return o.wrap == true; }));
}

TEST_CASE("the token's mechanisms are listed by name with their key sizes", "[hsm]") {
  SoftHsm soft;
  const auto all = soft.ready("lists")->mechanisms();
  const auto wrap = std::ranges::find(all, std::string("CKM_AES_KEY_WRAP_PAD"), &Mechanism::name);
  REQUIRE(wrap != all.end());
  CHECK(wrap->type == 0x210A);
  const auto ec = std::ranges::find(all, std::string("CKM_EC_KEY_PAIR_GEN"), &Mechanism::name);
  REQUIRE(ec != all.end());
  CHECK(ec->min_key <= 256);
  CHECK(ec->max_key >= 384);
  CHECK(std::ranges::find(all, std::string("CKM_AES_KEY_WRAP_KWP"), &Mechanism::name) == all.end());
}

TEST_CASE("private data objects are put, read, listed and removed", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("data");
  CHECK_REFUSED(not_logged_in, token->put_data("checkpoint-7", as_view("origin\n7\n")));
  const Login login(*token, pin("user-pin-0"));
  token->put_data("checkpoint-7", as_view("origin\n7\n"));
  token->put_data("checkpoint-12", as_view("origin\n12\n"));
  CHECK_REFUSED(label_taken, token->put_data("checkpoint-7", as_view("other")));
  CHECK(token->data_labels() == std::vector<std::string>{"checkpoint-12", "checkpoint-7"});
  CHECK(token->get_data("checkpoint-7") == ceremony::as_bytes("origin\n7\n"));
  CHECK(token->objects().front().private_object == true);
  CHECK(token->objects().front().size == 10);
  token->remove_data("checkpoint-7");
  CHECK_REFUSED(data_absent, token->get_data("checkpoint-7"));
  CHECK_REFUSED(data_absent, token->remove_data("checkpoint-7"));
}

TEST_CASE("keys live on after their token object and module, and through a new login", "[hsm]") {
  SoftHsm soft;
  auto token = soft.ready("life");
  token->login(pin("user-pin-0"));
  auto key = token->generate_key({KeyAlgorithm::p256, "k", id(1)});
  token->logout();
  CHECK_REFUSED(not_logged_in, key->sign(as_view("m"), SignatureScheme::ecdsa_sha256));
  token->login(pin("user-pin-0"));
  CHECK_FALSE(key->sign(as_view("m"), SignatureScheme::ecdsa_sha256).empty());
  {
    // Another token object logs out and in behind the key's back.
    const auto other = soft.module().by_label("life");
    other->logout();
    other->login(pin("user-pin-0"));
  }
  CHECK_FALSE(key->sign(as_view("m"), SignatureScheme::ecdsa_sha256).empty());
  token.reset();
  auto module = soft.take();
  module.reset();
  CHECK_FALSE(key->sign(as_view("m"), SignatureScheme::ecdsa_sha256).empty());
  CHECK_REFUSED(module_failed, open_pkcs11("softhsm2"));
  key.reset();
  CHECK(open_pkcs11("softhsm2")->by_label("life") != nullptr);
}

TEST_CASE("two threads sign at once, each with a token object of its own", "[hsm]") {
  SoftHsm soft;
  const auto token = soft.ready("threads");
  const Login login(*token, pin("user-pin-0"));
  const auto key = token->generate_key({KeyAlgorithm::p256, "k", id(1)});
  const auto other = soft.module().by_label("threads");
  const auto other_key = other->find("k");
  std::vector<Bytes> theirs;
  std::thread thread([&] {
    for (int i = 0; i < 50; ++i) theirs.push_back(other_key->sign(as_view("m"), SignatureScheme::ecdsa_sha256));
  });
  std::vector<Bytes> ours;
  for (int i = 0; i < 50; ++i) ours.push_back(key->sign(as_view("m"), SignatureScheme::ecdsa_sha256));
  thread.join();
  CHECK(soft.openssl_verifies(key->spki(), as_view("m"), ours.back(), "-sha256"));
  CHECK(soft.openssl_verifies(key->spki(), as_view("m"), theirs.back(), "-sha256"));
}
