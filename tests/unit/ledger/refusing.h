// Asks what code of this folder a piece of code is refused with.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <string>

#include "ceremony/ground/refused.h"

namespace ceremony::testing {

/// The refusal's code ("ledger/torn") and, after a space, its text; empty if nothing was refused.
template <typename Act>
std::string refusal(Act act) {
  try {
    act();
    return {};
  } catch (const Refused& refused) {
    return std::string(refused.code()) + " " + refused.what();
  }
}

template <typename Act>
bool refused_with(std::string_view code, Act act) {
  const std::string said = refusal(act);
  INFO("refused with: " << said << ", wanted " << code);
  CHECK(said.starts_with(std::string(code) + " "));
  return said.starts_with(std::string(code) + " ");
}

}  // namespace ceremony::testing
