#include "media/volume.h"

#include <catch2/catch_test_macros.hpp>

#include "ceremony/ground/refused.h"
#include "media/folder_volume.h"
#include "tests/unit/media/temp_folder.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

using test::fate;

const Bytes random_id(16, 0xab);
const Files factory{{"MANIFEST", as_bytes("list\n")}, {"certs/root.der", Bytes(300, 0x30)}, {"empty", {}}};

/// The real Env until the call it is told to fail.
class FaultyEnv final : public Env {
 public:
  int calls_left = 1 << 30;

  Time now() override { return m_real->now(); }
  void random(std::span<std::uint8_t> out) override { m_real->random(out); }
  bool exists(const Path& path) override { return count(path), m_real->exists(path); }
  Bytes read(const Path& path, std::size_t limit) override { return count(path), m_real->read(path, limit); }
  std::vector<std::string> list(const Path& folder) override { return count(folder), m_real->list(folder); }
  void make_folder(const Path& folder) override { count(folder), m_real->make_folder(folder); }
  void create(const Path& path, View bytes) override { count(path), m_real->create(path, bytes); }
  void append(const Path& path, View bytes) override { count(path), m_real->append(path, bytes); }
  void truncate(const Path& path, std::size_t size) override { count(path), m_real->truncate(path, size); }
  void rename(const Path& from, const Path& to) override { count(to), m_real->rename(from, to); }
  void replace(const Path& path, View bytes) override { count(path), m_real->replace(path, bytes); }
  void remove(const Path& path) override { count(path), m_real->remove(path); }

 private:
  void count(const Path& path) {
    if (calls_left-- <= 0) throw Refused(EnvRefusal::failed, "input/output error", path.string(), "use another medium");
  }
  std::unique_ptr<Env> m_real = make_posix_env();
};

/// A desk: a folder that is a stick, and what happens to it while it is out.
struct Desk {
  TempFolder folder;
  FaultyEnv env;
  FolderVolume stick{env, "factory-a", folder.path() / "stick"};

  std::string exporting(const std::string& while_out = "true", const std::string& prefix = "out") {
    return fate([&] { write_and_read_back(stick, prefix, factory, [&](const Volume&) { folder.runs("cd stick && " + while_out); }); });
  }
  [[nodiscard]] std::string files() const { return folder.says("cd stick && find . -type f | LC_ALL=C sort | tr '\\n' ' '"); }
};

}  // namespace

TEST_CASE("a label is known by its exact bytes") {
  const Label label{"rehearsal.ca.example.com/g1", "factory-a", std::string(32, 'a')};
  const std::string text = "ceremony-medium/v1\norigin: rehearsal.ca.example.com/g1\nname: factory-a\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
  CHECK(text_of(label) == text);
  CHECK(parse_label(text) == label);
  for (std::size_t at = 0; at < text.size(); ++at) CHECK(fate([&] { (void)parse_label(text.substr(0, at)); }) == "media/label");
  for (const auto* bad : {"ceremony-medium/v2\norigin: o\nname: a\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                          "ceremony-medium/v1\nname: a\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                          "ceremony-medium/v1\norigin: \nname: a\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                          "ceremony-medium/v1\norigin: o o\nname: a\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                          "ceremony-medium/v1\norigin: o+o\nname: a\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                          "ceremony-medium/v1\norigin: o\nname: a b\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                          "ceremony-medium/v1\norigin: o\nname: a/b\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                          "ceremony-medium/v1\norigin: o\nname: a\nid: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
                          "ceremony-medium/v1\norigin: o\nname: a\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                          "ceremony-medium/v1\nname: a\norigin: o\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                          "ceremony-medium/v1\r\norigin: o\r\nname: a\r\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
                          "ceremony-medium/v1\norigin: o\nname: a\nid: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nmore\n"})
    CHECK(fate([&] { (void)parse_label(bad); }) == "media/label");
}

