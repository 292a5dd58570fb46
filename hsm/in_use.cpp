#include "hsm/in_use.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace ceremony::hsm {
namespace {

std::atomic<int> users = 0;

}  // namespace

InUse::InUse(const std::filesystem::path& file) : m_file(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
  while (m_file >= 0 && ::flock(m_file, LOCK_SH) != 0 && errno == EINTR) continue;
  ++users;
}

InUse::~InUse() {
  --users;
  if (m_file >= 0) ::close(m_file);
}

bool InUse::any() { return users > 0; }

NoneInUse::NoneInUse(const std::filesystem::path& file) : m_file(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {}

NoneInUse::~NoneInUse() {
  if (m_file >= 0) ::close(m_file);
}

bool NoneInUse::try_hold() {
  if (!m_held) m_held = m_file < 0 || ::flock(m_file, LOCK_EX | LOCK_NB) == 0;
  return m_held;
}

void NoneInUse::let_go() {
  if (m_held && m_file >= 0) (void)::flock(m_file, LOCK_UN);
  m_held = false;
}

}  // namespace ceremony::hsm
