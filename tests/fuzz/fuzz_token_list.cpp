// A token's list of objects from a log: not one, or written back the same.
#include <cstdlib>

#include "ceremony/state/state.h"
#include "ceremony/state/token_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto objects = ceremony::state::parse_token_list(text);
  if (objects && ceremony::state::token_list(*objects) != text) std::abort();
  (void)ceremony::state::unexpected({}, "0001", text);
  return 0;
}
