// A program that people use, and the mounter beside it: the one without any privilege, the other without anything but disks.
// Called by ceremony-mounter, and by the appliance's first process.
#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <vector>

#include "ceremony/ground/env.h"
#include "media/mounter_server.h"

namespace ceremony::media {

/// The descriptor under which the program finds its socket to the mounter.
inline constexpr int mounter_descriptor = 3;

/// Runs `command` (null-terminated, the program's path or name first) as this user, who is not root, in this group and no other, unable to
/// gain privileges again, with no open file but standard input, output and error and the socket. Serves it until it ends, unmounts
/// everything and returns its exit code, or 128 + the signal that ended it; 127 where it could not be started.
/// The terminal's signals are the program's; SIGTERM and SIGHUP are passed on to it. Throws Refused{VolumeRefusal::failed}.
[[nodiscard]] int run_with_mounter(Devices& devices, const Path& folder, uid_t user, gid_t group, char* const* command);

/// In a child: becomes this user, in this group and no other, without any privilege and unable to gain one, with no open file from `first` on, and
/// is that command, found as the shell finds it. Whatever cannot be given up ends it.
[[noreturn]] void become(uid_t user, gid_t group, unsigned first, char* const* command);

/// Gives up, in this process and what comes from it, every privilege of root but these. Throws Refused{VolumeRefusal::failed}.
void keep_only(const std::vector<unsigned>& capabilities);

/// Gives up, in this process and what comes from it, every privilege of root but those that run_with_mounter needs, and `also`
/// (linux/capability.h). For a program that does nothing else. Throws Refused{VolumeRefusal::failed}.
void keep_what_mounting_needs(std::initializer_list<unsigned> also = {});

}  // namespace ceremony::media
