// The vocabulary of these tests: a seeded generator, refusals as values, foreign programs run as processes.
#pragma once

#include <botan/chacha_rng.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"
#include "ceremony/ground/secret.h"

/// Repeatable: seeded with Catch2's --rng-seed, which a failing run prints.
[[nodiscard]] Botan::ChaCha_RNG seeded_rng(std::string_view salt = "");

/// The same in every run.
[[nodiscard]] Botan::ChaCha_RNG fixed_rng();

/// What `act` was refused with; fails the test if it was not.
[[nodiscard]] ceremony::Refused refusal_of(const std::function<void()>& act);

template <typename S>
[[nodiscard]] S secret(std::string_view text) {
  return S(ceremony::as_view(text));
}
template <typename S>
[[nodiscard]] std::string shown(const S& secret) {
  return std::string(secret.reveal_text());
}
[[nodiscard]] ceremony::MasterSecret secret_from_hex(std::string_view hex);

/// A folder that goes away.
class Folder final {
 public:
  Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();
  [[nodiscard]] std::string operator/(std::string_view name) const { return (m_path / name).string(); }
  [[nodiscard]] std::string path() const { return m_path.string(); }

 private:
  std::filesystem::path m_path;
};

void put(const std::string& path, ceremony::View bytes);
[[nodiscard]] ceremony::Bytes get(const std::string& path);

struct Ran {
  int status;
  std::string out;  ///< standard output and standard error
};
/// Runs a program with this standard input.
[[nodiscard]] Ran run(const std::vector<std::string>& command, std::string_view input = {});
/// Runs a program on a terminal of its own and types one line at each of its "…passphrase…: " prompts.
[[nodiscard]] Ran run_on_terminal(const std::vector<std::string>& command, const std::vector<std::string>& answers);
