// The one seam to the operating system: files, fsync, rename, clock, randomness. A test holds it to fail any call or to
// cut the power between two of them. Paths are this process's own; media come through media/volume.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony {

using Path = std::filesystem::path;
using Time = std::chrono::sys_seconds;  ///< UTC, whole seconds.

/// RFC 3339 UTC with seconds: 2026-11-22T14:07:31Z. `time_from_text` takes exactly that, or nothing.
[[nodiscard]] std::string text_of(Time time);
[[nodiscard]] std::optional<Time> time_from_text(std::string_view text);

enum class EnvRefusal { absent, exists, full, read_only, denied, too_large, not_a_file, failed };
[[nodiscard]] constexpr std::string_view name_of(EnvRefusal code) {
  switch (code) {
    case EnvRefusal::absent: return "env/absent";
    case EnvRefusal::exists: return "env/exists";
    case EnvRefusal::full: return "env/full";
    case EnvRefusal::read_only: return "env/read-only";
    case EnvRefusal::denied: return "env/denied";
    case EnvRefusal::too_large: return "env/too-large";
    case EnvRefusal::not_a_file: return "env/not-a-file";
    case EnvRefusal::failed: return "env/failed";
  }
  return "env/?";
}

/// Every operation throws Refused{EnvRefusal, …} naming the path; none leaves a half-written file under a final name.
class Env {
 public:
  virtual ~Env() = default;

  [[nodiscard]] virtual Time now() = 0;
  /// Bytes of the kernel's random source.
  virtual void random(std::span<std::uint8_t> out) = 0;

  [[nodiscard]] virtual bool exists(const Path& path) = 0;
  /// A whole regular file, at most `limit` bytes, never through a symbolic link.
  [[nodiscard]] virtual Bytes read(const Path& path, std::size_t limit) = 0;
  /// Names of regular files below `folder`, relative, sorted; folders are walked, links and special files are refused.
  [[nodiscard]] virtual std::vector<std::string> list(const Path& folder) = 0;
  /// Creates the folder and its parents, durably. An existing folder is fine.
  virtual void make_folder(const Path& folder) = 0;
  /// Creates the file with these bytes, durably (temporary name beside it, fsync, rename that never replaces, fsync of
  /// the folder). Refuses with `exists` if the name is taken.
  virtual void create(const Path& path, View bytes) = 0;
  /// Appends to an existing file and returns after fdatasync.
  virtual void append(const Path& path, View bytes) = 0;
  /// Cuts a file to `size` bytes, durably.
  virtual void truncate(const Path& path, std::size_t size) = 0;
  /// Renames without ever replacing, durably.
  virtual void rename(const Path& from, const Path& to) = 0;
  /// Replaces `path` by these bytes in one step (only for the files the format says are rewritten: checkpoint, SHA256SUMS).
  virtual void replace(const Path& path, View bytes) = 0;
  /// Removes one file, durably; an absent one is fine.
  virtual void remove(const Path& path) = 0;
};

/// The real one. No state beyond the process's own.
[[nodiscard]] std::unique_ptr<Env> make_posix_env();

}  // namespace ceremony
