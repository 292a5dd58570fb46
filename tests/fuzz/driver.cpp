// Runs a fuzz target without libFuzzer: every file of the corpus, then seeded mutations of them.
// Usage: fuzz_<name> CORPUS [SEED [ROUNDS]]; the seed is printed, so that a finding can be repeated.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

Input mutated(Input in, const std::vector<Input>& corpus, std::mt19937& gen) {
  auto below = [&](std::size_t n) { return n == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, n - 1)(gen); };
  for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
    const auto at = static_cast<std::ptrdiff_t>(below(in.size()));
    switch (below(6)) {
      case 0: if (!in.empty()) in[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << below(8)); break;
      case 1: if (!in.empty()) in[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(below(256)); break;
      case 2: in.insert(in.begin() + at, static_cast<std::uint8_t>(below(256))); break;
      case 3: if (!in.empty()) in.erase(in.begin() + at); break;
      case 4: in.resize(below(in.size() + 1)); break;
      default: {
        const Input& other = corpus[below(corpus.size())];
        const auto from = static_cast<std::ptrdiff_t>(below(other.size()));
        in.resize(static_cast<std::size_t>(at));
        in.insert(in.end(), other.begin() + from, other.end());
      }
    }
  }
  return in;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) { std::fprintf(stderr, "error: no corpus\nhint: %s CORPUS [SEED [ROUNDS]]\n", argv[0]); return 2; }
  std::vector<Input> corpus;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1])) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (corpus.empty()) { std::fprintf(stderr, "error: the corpus %s is empty\n", argv[1]); return 2; }
  const auto seed = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1U;
  const auto rounds = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 2000UL;
  for (const Input& in : corpus) LLVMFuzzerTestOneInput(in.data(), in.size());
  std::mt19937 gen(seed);
  for (unsigned long i = 0; i < rounds; ++i) {
    const Input in = mutated(corpus[i % corpus.size()], corpus, gen);
    LLVMFuzzerTestOneInput(in.data(), in.size());
  }
  std::printf("%zu corpus inputs and %lu mutations of them, seed %u\n", corpus.size(), rounds, seed);
}
