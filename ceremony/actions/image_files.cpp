#include "ceremony/actions/image_files.h"

#include <algorithm>
#include <vector>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/text.h"

namespace ceremony::actions {
namespace {

using ledger::shown;

constexpr std::string_view kernels[] = {"ceremony.efi", "ceremony.signed.efi"};

[[noreturn]] void malformed(const std::string& what) {
  throw Refused(ImageRefusal::malformed, what, "SHA256SUMS", "take the file as scripts/image wrote it, from the folder of the image");
}

/// Printable lines, each with its end.
std::vector<std::string_view> lines_of(std::string_view text) {
  if (text.size() > longest_sums) malformed("the file is larger than " + std::to_string(longest_sums) + " bytes");
  if (!text.ends_with('\n')) malformed("the last line has no end");
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    out.push_back(text.substr(0, end));
    if (std::ranges::any_of(out.back(), [](char c) { return c < ' ' || c > '~'; })) malformed("line " + std::to_string(out.size()) + " holds what cannot be printed");
    text.remove_prefix(end + 1);
  }
  return out;
}

std::map<std::string, Digest> sums_in(std::string_view text) {
  constexpr std::size_t digits = 64;
  std::map<std::string, Digest> out;
  for (const std::string_view line : lines_of(text)) {
    const auto digest = digest_from_hex(line.substr(0, digits));
    if (!digest || line.substr(std::min(line.size(), digits), 2) != "  " || !is_word(line.substr(digits + 2))) malformed(shown(line) + " is no line of sha256sum");
    if (!out.emplace(line.substr(digits + 2), *digest).second) malformed(shown(line.substr(digits + 2)) + " stands twice");
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
  const auto about = parse_image_manifest(manifest);
  ImageFiles out{sha256(manifest), about.version, about.kind, about.commit, {}};
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
