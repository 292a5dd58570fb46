// What the command line says, of every subcommand.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ceremony {

struct Options {
  std::string procedure, policy, hsm, procedures = CEREMONY_PROCEDURES, answers, format = "markdown", place, date;
  std::vector<std::string> ledgers, backups, media, files;
  bool plain = false, tui = false;
  bool files_disk = false;  ///< policy, binding and the names of the media are on a removable disk
  bool disks = false;  ///< ledgers, backups and media are names of disks, not folders
  unsigned idle = 300;
};

inline constexpr auto software = "ceremony " CEREMONY_VERSION;

enum class ProgramRefusal { arguments, not_here };
[[nodiscard]] constexpr std::string_view name_of(ProgramRefusal code) { return code == ProgramRefusal::arguments ? "program/arguments" : "program/not-here"; }

}  // namespace ceremony
