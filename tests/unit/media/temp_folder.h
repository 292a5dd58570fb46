// A folder of one test's own, and a shell in it.
#pragma once

#include <sys/wait.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "ceremony/ground/bytes.h"

namespace ceremony {

class TempFolder final {
 public:
  TempFolder() {
    std::string form = (std::filesystem::temp_directory_path() / "ceremony-XXXXXX").string();
    m_path = ::mkdtemp(form.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(m_path); }

  [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
  void put(const std::string& name, View bytes) const {
    std::filesystem::create_directories((m_path / name).parent_path());
    std::ofstream file(m_path / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  [[nodiscard]] Bytes get(const std::string& name) const {
    std::ifstream file(m_path / name, std::ios::binary);
    INFO(name);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// What a shell says, run inside the folder; it must end well.
  [[nodiscard]] std::string says(const std::string& command) const {
    const std::string line = "cd '" + m_path.string() + "' && { " + command + "; } 2>&1";
    FILE* pipe = ::popen(line.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string out;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
    const int status = ::pclose(pipe);
    INFO(command << "\n" << out);
    REQUIRE(WEXITSTATUS(status) == 0);
    return out;
  }
  void runs(const std::string& command) const { (void)says(command); }

 private:
  std::filesystem::path m_path;
};

}  // namespace ceremony
