// SoftHSM2 in a folder of its own, gone with the fixture; and openssl as the second opinion.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "hsm/pkcs11_module.h"

namespace ceremony::hsm {

[[nodiscard]] inline Pin pin(std::string_view text) { return Pin(as_view(text)); }
[[nodiscard]] inline Kek kek(std::uint8_t byte = 0x4b) { return Kek(Bytes(32, byte)); }
[[nodiscard]] inline Bytes id(std::uint8_t byte) { return Bytes{0xce, byte}; }

class SoftHsm {
 public:
  SoftHsm() {
    std::string name = (std::filesystem::temp_directory_path() / "ceremony-hsm-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    m_folder = name;
    std::filesystem::create_directory(m_folder / "tokens");
    std::ofstream(m_folder / "softhsm2.conf") << "directories.tokendir = " << (m_folder / "tokens").string()
                                              << "\nobjectstore.backend = file\nlog.level = ERROR\n";
    ::setenv("SOFTHSM2_CONF", (m_folder / "softhsm2.conf").c_str(), 1);
    m_module = open_pkcs11("softhsm2");
  }
  ~SoftHsm() {
    m_module.reset();
    std::error_code ignored;
    std::filesystem::remove_all(m_folder, ignored);
  }
  SoftHsm(const SoftHsm&) = delete;
  SoftHsm& operator=(const SoftHsm&) = delete;

  [[nodiscard]] Module& module() { return *m_module; }
  /// A process's end and another's start.
  void reopen() {
    m_module.reset();
    m_module = open_pkcs11("softhsm2");
  }
  [[nodiscard]] std::unique_ptr<Module> take() { return std::move(m_module); }
  /// Initialised, SO PIN "so-pin-0000", user PIN "user-pin-0", nobody logged in.
  [[nodiscard]] std::unique_ptr<Token> ready(std::string_view label) {
    std::unique_ptr<Token> token = m_module->blank();
    token->initialise(pin("so-pin-0000"), label);
    token->init_user_pin(pin("so-pin-0000"), pin("user-pin-0"));
    return token;
  }

  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return m_folder / name; }
  std::filesystem::path write(const std::string& name, View bytes) const {
    std::ofstream(file(name), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return file(name);
  }
  [[nodiscard]] Bytes read(const std::string& name) const {
    std::ifstream in(file(name), std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }
  /// Runs a shell line inside the folder; true if it ends with 0.
  [[nodiscard]] bool run(const std::string& line) const {
    return std::system(("cd '" + m_folder.string() + "' && " + line + " >out.txt 2>&1").c_str()) == 0;
  }
  [[nodiscard]] bool openssl_verifies(View spki, View message, View signature, const std::string& options) const {
    write("pub.der", spki);
    write("message", message);
    write("signature", signature);
    return run("openssl dgst " + options + " -verify pub.der -keyform DER -signature signature message");
  }

 private:
  std::filesystem::path m_folder;
  std::unique_ptr<Module> m_module;
};

/// What the call refuses with; fails the test if it does not.
template <typename Call>
[[nodiscard]] Refused refusal_of(Call&& call) {
  try {
    static_cast<void>(call());
  } catch (const Refused& refused) {
    INFO(refused.what());
    CHECK(refused.code().starts_with("hsm/"));
    CHECK_FALSE(refused.findings().front().hint.empty());
    return refused;
  }
  FAIL("nothing was refused");
  std::abort();
}

#define CHECK_REFUSED(code_, ...)                                                              \
  do {                                                                                         \
    const ceremony::Refused refused_ = ceremony::hsm::refusal_of([&] { return __VA_ARGS__; }); \
    INFO(refused_.what());                                                                     \
    CHECK(refused_.code() == name_of(ceremony::hsm::HsmRefusal::code_));                       \
  } while (false)

}  // namespace ceremony::hsm
