// Two ledgers of one log: what is repaired, what is refused, and what one failing medium does.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>

#include "ceremony/ledger/proof.h"
#include "tests/unit/ledger/disks.h"
#include "tests/unit/ledger/failing_env.h"

using namespace ceremony::ledger;
using namespace ceremony::testing;
using ceremony::as_bytes;
using ceremony::as_text;
using ceremony::as_view;
using ceremony::Bytes;
using ceremony::Digest;
using ceremony::Path;
using ceremony::sha256;

namespace {

std::vector<std::string> kinds(const std::vector<Repair>& repairs) {
  std::vector<std::string> out;
  for (const Repair& r : repairs) out.push_back(std::string(name_of(r.kind)) + " " + r.folder.string() + " " + std::to_string(r.first) + "+" + std::to_string(r.count));
  return out;
}

}  // namespace

TEST_CASE("two ledgers are equal, and opening them changes nothing") {
  Disks disks;
  disks.equal();
  const auto files = disks.env.files("/a");
  std::vector<Repair> repairs;
  const Journal journal = disks.open(repairs);
  CHECK(repairs.empty());
  CHECK(journal.size() == 9);
  CHECK_FALSE(journal.closed());
  CHECK(disks.env.files("/a") == files);
  CHECK(files.size() == 10);  // log, 2 artifacts, 2 private, checkpoint, checkpoints/5, 2 keys, sums
  CHECK(journal.private_text(sha256(std::string("\1\2\3") + std::string(13, '\0') + "Ada of first")) == "Ada of first");
}

TEST_CASE("the reader sees what the journal wrote") {
  Disks disks;
  const Ledger ledger = load_ledger(disks.env, "/b");
  CHECK(ledger.records.size() == 9);
  CHECK(ledger.artifacts.size() == 2);
  CHECK(as_text(*ledger.artifact(sha256("artifact of first"))) == "artifact of first");
  CHECK_FALSE(ledger.artifact(sha256("nothing")));
  CHECK(ledger.private_text(ledger.private_texts.front())->starts_with("Ada of "));
  CHECK(ledger.checkpoints.size() == 1);
  CHECK(ledger.checkpoint == ledger.checkpoints.at(5));
  CHECK(parse_vkey(ledger.keys.at("log.vkey").substr(0, ledger.keys.at("log.vkey").size() - 1), "").name == origin);
  CHECK(parse_checkpoint(ledger.checkpoint, "").checkpoint.root == ledger.tree.root_at(5));
  CHECK(last_ceremony_begin(ledger.records) == 5);
}

TEST_CASE("a torn last line is cut, and said") {
  Disks disks;
  disks.log("/a").insert(disks.log("/a").end(), {'{', '"', 'c'});
  disks.log("/b").push_back(0);
  refused_with("ledger/torn", [&] { (void)load_ledger(disks.env, "/a"); });
  std::vector<Repair> repairs;
  (void)disks.open(repairs);
  CHECK(kinds(repairs) == std::vector<std::string>{"torn-line /a 9+3", "torn-line /b 9+1"});
  disks.equal();
}

TEST_CASE("a ledger that is behind within the open ceremony is caught up, and said") {
  for (int lines = 1; lines <= 4; ++lines) {
    Disks disks;
    disks.cut_last_lines("/b", lines);
    std::vector<Repair> repairs;
    CHECK(disks.open(repairs).size() == 9);
    CHECK(kinds(repairs) == std::vector<std::string>{"caught-up /b " + std::to_string(9 - lines) + "+" + std::to_string(lines)});
    disks.equal();
  }
}

TEST_CASE("its artifacts come with it") {
  Disks disks;
  disks.cut_last_lines("/b", 3);
  const std::string name = ArtifactStore(disks.env, "/b").place(sha256("artifact of second"));
  disks.env.remove("/b/" + name);
  std::vector<Repair> repairs;
  (void)disks.open(repairs);
  CHECK(repairs.size() == 2);
  CHECK(repairs[0].what == name);
  disks.equal();
}

