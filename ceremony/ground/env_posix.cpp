#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ceremony/ground/env.h"
#include "ceremony/ground/refused.h"

namespace ceremony {
namespace {

[[noreturn]] void refuse(int error, const Path& path, std::string_view doing) {
  const std::string where = path.string();
  const std::string act(doing);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      throw Refused(EnvRefusal::absent, "there is no such file or folder", where, "check the name and that the medium is inserted");
    case EEXIST:
      throw Refused(EnvRefusal::exists, "the name is taken, and nothing is ever overwritten", where, "choose another name or an empty folder");
    case ENOSPC:
    case EDQUOT:
      throw Refused(EnvRefusal::full, "the medium is full (could not " + act + ")", where, "insert a medium with more room; what was there is untouched");
    case EROFS:
      throw Refused(EnvRefusal::read_only, "the medium cannot be written", where, "slide its write-protect switch, or use another medium");
    case EACCES:
    case EPERM:
      throw Refused(EnvRefusal::denied, "this user may not " + act + " here", where, "give the folder to the user who runs the ceremony");
    case ELOOP:
      throw Refused(EnvRefusal::not_a_file, "a symbolic link is not followed", where, "name the file itself");
    case EISDIR:
      throw Refused(EnvRefusal::not_a_file, "a folder stands where a file is needed", where, "name the file itself");
    default:
      throw Refused(EnvRefusal::failed, "could not " + act + " (" + std::strerror(error) + ")", where, "check the medium, then try again");
  }
}

class Descriptor final {
 public:
  Descriptor(const Path& path, int flags, std::string_view doing, mode_t mode = 0644)
      : m_fd(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (m_fd < 0) refuse(errno, path, doing);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(m_fd); }
  [[nodiscard]] int get() const { return m_fd; }

 private:
  int m_fd;
};

void write_all(const Descriptor& file, const Path& path, View bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse(errno, path, "write the file");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

Path folder_of(const Path& path) { return path.has_parent_path() ? path.parent_path() : Path("."); }

void sync_folder(const Path& folder) {
  const Descriptor d(folder, O_RDONLY | O_DIRECTORY, "open the folder");
  if (::fsync(d.get()) != 0 && errno != EINVAL) refuse(errno, folder, "flush the folder");
}

/// A file under a temporary name that goes away unless it was given its final one.
class Temporary final {
 public:
  Temporary(const Path& final_path, View bytes) : m_path(final_path.string() + ".part") {
    // A left-over of a crash has never had a final name; nobody depends on it.
    if (::unlink(m_path.c_str()) != 0 && errno != ENOENT) refuse(errno, m_path, "remove the left-over of an earlier run");
    const Descriptor file(m_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, "create the file");
    try {
      write_all(file, m_path, bytes);
      if (::fsync(file.get()) != 0) refuse(errno, m_path, "flush the file");
    } catch (...) {
      ::unlink(m_path.c_str());
      throw;
    }
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() { if (!m_kept) ::unlink(m_path.c_str()); }
  void become(const Path& path, unsigned flags) {
    if (::renameat2(AT_FDCWD, m_path.c_str(), AT_FDCWD, path.c_str(), flags) != 0) refuse(errno, path, "name the file");
    m_kept = true;
    sync_folder(folder_of(path));
  }

 private:
  Path m_path;
  bool m_kept = false;
};

class PosixEnv final : public Env {
 public:
  Time now() override { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

  void random(std::span<std::uint8_t> out) override {
    while (!out.empty()) {
      const auto n = ::getrandom(out.data(), out.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) refuse(errno, "getrandom", "read the kernel's random source");
      out = out.subspan(static_cast<std::size_t>(n));
    }
  }

  bool exists(const Path& path) override {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    refuse(errno, path, "look at the file");
  }

  Bytes read(const Path& path, std::size_t limit) override {
    const Descriptor file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, "open the file");
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) refuse(errno, path, "look at the file");
    if (!S_ISREG(info.st_mode)) refuse(EISDIR, path, "read the file");
    Bytes out;
    std::array<std::uint8_t, 65536> block{};
    while (true) {
      const auto n = ::read(file.get(), block.data(), block.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) refuse(errno, path, "read the file");
      if (n == 0) return out;
      out.insert(out.end(), block.begin(), block.begin() + n);
      if (out.size() > limit)
        throw Refused(EnvRefusal::too_large, "the file is larger than " + std::to_string(limit) + " bytes", path.string(), "check that this is the right file");
    }
  }

  std::vector<std::string> list(const Path& folder) override {
    std::vector<std::string> out;
    walk(folder, "", out);
    std::ranges::sort(out);
    return out;
  }

  void make_folder(const Path& folder) override {
    if (folder.empty() || folder == "." || folder == "/") return;
    if (::mkdir(folder.c_str(), 0755) == 0) return sync_folder(folder_of(folder));
    if (errno == ENOENT) {
      make_folder(folder_of(folder));
      return make_folder(folder);
    }
    const int error = errno;
    struct stat info {};
    if (error == EEXIST && ::stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return;
    refuse(error, folder, "make the folder");
  }

  void create(const Path& path, View bytes) override {
    if (exists(path)) refuse(EEXIST, path, "create the file");
    Temporary(path, bytes).become(path, RENAME_NOREPLACE);
  }

  void append(const Path& path, View bytes) override {
    const Descriptor file(path, O_WRONLY | O_APPEND | O_NOFOLLOW, "open the file");
    write_all(file, path, bytes);
    if (::fdatasync(file.get()) != 0) refuse(errno, path, "flush the file");
  }

  void truncate(const Path& path, std::size_t size) override {
    const Descriptor file(path, O_WRONLY | O_NOFOLLOW, "open the file");
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) refuse(errno, path, "cut the file");
    if (::fsync(file.get()) != 0) refuse(errno, path, "flush the file");
  }

  void rename(const Path& from, const Path& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) refuse(errno, to, "name the file");
    sync_folder(folder_of(to));
    if (folder_of(from) != folder_of(to)) sync_folder(folder_of(from));
  }

  void replace(const Path& path, View bytes) override { Temporary(path, bytes).become(path, 0); }

  void remove(const Path& path) override {
    if (::unlink(path.c_str()) != 0) {
      if (errno == ENOENT) return;
      refuse(errno, path, "remove the file");
    }
    sync_folder(folder_of(path));
  }

 private:
  static unsigned char type_of(const Path& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) refuse(errno, path, "look at the file");
    return S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_UNKNOWN;
  }

  static void walk(const Path& folder, const std::string& prefix, std::vector<std::string>& out) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
    if (!dir) refuse(errno, folder, "open the folder");
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(dir.get());
      if (entry == nullptr && errno != 0) refuse(errno, folder, "read the folder");
      if (entry == nullptr) return;
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      // Where the folder says what it is, the file is not looked up: on FAT a folder is searched from its start each time.
      auto type = entry->d_type;
      if (type != DT_REG && type != DT_DIR) type = type_of(folder / name);
      if (type == DT_DIR) walk(folder / name, prefix + name + "/", out);
      else if (type == DT_REG) out.push_back(prefix + name);
      else refuse(ELOOP, folder / name, "read the file");
      if (out.size() > 200000)
        throw Refused(EnvRefusal::too_large, "the folder holds more than 200000 files", folder.string(), "check that this is the right medium");
    }
  }
};

}  // namespace

std::unique_ptr<Env> make_posix_env() { return std::make_unique<PosixEnv>(); }

}  // namespace ceremony
