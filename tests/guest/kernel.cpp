// What the kernel's configuration promises besides the network.
#include <linux/io_uring.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace {
std::string all_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}
bool is_there(const char* path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}
}  // namespace

TEST_CASE("nothing is added to the kernel and nothing looks into it", "[kernel]") {
  for (const char* path : {"/proc/modules", "/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore", "/proc/config.gz", "/sys/kernel/debug", "/proc/sysrq-trigger",
                           "/dev/sg0", "/dev/hidraw0", "/dev/uinput", "/dev/uhid", "/dev/fuse", "/dev/loop-control"}) {
    CAPTURE(path);
    CHECK_FALSE(is_there(path));
  }
  const auto absent = [](auto... call) {
    errno = 0;
    return ::syscall(call...) == -1 && errno == ENOSYS;
  };
  CHECK(absent(SYS_init_module, nullptr, 0, ""));
  CHECK(absent(SYS_finit_module, -1, "", 0));
  CHECK(absent(SYS_kexec_load, 0, 0, nullptr, 0));
  CHECK(absent(SYS_kexec_file_load, -1, -1, 0, "", 0));
  CHECK(absent(SYS_bpf, 0, nullptr, 0));
  CHECK(absent(SYS_io_uring_setup, 1, nullptr));
  CHECK(absent(SYS_userfaultfd, 0));
  CHECK(absent(SYS_swapon, "/dev/sda", 0));
}

TEST_CASE("memory is not swapped, dumped or kept asleep", "[kernel]") {
  CHECK_FALSE(is_there("/proc/swaps"));
  CHECK_FALSE(is_there("/proc/sys/kernel/core_pattern"));
  const auto state = all_of("/sys/power/state");
  CHECK(state.find("mem") == state.npos);
  CHECK(state.find("disk") == state.npos);
}

TEST_CASE("the kernel is locked down whatever its command line says", "[kernel]") {
  std::filesystem::create_directories("/run/security");
  REQUIRE(::mount("securityfs", "/run/security", "securityfs", 0, nullptr) == 0);
  CHECK(all_of("/run/security/lockdown") == "none integrity [confidentiality]\n");
  CHECK(all_of("/run/security/lsm") == "lockdown,capability,yama,landlock");
  ::umount("/run/security");
}

TEST_CASE("no filesystem but the ones that are used is known", "[kernel]") {
  std::ifstream file("/proc/filesystems");
  std::set<std::string> on_disks;
  for (std::string line; std::getline(file, line);)
    if (!line.starts_with("nodev")) on_disks.insert(line.substr(line.find('\t') + 1));
  CHECK(on_disks == std::set<std::string>{"vfat", "iso9660"});
}
