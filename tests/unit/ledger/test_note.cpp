// Signed notes, checkpoints and proofs: what openssl signs verifies here, what is written here openssl verifies.
#include <catch2/catch_test_macros.hpp>

#include "ceremony/ledger/proof.h"
#include "tests/unit/ledger/openssl.h"
#include "tests/unit/ledger/refusing.h"

using namespace ceremony::ledger;
using ceremony::as_bytes;
using ceremony::as_view;
using ceremony::Bytes;
using ceremony::testing::log_key;
using ceremony::testing::OpensslKey;
using ceremony::testing::person_key;
using ceremony::testing::refused_with;
using ceremony::testing::Workshop;

namespace {

const std::string origin = "ca.example.com/kc/root-g1";
const std::string dash = "\xE2\x80\x94 ";

Tree tree_of(std::uint64_t size) {
  Tree tree;
  for (std::uint64_t i = 0; i < size; ++i) tree.append(leaf_hash("line " + std::to_string(i)));
  return tree;
}

Note signed_head(std::uint64_t size) {
  Note note{body({origin, size, tree_of(size).root()}), {}};
  add_signature(note, log_key_name(origin), log_key().spki(), log_key().sign(note.text));
  add_signature(note, person_key_name(origin, "ca1"), person_key().spki(), person_key().sign(note.text));
  return note;
}

std::string swapped(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a checkpoint signed by openssl is read back and trusted") {
  const std::string text = write_note(signed_head(5));
  const SignedCheckpoint back = parse_checkpoint(text, "checkpoint");
  CHECK(back.checkpoint == Checkpoint{origin, 5, tree_of(5).root()});
  const VerifierKey keys[] = {{origin, log_key().spki()}, {origin + "/ca1", person_key().spki()}};
  const NoteCheck check = check_note(back.note, keys);
  CHECK(check.trusted());
  CHECK(check.good == std::vector<std::string>{origin, origin + "/ca1"});
}

TEST_CASE("openssl, sed, base64 and sha256sum check a checkpoint by hand") {
  const Workshop shop;
  shop.write("checkpoint", write_note(signed_head(5)));
  shop.write("log.pem", write_public_pem(log_key().spki()));
  CHECK(write_public_pem(log_key().spki()) == log_key().public_pem());
  const std::string said = shop.run(
      "sed -n '1,3p' checkpoint > body\n"
      "sed -n 's|^— " + origin + " ||p' checkpoint | base64 -d | tail -c +5 > signature\n"
      "openssl dgst -sha256 -verify log.pem -signature signature body");
  CHECK(said == "Verified OK");
  const std::string id = shop.run("openssl pkey -pubin -in log.pem -outform DER | sha256sum | cut -c1-8");
  CHECK(id == ceremony::hex(key_id_of(log_key().spki())));
  CHECK(shop.run("sed -n 's|^— " + origin + " ||p' checkpoint | base64 -d | head -c 4 | od -An -tx1 | tr -d ' '") == id);
}

TEST_CASE("signatures of unknown keys are ignored, a known key's bad one spoils the note") {
  Note note = signed_head(5);
  const VerifierKey log{origin, log_key().spki()};
  const VerifierKey person{origin + "/ca1", person_key().spki()};
  CHECK(check_note(note, std::span(&log, 1)).good == std::vector<std::string>{origin});
  CHECK_FALSE(check_note(note, {}).trusted());
  // A foreign key under the log's name has another id: unknown, so ignored.
  const VerifierKey foreign{origin, person_key().spki()};
  CHECK_FALSE(check_note(note, std::span(&foreign, 1)).trusted());
  CHECK(check_note(note, std::span(&foreign, 1)).bad.empty());
  note.signatures[0].signature = note.signatures[1].signature;
  const VerifierKey both[] = {log, person};
  const NoteCheck check = check_note(note, both);
  CHECK(check.bad == std::vector<std::string>{origin});
  CHECK(check.good == std::vector<std::string>{origin + "/ca1"});
  CHECK_FALSE(check.trusted());
}

TEST_CASE("a note in another spelling is refused") {
  const std::string good = write_note(signed_head(5));
  const std::vector<std::string> bad = {
      "", "\n", "\n\n", good.substr(0, good.size() - 1), good + "\n", good + "x", swapped(good, "\n\n", "\n"), swapped(good, dash, "- "), swapped(good, dash, dash + " "),
      swapped(good, dash + origin, dash + "or+igin"), swapped(good, dash + origin, dash), swapped(good, "\n5\n", "\n5\r\n"), swapped(good, "\n5\n", "\n5\x01\n"),
      swapped(good, "\n5\n", "\n\xFF\n"), good + good.substr(good.find(dash)), good.substr(0, good.find(dash)), swapped(good, dash + origin + " ", dash + origin + " !"),
      good.substr(0, good.find(dash)) + dash + "x AAAAAA==\n", std::string(70000, 'x') + good};
  for (const std::string& text : bad) {
    INFO(text.substr(0, 300));
    refused_with("ledger/note", [&] { (void)parse_note(text, "checkpoint"); });
  }
  for (const char* space : {"\xC2\xA0", "\xE2\x80\x83", "\xE3\x80\x80", "\xC2\x85"}) {
    CHECK_FALSE(is_key_name(std::string("a") + space + "b"));
  }
  CHECK(is_key_name("caf\xC3\xA9.example/\xE2\x80\x90"));
}

TEST_CASE("a note's own text may hold empty lines") {
  Note note{"one\n\ntwo\n", {}};
  add_signature(note, "k", log_key().spki(), log_key().sign(note.text));
  CHECK(parse_note(write_note(note), "") == note);
  refused_with("ledger/checkpoint", [&] { (void)parse_checkpoint(write_note(note), ""); });
}

TEST_CASE("a checkpoint is exactly three lines") {
  const std::string good = body({origin, 5, tree_of(5).root()});
  CHECK(parse_body(good, "") == Checkpoint{origin, 5, tree_of(5).root()});
  const std::vector<std::string> bad = {"", good + "extension\n", good.substr(0, good.size() - 1), swapped(good, "\n5\n", "\n05\n"), swapped(good, "\n5\n", "\n+5\n"),
                                        swapped(good, "\n5\n", "\n\n"), swapped(good, "\n5\n", "\n18446744073709551616\n"), swapped(good, "ca.", "c a."), swapped(good, "ca.", "c+a."),
                                        swapped(good, "=", ""), swapped(good, "\n5\n", "\n5\nAAAA\n")};
  for (const std::string& text : bad) refused_with("ledger/checkpoint", [&] { (void)parse_body(text, "checkpoint"); });
}

TEST_CASE("a signature that does not verify, or is there already, is not added") {
  Note note = signed_head(5);
  refused_with("ledger/note", [&] { add_signature(note, origin, log_key().spki(), log_key().sign(note.text)); });
  refused_with("ledger/note", [&] { add_signature(note, origin + "/x", log_key().spki(), log_key().sign(note.text + "x")); });
  refused_with("ledger/note", [&] { add_signature(note, "a b", log_key().spki(), log_key().sign(note.text)); });
  CHECK(note.signatures.size() == 2);
}

TEST_CASE("a verifier key goes out and comes back; anything else is refused") {
  const VerifierKey key{origin, log_key().spki()};
  const std::string text = write_vkey(key);
  CHECK(text.starts_with(origin + "+" + ceremony::hex(key_id_of(key.spki)) + "+"));
  CHECK(parse_vkey(text, "") == key);
  Bytes p384 = as_bytes(Workshop().run("openssl ecparam -name secp384r1 -genkey -noout -outform DER | openssl pkey -inform DER -pubout -outform DER | base64 -w0"));
  p384 = *ceremony::unbase64(ceremony::as_text(p384));
  CHECK_FALSE(is_p256_spki(p384));
  Bytes off_curve = key.spki;
  off_curve.back() ^= 1U;
  CHECK_FALSE(is_p256_spki(off_curve));
  const std::string wrong_id = swapped(text, "+" + ceremony::hex(key_id_of(key.spki)) + "+", "+00000000+");
  for (const std::string& bad : {std::string(), text + "\n", text.substr(1), wrong_id, std::string("x+00+AQ=="), swapped(text, "+", " +")}) {
    INFO(bad);
    if (bad == text.substr(1)) CHECK(parse_vkey(bad, "").name == origin.substr(1));  // the id does not cover the name for this type
    else refused_with("ledger/key", [&] { (void)parse_vkey(bad, ""); });
  }
  refused_with("ledger/key", [&] { (void)write_vkey({"n", p384}); });
  CHECK(parse_public_pem(write_public_pem(key.spki), "") == key.spki);
  refused_with("ledger/key", [&] { (void)parse_public_pem(write_public_pem(p384), ""); });
  refused_with("ledger/key", [&] { (void)parse_public_pem(write_public_pem(key.spki) + "\n", ""); });
  refused_with("ledger/key", [&] { (void)parse_public_pem("-----BEGIN PUBLIC KEY-----\n", ""); });
}

TEST_CASE("malformed keys and signatures verify nothing") {
  const Bytes good = log_key().sign("text");
  CHECK(verify_ecdsa_p256(log_key().spki(), as_view("text"), good));
  CHECK_FALSE(verify_ecdsa_p256(person_key().spki(), as_view("text"), good));
  CHECK_FALSE(verify_ecdsa_p256(log_key().spki(), as_view("texx"), good));
  CHECK_FALSE(verify_ecdsa_p256({}, as_view("text"), good));
  CHECK_FALSE(verify_ecdsa_p256(log_key().spki(), as_view("text"), {}));
  Bytes longer = good;
  longer.push_back(0);
  CHECK_FALSE(verify_ecdsa_p256(log_key().spki(), as_view("text"), longer));
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes changed = good;
    changed[i] ^= 1U;
    CHECK_FALSE(verify_ecdsa_p256(log_key().spki(), as_view("text"), changed));
  }
}

