// Foreign programs for round trips: each runs as a process in a temporary folder that goes away.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "ceremony/ground/bytes.h"

namespace ceremony::testing {

class Workshop final {
 public:
  Workshop() {
    std::string form = (std::filesystem::temp_directory_path() / "ceremony-test-XXXXXX").string();
    if (::mkdtemp(form.data()) == nullptr) throw std::runtime_error("no temporary folder");
    m_folder = form;
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;
  ~Workshop() { std::error_code ignored; std::filesystem::remove_all(m_folder, ignored); }

  [[nodiscard]] const std::filesystem::path& folder() const { return m_folder; }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(m_folder / name, std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(m_folder / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  /// Runs a shell command here and gives what it prints, without the last LF; throws if it fails.
  std::string run(const std::string& command) const {
    const std::string line = "cd '" + m_folder.string() + "' && { " + command + "\n} 2>err";
    std::FILE* pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
    std::string out;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
    if (::pclose(pipe) != 0) throw std::runtime_error(command + " failed: " + read("err"));
    while (out.ends_with('\n')) out.pop_back();
    return out;
  }

 private:
  std::filesystem::path m_folder;
};

/// A P-256 key made and used by openssl.
class OpensslKey final {
 public:
  OpensslKey() {
    m_shop.run("openssl ecparam -name prime256v1 -genkey -noout -out key.pem && openssl pkey -in key.pem -pubout -outform DER -out key.spki");
    m_spki = as_bytes(m_shop.read("key.spki"));
  }
  [[nodiscard]] const Bytes& spki() const { return m_spki; }
  [[nodiscard]] Bytes sign(std::string_view message) const {
    m_shop.write("message", message);
    m_shop.run("openssl dgst -sha256 -sign key.pem -out signature message");
    return as_bytes(m_shop.read("signature"));
  }
  [[nodiscard]] std::string public_pem() const { return m_shop.run("openssl pkey -in key.pem -pubout") + "\n"; }

 private:
  Workshop m_shop;
  Bytes m_spki;
};

/// The two keys that sign in these tests.
inline const OpensslKey& log_key() {
  static const OpensslKey key;
  return key;
}
inline const OpensslKey& person_key() {
  static const OpensslKey key;
  return key;
}

}  // namespace ceremony::testing
