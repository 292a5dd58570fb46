#include "media/volume.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <set>

#include "ceremony/ground/refused.h"

namespace ceremony::media {
namespace {

constexpr std::size_t longest_label = 1024;

/// As a checkpoint's first line takes it.
bool is_origin(std::string_view origin) {
  return !origin.empty() && origin.size() <= 100 && std::ranges::all_of(origin, [](char c) { return c > ' ' && c < 0x7f && c != '+'; });
}

bool is_below(std::string_view name, std::string_view prefix) {
  return prefix.empty() || (name.size() > prefix.size() && name.starts_with(prefix) && name[prefix.size()] == '/');
}

std::vector<std::string> names_below(Volume& volume, std::string_view prefix) {
  std::vector<std::string> out = volume.list();
  std::erase_if(out, [&](const std::string& name) { return !is_below(name, prefix); });
  std::ranges::sort(out);
  return out;
}

/// The files under their full names on the medium.
std::map<std::string, View> placed(const Volume& volume, const std::string& prefix, const Files& files) {
  std::map<std::string, View> out;
  std::vector<Finding> findings;
  for (const auto& [name, content] : files) {
    const std::string full = prefix.empty() ? name : prefix + "/" + name;
    if (const auto fault = fault_of_name(full); !fault.empty())
      findings.push_back({"the name " + shown(full) + " is refused: " + std::string(fault), volume.name(),
                          "rename the file with letters, digits, \".\", \"_\" and \"-\" only"});
    out.emplace(full, content);
  }
  if (!findings.empty()) throw Refused(VolumeRefusal::name, std::move(findings));
  return out;
}

/// A target may not be there as a file or a folder, nor may a folder above it be a file; case does not tell names apart,
/// because it does not on vfat.
void refuse_taken(Volume& volume, const std::map<std::string, View>& files) {
  std::map<std::string, bool> taken;  // lower-case name → is a file; folders are the names above files
  for (const std::string& name : volume.list()) {
    const std::string low = folded(name);
    for (std::size_t end = low.find('/'); end != std::string::npos; end = low.find('/', end + 1))
      taken.try_emplace(low.substr(0, end), false);
    taken[low] = true;
  }
  std::vector<Finding> findings;
  for (const auto& [name, content] : files) {
    const std::string low = folded(name);
    bool bad = taken.contains(low);
    for (std::size_t end = low.find('/'); end != std::string::npos; end = low.find('/', end + 1)) {
      const auto above = taken.find(low.substr(0, end));
      bad = bad || (above != taken.end() && above->second);
    }
    if (bad)
      findings.push_back({shown(name) + " is already there, and nothing is ever overwritten", volume.name(),
                          "use an empty medium; nothing was written to this one"});
  }
  if (!findings.empty()) throw Refused(VolumeRefusal::exists, std::move(findings));
}

void refuse_full(Volume& volume, const std::map<std::string, View>& files) {
  // A filesystem gives room in blocks, to folders too: what would fit by its bytes alone may stop half-way.
  constexpr std::uint64_t block = 4096;
  std::uint64_t needed = 0;
  std::set<std::string_view> folders;
  for (const auto& [name, content] : files) {
    needed += (content.size() + block - 1) / block * block;
    for (std::size_t end = name.find('/'); end != std::string::npos; end = name.find('/', end + 1)) folders.insert(std::string_view(name).substr(0, end));
  }
  needed += folders.size() * block;
  const std::uint64_t free = volume.info().free_bytes;
  if (needed > free)
    throw Refused(VolumeRefusal::full, "the medium has room for " + std::to_string(free) + " bytes, " + std::to_string(needed) + " are needed",
                  volume.name(), "insert a medium with more room; nothing was written to this one");
}

/// `before`: the names below `prefix` that are not ours.
void compare(Volume& volume, const std::string& prefix, const std::map<std::string, View>& files,
             std::vector<std::string> before) {
  const std::string hint = "do not use this medium; take a new one and export again";
  std::vector<Finding> findings;
  std::vector<std::string> expected = std::move(before);
  for (const auto& [name, content] : files) expected.push_back(name);
  std::ranges::sort(expected);
  const std::vector<std::string> found = names_below(volume, prefix);
  std::vector<std::string> missing;
  std::vector<std::string> foreign;
  std::ranges::set_difference(expected, found, std::back_inserter(missing));
  std::ranges::set_difference(found, expected, std::back_inserter(foreign));
  for (const std::string& name : missing) findings.push_back({shown(name) + " is not on the medium any more", volume.name(), hint});
  for (const std::string& name : foreign)
    findings.push_back({shown(name) + " is on the medium, and nobody here wrote it", volume.name(), hint});
  for (const auto& [name, content] : files) {
    if (std::ranges::binary_search(missing, name)) continue;
    try {
      if (sha256(volume.read(name, content.size())) == sha256(content)) continue;
    } catch (const Refused& refused) {
      if (!refused.is(VolumeRefusal::too_large)) throw;
    }
    findings.push_back({shown(name) + " reads back different from what was written", volume.name(), hint});
  }
  if (!findings.empty()) throw Refused(VolumeRefusal::altered, std::move(findings));
}

}  // namespace

bool is_medium_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && name.find('/') == std::string_view::npos && fault_of_name(name).empty();
}

