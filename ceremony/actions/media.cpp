// The media of a run: which it needs, whose they are, and that each stays the one it was.
#include <algorithm>
#include <array>
#include <set>

#include "ceremony/actions/action.h"

namespace ceremony::actions {
namespace {

/// Whether the open ceremony has put something on the medium, so that another one may not take its place.
bool is_bound(const state::CaState& s, const std::string& name) {
  const auto& c = *s.open;
  const bool exported = std::ranges::any_of(c.exports, [&](const auto& e) { return std::ranges::find(e.media, name) != e.media.end(); });
  const bool share = std::ranges::any_of(s.share_sets, [&](const auto& set) {
    return set.second.ceremony == c.id && std::ranges::any_of(set.second.shares, [&](const auto& one) { return one.second.medium == name; });
  });
  const auto person = s.people.find(name);
  return exported || share || (person != s.people.end() && person->second.n >= c.n);
}

bool is_the_one(const state::Medium& known, const media::VolumeInfo& info) {
  return info.id == known.ident && (info.label ? hex(*info.label) : "none") == known.label;
}

}  // namespace

media::AskReinsert Run::ask_reinsert() {
  return [this](const media::Volume& volume) {
    w.op.await_medium({"reinsert." + volume.name(), "administrator", "Take the medium \"" + volume.name() + "\" out and put it in again; it is then read back."});
    // Said each time: two questions in a row for one medium would look like a key that did nothing.
    w.op.progress("reading the medium \"" + volume.name() + "\" back");
  };
}

void Run::check_medium(media::Volume& volume) {
  const auto name = volume.name();
  if (volume.inserted() == media::Inserted::no) volume.insert_again();
  if (const auto label = volume.label(); label && label->origin != state().origin)
    throw Refused(media::VolumeRefusal::wrong_medium, "the medium belongs to another CA: its label says \"" + label->name + "\" of \"" + label->origin + "\"", name,
                  "insert the medium \"" + name + "\" of \"" + state().origin + "\"; this one is not used");
  if (!state().open || !state().open->media.contains(name)) return;
  if (is_bound(state(), name) && !is_the_one(state().open->media.at(name), volume.info()))
    throw Refused(media::VolumeRefusal::wrong_medium, "this is not the medium \"" + name + "\" that this ceremony has written to", name,
                  "insert that one again; this one is not used");
}

void Run::register_medium(const std::string& name, std::string_view kind) {
  attempt("medium", {}, {{"medium", name}, {"kind", std::string(kind)}}, "medium \"" + name + "\"", [&] {
    auto& volume = w.volumes.named(name);
    check_medium(volume);
    // One that was full or worn out is replaced by another, which is registered in its place.
    if (state().open && state().open->media.contains(name) && is_the_one(state().open->media.at(name), volume.info())) return;
    if (kind != "intake") {
      if (volume.inserted() != media::Inserted::writable) volume.insert_writable();
      std::array<std::uint8_t, 16> random{};
      rng.randomize(random);
      const auto label = volume.label_if_new(state().origin, name, random);
      if (label.name != name)
        throw Refused(media::VolumeRefusal::wrong_medium, "the medium is labelled \"" + label.name + "\"", name, "insert the medium \"" + name + "\", or an empty one");
    }
    const auto info = volume.info();
    record("medium", {}, {{"medium", name}, {"kind", std::string(kind)}, {"ident", info.id}, {"label", info.label ? hex(*info.label) : "none"}});
  });
}

void need_own_ledgers(const Run& run) {
  const auto& origin = run.state().origin;
  if (!origin.empty() && origin != run.w.policy.origin)
    throw Refused(ActionRefusal::not_now, "the ledgers are those of the CA \"" + origin + "\", the policy is that of \"" + run.w.policy.origin + "\"", run.w.policy_file.name,
                  "insert the ledgers of \"" + run.w.policy.origin + "\", or name the policy of \"" + origin + "\"; nothing was recorded");
}

std::vector<Finding> missing_media(const media::Volumes& volumes, const policy::Policy& policy, const procedure::Procedure& procedure) {
  const auto there = volumes.names();
  const std::set<std::string> known(there.begin(), there.end());
  std::vector<Finding> missing;
  std::set<std::string> asked;
  const auto need = [&](const procedure::Step& step, const std::string& name) {
    if (known.contains(name) || !asked.insert(name).second) return;
    missing.push_back({"the step \"" + step.id + "\" needs the medium \"" + name + "\", and it is not here", "--media", "name it with --media " + name + "=FOLDER; nothing has begun yet"});
  };
  for (const auto& step : procedure.steps) {
    if (step.action == "enrol_people")
      for (const auto& [id, person] : policy.people) need(step, id);
    if (step.action == "take_csrs" || step.action == "admit_image") need(step, "intake");
    if (step.action == "export_payload") need(step, "public");
    const auto backups = volumes.names("backup").size();
    if (step.action == "back_up_key" && backups < policy.backup_media)
      missing.push_back({std::to_string(backups) + " backup media are here, the policy wants " + std::to_string(policy.backup_media), "--backup",
                         "name each with --backup FOLDER; nothing has begun yet"});
  }
  return missing;
}

void need_media(Run& run, const procedure::Procedure& procedure) {
  if (auto missing = missing_media(run.w.volumes, run.w.policy, procedure); !missing.empty()) throw Refused(ActionRefusal::absent, std::move(missing));
}

}  // namespace ceremony::actions
