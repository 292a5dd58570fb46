#include "ceremony/actions/image_files.h"

#include <algorithm>
#include <vector>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/text.h"

namespace ceremony::actions {
namespace {

using ledger::shown;

constexpr std::string_view kernels[] = {"ceremony.efi", "ceremony.signed.efi"};
constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_+";

[[noreturn]] void malformed(const std::string& what, std::string_view where) {
  throw Refused(ImageRefusal::malformed, what, std::string(where), "take the files as scripts/image wrote them, from the folder of the image");
}

/// Printable lines, each with its end.
std::vector<std::string_view> lines_of(std::string_view text, std::size_t limit, std::string_view where) {
  if (text.size() > limit) malformed("the file is larger than " + std::to_string(limit) + " bytes", where);
  if (!text.ends_with('\n')) malformed("the last line has no end", where);
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    out.push_back(text.substr(0, end));
    if (std::ranges::any_of(out.back(), [](char c) { return c < ' ' || c > '~'; })) malformed("line " + std::to_string(out.size()) + " holds what cannot be printed", where);
    text.remove_prefix(end + 1);
  }
  return out;
}

bool is_word(std::string_view text) { return !text.empty() && text.size() <= 60 && text.find_first_not_of(letters) == std::string_view::npos; }

std::string word_after(std::string_view key, std::string_view line) {
  const std::string start = std::string(key) + " ";
  if (!line.starts_with(start) || !is_word(line.substr(start.size()))) malformed(shown(line) + " stands where \"" + std::string(key) + "\" is due", "MANIFEST");
  return std::string(line.substr(start.size()));
}

std::map<std::string, Digest> sums_in(std::string_view text) {
  constexpr std::size_t digits = 64;
  std::map<std::string, Digest> out;
  for (const std::string_view line : lines_of(text, longest_sums, "SHA256SUMS")) {
    const auto digest = digest_from_hex(line.substr(0, digits));
    if (!digest || line.substr(std::min(line.size(), digits), 2) != "  " || !is_word(line.substr(digits + 2))) malformed(shown(line) + " is no line of sha256sum", "SHA256SUMS");
    if (!out.emplace(line.substr(digits + 2), *digest).second) malformed(shown(line.substr(digits + 2)) + " stands twice", "SHA256SUMS");
  }
  return out;
}

}  // namespace

std::string ImageFiles::kernel_of(const Digest& digest) const {
  for (const auto& [name, sum] : kernels)
    if (sum == digest) return name;
  return "";
}

ImageFiles read_image_files(std::string_view manifest, std::string_view sums) {
  const auto lines = lines_of(manifest, longest_manifest, "MANIFEST");
  constexpr std::size_t head = 6;
  if (lines.size() < head || lines[0] != "ceremony-image/v1") malformed("this is no MANIFEST of a boot image", "MANIFEST");
  ImageFiles out{sha256(manifest), word_after("version", lines[1]), word_after("kind", lines[2]), word_after("source", lines[3]), {}};
  if (out.kind != "production" && out.kind != "rehearsal") malformed(shown(out.kind) + " is no kind of image", "MANIFEST");
  const auto all = sums_in(sums);
  const auto own = all.find("MANIFEST");
  if (own == all.end() || own->second != out.manifest)
    throw Refused(ImageRefusal::does_not_fit, own == all.end() ? "SHA256SUMS does not name the MANIFEST" : "SHA256SUMS names another MANIFEST than this one, which is " + hex(out.manifest), "SHA256SUMS",
                  "take both files from the folder of one image");
  for (const std::string_view name : kernels)
    if (const auto found = all.find(std::string(name)); found != all.end()) out.kernels.insert(*found);
  if (out.kernels.empty())
    throw Refused(ImageRefusal::does_not_fit, "SHA256SUMS names no kernel image", "SHA256SUMS", "take the file from the folder of the image: it names ceremony.efi, and ceremony.signed.efi once it is signed");
  return out;
}

}  // namespace ceremony::actions
