// A `.tar.zst` from a stick, and the bare tar inside: mutations of a compressed frame rarely reach the tar reader.
#include <zstd.h>

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "ceremony/ground/refused.h"
#include "media/bundle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ceremony;
  const media::Limits limits{.max_total = 1 << 16, .max_files = 64, .max_file = 1 << 14};
  const auto check = [&](View archive) {
    try {
      const media::Files files = media::unpack(archive, limits);
      assert(media::unpack(media::pack(files, Time{})) == files);
    } catch (const Refused&) {
    }
  };
  check(View(data, size));
  Bytes framed(ZSTD_compressBound(size));
  framed.resize(ZSTD_compress(framed.data(), framed.size(), data, size, 1));
  check(framed);
  return 0;
}
