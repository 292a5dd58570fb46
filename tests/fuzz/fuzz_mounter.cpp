// Messages of both directions, and a filesystem's first bytes: what is taken is written again to the same bytes; ids stay words.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ceremony/ground/refused.h"
#include "media/mounter_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  const std::string text = as_text(View(data, size));
  try {
    const auto request = media::parse_request(text);
    assert(media::text_of(request) == text);
    if (const auto* mount = std::get_if<media::MountRequest>(&request)) assert(mount->node.find_first_of("/.") == std::string::npos);
  } catch (const Refused&) {
  }
  try {
    assert(media::text_of(media::parse_answer(text)) == text);
  } catch (const Refused&) {
  }
  const auto fs = media::filesystem_of(View(data, size), 1ULL << 40);
  const bool usable = fs.kind == media::FilesystemKind::fat32 || fs.kind == media::FilesystemKind::iso9660;
  assert(usable != fs.id.empty() && usable == fs.note.empty() && fs.note.size() <= media::longest_text);
  assert(std::ranges::all_of(fs.id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; }));
  return 0;
}