TEST_CASE("a new medium gets a label, a labelled one keeps its own") {
  Desk desk;
  CHECK(desk.stick.label() == std::nullopt);
  CHECK(desk.stick.info().label == std::nullopt);
  const Label label = desk.stick.label_if_new("rehearsal.ca.example.com/g1", "factory-a", random_id);
  CHECK(desk.folder.says("cat stick/ceremony-medium") == text_of(label));
  CHECK(desk.stick.info().label == sha256(text_of(label)));
  CHECK(desk.stick.is_same_medium(sha256(text_of(label))));
  CHECK_FALSE(desk.stick.is_same_medium(sha256("another")));
  CHECK(desk.stick.label_if_new("rehearsal.other.example.com/g1", "other", Bytes(16, 1)) == label);
  Desk fresh;
  CHECK(fate([&] { (void)fresh.stick.label_if_new("two words", "factory-a", random_id); }) == "media/name");
  CHECK(fresh.stick.label() == std::nullopt);
  desk.folder.put("stick/ceremony-medium", as_view("hello\n"));
  CHECK(fate([&] { (void)desk.stick.label(); }) == "media/label");
}

TEST_CASE("nothing is overwritten, and nothing is written after re-insertion") {
  Desk desk;
  desk.stick.write("a/b", as_view("one"));
  CHECK(desk.stick.read("a/b", 3) == as_bytes("one"));
  CHECK(fate([&] { (void)desk.stick.read("a/b", 2); }) == "media/too-large");
  CHECK(fate([&] { (void)desk.stick.read("absent", 2); }) == "media/absent");
  CHECK(fate([&] { desk.stick.write("a/b", as_view("two")); }) == "media/exists");
  CHECK(fate([&] { desk.stick.write("a", as_view("two")); }) == "media/exists");
  CHECK(fate([&] { desk.stick.write("../b", as_view("two")); }) == "media/name");
  CHECK(fate([&] { (void)desk.stick.read("/etc/passwd", 10000); }) == "media/name");
  desk.stick.eject();
  desk.stick.eject();
  CHECK(fate([&] { (void)desk.stick.list(); }) == "media/out");
  CHECK(fate([&] { (void)desk.stick.info(); }) == "media/out");
  CHECK(fate([&] { desk.stick.write("c", as_view("two")); }) == "media/out");
  desk.stick.insert_again();
  CHECK(desk.stick.list() == std::vector<std::string>{"a/b"});
  CHECK(fate([&] { desk.stick.write("c", as_view("two")); }) == "media/read-only");
  desk.stick.insert_writable();
  CHECK(fate([&] { desk.stick.write("c", as_view("two")); }) == "done");
  CHECK(desk.folder.says("cat stick/a/b stick/c") == "onetwo");
}

TEST_CASE("links and special files on a medium are refused") {
  for (const auto* harm : {"ln -s /etc/passwd l", "ln -s /etc l", "mkfifo l"}) {
    Desk desk;
    desk.folder.runs(std::string("cd stick && ") + harm);
    CHECK(fate([&] { (void)desk.stick.list(); }) == "media/link");
    CHECK(fate([&] { (void)desk.stick.read("l", 10000); }) == "media/link");
    CHECK(fate([&] { desk.stick.write("l", as_view("x")); }) == "media/exists");
    CHECK(fate([&] { desk.stick.insert_again(); }) == "media/link");
    CHECK(desk.stick.inserted() == Inserted::no);
    CHECK(fate([&] { FolderVolume again(desk.env, "again", desk.folder.path() / "stick"); }) == "media/link");
  }
  Desk desk;
  desk.folder.runs("mkdir elsewhere && echo x >elsewhere/f && ln -s ../elsewhere stick/l");
  CHECK(fate([&] { (void)desk.stick.read("l/f", 100); }) == "media/link");
  CHECK(fate([&] { (void)desk.stick.exists("l/f"); }) == "media/link");
  CHECK(fate([&] { desk.stick.write("l/g", as_view("x")); }) == "media/link");
  CHECK(desk.folder.says("ls elsewhere") == "f\n");
}

TEST_CASE("an export is written, taken out, put in again and compared") {
  Desk desk;
  desk.stick.label_if_new("rehearsal.ca.example.com/g1", "factory-a", random_id);
  desk.stick.write("out/older", as_view("stays"));
  int asked = 0;
  write_and_read_back(desk.stick, "out", factory, [&](const Volume& volume) {
    ++asked;
    CHECK(volume.name() == "factory-a");
    CHECK(volume.inserted() == Inserted::no);
    CHECK(desk.files() == "./ceremony-medium ./out/MANIFEST ./out/certs/root.der ./out/empty ./out/older ");
  });
  CHECK(asked == 1);
  CHECK(desk.stick.inserted() == Inserted::read_only);
  // The second export of a ceremony goes to the same medium, which is read-only by then.
  write_and_read_back(desk.stick, {{"top", as_bytes("x")}}, [](const Volume&) {});
  CHECK(desk.stick.read("top", 1) == as_bytes("x"));
}