TEST_CASE("a ledger behind a closed ceremony is refused, naming the first record it lacks") {
  Disks disks;
  SECTION("by an older ceremony's end") {
    disks.cut_last_lines("/b", 5);
    CHECK(disks.refusal_on_open().find("record 4 is missing") != std::string::npos);
  }
  SECTION("its checkpoint gone as well") {
    disks.cut_last_lines("/b", 6);
    for (const char* name : {"/b/checkpoint", "/b/checkpoints/5"}) disks.env.remove(name);
    CHECK(disks.refusal_on_open().find("record 3 and what follows is missing") != std::string::npos);
  }
  SECTION("empty") {
    disks.log("/b").clear();
    for (const char* name : {"/b/checkpoint", "/b/checkpoints/5"}) disks.env.remove(name);
    CHECK(disks.refusal_on_open().find("record 0 and what follows is missing") != std::string::npos);
  }
  SECTION("the second ceremony closed without it") {
    std::vector<Repair> repairs;
    Journal journal = Journal::open(disks.env, {"/a"}, repairs);
    write(journal, "second", "clock");
    write(journal, "second", "close");
    CHECK(disks.refusal_on_open().find("record 9 and what follows is missing") != std::string::npos);
  }
  SECTION("closed and checkpointed, only the close is lacking") {
    std::vector<Repair> repairs;
    Journal journal = Journal::open(disks.env, {"/a"}, repairs);
    write(journal, "second", "close");
    journal.write_checkpoint(signed_head(journal));
    CHECK(disks.refusal_on_open().find("record 9 and what follows is missing") != std::string::npos);
  }
  CHECK(disks.refusal_on_open().starts_with("ledger/behind "));
}

TEST_CASE("a power cut between the two writes of close is no reason to refuse") {
  Disks disks;
  std::vector<Repair> repairs;
  Journal journal = Journal::open(disks.env, {"/a"}, repairs);
  write(journal, "second", "close");
  CHECK(disks.open(repairs).closed());
  CHECK(kinds(repairs) == std::vector<std::string>{"caught-up /b 9+1"});
  disks.equal();
}

TEST_CASE("forked ledgers are refused, naming the first record that differs") {
  Disks disks;
  std::vector<Repair> repairs;
  Journal a = Journal::open(disks.env, {"/a"}, repairs);
  Journal b = Journal::open(disks.env, {"/b"}, repairs);
  write(a, "second", "clock", Value{{"x", 1}});
  write(b, "second", "clock", Value{{"x", 2}});
  write(b, "second", "clock", Value{{"x", 3}});
  const std::string said = disks.refusal_on_open();
  CHECK(said.starts_with("ledger/forked "));
  CHECK(said.find("record 9") != std::string::npos);
}

TEST_CASE("an edited ledger is told from its checkpoint, naming the record") {
  Disks disks;
  SECTION("a record of a closed ceremony") {
    disks.change("/b", "step-2", "step-7");
    const std::string said = disks.refusal_on_open();
    CHECK(said.starts_with("ledger/edited "));
    CHECK(said.find("/b/transcript.log:3") != std::string::npos);
    CHECK(said.find("record 2") != std::string::npos);
  }
  SECTION("both edited alike") {
    disks.change("/a", "step-2", "step-7");
    disks.change("/b", "step-2", "step-7");
    CHECK(disks.refusal_on_open().starts_with("ledger/edited "));
  }
  SECTION("both cut below their checkpoint") {
    disks.cut_last_lines("/a", 6);
    disks.cut_last_lines("/b", 6);
    CHECK(disks.refusal_on_open().starts_with("ledger/behind "));
  }
  SECTION("a record of the open ceremony") {
    disks.change("/b", "step-8", "step-9");
    CHECK(disks.refusal_on_open().starts_with("ledger/forked "));
  }
  SECTION("in a spelling that is not canonical") {
    disks.change("/b", "\"n\":2", "\"n\": 2");
    CHECK(disks.refusal_on_open().starts_with("ledger/canonical "));
    CHECK(disks.refusal_on_open().find("/b/transcript.log:3") != std::string::npos);
  }
  SECTION("a record removed") {
    std::string text = as_text(disks.log("/b"));
    const auto begin = text.find('\n') + 1;
    text.erase(begin, text.find('\n', begin) + 1 - begin);
    disks.log("/b") = as_bytes(text);
    CHECK(disks.refusal_on_open().starts_with("ledger/order "));
  }
}

TEST_CASE("every byte of the log changed is refused, or is a repair that brings back the same log") {
  const Disks original;
  Disks reference = original;
  const auto good = reference.env.files("/a");
  const std::size_t size = reference.log("/b").size();
  for (std::size_t at = 0; at < size; at += 7) {
    Disks disks = original;
    disks.log("/b")[at] ^= 1U;
    std::vector<Repair> repairs;
    if (refusal([&] { (void)disks.open(repairs); }).empty()) {
      INFO("byte " << at);
      CHECK_FALSE(repairs.empty());
      CHECK(disks.env.files("/b") == good);
    }
  }
}

