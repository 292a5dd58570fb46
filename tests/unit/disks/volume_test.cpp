// A disk as a volume: asked for, known again, written, taken out, put in again, read back; and everything that goes otherwise.
#include "media/device_volume.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/disks/machine.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

using ceremony::test::fate;
using test::Hands;
using test::Machine;
using Heard = std::vector<std::string>;

constexpr const char* origin = "rehearsal.ca.example.com/g1";
const Files factory{{"MANIFEST", as_bytes("list\n")}, {"certs/root.der", Bytes(300, 0x30)}};

struct Desk {
  std::unique_ptr<Env> env = make_posix_env();
  Machine machine;
  Hands hands;
  DiskRoom room{*env, machine, hands, origin, std::chrono::milliseconds(20)};
  DeviceVolumes volumes{room};

  Desk() {
    for (const auto* name : {"a", "b", "c"}) machine.make(name, std::string("fat-0000000") + name);
    volumes.add("media", "c1");
    volumes.add("media", "c2");
    volumes.add("backup", "backup-1");
  }
  /// The disk is c1's from now on, and labelled.
  void has_c1(const std::string& disk) {
    machine.put_in(disk);
    hands.chosen = disk;
    auto& volume = volumes.named("c1");
    volume.insert_writable();
    (void)volume.label_if_new(origin, "c1", Bytes(16, 1));
    (void)hands.take();
  }
  void label(const std::string& disk, const Label& label) const { machine.folder.put(disk + "/ceremony-medium", as_view(text_of(label))); }
  std::string exporting(const std::string& name, const AskReinsert& ask) {
    return fate([&] { write_and_read_back(volumes.named(name), "out", factory, ask); });
  }
};

}  // namespace

TEST_CASE("a disk is asked for, and which it is, once") {
  Desk desk;
  auto& c1 = desk.volumes.named("c1");
  CHECK((c1.inserted() == Inserted::no && c1.kind() == VolumeKind::disk));
  CHECK(fate([&] { (void)c1.list(); }) == "media/out");
  desk.hands.does = [&](const auto&) { desk.machine.put_in("a"); };
  desk.hands.chosen = "a";
  c1.insert_again();
  CHECK(desk.hands.take() == Heard{"put in c1", "which c1: a"});
  CHECK((c1.inserted() == Inserted::read_only && desk.machine.mounted.at("a") == Access::read_only));
  CHECK(fate([&] { c1.write("x", {}); }) == "media/read-only");
  c1.insert_writable();
  CHECK(desk.machine.mounted.at("a") == Access::writable);
  c1.write("x", as_view("hello"));
  const auto info = c1.info();
  CHECK((info.id == "fat-0000000a" && info.name == "c1" && info.kind == VolumeKind::disk && info.free_bytes > 0));
  CHECK(desk.hands.take().empty());
}

TEST_CASE("a disk that is labelled is known in another run, and not taken for another") {
  Desk desk;
  desk.label("a", {origin, "c1", std::string(32, 'a')});
  desk.label("b", {origin, "c2", std::string(32, 'b')});
  desk.label("c", {"rehearsal.other/g1", "c1", std::string(32, 'c')});
  for (const auto* name : {"a", "b", "c"}) desk.machine.put_in(name);
  desk.volumes.named("c2").insert_again();
  desk.volumes.named("c1").insert_again();
  CHECK(desk.hands.take().empty());
  CHECK(desk.volumes.named("c1").info().id == "fat-0000000a");
  // And what nobody knows is asked for, with what is in instead.
  desk.hands.does = [](const auto&) { throw Refused(VolumeRefusal::failed, "enough", "", "stop"); };
  CHECK(fate([&] { desk.volumes.named("backup-1").insert_again(); }) == "media/failed");
  CHECK(desk.hands.take() == Heard{"put in backup-1: the disk Stick, serial \"c\", 37 MB, \"STICK\" is labelled \"c1\" of another CA, \"rehearsal.other/g1\""});
}

