#include "media/folder_volume.h"

#include <algorithm>
#include <system_error>

#include "ceremony/ground/refused.h"

namespace ceremony::media {
namespace {

VolumeRefusal code_of(const Refused& refused) {
  constexpr std::array<std::pair<EnvRefusal, VolumeRefusal>, 6> same{{{EnvRefusal::absent, VolumeRefusal::absent},
                                                                      {EnvRefusal::exists, VolumeRefusal::exists},
                                                                      {EnvRefusal::full, VolumeRefusal::full},
                                                                      {EnvRefusal::read_only, VolumeRefusal::read_only},
                                                                      {EnvRefusal::too_large, VolumeRefusal::too_large},
                                                                      {EnvRefusal::not_a_file, VolumeRefusal::link}}};
  for (const auto& [env, volume] : same)
    if (refused.is(env)) return volume;
  return VolumeRefusal::failed;
}

/// What Env refuses becomes the medium's refusal, with the name people know.
template <typename Work>
auto on_medium(const std::string& name, const Work& work) {
  try {
    return work();
  } catch (const Refused& refused) {
    if (!refused.code().starts_with("env/")) throw;
    std::vector<Finding> findings = refused.findings();
    for (Finding& finding : findings) finding.where = name + ": " + finding.where;
    throw Refused(code_of(refused), std::move(findings));
  }
}

}  // namespace

FolderVolume::FolderVolume(Env& env, std::string name, Path folder, FolderOptions options)
    : m_env(env), m_name(std::move(name)), m_folder(std::move(folder)), m_options(options) {
  on_medium(m_name, [&] { m_env.make_folder(m_folder); });
  if (m_options.write_protected) insert_again();
  else insert_writable();
}

void FolderVolume::must_be_in() const {
  if (m_inserted == Inserted::no)
    throw Refused(VolumeRefusal::out, "the medium is not inserted", m_name, "insert " + shown(m_name));
}

Path FolderVolume::path_of(const std::string& path) const {
  if (const auto fault = fault_of_name(path); !fault.empty())
    throw Refused(VolumeRefusal::name, "the name " + shown(path) + " is refused: " + std::string(fault), m_name,
                  "use letters, digits, \".\", \"_\" and \"-\", at most 4 parts");
  // Env follows no link at the end of a path; the folders on the way are looked at here.
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    std::error_code ignored;
    if (std::filesystem::is_symlink(std::filesystem::symlink_status(m_folder / path.substr(0, end), ignored)))
      throw Refused(VolumeRefusal::link, shown(path.substr(0, end)) + " is a symbolic link", m_name,
                    "use a medium that holds plain files and folders only");
  }
  return m_folder / path;
}

VolumeInfo FolderVolume::info() {
  must_be_in();
  std::error_code failed;
  const Path absolute = std::filesystem::weakly_canonical(m_folder, failed);
  const auto space = std::filesystem::space(m_folder, failed);
  const std::string id = hex(sha256("folder:" + (absolute.empty() ? m_folder : absolute).string())).substr(0, 16);
  return {m_name, id, label_digest(), VolumeKind::folder, m_options.room.value_or(failed ? 0 : space.available)};
}

std::vector<std::string> FolderVolume::list() {
  must_be_in();
  return on_medium(m_name, [&] { return m_env.list(m_folder); });
}

bool FolderVolume::exists(const std::string& path) {
  must_be_in();
  return on_medium(m_name, [&] { return m_env.exists(path_of(path)); });
}

Bytes FolderVolume::read(const std::string& path, std::size_t limit) {
  must_be_in();
  return on_medium(m_name, [&] { return m_env.read(path_of(path), limit); });
}

void FolderVolume::write(const std::string& path, View bytes) {
  must_be_in();
  const Path to = path_of(path);
  if (m_inserted != Inserted::writable)
    throw Refused(VolumeRefusal::read_only, shown(path) + " cannot be written: the medium is inserted for reading", m_name,
                  "insert it for writing first");
  if (m_options.room && bytes.size() > *m_options.room)
    throw Refused(VolumeRefusal::full, shown(path) + " does not fit on the medium", m_name,
                  "insert a medium with more room; what was there is untouched");
  on_medium(m_name, [&] {
    m_env.make_folder(to.parent_path());
    m_env.create(to, bytes);
  });
  if (m_options.room) *m_options.room -= bytes.size();
}

// Every write was flushed when it returned, so there is nothing left to do but to forget.
void FolderVolume::eject() { m_inserted = Inserted::no; }

void FolderVolume::insert_again() {
  m_inserted = Inserted::no;
  // Looks at the whole medium: links and special files on it are refused here, before anything is read.
  on_medium(m_name, [&] { return m_env.list(m_folder); });
  m_inserted = Inserted::read_only;
}

void FolderVolume::insert_writable() {
  insert_again();
  if (m_options.write_protected)
    throw Refused(VolumeRefusal::read_only, "the medium is write-protected", m_name,
                  "slide its write-protect switch, or use another medium");
  m_inserted = Inserted::writable;
}

void FolderVolumes::add(const std::string& role, std::unique_ptr<FolderVolume> volume) {
  const std::string name = volume->name();
  const std::string id = volume->info().id;
  for (const Entry& entry : m_entries) {
    if (entry.volume->name() == name)
      throw Refused(VolumeRefusal::exists, "two media are called " + shown(name), name, "give each medium its own name");
    if (entry.id == id)
      throw Refused(VolumeRefusal::wrong_medium, shown(name) + " and " + shown(entry.volume->name()) + " are the same folder",
                    volume->folder().string(), "give each medium its own folder");
  }
  m_entries.push_back({role, id, std::move(volume)});
}

Volume& FolderVolumes::named(const std::string& name) {
  std::string known;
  for (const Entry& entry : m_entries) {
    if (entry.volume->name() == name) return *entry.volume;
    known += (known.empty() ? "" : ", ") + entry.volume->name();
  }
  throw Refused(VolumeRefusal::absent, "there is no medium called " + shown(name), "",
                known.empty() ? "name one with --media NAME=FOLDER" : "the media of this run are: " + known);
}

std::vector<std::string> FolderVolumes::names(const std::string& role) const {
  std::vector<std::string> out;
  for (const Entry& entry : m_entries)
    if (role.empty() || entry.role == role) out.push_back(entry.volume->name());
  return out;
}

}  // namespace ceremony::media
