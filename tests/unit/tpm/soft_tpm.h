// A TPM 2.0 of software (swtpm) in a folder of its own, gone with the fixture.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tcti_swtpm.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "hsm/tpm_esys.h"

namespace ceremony::testing {

class SoftTpm final {
 public:
  SoftTpm() {
    std::string name = (std::filesystem::temp_directory_path() / "ceremony-tpm-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    m_folder = name;
    start();
  }
  ~SoftTpm() {
    stop();
    std::error_code ignored;
    std::filesystem::remove_all(m_folder, ignored);
  }
  SoftTpm(const SoftTpm&) = delete;
  SoftTpm& operator=(const SoftTpm&) = delete;

  [[nodiscard]] hsm::TpmTransport transport() const { return {Tss2_Tcti_Swtpm_Init, "path=" + socket(), "swtpm"}; }
  [[nodiscard]] std::unique_ptr<hsm::Tpm> tpm() const { return hsm::make_tpm(transport()); }

  /// Off and on again: what it was made with stays, its PCRs begin anew.
  void power_cycle() {
    stop();
    start();
  }
  void stop() {
    if (m_process <= 0) return;
    ::kill(m_process, SIGKILL);
    ::waitpid(m_process, nullptr, 0);
    m_process = 0;
  }

  /// What asks the TPM for other things than our code does.
  template <typename Ask>
  void with_esys(const Ask& ask) const {
    std::size_t size = 0;
    REQUIRE(Tss2_Tcti_Swtpm_Init(nullptr, &size, nullptr) == TSS2_RC_SUCCESS);
    std::vector<std::max_align_t> memory(size / sizeof(std::max_align_t) + 1);
    auto* const way = reinterpret_cast<TSS2_TCTI_CONTEXT*>(memory.data());
    REQUIRE(Tss2_Tcti_Swtpm_Init(way, &size, ("path=" + socket()).c_str()) == TSS2_RC_SUCCESS);
    ESYS_CONTEXT* esys = nullptr;
    REQUIRE(Esys_Initialize(&esys, way, nullptr) == TSS2_RC_SUCCESS);
    ask(esys);
    Esys_Finalize(&esys);
    Tss2_Tcti_Finalize(way);
  }
  void extend(unsigned pcr, const Digest& with) const {
    with_esys([&](ESYS_CONTEXT* esys) {
      TPML_DIGEST_VALUES values{};
      values.count = 1;
      values.digests[0].hashAlg = TPM2_ALG_SHA256;
      std::ranges::copy(with.value, values.digests[0].digest.sha256);
      REQUIRE(Esys_PCR_Extend(esys, pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &values) == TSS2_RC_SUCCESS);
    });
  }

 private:
  [[nodiscard]] std::string socket() const { return (m_folder / "tpm").string(); }

  void start() {
    std::filesystem::remove(socket());
    std::filesystem::remove(socket() + ".ctrl");
    std::vector<std::string> words{"swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + m_folder.string(), "--server", "type=unixio,path=" + socket(), "--ctrl",
                                   "type=unixio,path=" + socket() + ".ctrl", "--flags", "not-need-init,startup-clear", "--log", "file=" + (m_folder / "log").string()};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    REQUIRE(::posix_spawnp(&m_process, "swtpm", nullptr, nullptr, arguments.data(), environ) == 0);
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!listens()) {
      REQUIRE(::waitpid(m_process, nullptr, WNOHANG) == 0);
      REQUIRE(std::chrono::steady_clock::now() < limit);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  [[nodiscard]] bool listens() const {
    const int end = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::sockaddr_un place{};
    place.sun_family = AF_UNIX;
    std::ranges::copy(socket() + ".ctrl", place.sun_path);
    const bool there = ::connect(end, reinterpret_cast<const ::sockaddr*>(&place), sizeof place) == 0 && std::filesystem::exists(socket());
    ::close(end);
    return there;
  }

  std::filesystem::path m_folder;
  ::pid_t m_process = 0;
};

}  // namespace ceremony::testing
