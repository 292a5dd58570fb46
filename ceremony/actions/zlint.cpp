#include "ceremony/actions/zlint.h"

#include <botan/exceptn.h>
#include <botan/pem.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

#include "ceremony/ground/refused.h"

namespace ceremony::actions {
namespace {

using Clock = std::chrono::steady_clock;

// A certificate costs about 6 KB of output and a source more; 32 stay far below the bound on one child's output.
constexpr std::size_t certificates_a_child = 32;
constexpr std::size_t largest_certificate = std::size_t{64} << 10;
constexpr std::size_t longest_details = 400;

[[noreturn]] void refuse(LintRefusal code, std::string what, std::string hint) {
  throw Refused(code, std::move(what), "zlint", std::move(hint));
}

[[noreturn]] void refuse_system(std::string_view doing) {
  refuse(LintRefusal::failed, "could not " + std::string(doing) + " (" + std::strerror(errno) + ")",
         "close other programs, then run the step again");
}

/// One line of printable ASCII, for a screen or a record: the text is another program's.
std::string tamed(std::string_view text, std::size_t most) {
  std::string out(text.substr(0, most));
  for (char& c : out)
    if (c < ' ' || c > '~') c = c == '\n' || c == '\t' ? ' ' : '?';
  return out;
}

class Descriptor final {
 public:
  explicit Descriptor(int fd = -1) : m_fd(fd) {}
  Descriptor(Descriptor&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(m_fd, other.m_fd);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void close() {
    if (m_fd >= 0) ::close(std::exchange(m_fd, -1));
  }
  [[nodiscard]] int get() const { return m_fd; }

 private:
  int m_fd;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) refuse_system("make a pipe");
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
  }
  Descriptor read;
  Descriptor write;
};

/// The bytes as a file without a name, read by the child as /proc/self/fd/N: nothing touches a disk.
Descriptor memory_file(View bytes) {
  Descriptor file(::memfd_create("certificate", MFD_CLOEXEC));
  if (file.get() < 0) refuse_system("make a file in memory");
  while (!bytes.empty()) {
    const auto n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse_system("write a file in memory");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) refuse_system("rewind a file in memory");
  return file;
}

int milliseconds_to(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3600 * 1000));
}

/// A child that is killed and reaped when this goes away, however that happens.
class Child final {
 public:
  explicit Child(pid_t pid) : m_pid(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (m_pid <= 0) return;
    ::kill(m_pid, SIGKILL);
    (void)reap();
  }
  /// The status as waitpid says it, once the child has ended by itself; nothing if it has not by then.
  [[nodiscard]] std::optional<int> wait_until(Clock::time_point deadline) {
    // glibc declares pidfd_open without C linkage, so C++ cannot call it by name.
    const Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, m_pid, 0U)));
    if (ended.get() < 0) refuse_system("watch zlint");
    pollfd watched{ended.get(), POLLIN, 0};
    int ready = -1;
    do ready = ::poll(&watched, 1, milliseconds_to(deadline));
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) return std::nullopt;
    return reap();
  }

 private:
  int reap() {
    int status = 0;
    while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {}
    m_pid = -1;
    return status;
  }

  pid_t m_pid;
};

std::string program_path(const ZlintOptions& options) {
  if (options.program.find('/') != std::string::npos && ::access(options.program.c_str(), X_OK) == 0) return options.program;
  if (options.program.find('/') == std::string::npos) {
    for (std::string_view rest = options.search_path; !rest.empty();) {
      const std::size_t end = std::min(rest.find(':'), rest.size());
      const std::string path = std::string(rest.substr(0, end)) + "/" + options.program;
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (path.front() == '/' && ::access(path.c_str(), X_OK) == 0) return path;
    }
  }
  refuse(LintRefusal::absent, "the program \"" + options.program + "\" is not there (looked in " + options.search_path + ")",
         "install the Debian package zlint; no certificate is signed without its opinion");
}

