#include "media/disk_room.h"

#include <algorithm>
#include <utility>

#include "ceremony/ground/refused.h"
#include "media/folder_volume.h"

namespace ceremony::media {
namespace {

void add(std::string& why, const std::string& what) { why += (why.empty() ? "" : "; ") + what; }

bool is_usable(const MediumSeen& medium, bool discs) {
  return medium.filesystem.kind == FilesystemKind::fat32 || (discs && medium.filesystem.kind == FilesystemKind::iso9660);
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t mega = 1'000'000, giga = 1000 * mega;
  return bytes < 10 * giga ? std::to_string(bytes / mega) + " MB" : std::to_string(bytes / giga) + " GB";
}

std::string description(const MediumSeen& medium) {
  std::string out = medium.model.empty() ? "disk" : shown(medium.model).substr(1);
  if (!medium.model.empty()) out.pop_back();
  if (!medium.serial.empty()) out += ", serial " + shown(medium.serial);
  out += ", " + size_text(medium.bytes);
  if (!medium.filesystem.label.empty()) out += ", " + shown(medium.filesystem.label);
  return out;
}

bool DiskRoom::is_in(const MediumSeen& medium) {
  const auto there = m_mounter.list();
  return std::ranges::any_of(there, [&](const MediumSeen& m) { return m.node == medium.node && m.sequence == medium.sequence; });
}

void DiskRoom::give_way(std::function<void()> put_away) {
  if (const auto before = std::exchange(m_put_away, {})) before();
  m_put_away = std::move(put_away);
}

std::string DiskRoom::owner_of(const MediumSeen& medium) const {
  const auto found = std::ranges::find_if(m_known, [&](const auto& one) { return one.second == identity_of(medium); });
  return found == m_known.end() ? "" : found->first;
}

MediumSeen DiskRoom::assign(const std::string& name, const MediumSeen& medium) {
  m_known[name] = identity_of(medium);
  return medium;
}

DiskRoom::Peeked DiskRoom::peeked_now(const MediumSeen& medium) {
  Peeked out{medium.sequence, "", "", 0};
  const Path folder = m_mounter.mount(medium, Access::read_only);
  try {
    FolderVolume files(m_env, medium.node, folder, {.room = {}, .write_protected = true});
    out.free_bytes = files.info().free_bytes;
    if (const auto label = files.label()) {
      out.name = label->name;
      if (label->origin != m_origin) out.fault = "is labelled " + shown(label->name) + " of another CA, " + shown(label->origin);
    }
  } catch (const Refused& refusal) {
    out.fault = (refusal.is(VolumeRefusal::failed) ? "is damaged inside: " : "cannot be used: ") + refusal.findings().front().what;
  }
  m_mounter.unmount(folder);
  return out;
}

const DiskRoom::Peeked& DiskRoom::peek(const MediumSeen& medium) {
  auto& known = m_peeked[medium.node];
  // What could not be read may be readable the next time.
  if (known.sequence == medium.sequence && known.sequence != 0 && known.fault.empty()) return known;
  try {
    known = peeked_now(medium);
  } catch (const Refused& refusal) {
    known = {medium.sequence, "", "cannot be used: " + refusal.findings().front().what, 0};
  }
  return known;
}

DiskRoom::Look DiskRoom::look_for_known(const std::string& name, std::optional<std::uint64_t> left) {
  Look out;
  std::vector<MediumSeen> same, newer;
  for (const auto& medium : m_mounter.list()) {
    if (identity_of(medium) == m_known.at(name)) same.push_back(medium);
    else if (left && medium.sequence > *left && owner_of(medium).empty()) newer.push_back(medium);
  }
  if (same.size() > 1) {
    out.why = "two disks that are in are copies of each other, with one filesystem id: take one of them out";
  } else if (same.empty()) {
    for (const auto& medium : newer) add(out.why, "the disk that is in (" + description(medium) + ") is another one");
    out.absent = true;
    out.another = !newer.empty();
  } else if (left && same.front().sequence == *left) {
    out.why = "it was not taken out: pull it out, and put it in again";
  } else {
    out.found = same.front();
  }
  return out;
}

DiskRoom::Look DiskRoom::look_for_new(const std::string& name, bool discs) {
  Look out;
  std::vector<MediumSeen> labelled;
  std::string others;
  const auto known = m_known.find(name);
  for (const auto& medium : m_mounter.list()) {
    const auto disk = "the disk " + description(medium);
    if (known != m_known.end() && known->second == identity_of(medium)) continue;
    if (const auto owner = owner_of(medium); !owner.empty()) {
      others += (others.empty() ? "" : ", ") + shown(owner);
      continue;
    }
    if (!is_usable(medium, discs)) {
      add(out.why, disk + " cannot be used: " + (medium.filesystem.note.empty() ? "it cannot be written" : medium.filesystem.note));
      continue;
    }
    const auto& peeked = peek(medium);
    if (!peeked.fault.empty()) add(out.why, disk + " " + peeked.fault);
    else if (peeked.name == name) labelled.push_back(medium);
    else if (!peeked.name.empty()) others += (others.empty() ? "" : ", ") + shown(peeked.name);
    else out.offered.push_back({medium, peeked.free_bytes});
  }
  if (labelled.size() == 1) out.found = assign(name, labelled.front());
  if (labelled.size() > 1) out.why = "two disks that are in are labelled " + shown(name) + ": take one of them out";
  if (!labelled.empty()) out.offered.clear();
  // Other media of this CA are said where nothing else is. A copy of one of them is taken for it.
  if (out.why.empty() && !others.empty()) out.why = "the disks that are in are " + others;
  return out;
}

DiskRoom::Look DiskRoom::look(const std::string& name, std::optional<std::uint64_t> left, bool discs) {
  return m_known.contains(name) ? look_for_known(name, left) : look_for_new(name, discs);
}

bool DiskRoom::look_at_usb(bool awaited) {
  for (auto& one : m_mounter.usb_news()) m_news.push_back(std::move(one));
  const auto is_waiting_disk = [](const UsbNews& n) { return n.state == UsbState::asked && n.role == "disk"; };
  const bool one = awaited && std::ranges::count_if(m_news, is_waiting_disk) == 1;
  while (!m_news.empty()) {
    auto device = m_news.front();
    if (device.state == UsbState::asked) {
      const bool ours = (one && is_waiting_disk(device)) || m_hands.is_ours(device);
      try {
        if (ours) m_mounter.approve(device);
        if (const auto scanner = m_mounter.take_scanner()) m_hands.scan_with(*scanner);
      } catch (const Refused& refusal) {
        device.state = UsbState::off;
        device.sentence = refusal.findings().front().what;
      }
      if (!ours) device.sentence += "; people said that it is not theirs";
      else if (device.state == UsbState::asked) device.sentence = "the " + device.role + " at port " + device.port + " is used";
      if (device.state == UsbState::asked) device.state = ours ? UsbState::on : UsbState::off;
    }
    // Whoever leaves while they are asked is asked again; what was answered is noted before anybody can leave.
    m_news.erase(m_news.begin());
    if (device.state == UsbState::off) m_notes.push_back(device.sentence);
    m_hands.told(device);
  }
  return one;
}

std::vector<std::string> DiskRoom::take_notes() {
  static_cast<void>(look_at_usb(false));
  return std::exchange(m_notes, {});
}

DiskRoom::Look DiskRoom::settle(const std::string& name, std::optional<std::uint64_t> left, bool discs) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + m_patience;
  bool awaited = true;
  while (true) {
    if (look_at_usb(awaited)) awaited = false;
    auto seen = look(name, left, discs);
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (seen.found || !seen.offered.empty() || rest.count() <= 0) return seen;
    static_cast<void>(m_mounter.list(std::min(rest, longest_wait)));
  }
}

MediumSeen DiskRoom::find(const std::string& name, std::optional<std::uint64_t> left, bool discs) {
  // What was ejected comes back a moment after people say so.
  auto seen = left ? settle(name, left, discs) : look(name, left, discs);
  while (!seen.found) {
    if (seen.another)
      throw Refused(VolumeRefusal::wrong_medium, "this is another medium than the one that was written: " + seen.why, name, "insert the medium that was just taken out");
    if (!seen.offered.empty()) {
      if (const auto at = m_hands.which(name, seen.offered)) return assign(name, seen.offered.at(*at).medium);
      seen.why = "none of the disks that are in was chosen";
    }
    m_hands.put_in(name, seen.why);
    seen = settle(name, left, discs);
    // One that is full or worn out may be replaced by another, where nothing of it has to be read back.
    if (seen.absent && !left) seen = look_for_new(name, discs);
  }
  return *seen.found;
}

}  // namespace ceremony::media
