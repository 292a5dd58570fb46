// QR frames: what comes out of a collector is what its frames name, and frames that are made are taken. Lines of the input
// are fed as they are and with the CHK that makes them pass, because a mutation hardly ever guesses it.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ceremony/ground/refused.h"
#include "media/qr_frames.h"

namespace {

namespace media = ceremony::media;
using ceremony::as_text, ceremony::Refused, ceremony::to_bytes, ceremony::View;

void feed(media::FrameCollector& collector, std::string_view line) {
  try {
    (void)collector.take(line);
    assert(!collector.progress().empty());
  } catch (const Refused&) {
  }
}

void check(const media::FrameCollector& collector) {
  if (!collector.complete()) return;
  media::FrameCollector again(collector.kind());
  for (const std::string& frame : media::frames(*collector.kind(), collector.payload(), media::longest_frame)) (void)again.take(frame);
  assert(again.payload() == collector.payload());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = as_text(View(data, size));
  media::FrameCollector plain;
  media::FrameCollector passing;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view line = std::string_view(text).substr(from, end - from);
    feed(plain, line);
    feed(passing, media::with_check(line.substr(0, line.size() - std::min<std::size_t>(4, line.size()))));
    from = end + 1;
  }
  check(plain);
  check(passing);
  if (size == 0) return 0;
  const auto kind = static_cast<media::PayloadKind>(size % media::kind_letters.size());
  try {
    media::FrameCollector own(kind);
    for (const std::string& frame : media::frames(kind, View(data, size), media::shortest_frame + data[0])) {
      assert(!own.complete() && frame.size() <= media::shortest_frame + data[0]);
      (void)own.take(frame);
    }
    assert(own.payload() == to_bytes(View(data, size)));
  } catch (const Refused& refused) {
    assert(refused.is(media::QrRefusal::too_long));
  }
  return 0;
}