[[noreturn]] void become(const char* path, char* const* arguments, char* const* environment, int out, int err,
                         std::span<const int> keep) {
  // Between fork and exec: async-signal-safe calls only.
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (::dup2(nothing, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(126);
  // Whatever else is open here (token, ledgers) is not the child's.
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) ::_exit(126);
  for (const int fd : keep)
    if (::fcntl(fd, F_SETFD, 0) != 0) ::_exit(126);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(path, arguments, environment);
  ::_exit(127);
}

struct Output {
  std::string out;
  std::string err;
  int status = 0;
};

[[noreturn]] void refuse_late(const ZlintOptions& options) {
  refuse(LintRefusal::timeout, "zlint gave no answer within " + std::to_string(options.timeout.count()) + " ms",
         "run the step again; if it stays so, the machine or the program is not in order");
}

/// Reads both pipes to their ends, bounded in bytes and time.
void drain(Pipe& out, Pipe& err, Output& into, const ZlintOptions& options, Clock::time_point deadline) {
  std::array<pollfd, 2> ends{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
  const std::array<std::string*, 2> texts{&into.out, &into.err};
  std::array<char, 65536> piece{};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const int ready = ::poll(ends.data(), ends.size(), milliseconds_to(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) refuse_system("wait for zlint");
    if (ready == 0) refuse_late(options);
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      const auto n = ::read(ends[i].fd, piece.data(), piece.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) refuse_system("read zlint's answer");
      if (n == 0) ends[i].fd = -1;
      texts[i]->append(piece.data(), static_cast<std::size_t>(n));
      if (texts[i]->size() > options.max_output)
        refuse(LintRefusal::output, "zlint's answer is longer than " + std::to_string(options.max_output) + " bytes",
               "this is not the zlint we know; use the one of the appliance");
    }
  }
}

Output run(const ZlintOptions& options, std::vector<std::string> arguments, std::span<const int> keep) {
  const std::string path = program_path(options);
  arguments.insert(arguments.begin(), path);
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/nonexistent", "TZ=UTC"};
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  };
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  Pipe out;
  Pipe err;
  const pid_t pid = ::fork();
  if (pid < 0) refuse_system("start zlint");
  if (pid == 0) become(path.c_str(), argv.data(), envp.data(), out.write.get(), err.write.get(), keep);
  Child child(pid);
  out.write.close();
  err.write.close();
  Output output;
  const auto deadline = Clock::now() + options.timeout;
  drain(out, err, output, options, deadline);
  const auto status = child.wait_until(deadline);
  if (!status) refuse_late(options);
  output.status = *status;
  return output;
}

void refuse_failure(const Output& output) {
  if (WIFEXITED(output.status) && WEXITSTATUS(output.status) == 0) return;
  const std::string how = WIFEXITED(output.status) ? "with exit " + std::to_string(WEXITSTATUS(output.status))
                                                   : "by signal " + std::to_string(WTERMSIG(output.status));
  refuse(LintRefusal::failed, "zlint ended " + how + ": \"" + tamed(output.err, longest_details) + "\"",
         "check that the profile names sources zlint knows (`zlint -list-lints-source`) and that the certificate is one");
}

Bytes der_of(const Bytes& certificate) {
  constexpr std::string_view dashes = "-----BEGIN";
  const bool is_pem = certificate.size() > dashes.size() && std::ranges::equal(dashes, View(certificate).first(dashes.size()));
  Bytes der = certificate;
  if (is_pem) {
    try {
      der = to_bytes(Botan::PEM_Code::decode_check_label(as_text(certificate), "CERTIFICATE"));
    } catch (const Botan::Exception&) {
      refuse(LintRefusal::arguments, "a PEM block is not a certificate", "give certificates as DER or as one PEM block each");
    }
  }
  if (der.empty() || der.size() > largest_certificate)
    refuse(LintRefusal::arguments, "a certificate has " + std::to_string(der.size()) + " bytes", "give certificates of 1 to 65536 bytes");
  return der;
}

