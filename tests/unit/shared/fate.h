// What became of a piece of work, as one word to compare.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "ceremony/ground/refused.h"

namespace ceremony::test {

/// The code it was refused with ("media/full"), or "done". A refusal says what to do next.
template <typename Work>
std::string fate(const Work& work) {
  try {
    work();
  } catch (const Refused& refused) {
    UNSCOPED_INFO(refused.what());
    CHECK_FALSE(refused.findings().front().hint.empty());
    return std::string(refused.code());
  }
  return "done";
}

}  // namespace ceremony::test
