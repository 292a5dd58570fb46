// A user that is not root, as the UI is: what it cannot open, and whom it cannot look at. init mounted /proc and set ptrace_scope as
// the appliance's does.
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>

namespace {

constexpr uid_t ui = 1000, another = 1001;

void become(uid_t user) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) ::_exit(99);
}

/// What `look` returns in a process of that user; the parent's capabilities are gone there.
std::string as_user(uid_t user, const std::function<std::string()>& look) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    become(user);
    const auto said = look();
    ::_exit(::write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 98);
  }
  ::close(ends[1]);
  std::string out;
  char piece[4096];
  for (ssize_t got = 0; (got = ::read(ends[0], piece, sizeof piece)) > 0;) out.append(piece, static_cast<std::size_t>(got));
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  return out;
}

std::string error_of_opening(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (file < 0) return ::strerrorname_np(errno);
  ::close(file);
  return "opened";
}

/// Nodes of that type in /dev, and in the folders that hold nodes.
std::set<std::string> nodes(mode_t type) {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("/dev")) {
    struct ::stat about{};
    if (::lstat(entry.path().c_str(), &about) == 0 && (about.st_mode & S_IFMT) == type) out.insert(entry.path());
  }
  return out;
}

/// A process of that user that does nothing, until this goes.
class Other final {
 public:
  explicit Other(uid_t user) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    m_process = ::fork();
    REQUIRE(m_process >= 0);
    if (m_process == 0) {
      become(user);
      ::prctl(PR_SET_DUMPABLE, 1);  // as a program that was started by that user is
      (void)!::write(ends[1], "", 1);
      while (true) ::pause();
    }
    char ready = 1;
    REQUIRE(::read(ends[0], &ready, 1) == 1);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~Other() {
    ::kill(m_process, SIGKILL);
    ::waitpid(m_process, nullptr, 0);
  }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  [[nodiscard]] pid_t process() const { return m_process; }

 private:
  pid_t m_process = -1;
};

/// Every way into the memory of a process, and what each ends with.
std::string ways_into(pid_t process) {
  const auto folder = "/proc/" + std::to_string(process);
  std::string out = "mem " + error_of_opening(folder + "/mem", O_RDONLY);
  errno = 0;
  const bool seized = ::ptrace(PTRACE_SEIZE, process, nullptr, nullptr) == 0;
  out += std::string(", ptrace ") + (seized ? "seized" : ::strerrorname_np(errno));
  char here = 0;
  ::iovec to{&here, 1}, from{&here, 1};
  const bool read = ::syscall(SYS_process_vm_readv, process, &to, 1, &from, 1, 0) >= 0;
  return out + ", process_vm_readv " + (read || (errno != EPERM && errno != ENOSYS) ? "not refused" : "refused");
}

}  // namespace

TEST_CASE("a user that is not root opens no disk", "[user]") {
  const auto disks = nodes(S_IFBLK);
  REQUIRE(disks.contains("/dev/sda"));
  for (const auto& disk : disks)
    for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR}) {
      CAPTURE(disk, flags);
      CHECK(as_user(ui, [&] { return error_of_opening(disk, flags); }) == "EACCES");
    }
  // Nor is a node of its own a way to one.
  CHECK(as_user(ui, [] { return std::string(::mknod("/tmp/disk", S_IFBLK | 0600, 0x800) == 0 ? "made" : ::strerrorname_np(errno)); }) == "EPERM");
}

TEST_CASE("a user that is not root opens no device but those that are nothing, random, or its own terminals", "[user]") {
  std::set<std::string> opened;
  for (const auto& node : nodes(S_IFCHR))
    for (const int flags : {O_RDONLY, O_WRONLY})
      if (as_user(ui, [&] { return error_of_opening(node, flags); }) == "opened") opened.insert(node);
  CHECK(opened == std::set<std::string>{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/pts/ptmx"});
}

TEST_CASE("a user sees no process of another user", "[user]") {
  const Other roots(0), anothers(another);
  for (const auto process : {::getpid(), roots.process(), anothers.process(), pid_t{1}}) {
    CAPTURE(process);
    for (const char* about : {"mem", "environ", "maps", "cmdline", "status", "fd", "root", "syscall", "stack"})
      CHECK(as_user(ui, [&] { return error_of_opening("/proc/" + std::to_string(process) + "/" + about, O_RDONLY); }) == "ENOENT");
    CHECK(as_user(ui, [&] { return ways_into(process); }) == "mem ENOENT, ptrace EPERM, process_vm_readv refused");
    CHECK(as_user(ui, [&] { return std::string(::kill(process, SIGTERM) == 0 ? "killed" : ::strerrorname_np(errno)); }) == "EPERM");
  }
  // What it sees is itself.
  CHECK(as_user(ui, [] {
    std::string out;
    for (const auto& entry : std::filesystem::directory_iterator("/proc"))
      if (const auto name = entry.path().filename().string(); name.find_first_not_of("0123456789") == name.npos && name != std::to_string(::getpid())) out += name + " ";
    return out;
  }).empty());
}

TEST_CASE("not even a process of the same user is looked into, and root cannot be let do it", "[user]") {
  const Other same(ui), roots(0);
  CHECK(as_user(ui, [&] { return ways_into(same.process()); }) == "mem EACCES, ptrace EPERM, process_vm_readv refused");
  CHECK(ways_into(roots.process()) == "mem EACCES, ptrace EPERM, process_vm_readv refused");
  // Once said, it stays so.
  CHECK_FALSE(std::ofstream("/proc/sys/kernel/yama/ptrace_scope") << "0" << std::flush);
}

TEST_CASE("a user makes no namespace, mounts nothing and reads no kernel log", "[user]") {
  const auto error_of = [](auto... call) {
    return as_user(ui, [&] { return std::string(::syscall(call...) >= 0 ? "done" : ::strerrorname_np(errno)); });
  };
  CHECK(error_of(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */) == "EPERM");
  CHECK(error_of(SYS_unshare, 0x00020000 /* CLONE_NEWNS */) == "EPERM");
  CHECK(error_of(SYS_mount, "tmpfs", "/mnt", "tmpfs", 0, nullptr) == "EPERM");
  CHECK(error_of(SYS_reboot, 0xfee1dead, 672274793, 0x1234567, nullptr) == "EPERM");
  CHECK(error_of(SYS_syslog, 3, nullptr, 0) == "EPERM");
}