std::string joined_sources(const std::vector<std::string>& sources) {
  std::string out;
  for (const std::string& source : sources) {
    const bool fine = !source.empty() && std::ranges::all_of(source, [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!fine)
      refuse(LintRefusal::arguments, "\"" + tamed(source, 60) + "\" cannot be a source of lints", "name sources as zlint does, for example \"RFC5280\"");
    out += (out.empty() ? "" : ",") + source;
  }
  if (out.empty()) refuse(LintRefusal::arguments, "no source of lints is named", "name at least \"RFC5280\" in the profile");
  return out;
}

[[noreturn]] void refuse_output(std::string what) {
  refuse(LintRefusal::output, std::move(what), "this is not the zlint we know; use the one of the appliance");
}

std::vector<LintFinding> findings_of(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  // Not one lint run is not a certificate without findings.
  if (!json.is_object() || json.empty()) refuse_output("zlint's answer is not an object of lints: \"" + tamed(line, 60) + "\"");
  std::vector<LintFinding> out;
  for (const auto& [id, lint] : json.items()) {
    const auto result = lint.is_object() ? lint.find("result") : lint.end();
    if (!lint.is_object() || result == lint.end() || !result->is_string())
      refuse_output("the lint \"" + tamed(id, 60) + "\" has no result");
    const auto& verdict = result->get_ref<const std::string&>();
    if (verdict == "pass" || verdict == "info" || verdict == "NA" || verdict == "NE") continue;
    LintFinding finding{tamed(id, 120), LintLevel::warn, ""};
    if (verdict == "error") finding.level = LintLevel::error;
    else if (verdict == "fatal") finding.level = LintLevel::fatal;
    else if (verdict != "warn") refuse_output("the lint \"" + finding.id + "\" has the unknown result \"" + tamed(verdict, 60) + "\"");
    if (const auto details = lint.find("details"); details != lint.end() && details->is_string())
      finding.details = tamed(details->get_ref<const std::string&>(), longest_details);
    out.push_back(std::move(finding));
  }
  return out;  // nlohmann's objects are sorted by key, so these are sorted by id
}

}  // namespace

std::string_view text_of(LintLevel level) {
  switch (level) {
    case LintLevel::warn: return "warn";
    case LintLevel::error: return "error";
    case LintLevel::fatal: return "fatal";
  }
  return "?";
}

std::vector<std::vector<LintFinding>> parse_zlint_output(std::string_view output, std::size_t count) {
  std::vector<std::vector<LintFinding>> out;
  while (!output.empty()) {
    const std::size_t end = output.find('\n');
    if (end == std::string_view::npos) refuse_output("zlint's answer is cut off");
    if (out.size() == count) refuse_output("zlint answered for more than " + std::to_string(count) + " certificates");
    out.push_back(findings_of(output.substr(0, end)));
    output.remove_prefix(end + 1);
  }
  if (out.size() != count)
    refuse_output("zlint answered for " + std::to_string(out.size()) + " of " + std::to_string(count) + " certificates");
  return out;
}

Zlint::Zlint(ZlintOptions options) : m_options(std::move(options)) {}

std::string Zlint::version() {
  const Output output = run(m_options, {"-version"}, {});
  refuse_failure(output);
  constexpr std::string_view before = "ZLint version ";
  const std::string text = output.out.substr(0, output.out.find('\n'));
  if (!text.starts_with(before) || text.size() > 60) refuse_output("zlint does not say its version: \"" + tamed(text, 60) + "\"");
  return "zlint " + tamed(text.substr(before.size()), 40);
}

std::vector<std::vector<LintFinding>> Zlint::lint(const std::vector<Bytes>& certificates,
                                                  const std::vector<std::string>& sources) {
  const std::string joined = joined_sources(sources);
  std::vector<std::vector<LintFinding>> out;
  for (std::size_t at = 0; at < certificates.size();) {
    std::vector<Descriptor> files;
    std::vector<int> keep;
    std::vector<std::string> arguments{"-format", "der", "-includeSources", joined};
    for (; at < certificates.size() && files.size() < certificates_a_child; ++at) {
      files.push_back(memory_file(der_of(certificates[at])));
      keep.push_back(files.back().get());
      arguments.push_back("/proc/self/fd/" + std::to_string(keep.back()));
    }
    const Output output = run(m_options, arguments, keep);
    refuse_failure(output);
    for (auto& findings : parse_zlint_output(output.out, files.size())) out.push_back(std::move(findings));
  }
  return out;
}

}  // namespace ceremony::actions
