#include "peers.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <optional>

Botan::ChaCha_RNG seeded_rng(std::string_view salt) {
  return Botan::ChaCha_RNG(ceremony::sha256(std::string(salt) + std::to_string(Catch::getSeed())).value);
}

Botan::ChaCha_RNG fixed_rng() { return Botan::ChaCha_RNG(ceremony::sha256("fixed").value); }

ceremony::Refused refusal_of(const std::function<void()>& act) {
  std::optional<ceremony::Refused> out;
  try {
    act();
  } catch (const ceremony::Refused& refused) {
    out = refused;
  }
  REQUIRE(out.has_value());
  UNSCOPED_INFO(out->what());
  for (const auto& f : out->findings()) CHECK_FALSE(f.hint.empty());
  return *out;
}

ceremony::MasterSecret secret_from_hex(std::string_view hex) { return ceremony::MasterSecret(*ceremony::unhex(hex)); }

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "shares-test-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  m_path = name;
}
Folder::~Folder() { std::filesystem::remove_all(m_path); }

void put(const std::string& path, ceremony::View bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
}

ceremony::Bytes get(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

/// Reads until the end; `seen` is called after each piece.
std::string read_all(int fd, const std::function<void(const std::string&)>& seen) {
  std::string out;
  std::array<char, 4096> block{};
  while (true) {
    const auto n = ::read(fd, block.data(), block.size());
    if (n <= 0) return out;  // a terminal ends with EIO
    out.append(block.data(), static_cast<std::size_t>(n));
    seen(out);
  }
}

int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

Ran run(const std::vector<std::string>& command, std::string_view input) {
  const Folder folder;
  put(folder / "in", ceremony::as_view(input));
  const std::string in = folder / "in";
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(::open(in.c_str(), O_RDONLY), 0);
    ::dup2(pipe[1], 1);
    ::dup2(pipe[1], 2);
    become(command);
  }
  ::close(pipe[1]);
  Ran out{0, read_all(pipe[0], [](const std::string&) {})};
  ::close(pipe[0]);
  out.status = wait_for(pid);
  return out;
}

Ran run_on_terminal(const std::vector<std::string>& command, const std::vector<std::string>& answers) {
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(pid >= 0);
  if (pid == 0) become(command);
  std::size_t at = 0;
  std::size_t answered = 0;
  Ran out{0, read_all(terminal, [&](const std::string& text) {
            while (answered < answers.size()) {
              const auto prompt = text.find("passphrase", at);
              const auto end = prompt == std::string::npos ? prompt : text.find(": ", prompt);
              if (end == std::string::npos) return;
              at = end;
              const std::string line = answers[answered++] + "\n";
              REQUIRE(::write(terminal, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
            }
          })};
  ::close(terminal);
  out.status = wait_for(pid);
  return out;
}
