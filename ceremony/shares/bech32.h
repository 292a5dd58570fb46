// Bech32 (BIP 173) without its length limit, as age uses it. Internal to this folder.
#pragma once

#include <botan/secmem.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ceremony::shares {

/// Lower case; `prefix` is lower case. The data may be secret: no table is looked up by it.
[[nodiscard]] Botan::secure_vector<std::uint8_t> bech32(std::string_view prefix, std::span<const std::uint8_t> data);

/// The data of a text with this prefix, in the case of the prefix (which is all lower or all upper), or nothing.
[[nodiscard]] std::optional<Botan::secure_vector<std::uint8_t>> unbech32(std::string_view prefix,
                                                                         std::string_view text);

}  // namespace ceremony::shares
