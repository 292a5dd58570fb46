// Secrets: move-only, in locked and wiping memory, never printable, never a std::string.
#pragma once

#include <botan/mem_ops.h>
#include <botan/secmem.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace ceremony {

/// Bytes that must not be seen. `Tag` keeps a PIN from being passed as a passphrase. Moved-from is empty.
/// Botan's allocator locks the pages where the operating system lets it and wipes on release.
template <typename Tag>
class Secret final {
 public:
  Secret() = default;
  explicit Secret(Botan::secure_vector<std::uint8_t> bytes) : m_bytes(std::move(bytes)) {}
  explicit Secret(std::span<const std::uint8_t> bytes) : m_bytes(bytes.begin(), bytes.end()) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : m_bytes(std::exchange(other.m_bytes, {})) {}
  Secret& operator=(Secret&& other) noexcept {
    m_bytes = std::exchange(other.m_bytes, {});
    return *this;
  }
  ~Secret() = default;

  [[nodiscard]] std::span<const std::uint8_t> reveal() const { return m_bytes; }
  [[nodiscard]] std::string_view reveal_text() const {
    return {reinterpret_cast<const char*>(m_bytes.data()), m_bytes.size()};
  }
  [[nodiscard]] bool empty() const { return m_bytes.empty(); }
  [[nodiscard]] std::size_t size() const { return m_bytes.size(); }
  /// A deliberate second holder of the same secret.
  [[nodiscard]] Secret duplicate() const { return Secret(std::span<const std::uint8_t>(m_bytes)); }
  /// Constant time for equal lengths.
  [[nodiscard]] bool same(const Secret& other) const {
    return size() == other.size() && Botan::constant_time_compare(m_bytes.data(), other.m_bytes.data(), size());
  }
  void wipe() { m_bytes = {}; }

 private:
  Botan::secure_vector<std::uint8_t> m_bytes;
};

using Pin = Secret<struct PinTag>;                      ///< A PKCS#11 PIN, as the module takes it.
using Passphrase = Secret<struct PassphraseTag>;        ///< What a person types.
using Kek = Secret<struct KekTag>;                      ///< 32 bytes that wrap backed-up keys.
using MasterSecret = Secret<struct MasterSecretTag>;    ///< What is split: 32 bytes.
using ShareWords = Secret<struct ShareWordsTag>;        ///< One SLIP-0039 mnemonic, lower case, single spaces.
using PrivateText = Secret<struct PrivateTextTag>;      ///< A decrypted file.

}  // namespace ceremony