std::string text_of(const Label& label) { return "ceremony-medium/v1\norigin: " + label.origin + "\nname: " + label.name + "\nid: " + label.id + "\n"; }

Label parse_label(std::string_view text) {
  // Taken apart leniently, put together again and compared: only the canonical bytes survive.
  const auto line = [&](std::string_view key) {
    const std::size_t at = text.find(key);
    if (at == std::string_view::npos) return std::string();
    const std::string_view rest = text.substr(at + key.size());
    return std::string(rest.substr(0, rest.find('\n')));
  };
  Label out{line("\norigin: "), line("\nname: "), line("\nid: ")};
  const auto id = unhex(out.id);
  if (!is_origin(out.origin) || !is_medium_name(out.name) || !id || id->size() != 16 || text_of(out) != text)
    throw Refused(VolumeRefusal::label, "the file \"ceremony-medium\" is not a label of ours", "",
                  "this medium was prepared by something else; use another one");
  return out;
}

std::string_view text_of(VolumeKind kind) { return kind == VolumeKind::folder ? "folder" : "disk"; }

std::optional<Label> Volume::label() {
  const std::string file(label_file);
  if (!exists(file)) return std::nullopt;
  return parse_label(as_text(read(file, longest_label)));
}

std::optional<Digest> Volume::label_digest() {
  const auto found = label();
  if (!found) return std::nullopt;
  return sha256(text_of(*found));
}

bool Volume::is_same_medium(const Digest& label) { return label_digest() == label; }

Label Volume::label_if_new(const std::string& origin, const std::string& name, View random) {
  assert(random.size() == 16);
  if (const auto found = label()) return *found;
  if (!is_medium_name(name))
    throw Refused(VolumeRefusal::name, shown(name) + " cannot be a medium's name", this->name(),
                  "use 1 to 32 letters, digits, \".\", \"_\" and \"-\"");
  if (!is_origin(origin))
    throw Refused(VolumeRefusal::name, shown(origin) + " cannot be the origin on a label", this->name(),
                  "an origin is 1 to 100 printable ASCII characters without a space or \"+\"");
  const Label made{origin, name, hex(random)};
  write(std::string(label_file), as_view(text_of(made)));
  return made;
}

void write_and_read_back(Volume& volume, const std::string& prefix, const Files& files, const AskReinsert& ask) {
  if (volume.inserted() != Inserted::writable) volume.insert_writable();
  const auto targets = placed(volume, prefix, files);
  refuse_taken(volume, targets);
  refuse_full(volume, targets);
  const VolumeInfo before = volume.info();
  std::vector<std::string> names_before = names_below(volume, prefix);
  // What a power cut left of an earlier attempt at these very files goes when they are written.
  std::erase_if(names_before, [&](const std::string& name) { return name.ends_with(".part") && targets.contains(name.substr(0, name.size() - 5)); });

  for (const auto& [name, content] : targets) volume.write(name, content);
  volume.eject();
  ask(volume);
  volume.insert_again();

  const VolumeInfo after = volume.info();
  if (after.id != before.id || after.label != before.label)
    throw Refused(VolumeRefusal::wrong_medium, "this is another medium than the one that was written", volume.name(),
                  "insert the medium that was just taken out");
  compare(volume, prefix, targets, names_before);
}

void read_back(Volume& volume, const std::string& prefix, const Files& files) {
  const auto targets = placed(volume, prefix, files);
  volume.insert_again();
  std::vector<std::string> others;
  if (prefix.empty()) {
    others = names_below(volume, prefix);
    std::erase_if(others, [&](const std::string& name) { return targets.contains(name); });
  }
  compare(volume, prefix, targets, others);
}

}  // namespace ceremony::media
