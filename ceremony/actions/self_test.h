// The self-test before each ceremony, and before one that is gone on with: known answers of every algorithm, sources of randomness,
// clock, free memory, the files of the boot image. Every test is run, and what failed is reported at once; then nothing goes on,
// and no token was touched. What the tests are is told to people in procedures/, to verifiers by LOG-10 (state/RULES.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/actions/entropy.h"
#include "ceremony/actions/known_answers.h"
#include "ceremony/actions/random_health.h"
#include "ceremony/ground/env.h"
#include "ceremony/ground/refused.h"

namespace ceremony::actions {

/// What is tested, and against what.
struct Machine {
  Env& env;
  EntropyPool& rng;
  std::vector<RandomSource> sources{};          ///< besides the kernel's
  std::optional<Digest> image{};                ///< of MANIFEST; nothing at a desk, where no file is compared
  Path system = "/";
  Time last_record{};                           ///< of the log
  std::uint64_t scrypt_bytes = 0;               ///< what scrypt will take at one time
  std::span<const KnownAnswer> answers = known_answers();
};

struct Tested {
  std::map<std::string, std::string> results;  ///< as they are recorded: "ok" of each test
  std::vector<Finding> failed;
};

/// What the programs beside scrypt need (the linter above all), and stays free.
inline constexpr std::uint64_t memory_reserve = std::uint64_t{48} << 20;
/// This version was written then: a clock before it is wrong, and one that is 40 years after it.
inline constexpr Time earliest_time = std::chrono::sys_days(std::chrono::year(2026) / 11 / 1);
inline constexpr Time latest_time = std::chrono::sys_days(std::chrono::year(2066) / 11 / 1);

/// Asks nobody and writes nothing. `progress` is told of what takes long.
[[nodiscard]] Tested test_machine(const Machine& machine, const std::function<void(std::string_view)>& progress);

/// Nothing, or what is wrong, as a sentence.
[[nodiscard]] std::optional<std::string> clock_fault(Time now, Time last_record);
/// `meminfo`: the text of /proc/meminfo.
[[nodiscard]] std::optional<std::string> memory_fault(std::string_view meminfo, std::uint64_t scrypt_bytes);

}  // namespace ceremony::actions
