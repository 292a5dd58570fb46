#include "ceremony/actions/image_manifest.h"

#include <algorithm>
#include <array>
#include <format>

namespace ceremony::actions {
namespace {

constexpr std::size_t longest_file = std::size_t{1} << 28;

/// The lines of a text, each to be taken in its turn.
class Lines final {
 public:
  explicit Lines(std::string_view text) : m_rest(text) {}
  [[nodiscard]] bool left() const { return !m_rest.empty(); }
  [[noreturn]] void refuse(const std::string& what) const {
    throw Refused(ImageRefusal::malformed, what, "MANIFEST:" + std::to_string(m_number), "MANIFEST has to be as scripts/image wrote it; a machine that was started with another one is started again, from a boot medium that was checked");
  }
  std::string_view next() {
    ++m_number;
    const auto end = m_rest.find('\n');
    if (end == std::string_view::npos) refuse("the line does not end");
    const auto line = m_rest.substr(0, end);
    m_rest.remove_prefix(end + 1);
    if (std::ranges::any_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) refuse("the line has control characters");
    return line;
  }
  /// The rest of a line that begins so.
  std::string_view after(std::string_view head) {
    const auto line = next();
    if (!line.starts_with(head)) refuse("the line does not begin with \"" + std::string(head) + "\"");
    return line.substr(head.size());
  }
  /// Up to the next space, which is taken too; not empty.
  std::string_view word(std::string_view& line) const {
    const auto space = line.find(' ');
    if (space == std::string_view::npos || space == 0) refuse("a word is missing");
    const auto out = line.substr(0, space);
    line.remove_prefix(space + 1);
    return out;
  }
  Digest digest(std::string_view& line) const {
    const auto out = digest_from_hex(word(line));
    if (!out) refuse("the SHA-256 is not 64 digits of hex");
    return *out;
  }

 private:
  std::string_view m_rest;
  std::size_t m_number = 0;
};

unsigned mode_of(const Lines& lines, std::string_view text) {
  unsigned mode = 0;
  if (text.size() != 4 || text.front() != '0') lines.refuse("the mode is not four octal digits from 0");
  for (const char c : text) {
    if (c < '0' || c > '7') lines.refuse("the mode is not four octal digits from 0");
    mode = mode * 8 + static_cast<unsigned>(c - '0');
  }
  return mode;
}

std::string path_of(const Lines& lines, std::string_view text) {
  const std::string around = std::string(text) + "/";
  const bool steps = around.find("//") != std::string::npos || around.find("/./") != std::string::npos || around.find("/../") != std::string::npos;
  if (!text.starts_with('/') || steps) lines.refuse("the path is not absolute and plain");
  if (text == "/MANIFEST") lines.refuse("MANIFEST names itself");
  return std::string(text);
}

ImageEntry entry_of(const Lines& lines, std::string_view line) {
  ImageEntry out;
  const auto kind = lines.word(line);
  if (kind == "link") {
    out.target = lines.word(line);
  } else if (kind == "file") {
    out.digest = lines.digest(line);
    out.mode = mode_of(lines, lines.word(line));
    out.source = lines.word(line);
  } else {
    lines.refuse("the line is neither that of a file nor that of a link");
  }
  out.path = path_of(lines, line);
  return out;
}

/// What is wrong with it, or nothing. `bytes` grows by what was read.
std::string fault_of(Env& env, const Path& system, const ImageEntry& entry, std::size_t& bytes) {
  const Path path = system / entry.path.substr(1);
  std::error_code failed;
  if (!entry.target.empty()) {
    const auto target = std::filesystem::read_symlink(path, failed);
    if (failed) return entry.path + " is missing, or is no link";
    return target == entry.target ? "" : std::format("{} points to \"{}\", not to \"{}\"", entry.path, target.string(), entry.target);
  }
  try {
    const auto content = env.read(path, longest_file);
    bytes += content.size();
    if (const auto digest = sha256(content); digest != entry.digest) return std::format("{} is different: its SHA-256 is {}…, not {}…", entry.path, hex(digest).substr(0, 16), hex(entry.digest).substr(0, 16));
  } catch (const Refused& refusal) {
    return refusal.is(EnvRefusal::absent) ? entry.path + " is missing" : entry.path + " cannot be read: " + refusal.findings().front().what;
  }
  const auto mode = static_cast<unsigned>(std::filesystem::symlink_status(path, failed).permissions());
  return mode == entry.mode ? "" : std::format("{} has the mode {:04o}, not {:04o}", entry.path, mode, entry.mode);
}

}  // namespace

bool is_word(std::string_view text) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_+";
  return !text.empty() && text.size() <= 60 && text.find_first_not_of(letters) == std::string_view::npos;
}

