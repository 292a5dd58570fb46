// The privileged side: what it lists, what it mounts, and everything it does not do.
#include "media/mounter_server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <thread>
#include <utility>

#include "ceremony/ground/refused.h"
#include "media/mounter_client.h"
#include "tests/unit/disks/superblocks.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

using ceremony::test::fate;

class FakeDevices final : public Devices {
 public:
  std::vector<Disk> there;
  std::map<std::string, Bytes> starts;
  std::vector<std::string> done;
  std::function<void()> when_mounted = [] {};
  int reads = 0;

  std::vector<Disk> disks() override { return there; }
  Bytes start_of(const std::string& node, std::size_t count) override {
    ++reads;
    Bytes out = starts[node];
    out.resize(std::min(out.size(), count));
    return out;
  }
  void mount(const std::string& node, FilesystemKind kind, Access access, const Path& folder) override {
    done.push_back("mount " + node + " " + std::string(text_of(kind)) + (access == Access::writable ? " rw " : " ro ") + folder.string());
    when_mounted();
  }
  void unmount(const Path& folder, bool gone) override { done.push_back("unmount " + folder.string() + (gone ? " gone" : "")); }
  std::vector<UsbNews> usb_news() override { return std::exchange(news, {}); }
  void approve_usb(const std::string& port, unsigned number) override {
    if (port != "1-2") throw Refused(UsbRefusal::not_asked, "nobody is asked about that device", "", "go on");
    done.push_back("approve " + port + " " + std::to_string(number));
  }
  std::optional<int> take_descriptor() override { return std::exchange(descriptor, std::nullopt); }
  std::vector<UsbNews> news;
  std::optional<int> descriptor;
  void wait(std::chrono::milliseconds patience) override { done.push_back("wait " + std::to_string(patience.count())); }
};

Disk stick(const std::string& name, std::uint64_t sequence) {
  Disk disk;
  disk.name = name;
  disk.bytes = test::fat_size;
  disk.sequence = sequence;
  disk.model = "Stick";
  return disk;
}

struct Room {
  FakeDevices devices;
  MounterServer server{devices, "/run/m"};

  Room() {
    devices.there = {stick("sda", 7)};
    devices.starts["sda"] = test::fat_start();
  }
  std::string says(const std::string& request) {
    const auto text = server.answer("ceremony-mounter/v1\n" + request + "\n");
    return text.substr(text.find('\n') + 1);
  }
  std::vector<std::string> did() { return std::exchange(devices.done, {}); }
};
using Did = std::vector<std::string>;

}  // namespace

TEST_CASE("the server tells what came over USB once, approves, and hands a scanner's node over") {
  Room room;
  room.devices.news = {{UsbState::asked, "1-2", 5, "scanner", "it types"}};
  const auto ask = [&](const Request& request) { return parse_answer(room.server.answer(text_of(request))); };
  CHECK(std::get<UsbTold>(ask(UsbRequest{})).news.size() == 1);
  CHECK(std::get<UsbTold>(ask(UsbRequest{})).news.empty());
  CHECK(std::get<NotDone>(ask(ApproveRequest{"1-3", 5})).what == "nobody is asked about that device");
  CHECK(room.devices.done.empty());

  std::array<int, 2> sockets{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) == 0);
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  room.devices.descriptor = pipe[0];
  std::thread serving([&] { room.server.serve(sockets[0]); });
  {
    MounterClient client(sockets[1], "/run/m");
    client.approve({UsbState::asked, "1-2", 5, "scanner", ""});
    const auto scanner = client.take_scanner();
    REQUIRE(scanner);
    CHECK_FALSE(client.take_scanner());
    REQUIRE(::write(pipe[1], "x", 1) == 1);
    char byte = 0;
    CHECK((::read(*scanner, &byte, 1) == 1 && byte == 'x'));
    ::close(*scanner);
    // Nothing comes with what has nothing to bring.
    CHECK(client.usb_news().empty());
    CHECK_FALSE(client.take_scanner());
  }
  serving.join();
  ::close(sockets[0]);
  ::close(pipe[1]);
  CHECK(room.devices.done == std::vector<std::string>{"approve 1-2 5"});
}

TEST_CASE("removable disks and their partitions are listed, each superblock read once an insertion") {
  Room room;
  Disk parted = stick("sdb", 8);
  parted.partitions = {{"sdb1", 1, 1 << 20, test::fat_size}, {"sdb2", 2, 1 << 20, 512}};
  Disk empty = stick("sr0", 9);
  empty.bytes = 0;
  room.devices.there = {stick("sda", 7), parted, empty};
  room.devices.starts["sdb1"] = test::iso_start();
  const std::string expected =
      "media 3\nmedium sda 7 37748736 free fat32 \"fat-1234abcd\" \"CEREMONY\" \"\" \"Stick\" \"\" \"\"\n"
      "medium sdb1 8 37748736 free iso9660 \"iso-2026112214073100-DISC\" \"DISC\" \"\" \"Stick\" \"\" \"\"\n"
      "medium sdb2 8 512 free none \"\" \"\" \"nothing can be read from it\" \"Stick\" \"\" \"\"\n";
  CHECK(room.says("list 0") == expected);
  CHECK(room.devices.reads == 3);
  CHECK(room.says("list 250") == expected);
  CHECK(room.devices.reads == 4);  // the one that could not be read
  CHECK(room.did() == Did{"wait 250"});
  room.devices.there[0].sequence = 10;
  CHECK(room.says("list 0").find("medium sda 10 ") != std::string::npos);
  CHECK(room.devices.reads == 6);
}

