// Shipped files with one thing changed, and what the reader says of them.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/refused.h"

namespace ceremony::test {

inline std::string shipped(const std::string& name) {
  std::ifstream file(CEREMONY_SOURCE "/procedures/" + name, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The first `from` replaced; a sample that no longer holds it fails the test.
inline std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  INFO("looking for: " << from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// "where: what" a line, in order; every finding has a hint. Empty where nothing was refused.
template <typename Reading>
std::string findings_of(Reading reading) {
  try {
    reading();
    return "";
  } catch (const Refused& refused) {
    std::string out;
    for (const Finding& each : refused.findings()) {
      out += each.where + ": " + each.what + "\n";
      CHECK_FALSE(each.hint.empty());
    }
    return out;
  }
}

}  // namespace ceremony::test
