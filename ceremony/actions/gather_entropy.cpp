// Dice: randomness that people make with their own hands, for those who do not want to depend on a chip's.
#include <algorithm>
#include <cmath>

#include "ceremony/actions/action.h"
#include "ceremony/actions/dice.h"

namespace ceremony::actions {
namespace {

constexpr std::size_t longest_line = 256;  // what an operator's field takes

}  // namespace

Dice read_dice(const Passphrase& typed) {
  // What was typed is a secret: a finding names a place in it, never the character.
  if (typed.size() >= longest_line)
    throw Refused(ActionRefusal::mistaken, "these are more than " + std::to_string(longest_line - 1) + " characters", "dice", "type fewer rolls; 99 of them are as good as a key");
  Botan::secure_vector<std::uint8_t> rolls;
  rolls.reserve(longest_line);
  std::size_t at = 0;
  for (const auto c : typed.reveal()) {
    ++at;
    if (c == ' ') continue;
    if (c < '1' || c > '6') throw Refused(ActionRefusal::mistaken, "character " + std::to_string(at) + " of what was typed is no number from 1 to 6", "dice", "type what the dice show, 1 to 6, with spaces or without; nothing if no dice are wanted");
    rolls.push_back(c);
  }
  return Dice(std::move(rolls));
}

std::optional<std::string> dice_fault(const Dice& dice) {
  const auto rolls = dice.reveal();
  // H = log2 6. A false alarm costs people another throw, so it may be likelier than that of a machine.
  const HealthClaim claim{std::log2(6.0), 30, static_cast<unsigned>(std::max<std::size_t>(rolls.size(), 1))};
  if (!RepetitionCount(claim).takes(rolls)) return "one number stands there " + std::to_string(repetition_cutoff(claim)) + " times in a row";
  if (rolls.size() < 12) return std::nullopt;  // too few to say more
  for (std::size_t period = 1; period <= 6; ++period)
    if (std::equal(rolls.begin() + static_cast<std::ptrdiff_t>(period), rolls.end(), rolls.begin())) return period == 1 ? "it is one number to the end" : "the same " + std::to_string(period) + " numbers are repeated to the end";
  for (char number = '1'; number <= '6'; ++number)
    if (static_cast<unsigned>(std::ranges::count(rolls, static_cast<std::uint8_t>(number))) >= proportion_cutoff(claim)) return "one number is most of them";
  return std::nullopt;
}

void gather_entropy(Run& run) {
  if (run.rng.has("dice")) return;
  std::size_t count = 0;
  run.retry("dice.refused", "administrator", [&] {
    const Passphrase typed = run.w.op.secret({"dice", "administrator", "Type the dice's rolls, each a number from 1 to 6, with spaces or without; 99 rolls are 256 bits. Type nothing if no dice are wanted."});
    const Dice dice = read_dice(typed);
    if (const auto fault = dice_fault(dice))
      throw Refused(ActionRefusal::mistaken, "these do not look thrown: " + *fault, "dice", "throw the dice and type what they show; nothing if no dice are wanted");
    run.rng.add("dice", dice.reveal(), "rolls");
    count = dice.size();
  });
  // How many, never which.
  run.record("selftest", {}, {{"results", ledger::Value{{"entropy", run.rng.sources()}}}});
  run.w.op.progress(count == 0 ? "no dice: " + run.rng.sources() : "mixed in: " + run.rng.sources());
}

}  // namespace ceremony::actions
