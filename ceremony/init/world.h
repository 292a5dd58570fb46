// What the kernel leaves to the first process: filesystems of the kernel's, limits, folders, and the end of it all.
// Called by ceremony-init only, as root. Never: mounts a disk, starts a program.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace ceremony::init {

enum class InitRefusal {
  world,    ///< what every program needs could not be made
  start,    ///< what is to be started is not said in the image
};
[[nodiscard]] constexpr std::string_view name_of(InitRefusal code) { return code == InitRefusal::world ? "init/world" : "init/start"; }

/// Who the people's program runs as.
inline constexpr uid_t people_user = 1000;
inline constexpr gid_t people_group = 1000;
/// Who the card readers' service runs as.
inline constexpr uid_t readers_user = 901;
inline constexpr gid_t readers_group = 901;
/// Its own folder, in memory: the token store of a rehearsal is below it.
inline constexpr const char* people_folder = "/run/ceremony/people";

/// Mounts, sets limits, makes folders, gives the TPM to the people's user. Throws Refused{InitRefusal::world}.
void make_world();
/// A line of the kernel's log: evidence in production, what a test waits for in a rehearsal.
void note(std::string_view line);
/// Ends every process, writes out what is pending and switches the machine off.
[[noreturn]] void power_off();

}  // namespace ceremony::init
