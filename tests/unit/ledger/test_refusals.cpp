// Ledgers that are not taken: the exact text people read, by the reader (status, verify) and by the journal (run, resume).
#include <catch2/catch_test_macros.hpp>

#include "ceremony/ledger/proof.h"
#include "tests/unit/ledger/disks.h"
#include "tests/unit/shared/refusal_table.h"

using namespace ceremony;
using namespace ceremony::ledger;
using namespace ceremony::testing;

namespace {

using Spoil = std::function<void(Disks&)>;

void replace_line(Disks& disks, const Path& folder, std::size_t number, const std::string& with) {
  std::string text = as_text(disks.log(folder));
  std::size_t begin = 0;
  for (std::size_t i = 1; i < number; ++i) begin = text.find('\n', begin) + 1;
  disks.log(folder) = as_bytes(text.replace(begin, text.find('\n', begin) + 1 - begin, with));
}

std::string place_of(Disks& disks, std::string_view content) { return ArtifactStore(disks.env, "/b").place(sha256(content)); }

/// Resuming on both ledgers, of which nothing is changed where it is refused.
std::function<void()> journal(const Spoil& spoil) {
  return [spoil] {
    Disks disks;
    spoil(disks);
    const MemoryEnv before = disks.env;
    try {
      std::vector<Repair> repairs;
      (void)disks.open(repairs);
    } catch (const Refused&) {
      MemoryEnv untouched = before;
      if (disks.env.exists("/a")) CHECK(disks.env.files("/a") == untouched.files("/a"));
      if (disks.env.exists("/b")) CHECK(disks.env.files("/b") == untouched.files("/b"));
      throw;
    }
  };
}

/// Reading one ledger, as the verifier does.
std::function<void()> reader(const Spoil& spoil, const Path& folder = "/b") {
  return [spoil, folder] {
    Disks disks;
    spoil(disks);
    (void)load_ledger(disks.env, folder);
  };
}

/// One line of the transcript with something replaced.
std::function<void()> line(std::string_view from, std::string_view to) {
  return reader([=](Disks& disks) { disks.change("/b", from, to); });
}

Journal alone(Disks& disks, const Path& folder) {
  std::vector<Repair> repairs;
  return Journal::open(disks.env, {folder}, repairs);
}

void forget_checkpoints(Disks& disks, const std::string& folder) {
  for (const char* name : {"/checkpoint", "/checkpoints/5"}) disks.env.remove(folder + name);
}

}  // namespace

