#include "ceremony/init/readers_process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <utility>

#include "ceremony/init/readers.h"
#include "ceremony/init/world.h"
#include "media/linux_mounter.h"

namespace ceremony::init {
namespace {

using Clock = std::chrono::steady_clock;
using Deed = ReaderPlan::Deed;

constexpr char news = '+', seen = '.';

/// The process pcscd.
class Service final {
 public:
  Service(const ReadersService& what, bool log) : m_what(what), m_socket(what.folder / "pcscd.comm"), m_said(::open(log ? "/dev/kmsg" : "/dev/null", O_WRONLY | O_CLOEXEC)) {}
  ~Service() { signal(SIGKILL); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void start() {
    // Of one that was killed: it would look for the process that has its number now.
    ::unlink(m_socket.c_str());
    ::unlink((m_what.folder / "pcscd.pid").c_str());
    m_pid = ::fork();
    if (m_pid == 0) be();
    if (m_pid > 0) m_watch = static_cast<int>(::syscall(SYS_pidfd_open, m_pid, 0));
  }

  void signal(int number) const {
    if (m_pid > 0) ::kill(m_pid, number);
  }

  /// It makes its socket for its own user and opens it to others once it listens.
  [[nodiscard]] bool answers() const {
    struct stat about {};
    return ::stat(m_socket.c_str(), &about) == 0 && (about.st_mode & S_IWOTH) != 0;
  }

  /// To poll; readable when it is gone.
  [[nodiscard]] int watch() const { return m_watch; }
  [[nodiscard]] bool is_there() const { return m_pid > 0; }

  /// How it ended; nothing while it runs.
  [[nodiscard]] std::optional<std::string> ended() {
    int status = 0;
    if (m_pid > 0 && ::waitpid(m_pid, &status, WNOHANG) == 0) return std::nullopt;
    if (m_watch >= 0) ::close(m_watch);
    m_watch = m_pid = -1;
    return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) : "exit code " + std::to_string(WEXITSTATUS(status));
  }

 private:
  [[noreturn]] void be() {
    ::setsid();
    for (const int standard : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(m_said, standard);
    ::clearenv();
    ::setenv("LC_ALL", "C.UTF-8", 1);
    std::vector<char*> command;
    for (auto& word : m_what.command) command.push_back(word.data());
    command.push_back(nullptr);
    for (const auto& [what, most] : {std::pair{RLIMIT_NPROC, rlim_t{64}}, {RLIMIT_NOFILE, 128}, {RLIMIT_FSIZE, 65536}, {RLIMIT_MEMLOCK, 0}, {RLIMIT_DATA, rlim_t{256} << 20}}) {
      const ::rlimit both{most, most};
      if (::setrlimit(what, &both) != 0) ::_exit(127);
    }
    media::become(readers_user, readers_group, STDERR_FILENO + 1, command.data());
  }

  ReadersService m_what;
  std::filesystem::path m_socket;
  int m_said;
  pid_t m_pid = -1;
  int m_watch = -1;
};

class Keeper final {
 public:
  Keeper(int socket, bool log, const ReadersService& service) : m_socket(socket), m_service(service, log), m_lock(service.in_use) {}

  /// Until whoever made this process is gone.
  void keep() {
    while (true) {
      act();
      if (m_asked) (void)!::send(m_socket, &seen, 1, MSG_NOSIGNAL);
      m_asked = false;
      if (!wait()) return;
    }
  }

 private:
  void act() {
    const auto now = Clock::now();
    if (m_plan.starting() && m_service.answers()) m_plan.up();
    const bool free = m_plan.wants(now) && m_lock.try_hold();
    switch (m_plan.next(now, free)) {
      case Deed::none: break;
      case Deed::start:
        note("card readers: the service starts");
        m_service.start();
        if (!m_service.is_there()) m_plan.ended(now);
        break;
      case Deed::stop: m_service.signal(SIGTERM); break;
      case Deed::kill: m_service.signal(SIGKILL); break;
      case Deed::give_up: note("card readers: the service ended too often and is started again with the next reader only"); break;
    }
    if (!m_plan.busy()) m_lock.let_go();
  }

  /// Whether to go on.
  bool wait() {
    std::array<::pollfd, 2> waiting{{{m_socket, POLLIN, 0}, {m_service.watch(), POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), patience()) < 0) return errno == EINTR;
    const auto now = Clock::now();
    if (waiting[1].revents != 0) {
      if (const auto how = m_service.ended()) {
        note("card readers: the service ended, " + *how);
        m_plan.ended(now);
      }
    }
    if (waiting[0].revents == 0) return true;
    char byte = 0;
    if (::recv(m_socket, &byte, 1, 0) <= 0) return false;
    m_plan.came(now);
    if (m_plan.waits() && !m_lock.try_hold()) note("card readers: a reader waits until the token is no longer active");
    m_asked = true;
    return true;
  }

  [[nodiscard]] int patience() const {
    using std::chrono::milliseconds;
    if (m_plan.starting()) return 20;  // until it answers, which nothing tells
    const auto wake = m_plan.wake();
    if (!wake) return -1;
    return static_cast<int>(std::clamp(std::chrono::ceil<milliseconds>(*wake - Clock::now()), milliseconds(0), milliseconds(60'000)).count());
  }

  int m_socket;
  Service m_service;
  hsm::NoneInUse m_lock;
  ReaderPlan m_plan;
  bool m_asked = false;
};

[[noreturn]] void be_keeper(int socket, bool log, const ReadersService& service) {
  // The terminal is the people's program's.
  ::setsid();
  ::prctl(PR_SET_NAME, "readers");
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, standard);
  try {
    media::keep_only({CAP_SETUID, CAP_SETGID, CAP_KILL});
    Keeper(socket, log, service).keep();
  } catch (const std::exception& failure) {
    note(failure.what());
  }
  ::_exit(0);
}

}  // namespace

CardReaders::CardReaders(bool log, const ReadersService& service) {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) return;
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(sockets[0]);
    be_keeper(sockets[1], log, service);
  }
  ::close(sockets[1]);
  m_socket = sockets[0];
  // An answer takes a moment; nobody waits for a process that hangs.
  const ::timeval longest{5, 0};
  (void)::setsockopt(m_socket, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
}

CardReaders::~CardReaders() {
  if (m_socket >= 0) ::close(m_socket);
}

void CardReaders::came() {
  char byte = news;
  if (::send(m_socket, &byte, 1, MSG_NOSIGNAL) != 1 || ::recv(m_socket, &byte, 1, 0) != 1) note("card readers are not looked after: restart the machine");
}

}  // namespace ceremony::init
