// A folder that stands for a removable disk, for rehearsals at a desk. A production policy refuses it (kind `folder`).
// Ejecting and inserting are states of this object only; between the two a test, or a person, may change the folder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ceremony/ground/env.h"
#include "media/volume.h"

namespace ceremony::media {

struct FolderOptions {
  std::optional<std::uint64_t> room;  ///< bytes that can still be written before this medium is full
  bool write_protected = false;       ///< as a disk with its switch on
};

class FolderVolume final : public Volume {
 public:
  /// Inserted writable (read-only where write-protected). The folder is made if it is not there. `env` outlives this.
  FolderVolume(Env& env, std::string name, Path folder, FolderOptions options = {});

  [[nodiscard]] std::string name() const override { return m_name; }
  [[nodiscard]] VolumeKind kind() const override { return VolumeKind::folder; }
  [[nodiscard]] Inserted inserted() const override { return m_inserted; }
  [[nodiscard]] VolumeInfo info() override;
  [[nodiscard]] std::vector<std::string> list() override;
  [[nodiscard]] bool exists(const std::string& path) override;
  [[nodiscard]] Bytes read(const std::string& path, std::size_t limit) override;
  void write(const std::string& path, View bytes) override;
  void eject() override;
  void insert_again() override;
  void insert_writable() override;

  [[nodiscard]] const Path& folder() const { return m_folder; }

 private:
  [[nodiscard]] Path path_of(const std::string& path) const;
  void must_be_in() const;

  Env& m_env;
  std::string m_name;
  Path m_folder;
  FolderOptions m_options;
  Inserted m_inserted = Inserted::no;
};

class FolderVolumes final : public Volumes {
 public:
  /// Refuses a name that is taken {exists} and a folder that already goes by another name {wrong_medium}: two names for one
  /// medium would make one copy look like two.
  void add(const std::string& role, std::unique_ptr<FolderVolume> volume);
  [[nodiscard]] Volume& named(const std::string& name) override;
  [[nodiscard]] std::vector<std::string> names(const std::string& role = {}) const override;

 private:
  struct Entry {
    std::string role;
    std::string id;
    std::unique_ptr<FolderVolume> volume;
  };
  std::vector<Entry> m_entries;
};

}  // namespace ceremony::media