TEST_CASE("artifacts that are changed, missing or foreign are refused") {
  Disks disks;
  const std::string first = "/b/" + ArtifactStore(disks.env, "/b").place(sha256("artifact of first"));
  SECTION("changed") { disks.env.at(first).front() ^= 1U; }
  SECTION("missing, of a closed ceremony") { disks.env.remove(first); }
  SECTION("foreign") { (void)(ArtifactStore(disks.env, "/b").put(as_view("x")), ArtifactStore(disks.env, "/b").settle(sha256("x"))); }
  SECTION("not named like one") { disks.env.create("/b/artifacts/ab/readme", as_view("x")); }
  CHECK(disks.refusal_on_open().starts_with("ledger/artifact "));
}

TEST_CASE("what lies in incoming and no record names is removed on resume, and said") {
  Disks disks;
  std::vector<Repair> repairs;
  {
    Journal journal = disks.open(repairs);
    (void)journal.put_artifact(as_view("never named"));
    CHECK(disks.env.list("/a/incoming").size() == 1);
    CHECK(as_text(*journal.artifact(sha256("never named"))) == "never named");
    CHECK(load_ledger(disks.env, "/a").artifacts.size() == 2);
  }
  (void)disks.open(repairs);
  CHECK(kinds(repairs) == std::vector<std::string>{"incoming /a 0+1", "incoming /b 0+1"});
  CHECK(disks.env.list("/a/incoming").empty());
}

TEST_CASE("an artifact that no record named is gone at close") {
  Disks disks;
  std::vector<Repair> repairs;
  Journal journal = disks.open(repairs);
  (void)journal.put_artifact(as_view("never named"));
  write(journal, "second", "close");
  CHECK(disks.env.list("/a/incoming").empty());
  CHECK_FALSE(journal.artifact(sha256("never named")));
  disks.equal();
}

TEST_CASE("the same bytes twice are one artifact") {
  Disks disks;
  std::vector<Repair> repairs;
  Journal journal = disks.open(repairs);
  for (int i = 0; i < 2; ++i) {
    const Digest digest = journal.put_artifact(as_view("artifact of first"));
    write(journal, "second", "intent", Value{{"tbs", digest}});
  }
  CHECK(load_ledger(disks.env, "/a").artifacts.size() == 2);
  CHECK(disks.env.list("/a/incoming").empty());
}

TEST_CASE("a new log is not made where one is") {
  Disks disks;
  refused_with("ledger/taken", [&] { (void)Journal::create(disks.env, both); });
  refused_with("ledger/taken", [&] { (void)Journal::create(disks.env, {"/c", "/a"}); });
  CHECK_FALSE(disks.env.exists("/c"));
  refused_with("ledger/taken", [&] { (void)Journal::create(disks.env, {"/c", "/x/../c"}); });
  CHECK(Journal::has_records(disks.env, both));
  const Path fresh[] = {"/c", "/d"};
  CHECK_FALSE(Journal::has_records(disks.env, fresh));
  (void)Journal::create(disks.env, {"/c"});
  CHECK(Journal::create(disks.env, {"/c", "/d"}).size() == 0);
}

TEST_CASE("one failing medium is reported and the other goes on; it comes back equal") {
  Disks disks;
  FailingEnv env(disks.env);
  std::vector<Repair> repairs;
  Journal journal = Journal::open(env, both, repairs);
  (void)journal.put_artifact(as_view("pending"));
  env.fail_below("/a");
  some_work(journal, "second");
  const auto failures = journal.take_failures();
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].folder == "/a");
  CHECK(journal.take_failures().empty());
  CHECK(journal.working() == std::vector<Path>{"/b"});
  SECTION("the same medium") {
    env.fail_below("");
    journal.rejoin("/a", repairs);
    CHECK_FALSE(repairs.empty());
    CHECK(journal.working().size() == 2);
    disks.equal();
    write(journal, "second", "intent", Value{{"tbs", sha256("pending")}});
    write(journal, "second", "close");
    disks.equal();
    CHECK(load_ledger(disks.env, "/a").artifact(sha256("pending")));
  }
  SECTION("a new medium in its place") {
    journal.rejoin("/c", repairs);
    CHECK(journal.working() == std::vector<Path>{"/c", "/b"});
    write(journal, "second", "close");
    journal.write_checkpoint(signed_head(journal));
    journal.write_sums();
    CHECK(disks.env.files("/c") == disks.env.files("/b"));
  }
  SECTION("a medium that is not of this log") {
    MemoryEnv other;
    env.fail_below("");
    disks.change("/a", "step-8", "step-9");
    refused_with("ledger/forked", [&] { journal.rejoin("/a", repairs); });
    CHECK(journal.working() == std::vector<Path>{"/b"});
  }
  SECTION("when the other fails too, nothing goes on") {
    env.fail_below("/b");
    refused_with("ledger/no-medium", [&] { write(journal, "second", "clock"); });
    refused_with("ledger/no-medium", [&] { journal.rejoin("/a", repairs); });
  }
}