ImageManifest parse_image_manifest(std::string_view text) {
  Lines lines(text);
  if (text.size() > longest_manifest) lines.refuse("the file is larger than " + std::to_string(longest_manifest) + " bytes");
  ImageManifest out;
  if (lines.next() != "ceremony-image/v1") lines.refuse("this is no MANIFEST of a boot image, ceremony-image/v1");
  out.version = lines.after("version ");
  out.kind = lines.after("kind ");
  if (out.kind != "production" && out.kind != "rehearsal") lines.refuse("the kind is neither production nor rehearsal");
  out.commit = lines.after("source ");
  auto kernel = lines.after("kernel ");
  out.kernel = lines.digest(kernel);
  out.kernel_version = kernel;
  out.command_line = lines.after("command-line ");
  for (const auto& word : {out.version, out.commit, out.kernel_version})
    if (!is_word(word)) lines.refuse("version, source and kernel's version are one word each, of letters, digits and . - _ +");
  while (lines.left()) {
    auto entry = entry_of(lines, lines.next());
    if (!out.entries.empty() && entry.path <= out.entries.back().path) lines.refuse("the paths are not in order, each once");
    out.entries.push_back(std::move(entry));
  }
  if (out.entries.empty()) lines.refuse("it names no file");
  return out;
}

std::string text_of(const ImageManifest& m) {
  std::string out = std::format("ceremony-image/v1\nversion {}\nkind {}\nsource {}\nkernel {} {}\ncommand-line {}\n", m.version, m.kind, m.commit, hex(m.kernel), m.kernel_version, m.command_line);
  for (const auto& e : m.entries)
    out += e.target.empty() ? std::format("file {} {:04o} {} {}\n", hex(e.digest), e.mode, e.source, e.path) : std::format("link {} {}\n", e.target, e.path);
  return out;
}

std::vector<std::string> image_faults(Env& env, const Path& system, const Digest& image, const std::function<void(std::string_view)>& progress) {
  ImageManifest manifest;
  try {
    const auto text = env.read(system / "MANIFEST", longest_manifest);
    if (sha256(text) != image) return {"/MANIFEST is not the one that the machine was started with: its SHA-256 is " + hex(sha256(text)).substr(0, 16) + "…, not " + hex(image).substr(0, 16) + "…"};
    manifest = parse_image_manifest(as_text(text));
  } catch (const Refused& refusal) {
    return {"/MANIFEST cannot be read: " + refusal.findings().front().what};
  }
  std::vector<std::string> faults;
  std::size_t bytes = 0, told = 0;
  progress("reading the " + std::to_string(manifest.entries.size()) + " files of the boot image");
  for (const auto& entry : manifest.entries) {
    if (auto fault = fault_of(env, system, entry, bytes); !fault.empty()) faults.push_back(std::move(fault));
    if (bytes - told < std::size_t{16} << 20) continue;
    told = bytes;
    progress("read " + std::to_string(bytes >> 20U) + " MiB of the boot image");
  }
  progress("the boot image: " + std::to_string(manifest.entries.size()) + " files, " + std::to_string((bytes >> 20U) + 1) + " MiB read");
  return faults;
}

}  // namespace ceremony::actions
