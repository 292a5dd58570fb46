// A file system in memory behind Env, for tests that run a story hundreds of times. Same refusals as the real one for
// what a ledger meets: absent, exists. A copy of it is a snapshot of the disks.
#pragma once

#include <map>

#include "ceremony/ground/env.h"
#include "ceremony/ground/refused.h"

namespace ceremony::testing {

class MemoryEnv final : public Env {
 public:
  Time now() override { return m_now; }
  void random(std::span<std::uint8_t> out) override {
    for (auto& byte : out) {
      m_random = m_random * 6364136223846793005ULL + 1442695040888963407ULL;  // the same every time
      byte = static_cast<std::uint8_t>(m_random >> 56U);
    }
  }
  bool exists(const Path& path) override {
    const std::string name = path.string();
    const auto at = m_files.lower_bound(name);
    if (at != m_files.end() && at->first == name) return true;
    const auto below = m_files.lower_bound(name + "/");
    return m_folders.contains(name) || (below != m_files.end() && below->first.starts_with(name + "/"));
  }
  Bytes read(const Path& path, std::size_t limit) override {
    const Bytes& bytes = at(path);
    if (bytes.size() > limit) throw Refused(EnvRefusal::too_large, "too large", path.string(), "hint");
    return bytes;
  }
  std::vector<std::string> list(const Path& folder) override {
    if (!exists(folder)) throw Refused(EnvRefusal::absent, "absent", folder.string(), "hint");
    const std::string head = folder.string() + "/";
    std::vector<std::string> out;
    for (auto it = m_files.lower_bound(head); it != m_files.end() && it->first.starts_with(head); ++it) out.push_back(it->first.substr(head.size()));
    return out;
  }
  void make_folder(const Path& folder) override { m_folders[folder.string()] = true; }
  void create(const Path& path, View bytes) override {
    if (exists(path)) throw Refused(EnvRefusal::exists, "exists", path.string(), "hint");
    m_files[path.string()] = to_bytes(bytes);
  }
  void append(const Path& path, View bytes) override {
    Bytes& file = at(path);
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
  void truncate(const Path& path, std::size_t size) override { at(path).resize(size); }
  void rename(const Path& from, const Path& to) override {
    if (exists(to)) throw Refused(EnvRefusal::exists, "exists", to.string(), "hint");
    Bytes bytes = at(from);
    m_files.erase(from.string());
    m_files[to.string()] = std::move(bytes);
  }
  void replace(const Path& path, View bytes) override { m_files[path.string()] = to_bytes(bytes); }
  void remove(const Path& path) override { m_files.erase(path.string()); }

  /// For the test's own hands: the bytes of a file.
  Bytes& at(const Path& path) {
    const auto found = m_files.find(path.string());
    if (found == m_files.end()) throw Refused(EnvRefusal::absent, "absent", path.string(), "hint");
    return found->second;
  }
  /// Every file below a folder with its bytes, to compare media.
  std::map<std::string, Bytes> files(const Path& folder) {
    std::map<std::string, Bytes> out;
    for (const std::string& name : list(folder)) out[name] = at(folder / name);
    return out;
  }
  void copy_folder(const Path& from, const Path& to) {
    for (const auto& [name, bytes] : files(from)) m_files[(to / name).string()] = bytes;
  }
  void set_now(Time now) { m_now = now; }

 private:
  std::map<std::string, Bytes> m_files;
  std::map<std::string, bool> m_folders;
  Time m_now{std::chrono::seconds(1795348800)};
  std::uint64_t m_random = 1;
};

}  // namespace ceremony::testing
