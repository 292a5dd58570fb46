#include "media/linux_mounter.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "ceremony/ground/refused.h"

namespace ceremony::media {
namespace {

std::atomic<pid_t> child = 0;

extern "C" void pass_on(int signal) {
  if (const pid_t to = child.load(); to > 0) ::kill(to, signal);
}

void must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "error: privileges cannot be given up: %s says \"%s\"\nhint: restart the machine\n", what, std::strerror(errno));
  ::_exit(127);
}

/// In the child.
[[noreturn]] void become_with(int socket, uid_t user, gid_t group, char* const* command) {
  if (socket == mounter_descriptor) must(::fcntl(socket, F_SETFD, 0) == 0, "fcntl");
  else must(::dup2(socket, mounter_descriptor) == mounter_descriptor, "dup2");
  become(user, group, mounter_descriptor + 1, command);
}

[[noreturn]] void failed(const char* call) {
  throw Refused(VolumeRefusal::failed, "the program cannot be started: " + std::string(call) + " says \"" + std::strerror(errno) + "\"", "", "restart the machine");
}

}  // namespace

void become(uid_t user, gid_t group, unsigned first, char* const* command) {
  for (const int signal : {SIGINT, SIGQUIT, SIGTSTP, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  must(::syscall(SYS_close_range, first, ~0U, 0) == 0, "close_range");
  must(::setgroups(0, nullptr) == 0, "setgroups");
  must(::setresgid(group, group, group) == 0, "setresgid");
  must(::setresuid(user, user, user) == 0, "setresuid");
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "prctl");
  errno = EPERM;
  must(::setresuid(0, 0, 0) != 0 && ::getuid() == user && ::geteuid() == user, "setresuid to root again");
  ::execvp(command[0], command);
  std::fprintf(stderr, "error: \"%s\" cannot be started: %s\nhint: check its name, and that the user may run it\n", command[0], std::strerror(errno));
  ::_exit(127);
}

void keep_only(const std::vector<unsigned>& capabilities) {
  ::__user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<::__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> kept{};
  for (const unsigned one : capabilities) kept[one / 32].effective |= 1U << (one % 32);
  for (auto& part : kept) part.permitted = part.effective;
  if (::syscall(SYS_capset, &head, kept.data()) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) failed("capset");
}

void keep_what_mounting_needs(std::initializer_list<unsigned> also) {
  // mount; become the user; pass signals on to them. Root owns the devices and the folder, so no right to pass over owners is needed.
  std::vector<unsigned> kept{CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_KILL};
  kept.insert(kept.end(), also.begin(), also.end());
  keep_only(kept);
}

int run_with_mounter(Devices& devices, const Path& folder, uid_t user, gid_t group, char* const* command) {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) failed("socketpair");
  ::umask(022);  // the places of mounts are root's
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) failed("fork");
  if (pid == 0) become_with(sockets[1], user, group, command);
  ::close(sockets[1]);
  child = pid;
  for (const int signal : {SIGINT, SIGQUIT, SIGTSTP}) ::signal(signal, SIG_IGN);
  struct sigaction passing {};
  passing.sa_handler = pass_on;
  for (const int signal : {SIGTERM, SIGHUP}) ::sigaction(signal, &passing, nullptr);
  int status = 0;
  {
    MounterServer server(devices, folder);
    server.serve(sockets[0]);
    ::close(sockets[0]);
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    child = 0;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace ceremony::media