TEST_CASE("a disk is mounted in a place of its own, once, and unmounted") {
  Room room;
  room.devices.there.push_back(stick("sdb", 8));
  room.devices.starts["sdb"] = test::fat_start(2);
  CHECK(room.says("mount sda 7 ro") == "mounted 0\n");
  CHECK(room.says("mount sda 7 rw") == "no media/failed \"the disk is in use already\" \"use another disk\"\n");
  CHECK(room.says("mount sdb 8 rw") == "mounted 1\n");
  CHECK(room.says("unmount 0") == "unmounted\n");
  CHECK(room.says("unmount 0") == "no media/out \"nothing is mounted there\" \"put the disk in again\"\n");
  CHECK(room.says("mount sda 7 rw") == "mounted 0\n");
  CHECK(room.did() == Did{"mount sda fat32 ro /run/m/0", "mount sdb fat32 rw /run/m/1", "unmount /run/m/0", "mount sda fat32 rw /run/m/0"});
}

TEST_CASE("nothing but a disk of the list, as it was listed, is mounted") {
  Room room;
  const std::string gone = "no media/out \"the disk was taken out\" \"put it in again\"\n";
  CHECK(room.says("mount sdb 7 ro") == gone);
  CHECK(room.says("mount sda 6 ro") == gone);
  CHECK(room.says("mount sda 8 ro") == gone);
  for (const auto* bad : {"mount /dev/sda 7 ro", "mount ../sda 7 ro", "mount sda 7 ro,exec", "mount sda 7", "run sh", "", "unmount ../0"})
    CHECK(room.says(bad).starts_with("no media/failed \"a message of the program that mounts disks is not one: "));
  room.devices.there[0].read_only = true;
  CHECK(room.says("mount sda 7 rw") == "no media/read-only \"the disk is write-protected\" \"slide its write-protect switch, or use another disk\"\n");
  room.devices.there[0].sequence = 9;
  room.devices.starts["sda"][14] = 0;
  CHECK(room.says("mount sda 9 ro") == "no media/failed \"the disk cannot be used: it begins like FAT32, but its tables are impossible\" \"use a disk that is formatted as FAT32\"\n");
  CHECK(room.did().empty());
}

TEST_CASE("a disk that is swapped while it is mounted is not the one that was asked for") {
  Room room;
  room.devices.when_mounted = [&] { room.devices.there[0].sequence = 8; };
  CHECK(room.says("mount sda 7 ro") == "no media/out \"the disk was taken out\" \"put it in again\"\n");
  CHECK(room.did() == Did{"mount sda fat32 ro /run/m/0", "unmount /run/m/0 gone"});
}

TEST_CASE("what is mounted when the server goes is unmounted, whoever uses it") {
  FakeDevices devices;
  devices.there = {stick("sda", 7)};
  devices.starts["sda"] = test::fat_start();
  {
    MounterServer server(devices, "/run/m");
    (void)server.answer("ceremony-mounter/v1\nmount sda 7 rw\n");
  }
  CHECK(devices.done == Did{"mount sda fat32 rw /run/m/0", "unmount /run/m/0 gone"});
}

TEST_CASE("client and server talk over a socket until one of them goes") {
  std::array<int, 2> sockets{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) == 0);
  FakeDevices devices;
  devices.there = {stick("sda", 7)};
  devices.starts["sda"] = test::fat_start();
  std::thread serving([&] {
    MounterServer server(devices, "/run/m");
    server.serve(sockets[1]);
    ::close(sockets[1]);
  });
  {
    MounterClient client(sockets[0], "/run/m");
    const auto seen = client.list({});
    REQUIRE(seen.size() == 1);
    const auto folder = client.mount(seen[0], Access::writable);
    CHECK(folder == "/run/m/0");
    CHECK(fate([&] { (void)client.mount(seen[0], Access::writable); }) == "media/failed");
    client.unmount(folder);
    CHECK(fate([&] { client.unmount(folder); }) == "media/out");
  }
  serving.join();
  // And the other way round.
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) == 0);
  MounterClient left(sockets[0], "/run/m");
  ::close(sockets[1]);
  CHECK(fate([&] { (void)left.list({}); }) == "media/failed");
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  CHECK(fate([&] { MounterClient none(pipe[0], "/run/m"); }) == "media/failed");
  CHECK(fate([&] { MounterClient none(-1, "/run/m"); }) == "media/failed");
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace ceremony::media
