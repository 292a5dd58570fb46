#include "ceremony/run_media.h"

#include "media/folder_volume.h"

namespace ceremony {
namespace {

class FolderMedia final : public RunMedia {
 public:
  FolderMedia(Env& env, const Options& o) : m_ledgers(o.ledgers.begin(), o.ledgers.end()) {
    for (std::size_t i = 0; i < o.backups.size(); ++i) {
      const auto name = "backup-" + std::to_string(i + 1);
      m_volumes.add("backup", std::make_unique<media::FolderVolume>(env, name, o.backups[i]));
    }
    for (const auto& medium : o.media) {
      const auto equals = medium.find('=');
      if (equals == std::string::npos || equals == 0)
        throw Refused(ProgramRefusal::arguments, "\"" + medium + "\" is not NAME=FOLDER", "--media", "write --media c1=/path/of/folder");
      m_volumes.add("media", std::make_unique<media::FolderVolume>(env, medium.substr(0, equals), medium.substr(equals + 1)));
    }
  }
  media::Volumes& volumes() override { return m_volumes; }
  std::vector<Path> ledgers() const override { return m_ledgers; }
  std::map<Path, std::string> ledger_names() const override { return {}; }
  std::string fault_of(const Path&) override { return {}; }
  std::string put_away() override { return {}; }

 private:
  std::vector<Path> m_ledgers;
  media::FolderVolumes m_volumes;
};

}  // namespace

std::unique_ptr<RunMedia> make_folder_media(Env& env, const Options& options) { return std::make_unique<FolderMedia>(env, options); }

}  // namespace ceremony