TEST_CASE("what cannot be used says why") {
  Desk desk;
  desk.machine.disks["a"].kind = FilesystemKind::other;
  desk.machine.folder.put("b/ceremony-medium", as_view("Dear Sir\n"));
  desk.machine.disks["c"].kind = FilesystemKind::iso9660;
  for (const auto* name : {"a", "b", "c"}) desk.machine.put_in(name);
  desk.hands.does = [](const auto&) { throw Refused(VolumeRefusal::failed, "enough", "", "stop"); };
  CHECK(fate([&] { desk.volumes.named("backup-1").insert_again(); }) == "media/failed");
  CHECK(desk.hands.take() == Heard{"put in backup-1: the disk Stick, serial \"a\", 37 MB, \"STICK\" cannot be used: it holds exFAT; the disk Stick, serial \"b\", 37 MB, \"STICK\" cannot be used: "
                                   "the file \"ceremony-medium\" is not a label of ours; the disk Stick, serial \"c\", 37 MB, \"STICK\" cannot be used: it cannot be written"});
  // A disc will do where it is only read.
  desk.hands.chosen = "c";
  desk.volumes.named("c1").insert_again();
  CHECK(desk.hands.take() == Heard{"which c1: c"});
  CHECK(fate([&] { desk.volumes.named("c1").insert_writable(); }) == "media/read-only");
}

TEST_CASE("one disk is never two media") {
  Desk desk;
  desk.has_c1("a");
  desk.machine.put_in("b");
  desk.machine.disks["b"].id = "fat-0000000a";  // a copy of it
  desk.hands.does = [](const auto&) { throw Refused(VolumeRefusal::failed, "enough", "", "stop"); };
  CHECK(fate([&] { desk.volumes.named("c2").insert_writable(); }) == "media/failed");
  CHECK(desk.hands.take() == Heard{"put in c2: the disks that are in are \"c1\", \"c1\""});
  CHECK(fate([&] { desk.volumes.named("c1").insert_again(); }) == "media/failed");
  CHECK(desk.hands.take() == Heard{"put in c1: two disks that are in are copies of each other, with one filesystem id: take one of them out"});
  desk.machine.disks["b"].id = "fat-0000000b";
  desk.label("b", {origin, "c1", std::string(32, 'b')});
  desk.machine.pull("a");
  CHECK(fate([&] { volatile auto in = desk.volumes.named("c1").inserted(); (void)in; }) == "done");
}

TEST_CASE("media give way to each other, and come back without a question") {
  Desk desk;
  desk.has_c1("a");
  desk.machine.put_in("b");
  desk.hands.chosen = "b";
  desk.volumes.named("c2").insert_writable();
  CHECK(desk.hands.take() == Heard{"which c2: b"});
  CHECK((desk.volumes.named("c1").inserted() == Inserted::no && !desk.machine.mounted.contains("a")));
  // It was taken out meanwhile, or not: it is the same to both.
  desk.machine.in.erase("a");
  desk.machine.put_in("a");
  desk.volumes.named("c1").insert_again();
  desk.volumes.named("c2").insert_again();
  CHECK(desk.hands.take().empty());
  DeviceVolume ledger(desk.room, "ledger-1", true, false);
  desk.machine.put_in("c");
  desk.hands.chosen = "c";
  ledger.insert_writable();
  desk.volumes.named("c1").insert_again();
  CHECK((desk.machine.mounted.contains("c") && desk.machine.mounted.contains("a") && !desk.machine.mounted.contains("b")));
}

TEST_CASE("an export is taken out, put in again and read back") {
  Desk desk;
  desk.has_c1("a");
  CHECK(desk.exporting("c1", [&](const Volume&) {
    CHECK(desk.machine.mounted.empty());
    desk.machine.in.erase("a");
    desk.machine.put_in("a");
  }) == "done");
  CHECK(desk.machine.mounted.at("a") == Access::read_only);
  CHECK(desk.hands.take().empty());
}

TEST_CASE("a disk that was not taken out is asked for until it was") {
  Desk desk;
  desk.has_c1("a");
  int asked = 0;
  desk.hands.does = [&](const auto&) {
    if (++asked < 3) return;
    desk.machine.in.erase("a");
    desk.machine.put_in("a");
  };
  CHECK(desk.exporting("c1", [](const Volume&) {}) == "done");
  CHECK(desk.hands.take() == Heard(3, "put in c1: it was not taken out: pull it out, and put it in again"));
  // One that comes back a moment after people said so is waited for.
  desk.machine.while_waiting = {[&] { desk.machine.in.erase("a"); }, [&] { desk.machine.put_in("a"); }};
  CHECK(fate([&] { write_and_read_back(desk.volumes.named("c1"), "again", factory, [](const Volume&) {}); }) == "done");
  CHECK(desk.hands.take().empty());
}

