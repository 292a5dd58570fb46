// The media of a run, as the command line names them: folders, for a rehearsal at a desk, or removable disks.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ceremony/ground/env.h"
#include "ceremony/operator.h"
#include "ceremony/options.h"
#include "ceremony/policy/policy.h"
#include "media/volume.h"

namespace ceremony {

class RunMedia {
 public:
  virtual ~RunMedia() = default;
  /// All but the ledgers.
  [[nodiscard]] virtual media::Volumes& volumes() = 0;
  /// The two ledgers' folders, which can be written.
  [[nodiscard]] virtual std::vector<Path> ledgers() const = 0;
  /// What people call them, where it is not the folder itself.
  [[nodiscard]] virtual std::map<Path, std::string> ledger_names() const = 0;
  /// Why a ledger failed, where more is known than that its files did; else nothing.
  [[nodiscard]] virtual std::string fault_of(const Path& ledger) = 0;
  /// Nothing is written or read after this. Returns what people are told; may be nothing.
  virtual std::string put_away() = 0;
};

[[nodiscard]] std::unique_ptr<RunMedia> make_folder_media(Env& env, const Options& options);
/// Asks people for the two ledgers. Throws Refused where this program was not started by the one that mounts.
[[nodiscard]] std::unique_ptr<RunMedia> make_disk_media(Env& env, const Options& options, const policy::Policy& policy, Operator& op);

}  // namespace ceremony
