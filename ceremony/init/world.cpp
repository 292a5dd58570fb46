#include "ceremony/init/world.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "ceremony/ground/refused.h"
#include "hsm/in_use.h"
#include "media/mounter_server.h"

namespace ceremony::init {
namespace {

[[noreturn]] void failed(const std::string& what) {
  throw Refused(InitRefusal::world, what + ": " + std::strerror(errno), "", "start the machine again; if it says this again, use another machine");
}

struct Mount {
  const char* type;
  const char* folder;
  unsigned long flags;
  const char* options;
};
constexpr const char* tpm = "/dev/tpmrm0";
constexpr unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr Mount mounts[] = {
    // A user sees no process of another.
    {"proc", "/proc", plain, "hidepid=2"},
    {"sysfs", "/sys", plain, ""},
    {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755"},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0666,mode=620"},
    {"tmpfs", "/dev/shm", plain, "mode=1777,size=64m"},
    {"tmpfs", "/run", plain, "mode=0755,size=64m"},
    {"tmpfs", "/tmp", plain, "mode=1777,size=64m"},
};

void make_folder(const char* path, mode_t mode, uid_t user = 0, gid_t group = 0) {
  if (::mkdir(path, mode) != 0 && errno != EEXIST) failed("the folder " + std::string(path) + " cannot be made");
  if (::chmod(path, mode) != 0 || ::chown(path, user, group) != 0) failed("the folder " + std::string(path) + " cannot be given away");
}

/// An empty file that this group can open.
void make_lock(const char* path, gid_t group) {
  const int file = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (file < 0 || ::fchown(file, 0, group) != 0) failed("the file " + std::string(path) + " cannot be made");
  ::close(file);
}

void write_setting(const char* path, std::string_view value) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  const bool done = file >= 0 && ::write(file, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  if (file >= 0) ::close(file);
  if (!done) failed("the setting " + std::string(path) + " cannot be made");
}

void limit(__rlimit_resource_t resource, rlim_t value) {
  const ::rlimit both{value, value};
  if (::setrlimit(resource, &both) != 0) failed("a limit cannot be set");
}

/// Where the kernel has found one. Its tests of itself may go on; a command then waits.
void give_tpm() {
  if (::chown(tpm, people_user, people_group) != 0 && errno != ENOENT) failed("the TPM cannot be given to people");
  if (::chmod(tpm, 0600) != 0 && errno != ENOENT) failed("the TPM cannot be given to people");
}

}  // namespace

void make_world() {
  ::umask(022);
  for (const auto& m : mounts) {
    if (::mkdir(m.folder, 0755) != 0 && errno != EEXIST) failed("the folder " + std::string(m.folder) + " cannot be made");
    if (::mount(m.type, m.folder, m.type, m.flags, m.options) != 0) failed("the folder " + std::string(m.folder) + " cannot be mounted");
  }
  // Is Secure Boot on? Not there where the machine was not started by UEFI.
  (void)::mount("efivarfs", "/sys/firmware/efi/efivars", "efivarfs", plain | MS_RDONLY, "");
  (void)::mount("securityfs", "/sys/kernel/security", "securityfs", plain, "");
  if (::symlink("/proc/self/fd", "/dev/fd") != 0) failed("the folder /dev cannot be filled");
  // No program looks into another, whoever runs it.
  write_setting("/proc/sys/kernel/yama/ptrace_scope", "3");
  write_setting("/proc/sys/kernel/dmesg_restrict", "1");
  // Ctrl-Alt-Del is a key like others.
  ::reboot(RB_DISABLE_CAD);
  limit(RLIMIT_CORE, 0);
  // Secrets and the whole of the people's program stay in memory anyway; so that it may say so.
  limit(RLIMIT_MEMLOCK, RLIM_INFINITY);
  limit(RLIMIT_NOFILE, 512);
  limit(RLIMIT_NPROC, 256);
  give_tpm();
  make_folder("/run/ceremony", 0755);
  make_lock(hsm::in_use_file, people_group);
  // Its socket; what one that was killed left there is removed by root, who has no right to pass over owners then.
  make_folder("/run/pcscd", 0775, 0, readers_group);
  make_folder(media::mount_folder, 0755);
  make_folder(people_folder, 0700, people_user, people_group);
  make_folder((std::string(people_folder) + "/tokens").c_str(), 0700, people_user, people_group);
}

void note(std::string_view line) {
  const int log = ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
  if (log < 0) return;
  const auto text = "<5>ceremony: " + std::string(line) + "\n";
  (void)!::write(log, text.data(), text.size());
  ::close(log);
}

void power_off() {
  if (::getpid() == 1) {
    ::kill(-1, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) continue;
  }
  ::sync();
  ::reboot(RB_POWER_OFF);
  while (true) ::pause();
}

}  // namespace ceremony::init
