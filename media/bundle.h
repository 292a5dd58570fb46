// Bundles: the files a factory takes home, their MANIFEST, and the one archive they travel in. FORMAT.md has the bytes.
//
// Pure: works on memory, never touches a disk, the network or a clock. Anybody may call it, the verifier too.
// Invariants: the same files and the same time give the same archive, byte for byte; whatever `pack` makes, `unpack` with
// the same limits gives back equal; `unpack` allocates no more than its limits say, whatever it is fed.
// Never: follows a name, makes a link, takes a part of an archive that is wrong in another part.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/env.h"
#include "media/files.h"

namespace ceremony::media {

enum class BundleRefusal { name, manifest, compression, archive, kind, duplicate, too_large };
[[nodiscard]] constexpr std::string_view name_of(BundleRefusal code) {
  switch (code) {
    case BundleRefusal::name: return "bundle/name";
    case BundleRefusal::manifest: return "bundle/manifest";
    case BundleRefusal::compression: return "bundle/compression";
    case BundleRefusal::archive: return "bundle/archive";
    case BundleRefusal::kind: return "bundle/kind";
    case BundleRefusal::duplicate: return "bundle/duplicate";
    case BundleRefusal::too_large: return "bundle/too-large";
  }
  return "bundle/?";
}

/// Throws Refused{name} where a name breaks the rules of files.h, {duplicate} where two names differ in upper and lower
/// case only or one is a folder of the other: such a set cannot be written to every medium.
void check_names(const Files& files);

/// The content of MANIFEST: `<sha256>  <name>` and LF for each file, in the order of names, for `sha256sum -c MANIFEST`.
/// Not listed, because they come later and prove themselves: MANIFEST itself, everything below `log/`, `*.tlog-proof`.
/// Throws as check_names does, and {manifest} where nothing is left to list.
[[nodiscard]] std::string manifest(const Files& files);
[[nodiscard]] bool is_in_manifest(std::string_view name);

/// Throws Refused{manifest}, with the line's number, for anything `manifest` would not have written.
[[nodiscard]] std::map<std::string, Digest> parse_manifest(std::string_view text);

/// Everything in which the files differ from their own MANIFEST, one lower-case sentence each; empty means equal.
[[nodiscard]] std::vector<std::string> check_manifest(const Files& files);

/// What an archive may hold. Sizes in bytes; the window as its binary logarithm.
struct Limits {
  std::size_t max_total = std::size_t{64} << 20;  ///< all contents together
  std::size_t max_files = 4096;
  std::size_t max_file = std::size_t{16} << 20;
  int window_log = 23;  ///< what `zstd -19` uses; `--ultra` and `--long` are refused
};

/// The `.tar.zst`: ustar, names in order, mode 0644, owner 0, `mtime` for every file; one zstd frame, level 19, one thread.
/// Throws as check_names does, {too_large} beyond the default Limits, {archive} for a time that ustar cannot say.
[[nodiscard]] Bytes pack(const Files& files, Time mtime);

/// The files of an archive: exactly one zstd frame of ustar with regular files only. Order, mode, owner and time of the
/// entries are not looked at. Throws {compression} for what is not one whole frame within the window, {archive} for what is
/// not ustar from the first to the last byte, {kind} for folders, links, devices and extended headers, {name}, {duplicate},
/// {too_large}.
[[nodiscard]] Files unpack(View archive, const Limits& limits = {});

}  // namespace ceremony::media
