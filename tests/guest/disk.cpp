// A USB disk that people put in and take out. The host attaches it once this program is listening, and detaches it once the
// program says so through the file /run/done (tests/e2e/test_guest.py).
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "media/linux_disks.h"
#include "media/linux_uevent.h"

using ceremony::media::Uevent;
using ceremony::media::UeventAction;
using ceremony::media::Uevents;

namespace {

void say(const char* what) {
  std::ofstream(std::string("/run/") + what).flush();
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string options_of(const std::string& folder) {
  std::ifstream mounts("/proc/self/mounts");
  std::string device, where, kind, options, rest;
  while (mounts >> device >> where >> kind >> options && std::getline(mounts, rest))
    if (where == folder) return options;
  return {};
}

/// What starting a program from there ends with.
int error_of_starting(const std::string& program) {
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::execl(program.c_str(), program.c_str(), nullptr);
    ::_exit(errno);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

/// The next event about a `type` ("disk", "partition"); fails after half a minute without any event.
Uevent wait_for(Uevents& events, UeventAction action, const std::string& type) {
  while (true) {
    const auto event = events.next(std::chrono::seconds(30));
    if (!event) FAIL("no such event came in time");
    if (event->subsystem == "block" && event->action == action && event->value("DEVTYPE") == type) return *event;
  }
}

constexpr unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr const char* options = "utf8=1,quiet";

}  // namespace

TEST_CASE("a disk is seen when it comes, mounted, written, read, and seen when it goes", "[disk]") {
  Uevents events;
  say("listening");
  const auto added = wait_for(events, UeventAction::add, "disk");
  const auto name = added.value("DEVNAME");
  const auto disk = ceremony::media::removable_disk(name);
  REQUIRE(disk);
  CHECK(disk->serial == "STICK-1");
  CHECK(disk->model == "QEMU HARDDISK");
  CHECK(disk->bytes == 64 << 20);
  CHECK(disk->port.find('-') != std::string::npos);
  CHECK(disk->partitions.empty());
  CHECK(ceremony::media::removable_disks().size() == 1);

  const std::string device = "/dev/" + name, folder = "/run/stick";
  std::filesystem::create_directories(folder);
  REQUIRE(::mount(device.c_str(), folder.c_str(), "vfat", flags | MS_RDONLY, options) == 0);
  CHECK(options_of(folder).starts_with("ro,nosuid,nodev,noexec"));
  CHECK(text_of(folder + "/from the host") == "hello guest");
  CHECK_FALSE(std::ofstream(folder + "/refused"));
  CHECK(errno == EROFS);
  REQUIRE(::umount(folder.c_str()) == 0);

  REQUIRE(::mount(device.c_str(), folder.c_str(), "vfat", flags, options) == 0);
  CHECK(options_of(folder).starts_with("rw,nosuid,nodev,noexec"));
  std::ofstream(folder + "/from the guest – ü") << "hello host";
  std::filesystem::copy_file("/bin/busybox", folder + "/busybox");
  CHECK(::access((folder + "/busybox").c_str(), R_OK) == 0);
  CHECK(error_of_starting(folder + "/busybox") == EACCES);
  CHECK(::mknod((folder + "/node").c_str(), S_IFCHR | 0600, 0x103) == -1);
  // A mounted disk cannot be written around its filesystem.
  CHECK_FALSE(std::fstream(device, std::ios::in | std::ios::out));
  REQUIRE(::umount(folder.c_str()) == 0);

  say("done");
  CHECK(wait_for(events, UeventAction::remove, "disk").value("DEVNAME") == name);
  CHECK_FALSE(ceremony::media::removable_disk(name));
  CHECK_FALSE(std::filesystem::exists(device));
}

TEST_CASE("a disk that is pulled out while it is mounted gives errors, not a stopped machine", "[pulled]") {
  Uevents events;
  say("listening");
  const auto partition = wait_for(events, UeventAction::add, "partition").value("DEVNAME");
  const auto disk = ceremony::media::removable_disk(partition.substr(0, partition.size() - 1));
  REQUIRE(disk);
  REQUIRE(disk->partitions.size() == 1);
  CHECK(disk->partitions[0].name == partition);
  CHECK(disk->partitions[0].first_byte == 1 << 20);
  const std::string folder = "/run/pulled";
  std::filesystem::create_directories(folder);
  REQUIRE(::mount(("/dev/" + partition).c_str(), folder.c_str(), "vfat", flags, options) == 0);
  say("done");
  CHECK(wait_for(events, UeventAction::remove, "partition").value("DEVNAME") == partition);
  std::ofstream file(folder + "/too late");
  file << "lost" << std::flush;
  const bool written = file.good() && [&] {
    const int folder_of = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
    const bool flushed = folder_of >= 0 && ::syncfs(folder_of) == 0;
    if (folder_of >= 0) ::close(folder_of);
    return flushed;
  }();
  CHECK_FALSE(written);
  CHECK(::umount2(folder.c_str(), MNT_DETACH) == 0);
}