TEST_CASE("every bad ledger is refused with the text of the table") {
  const test::RefusalTable table("ledgers", "ledger/ledger.refusals");
  table.check_acts({
      {"no such folder", reader([](Disks&) {}, "/nowhere")},
      {"an empty folder", reader([](Disks& disks) { disks.env.make_folder("/empty"); }, "/empty")},
      {"a torn last line", reader([](Disks& disks) { disks.log("/b").push_back('{'); })},
      {"not JSON", reader([](Disks& disks) { replace_line(disks, "/b", 3, "hello\n"); })},
      {"an empty line", reader([](Disks& disks) { replace_line(disks, "/b", 3, "\n"); })},
      {"a line of control characters", reader([](Disks& disks) { replace_line(disks, "/b", 3, "\x1b[2J\n"); })},
      {"a line that is too long", reader([](Disks& disks) { replace_line(disks, "/b", 3, std::string(9000, 'x') + "\n"); })},
      {"a space after a colon", line("\"n\":2", "\"n\": 2")},
      {"a field twice", line("{\"c\":\"first\"", "{\"c\":\"first\",\"c\":\"first\"")},
      {"a field missing", line("\"res\":\"ok\",", "")},
      {"a field too many", line("\"res\":\"ok\",", "\"res\":\"ok\",\"sig\":\"x\",")},
      {"a result that is none", line("\"res\":\"ok\"", "\"res\":\"maybe\"")},
      {"a time that is none", line("Z\",\"who\"", "\",\"who\"")},
      {"a number with a fraction", line("\"n\":2", "\"n\":2.0")},
      {"a number that jumps", line("\"n\":2", "\"n\":3")},
      {"a record removed", reader([](Disks& disks) { replace_line(disks, "/b", 2, ""); })},
      {"a record doubled", reader([](Disks& disks) {
         const std::string text = as_text(disks.log("/b"));
         const auto end = text.find('\n') + 1;
         disks.log("/b") = as_bytes(text.substr(0, end) + text);
       })},
      {"line ends of Windows", reader([](Disks& disks) {
         const std::string text = as_text(disks.log("/b"));
         replace_line(disks, "/b", 1, text.substr(0, text.find('\n')) + "\r\n");
       })},
      {"a byte order mark", reader([](Disks& disks) { disks.log("/b") = as_bytes("\xef\xbb\xbf" + as_text(disks.log("/b"))); })},
      {"a foreign file among the checkpoints", reader([](Disks& disks) { disks.env.create("/b/checkpoints/old", as_view("x")); })},
      {"a foreign file among the artifacts", reader([](Disks& disks) { disks.env.create("/b/artifacts/ab/readme", as_view("x")); })},
      {"one folder given twice", [] {
         Disks disks;
         std::vector<Repair> repairs;
         (void)Journal::open(disks.env, {"/a", "/x/../a"}, repairs);
       }},
      {"a new log where one is", [] {
         Disks disks;
         (void)Journal::create(disks.env, {"/c", "/a"});
       }},
      {"the other medium is empty", [] {
         Disks disks;
         disks.env.make_folder("/c");
         std::vector<Repair> repairs;
         (void)Journal::open(disks.env, {"/a", "/c"}, repairs);
       }},
      {"forked in the open ceremony", journal([](Disks& disks) {
         Journal a = alone(disks, "/a");
         Journal b = alone(disks, "/b");
         write(a, "second", "clock", Value{{"x", 1}});
         write(b, "second", "clock", Value{{"x", 2}});
       })},
      {"one ledger edited in a closed ceremony", journal([](Disks& disks) { disks.change("/b", "step-2", "step-7"); })},
      {"both ledgers edited alike", journal([](Disks& disks) {
         disks.change("/a", "step-2", "step-7");
         disks.change("/b", "step-2", "step-7");
       })},
      {"one ledger edited in the open ceremony", journal([](Disks& disks) { disks.change("/b", "step-8", "step-9"); })},
      {"behind its own checkpoint", journal([](Disks& disks) { disks.cut_last_lines("/b", 5); })},
      {"both behind their checkpoint", journal([](Disks& disks) {
         disks.cut_last_lines("/a", 6);
         disks.cut_last_lines("/b", 6);
       })},
      {"behind, and without checkpoints", journal([](Disks& disks) {
         disks.cut_last_lines("/b", 6);
         forget_checkpoints(disks, "/b");
       })},
      {"emptied", journal([](Disks& disks) {
         disks.log("/b").clear();
         forget_checkpoints(disks, "/b");
       })},
      {"behind a ceremony that was closed without it", journal([](Disks& disks) {
         Journal a = alone(disks, "/a");
         write(a, "second", "clock");
         write(a, "second", "close");
       })},
      {"an artifact changed", journal([](Disks& disks) { disks.env.at("/b/" + place_of(disks, "artifact of first")).front() ^= 1U; })},
      {"an artifact of a closed ceremony missing", journal([](Disks& disks) { disks.env.remove("/b/" + place_of(disks, "artifact of first")); })},
      {"an artifact that no record names", journal([](Disks& disks) {
         ArtifactStore store(disks.env, "/b");
         (void)store.put(as_view("x"));
         store.settle(sha256("x"));
       })},
      {"a checkpoint that is none", journal([](Disks& disks) { disks.env.at("/b/checkpoint") = as_bytes("hello\n"); })},
      {"an empty checkpoint", journal([](Disks& disks) { disks.env.at("/b/checkpoint").clear(); })},
      {"a checkpoint under another size's name", journal([](Disks& disks) { disks.env.create("/b/checkpoints/4", disks.env.at("/b/checkpoints/5")); })},
      {"a checkpoint of another root", journal([](Disks& disks) {
         Note note{body({origin, 5, sha256("x")}), {}};
         add_signature(note, origin, log_key().spki(), log_key().sign(note.text));
         disks.env.at("/b/checkpoint") = disks.env.at("/b/checkpoints/5") = as_bytes(write_note(note));
       })},
      {"a key file that differs", journal([](Disks& disks) { disks.env.at("/b/keys/log.pem") = as_bytes(person_key().public_pem()); })},
  });
  table.print_count();
}
