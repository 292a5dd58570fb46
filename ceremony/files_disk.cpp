#include "ceremony/files_disk.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "ceremony/source_files.h"
#include "media/volume.h"

namespace ceremony {
namespace {

constexpr std::chrono::seconds patience{5};
constexpr std::size_t file_limit = 1 << 20;
constexpr const char* policy_name = "policy.toml";
constexpr const char* binding_name = "hsm.toml";
constexpr const char* media_name = "media.txt";
using Texts = std::map<std::string, Bytes>;

std::optional<Texts> files_on(Env& env, const Path& folder) {
  if (!env.exists(folder / policy_name) || !env.exists(folder / binding_name)) return std::nullopt;
  Texts out;
  for (const auto* name : {policy_name, binding_name, media_name})
    if (env.exists(folder / name)) out[name] = env.read(folder / name, file_limit);
  return out;
}

/// Of the disks that are in, those that have them; `why` says what is the matter with the others.
std::vector<Texts> look(Env& env, media::Mounter& mounter, std::string& why) {
  std::vector<Texts> found;
  why = "no disk is in";
  for (const auto& medium : mounter.list()) {
    if (!medium.filesystem.note.empty()) continue;
    why = "no disk that is in has both " + std::string(policy_name) + " and " + binding_name;
    try {
      const auto place = mounter.mount(medium, media::Access::read_only);
      std::optional<Texts> files;
      try {
        files = files_on(env, place);
      } catch (const Refused& refusal) {
        why = refusal.findings().front().what;
      }
      mounter.unmount(place);
      if (files) found.push_back(std::move(*files));
    } catch (const Refused& refusal) {
      why = refusal.findings().front().what;
    }
  }
  if (found.size() > 1) why = "several disks that are in have a " + std::string(policy_name);
  return found;
}

/// Switches on the disk that was asked for, where one alone came.
void switch_on(media::Mounter& mounter, std::vector<media::UsbNews>& news) {
  auto came = mounter.usb_news();
  const auto is_disk = [](const media::UsbNews& n) { return n.state == media::UsbState::asked && n.role == "disk"; };
  if (std::ranges::count_if(came, is_disk) == 1) {
    const auto disk = std::ranges::find_if(came, is_disk);
    mounter.approve(*disk);
    came.erase(disk);
  }
  news.insert(news.end(), came.begin(), came.end());
}

Texts ask(Env& env, media::Mounter& mounter, Operator& op, const std::string& machine, std::vector<media::UsbNews>& news) {
  std::string said;
  while (true) {
    try {
      op.await_medium({"insert.files", "administrator",
                       (said.empty() ? "" : "They are not there: " + said + ".\n") + "Put in the disk with the files of the CA (" + policy_name + ", " + binding_name + ").\n\n" + machine});
      // A disk that was just put in takes a moment.
      const auto end = std::chrono::steady_clock::now() + patience;
      switch_on(mounter, news);
      auto found = look(env, mounter, said);
      while (found.empty() && std::chrono::steady_clock::now() < end) {
        static_cast<void>(mounter.list(std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now())));
        switch_on(mounter, news);
        found = look(env, mounter, said);
      }
      if (found.size() == 1) return std::move(found.front());
    } catch (const Refused& refusal) {
      // There is nothing before this, and nothing to lock.
      if (!refusal.is(OperatorRefusal::back) && !refusal.is(OperatorRefusal::idle)) throw;
    }
  }
}

bool wants_sample(Operator& op) {
  static const std::string options[] = {"the sample CA of this image", "a CA whose files are on a disk"};
  while (true) {
    try {
      return op.choose({"ca", "administrator", "Which CA?"}, options) == 0;
    } catch (const Refused& refusal) {
      if (!refusal.is(OperatorRefusal::back) && !refusal.is(OperatorRefusal::idle)) throw;
    }
  }
}

/// One a line; what is no name of a medium is left to whoever takes the names.
std::vector<std::string> lines_of(const Bytes& bytes) {
  std::vector<std::string> out;
  const auto text = as_text(bytes);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() && !line.starts_with('#')) out.push_back(std::move(line));
    at = end + 1;
  }
  return out;
}

void name_media(const policy::Policy& policy, const std::vector<std::string>& more, Options& options) {
  options.ledgers = {"ledger-1", "ledger-2"};
  options.backups.clear();
  for (std::size_t i = 1; i <= policy.backup_media; ++i) options.backups.push_back("backup-" + std::to_string(i));
  options.media.clear();
  for (const auto& [id, person] : policy.people) options.media.push_back(id);
  options.media.insert(options.media.end(), {"intake", "public"});
  for (const auto& name : more) {
    if (!media::is_medium_name(name) || std::ranges::contains(options.media, name))
      throw Refused(ProgramRefusal::arguments, "\"" + name.substr(0, 64) + "\" cannot be the name of a medium", media_name, "give each factory a name of its own, of letters, digits, \".\", \"_\" and \"-\"");
    options.media.push_back(name);
  }
}

}  // namespace

std::vector<media::UsbNews> take_files_from_disk(Env& env, media::Mounter& mounter, Operator& op, const Path& folder, const std::string& machine, Options& options) {
  op.begin_step({0, 0, "files", "The files of the CA", "", "administrator"}, "");
  std::vector<media::UsbNews> news;
  if (!options.policy.empty() && wants_sample(op)) return news;
  const auto files = ask(env, mounter, op, machine, news);
  if (!env.exists(folder)) env.make_folder(folder);
  for (const auto& [name, bytes] : files) {
    if (env.exists(folder / name)) env.remove(folder / name);
    env.create(folder / name, bytes);
  }
  options.policy = folder / policy_name;
  options.hsm = folder / binding_name;
  try {
    const auto policy = read_reviewed_policy(options.policy, as_text(files.at(policy_name)));
    name_media(policy, files.contains(media_name) ? lines_of(files.at(media_name)) : std::vector<std::string>{}, options);
  } catch (const Refused& refusal) {
    if (refusal.is(ProgramRefusal::arguments)) throw;
    name_media({}, {}, options);
  }
  return news;
}

}  // namespace ceremony