TEST_CASE("records of a batch go in one group") {
  Disks disks;
  FailingEnv env(disks.env);
  std::vector<Repair> repairs;
  Journal journal = Journal::open(env, both, repairs);
  std::vector<Record> group;
  for (std::uint64_t i = 0; i < 64; ++i) group.push_back(make_record(9 + i, "second", "result", Value{{"i", i}}));
  const auto before = env.effects();
  journal.append(group);
  CHECK(env.effects() - before == 2);
  CHECK(journal.size() == 73);
  disks.equal();
}

TEST_CASE("a record that has no line leaves the journal as it was") {
  Disks disks;
  std::vector<Repair> repairs;
  Journal journal = disks.open(repairs);
  refused_with("ledger/record", [&] { write(journal, "second", "clock", Value{{"x", std::string(9000, 'x')}}); });
  CHECK(journal.size() == 9);
  write(journal, "second", "clock");
  disks.equal();
}

TEST_CASE("a checkpoint is of this log, and only gains signatures") {
  Disks disks;
  std::vector<Repair> repairs;
  Journal journal = disks.open(repairs);
  const std::string old = journal.checkpoint();
  const std::string one = signed_head(journal);
  const std::string two = signed_head(journal, true);
  Note more = parse_note(one, "");
  add_signature(more, origin + "/ca1", person_key().spki(), person_key().sign(more.text));
  journal.write_checkpoint(one);
  journal.write_checkpoint(write_note(more));
  refused_with("ledger/checkpoint", [&] { journal.write_checkpoint(one); });
  refused_with("ledger/checkpoint", [&] { journal.write_checkpoint(old); });
  refused_with("ledger/note", [&] { journal.write_checkpoint(two.substr(1).substr(0, 40)); });
  Note forged{body({origin, 9, sha256("x")}), {}};
  add_signature(forged, origin, log_key().spki(), log_key().sign(forged.text));
  refused_with("ledger/checkpoint", [&] { journal.write_checkpoint(write_note(forged)); });
  CHECK(journal.checkpoint() == write_note(more));
  disks.equal();
  const TlogProof proof = parse_proof(journal.proof(3, journal.checkpoint()), "");
  CHECK(verify_proof(proof, "").checkpoint.size == 9);
  CHECK(proof.line == journal.lines()[3]);
}

TEST_CASE("a checkpoint written to one medium only is brought to the other") {
  Disks disks;
  std::vector<Repair> repairs;
  {
    Journal journal = disks.open(repairs);
    write(journal, "second", "close");
    journal.write_checkpoint(signed_head(journal));
  }
  disks.env.remove("/b/checkpoints/10");
  disks.env.at("/b/checkpoint") = disks.env.at("/b/checkpoints/5");
  disks.env.remove("/b/keys/log.pem");
  disks.env.create("/b/checkpoints/10.part", as_view("— torn"));
  (void)disks.open(repairs);
  CHECK(repairs.size() == 3);
  disks.equal();
}

TEST_CASE("sha256sum agrees with SHA256SUMS, and private texts are not in it") {
  const Workshop shop;
  const auto env = ceremony::make_posix_env();
  const std::vector<Path> folders{shop.folder() / "a", shop.folder() / "b"};
  Journal journal = Journal::create(*env, folders);
  whole_ceremony(journal, "first");
  journal.write_key("log", {origin, log_key().spki()});
  CHECK_FALSE(journal.has_sums());
  journal.write_checkpoint(signed_head(journal));
  CHECK_FALSE(journal.has_sums());
  journal.write_sums();
  CHECK(journal.has_sums());
  CHECK(shop.run("cd a && sha256sum --quiet --strict -c SHA256SUMS && wc -l < SHA256SUMS") == "6");
  CHECK(shop.run("grep -c private a/SHA256SUMS || true") == "0");
  CHECK(shop.run("diff -r a b && echo equal") == "equal");
  std::vector<Repair> repairs;
  CHECK(Journal::open(*env, folders, repairs).size() == 5);
  CHECK(repairs.empty());
  const std::string root = ceremony::base64(journal.tree().root().value);
  CHECK(shop.run("sed -n 3p a/checkpoint") == root);
}

TEST_CASE("a replaced key stands beside the old one") {
  Disks disks;
  std::vector<Repair> repairs;
  Journal journal = disks.open(repairs);
  journal.write_key("log", {origin, log_key().spki()});
  journal.write_key("log", {origin, person_key().spki()});
  CHECK(disks.env.list("/a/keys").size() == 4);
  CHECK(disks.env.exists("/a/keys/log-" + ceremony::hex(key_id_of(person_key().spki())) + ".pem"));
  disks.equal();
}