TEST_CASE("another disk in its place is refused, and the right one read back afterwards") {
  Desk desk;
  desk.has_c1("a");
  CHECK(desk.exporting("c1", [&](const Volume&) {
    desk.machine.in.erase("a");
    desk.machine.put_in("b");
  }) == "media/wrong-medium");
  desk.machine.in.erase("b");
  desk.hands.does = [&](const auto&) { desk.machine.put_in("a"); };
  CHECK(fate([&] { read_back(desk.volumes.named("c1"), "out", factory); }) == "done");
  CHECK(desk.hands.take() == Heard{"put in c1"});
}

TEST_CASE("a disk that is pulled out says so, and goes on when it is back") {
  Desk desk;
  desk.has_c1("a");
  auto& c1 = desk.volumes.named("c1");
  desk.machine.pull("a");
  CHECK(c1.inserted() == Inserted::no);
  CHECK(fate([&] { c1.write("late", as_view("lost")); }) == "media/out");
  CHECK(fate([&] { (void)c1.read("ceremony-medium", 1024); }) == "media/out");
  CHECK(fate([&] { (void)c1.exists("ceremony-medium"); }) == "media/out");
  CHECK(fate([&] { (void)c1.list(); }) == "media/out");
  CHECK(fate([&] { (void)c1.info(); }) == "media/out");
  desk.hands.does = [&](const auto&) { desk.machine.put_back("a"); };
  c1.insert_writable();
  c1.write("late", as_view("kept"));
  CHECK(desk.hands.take() == Heard{"put in c1"});
}

TEST_CASE("a full disk is replaced by another") {
  Desk desk;
  desk.has_c1("a");
  desk.machine.pull("a");
  desk.hands.does = [&](const auto&) { desk.machine.put_in("b"); };
  desk.hands.chosen = "b";
  desk.volumes.named("c1").insert_again();
  CHECK(desk.hands.take() == Heard{"put in c1", "which c1: b"});
  CHECK(desk.volumes.named("c1").info().id == "fat-0000000b");
}

TEST_CASE("a write-protected disk can be read, and says so when it is to be written") {
  Desk desk;
  desk.machine.disks["a"].write_protected = true;
  desk.machine.put_in("a");
  desk.hands.chosen = "a";
  CHECK(fate([&] { desk.volumes.named("c1").insert_writable(); }) == "media/read-only");
  CHECK(desk.volumes.named("c1").inserted() == Inserted::read_only);
}

TEST_CASE("names of media are names, each once") {
  Desk desk;
  CHECK(fate([&] { desk.volumes.add("media", "c1"); }) == "media/exists");
  CHECK(fate([&] { desk.volumes.add("media", "c1=/tmp"); }) == "media/name");
  CHECK(fate([&] { (void)desk.volumes.named("c9"); }) == "media/absent");
  CHECK(desk.volumes.names() == Heard{"c1", "c2", "backup-1"});
  CHECK(desk.volumes.names("backup") == Heard{"backup-1"});
}

TEST_CASE("a disk that was asked for is switched on without another question") {
  Desk desk;
  desk.hands.does = [&](const auto&) {
    desk.machine.news = {{UsbState::asked, "1-2", 5, "disk", "the disk 1-2"}};
    desk.machine.put_in("a");
  };
  desk.hands.chosen = "a";
  desk.volumes.named("c1").insert_writable();
  CHECK(desk.machine.approved == Heard{"1-2"});
  CHECK(desk.hands.take() == Heard{"put in c1", "disk 1-2 on", "which c1: a"});
  CHECK(desk.volumes.take_notes().empty());
}

