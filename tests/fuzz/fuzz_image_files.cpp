// MANIFEST and SHA256SUMS of a boot image, parted by a zero byte: what is taken is named by the sums, and is printable.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ceremony/actions/image_files.h"
#include "ceremony/ground/refused.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  const std::string text = as_text(View(data, size));
  const auto end = std::min(text.find('\0'), text.size());
  std::string sums = text.substr(std::min(end + 1, text.size()));
  const std::string manifest = text.substr(0, end);
  // Changes to the MANIFEST would never be looked at behind its digest.
  if (const auto at = sums.find("DIGEST"); at != std::string::npos) sums.replace(at, 6, hex(sha256(manifest)));
  try {
    const auto files = actions::read_image_files(manifest, sums);
    assert(files.manifest == sha256(manifest) && !files.kernels.empty());
    for (const auto& [name, digest] : files.kernels) assert(!files.kernel_of(digest).empty());
    for (const auto& word : {files.version, files.kind, files.source}) assert(!word.empty() && std::ranges::all_of(word, [](char c) { return c > ' ' && c <= '~'; }));
  } catch (const Refused& refusal) {
    assert(refusal.is(actions::ImageRefusal::malformed) || refusal.is(actions::ImageRefusal::does_not_fit));
  }
  return 0;
}
