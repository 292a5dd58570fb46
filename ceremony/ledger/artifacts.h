// The public byte strings that records speak of, each under the name of its SHA-256 in one ledger folder. An artifact
// lies in incoming/ until the record that names it is durable (`settle`), so a power cut leaves none that no record
// names. Never overwrites: the same bytes twice are one artifact.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ceremony/ground/env.h"

namespace ceremony::ledger {

inline constexpr std::size_t artifact_limit = std::size_t{256} << 20;

class ArtifactStore final {
 public:
  /// `kind`: "artifacts" for public ones, "private" for salted personal data.
  ArtifactStore(Env& env, Path folder, std::string kind = "artifacts");

  /// Durable in incoming/ on return (or already settled).
  Digest put(View bytes);
  /// Moves it from incoming/ to its final place; nothing if it is there already.
  void settle(const Digest& digest);
  /// The bytes, from either place; nothing if there are none. Throws LedgerRefusal::artifact if they are not what the
  /// name says.
  [[nodiscard]] std::optional<Bytes> get(const Digest& digest) const;
  /// The settled ones, sorted. A file that has not a digest's name in its right folder is refused.
  [[nodiscard]] std::vector<Digest> list() const;
  /// The ones still in incoming/, sorted.
  [[nodiscard]] std::vector<Digest> incoming() const;
  /// Removes it from incoming/.
  void drop(const Digest& digest);

  /// `artifacts/ab/ab12…`: where it lies below a ledger folder.
  [[nodiscard]] std::string place(const Digest& digest) const;

 private:
  [[nodiscard]] Path final_path(const Digest& digest) const { return m_folder / place(digest); }
  [[nodiscard]] Path incoming_path(const Digest& digest) const;

  Env* m_env;
  Path m_folder;
  std::string m_kind;
};

}  // namespace ceremony::ledger