TEST_CASE("a proof proves its record in the checkpoint's tree, and no other") {
  const Tree tree = tree_of(13);
  const std::string checkpoint = write_note(signed_head(13));
  for (std::uint64_t i = 0; i < 13; ++i) {
    const TlogProof proof{"line " + std::to_string(i), i, tree.inclusion_proof(i, 13), checkpoint};
    const std::string text = write_proof(proof);
    CHECK(parse_proof(text, "") == proof);
    CHECK(verify_proof(proof, "").checkpoint.size == 13);
    TlogProof other = proof;
    other.line += "x";
    refused_with("ledger/proof", [&] { (void)verify_proof(other, ""); });
    other = proof;
    other.index = (i + 1) % 13;
    refused_with("ledger/proof", [&] { (void)verify_proof(other, ""); });
    other = proof;
    other.path.pop_back();
    refused_with("ledger/proof", [&] { (void)verify_proof(other, ""); });
  }
}

TEST_CASE("a proof in another spelling is refused") {
  const Tree tree = tree_of(3);
  const std::string good = write_proof({"line 1", 1, tree.inclusion_proof(1, 3), write_note(signed_head(3))});
  CHECK(good.starts_with("c2sp.org/tlog-proof@v1\nextra bGluZSAx\nindex 1\n"));
  for (const std::string& bad : {std::string(), good.substr(0, 30), swapped(good, "@v1", "@v2"), swapped(good, "extra bGluZSAx\n", ""), swapped(good, "index 1", "index 01"),
                                 swapped(good, "index 1", "Index 1"), swapped(good, "extra bGluZSAx", "extra bGluZSA"), swapped(good, "index 1\n", "index 1\nAAAA\n"),
                                 swapped(good, "extra bGluZSAx", "extra "), swapped(good, "\n\n", "\n")}) {
    INFO(bad);
    refused_with("ledger/proof", [&] { (void)parse_proof(bad, "x.tlog-proof"); });
  }
  refused_with("ledger/note", [&] { (void)parse_proof(good.substr(0, good.size() - 1), ""); });
}
