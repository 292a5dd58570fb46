// Known answers: what this program's algorithms must give for inputs that were published with their results. One table; a test
// changes each answer and sees it found.
//
// Every algorithm that the program computes itself is in it. What a token computes (AES key wrap among it) is not: a token is
// tested by what it says of itself, by the restore, and by signatures that two libraries verify.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/refused.h"

namespace ceremony::actions {

struct KnownAnswer {
  std::string_view algorithm;  ///< "hkdf"
  std::string_view source;     ///< "RFC 5869 A.1"
  std::string_view answer;     ///< as published: hex, but for texts
  /// Computes it again and compares; of a signature, whether both libraries take it and neither takes another.
  bool (*agrees)(std::string_view answer);
};

[[nodiscard]] std::span<const KnownAnswer> known_answers();
/// The algorithms of a table, each once, in its order.
[[nodiscard]] std::vector<std::string_view> algorithms_of(std::span<const KnownAnswer> table);
/// What does not come out as published, each; never throws, whatever a library does.
[[nodiscard]] std::vector<Finding> wrong_answers(std::span<const KnownAnswer> table);

}  // namespace ceremony::actions