TEST_CASE("a target that is there is refused before anything is written") {
  for (const auto* there : {"mkdir out && echo x >out/MANIFEST", "mkdir out && echo x >out/manifest", "echo x >out",
                            "mkdir -p out/empty && echo x >out/empty/x", "mkdir OUT && echo x >OUT/Empty",
                            "mkdir out && echo x >out/certs"}) {
    Desk desk;
    desk.folder.runs(std::string("cd stick && ") + there);
    const std::string before = desk.files();
    CHECK(desk.exporting() == "media/exists");
    CHECK(desk.files() == before);
  }
}

TEST_CASE("every taken name is named") {
  Desk desk;
  desk.stick.write("out/MANIFEST", as_view("x"));
  desk.stick.write("out/empty", as_view("x"));
  try {
    write_and_read_back(desk.stick, "out", factory, [](const Volume&) { FAIL("asked"); });
    FAIL("written");
  } catch (const Refused& refused) {
    REQUIRE(refused.findings().size() == 2);
    CHECK(refused.findings()[0].what.starts_with("\"out/MANIFEST\" is already there"));
    CHECK(refused.findings()[1].what.starts_with("\"out/empty\" is already there"));
  }
}

TEST_CASE("a full medium is refused before anything is written, and one that fills up at the file") {
  TempFolder folder;
  FaultyEnv env;
  FolderVolume small(env, "small", folder.path() / "small", {.room = 304});
  CHECK(small.info().free_bytes == 304);
  CHECK(fate([&] { write_and_read_back(small, factory, [](const Volume&) {}); }) == "media/full");
  CHECK(small.list().empty());
  small.write("a", Bytes(300));
  CHECK(small.info().free_bytes == 4);
  CHECK(fate([&] { small.write("b", Bytes(5)); }) == "media/full");
  CHECK(small.list() == std::vector<std::string>{"a"});
}

TEST_CASE("a write-protected medium is read and never written") {
  TempFolder folder;
  folder.put("stick/csr.pem", as_view("csr"));
  FaultyEnv env;
  FolderVolume stick(env, "stick", folder.path() / "stick", {.room = {}, .write_protected = true});
  CHECK(stick.read("csr.pem", 10) == as_bytes("csr"));
  CHECK(fate([&] { stick.write("x", {}); }) == "media/read-only");
  CHECK(fate([&] { write_and_read_back(stick, factory, [](const Volume&) {}); }) == "media/read-only");
  CHECK(stick.list() == std::vector<std::string>{"csr.pem"});
}

TEST_CASE("what changes between writing and reading back is noticed") {
  CHECK(Desk().exporting("printf x >>out/MANIFEST") == "media/altered");
  CHECK(Desk().exporting("printf X | dd of=out/MANIFEST conv=notrunc status=none") == "media/altered");
  CHECK(Desk().exporting(": >out/MANIFEST") == "media/altered");
  CHECK(Desk().exporting("rm out/empty") == "media/altered");
  CHECK(Desk().exporting("printf x >out/extra") == "media/altered");
  CHECK(Desk().exporting("mkdir out/certs/deep && printf x >out/certs/deep/extra") == "media/altered");
  CHECK(Desk().exporting("ln -s MANIFEST out/extra") == "media/link");
  CHECK(Desk().exporting("mv out/MANIFEST m && ln -s ../m out/MANIFEST") == "media/link");
  CHECK(Desk().exporting("printf x >elsewhere") == "done");
}

TEST_CASE("a file that came back different is named") {
  Desk desk;
  try {
    write_and_read_back(desk.stick, "out", factory, [&](const Volume&) { desk.folder.runs("printf x >>stick/out/certs/root.der"); });
    FAIL("not noticed");
  } catch (const Refused& refused) {
    REQUIRE(refused.findings().size() == 1);
    CHECK(refused.findings()[0].what == "\"out/certs/root.der\" reads back different from what was written");
    CHECK(refused.findings()[0].where == "factory-a");
  }
}

TEST_CASE("another medium in the slot is noticed") {
  Desk desk;
  desk.stick.label_if_new("rehearsal.ca.example.com/g1", "factory-a", random_id);
  CHECK(desk.exporting("cp -r . ../copy && sed -i s/ab/cd/ ceremony-medium") == "media/wrong-medium");
  Desk unlabelled;
  CHECK(unlabelled.exporting("cd .. && mv stick gone && mkdir stick") == "media/altered");
  Desk absent;
  CHECK(absent.exporting("cd .. && mv stick gone") == "media/absent");
}

