// Errors of the crypto library never leave this folder raw.
#pragma once

#include <botan/exceptn.h>

#include <new>
#include <string>
#include <string_view>

#include "ceremony/ground/refused.h"
#include "ceremony/shares/refusal.h"

namespace ceremony::shares {

template <typename Work>
auto guarded(std::string_view doing, Work&& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    throw Refused(SharesRefusal::failed, "there is not enough memory to " + std::string(doing), "",
                  "close other programs, or use a machine with more memory");
  } catch (const Botan::Exception& e) {
    throw Refused(SharesRefusal::failed, "could not " + std::string(doing) + " (" + e.what() + ")", "",
                  "run the self-test; if it passes, try again");
  }
}

}  // namespace ceremony::shares