TEST_CASE("what nobody asked for is asked about, and what stays off is noted once") {
  Desk desk;
  desk.machine.news = {{UsbState::on, "1-1", 2, "keyboard", "the keyboard is used"}, {UsbState::asked, "1-2", 5, "disk", "the disk"}, {UsbState::off, "1-3", 6, "unknown device", "the radio stays off"}};
  desk.hands.ours = false;
  CHECK(desk.volumes.take_notes() == Heard{"the disk; people said that it is not theirs", "the radio stays off"});
  CHECK(desk.hands.take() == Heard{"keyboard 1-1 on", "ours? disk 1-2", "disk 1-2 off", "unknown device 1-3 off"});
  CHECK(desk.machine.approved.empty());
  CHECK(desk.volumes.take_notes().empty());

  // Two disks at once: which of them was put in for this is not guessed.
  desk.machine.news = {{UsbState::asked, "1-2", 7, "disk", "one"}, {UsbState::asked, "1-4", 8, "disk", "two"}};
  desk.hands.ours = true;
  desk.hands.does = [&](const auto&) { desk.machine.put_in("a"); };
  desk.hands.chosen = "a";
  desk.volumes.named("c1").insert_writable();
  CHECK(desk.machine.approved == Heard{"1-2", "1-4"});
  CHECK(desk.hands.take() == Heard{"put in c1", "ours? disk 1-2", "disk 1-2 on", "ours? disk 1-4", "disk 1-4 on", "which c1: a"});
}

TEST_CASE("before a ceremony people are asked too, and what belongs on the record is kept for it") {
  Desk desk;
  desk.machine.news = {{UsbState::asked, "1-5", 9, "card reader", "the reader"}, {UsbState::off, "1-3", 6, "unknown device", "the radio stays off"}};
  desk.volumes.look_at_sockets();
  CHECK(desk.hands.take() == Heard{"ours? card reader 1-5", "card reader 1-5 on", "unknown device 1-3 off"});
  CHECK(desk.machine.approved == Heard{"1-5"});
  desk.volumes.look_at_sockets();
  CHECK(desk.hands.take().empty());
  CHECK(desk.volumes.take_notes() == Heard{"the radio stays off"});
}

TEST_CASE("what people were asked about when they left is asked again, and nothing that came is lost") {
  Desk desk;
  desk.machine.news = {{UsbState::asked, "1-2", 5, "scanner", "the keyboard"}, {UsbState::off, "1-3", 6, "unknown device", "the radio stays off"}};
  desk.hands.leaves = true;
  CHECK(fate([&] { (void)desk.volumes.take_notes(); }) == "media/failed");
  desk.hands.ours = false;
  CHECK(desk.volumes.take_notes() == Heard{"the keyboard; people said that it is not theirs", "the radio stays off"});
  CHECK(desk.machine.approved.empty());
}

TEST_CASE("a scanner that is theirs is read, and one that was pulled out before it was switched on is noted") {
  Desk desk;
  desk.machine.news = {{UsbState::asked, "1-5", 9, "scanner", "the scanner"}};
  CHECK(desk.volumes.take_notes().empty());
  CHECK(desk.hands.take() == Heard{"ours? scanner 1-5", "scan with 77", "scanner 1-5 on"});
  desk.machine.vanished = true;
  desk.machine.news = {{UsbState::asked, "1-6", 10, "card reader", "the reader"}};
  CHECK(desk.volumes.take_notes() == Heard{"the device was pulled out"});
}

TEST_CASE("an export survives a mounter that fails at any call") {
  for (int calls = 0; calls < 60; ++calls) {
    INFO(calls);
    Desk desk;
    desk.has_c1("a");
    desk.hands.does = [&](const auto&) {
      desk.machine.in.erase("a");
      desk.machine.put_in("a");
    };
    desk.machine.calls_left = calls;
    const auto outcome = desk.exporting("c1", [&](const Volume&) { desk.hands.does("c1"); });
    const bool was_done = desk.machine.calls_left >= 0;
    CHECK(outcome == (was_done ? "done" : "media/failed"));
    desk.machine.calls_left = 1 << 30;
    desk.machine.mounted.clear();  // the mounter that is started again has nothing mounted
    // What is there whole is adopted, as after any other failure; what is not is written.
    auto& c1 = desk.volumes.named("c1");
    const bool there = fate([&] { read_back(c1, "out", factory); }) == "done";
    if (!there) CHECK(desk.exporting("c1", [&](const Volume&) { desk.hands.does("c1"); }) == "done");
    if (was_done) return;
  }
  FAIL("the export never came to its end");
}

}  // namespace ceremony::media
