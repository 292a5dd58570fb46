// What the machine was started from, as its first process found it and tells the programs: digests of the boot image, and which of the
// two worlds the image is for. A file that only root writes; where it is not there, the program runs at somebody's desk.
//
// Text, four lines: `ceremony-boot/v1`, `environment: production` or `rehearsal`, `image: ` and `uki: ` with a SHA-256 in hex or `none`.
// `image` is the digest of the image's MANIFEST (scripts/FORMAT.md), `uki` that of the unified kernel image on the boot medium.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"

namespace ceremony {

enum class BootRefusal { malformed };
[[nodiscard]] constexpr std::string_view name_of(BootRefusal) { return "boot/malformed"; }

struct Boot {
  bool production = false;
  std::optional<Digest> image, uki;
  bool operator==(const Boot&) const = default;
};

inline constexpr const char* boot_file = "/run/ceremony/boot";

[[nodiscard]] std::string text_of(const Boot& boot);
/// Throws Refused{BootRefusal::malformed} for whatever text_of does not write.
[[nodiscard]] Boot parse_boot(std::string_view text);
/// Nothing at a desk. Throws what parse_boot throws.
[[nodiscard]] std::optional<Boot> read_boot(Env& env, const Path& file = boot_file);

/// `none` where there is none.
[[nodiscard]] std::string text_or_none(const std::optional<Digest>& digest);

}  // namespace ceremony