TEST_CASE("people who stop at the question stop the export") {
  Desk desk;
  CHECK(fate([&] {
          write_and_read_back(desk.stick, factory, [](const Volume&) {
            throw Refused(VolumeRefusal::out, "stopped", "", "start again");
          });
        }) == "media/out");
  CHECK(desk.stick.inserted() == Inserted::no);
}

TEST_CASE("an export that was interrupted is adopted if it is whole, and made again on another medium if not") {
  Desk desk;
  desk.stick.write("other", as_view("x"));
  CHECK(fate([&] { read_back(desk.stick, "out", factory); }) == "media/altered");
  CHECK(desk.exporting() == "done");
  desk.stick.eject();
  CHECK(fate([&] { read_back(desk.stick, "out", factory); }) == "done");
  CHECK(desk.stick.inserted() == Inserted::read_only);
  desk.stick.eject();
  CHECK(desk.exporting() == "media/exists");
  desk.folder.runs("printf x >stick/out/extra");
  CHECK(fate([&] { read_back(desk.stick, "out", factory); }) == "media/altered");
  CHECK(fate([&] { read_back(desk.stick, "", {{"other", as_bytes("x")}}); }) == "done");
  CHECK(fate([&] { read_back(desk.stick, "", {{"other", as_bytes("y")}}); }) == "media/altered");
}

TEST_CASE("what a power cut left of a file that is written again does not stand in the way; anything else does not go") {
  Desk desk;
  desk.folder.runs("mkdir -p stick/out/certs && printf half > stick/out/certs/root.der.part && printf mine > stick/out/notes.part");
  CHECK(desk.exporting() == "done");
  CHECK(desk.files() == "./out/MANIFEST ./out/certs/root.der ./out/empty ./out/notes.part ");
}

TEST_CASE("an export that meets an input/output error at any call says so and never succeeds") {
  int failures = 0;
  for (int calls = 0;; ++calls) {
    REQUIRE(calls < 200);
    Desk desk;
    desk.env.calls_left = calls;
    const std::string end = desk.exporting();
    desk.env.calls_left = 1 << 30;
    if (end == "done") break;
    CHECK(end == "media/failed");
    ++failures;
    // Whatever is there is whole.
    desk.stick.insert_again();
    for (const std::string& name : desk.stick.list()) CHECK(desk.stick.read(name, 1000) == factory.at(name.substr(4)));
  }
  CHECK(failures > 10);
}

TEST_CASE("media are found by name and role, and no folder goes by two names") {
  TempFolder folder;
  FaultyEnv env;
  const auto made = [&](const std::string& name, const std::string& path) {
    return std::make_unique<FolderVolume>(env, name, folder.path() / path);
  };
  FolderVolumes volumes;
  volumes.add("ledger", made("ledger-1", "l1"));
  volumes.add("ledger", made("ledger-2", "l2"));
  volumes.add("media", made("factory-a", "a"));
  CHECK(volumes.names() == std::vector<std::string>{"ledger-1", "ledger-2", "factory-a"});
  CHECK(volumes.names("ledger") == std::vector<std::string>{"ledger-1", "ledger-2"});
  CHECK(volumes.named("factory-a").info().name == "factory-a");
  CHECK(text_of(volumes.named("factory-a").info().kind) == "folder");
  CHECK(fate([&] { (void)volumes.named("factory-b"); }) == "media/absent");
  CHECK(fate([&] { volumes.add("media", made("ledger-1", "b")); }) == "media/exists");
  CHECK(fate([&] { volumes.add("media", made("c", "b/../l1")); }) == "media/wrong-medium");
  folder.runs("ln -s l1 link");
  CHECK(fate([&] { volumes.add("media", made("c", "link")); }) == "media/wrong-medium");
}

TEST_CASE("a medium with twenty thousand files of strangers is listed and written to all the same") {
  Desk desk;
  desk.folder.runs("mkdir stick/many && cd stick/many && seq 20000 | xargs touch");
  CHECK(desk.stick.list().size() == 20000);
  CHECK(desk.exporting() == "done");
  CHECK(desk.stick.list().size() == 20000 + factory.size());
}

}  // namespace ceremony::media
