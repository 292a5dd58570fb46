// Any byte of any record changed is noticed: all of them by what decides it, the leaf under the checkpoint's root; some by the whole verifier.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>

#include "ceremony/ledger/checkpoint.h"
#include "ceremony/ledger/merkle.h"
#include "ceremony/report/verdict.h"
#include "tests/unit/state/log_builder.h"

namespace ceremony::testing {

TEST_CASE("Without keys: every byte of every record changed is another leaf than the one under the checkpoint") {
  const LogImage image = happy().signed_log();
  const auto head = ledger::parse_checkpoint(image.checkpoint, "checkpoint").checkpoint;
  ledger::Tree tree;
  for (const std::string& line : image.lines) tree.append(ledger::leaf_hash(line));
  REQUIRE(head.size == image.lines.size());
  std::size_t changed = 0, noticed = 0;
  for (std::size_t n = 0; n < image.lines.size(); ++n) {
    std::string line = image.lines[n];
    const auto path = tree.inclusion_proof(n, head.size);
    REQUIRE(ledger::verify_inclusion(n, head.size, ledger::leaf_hash(line), path, head.root));
    for (char& byte : line) {
      const char was = byte;
      byte = static_cast<char>(was ^ (1 << (changed % 8)));
      noticed += ledger::verify_inclusion(n, head.size, ledger::leaf_hash(line), path, head.root) ? 0 : 1;
      byte = was;
      ++changed;
    }
  }
  CHECK(noticed == changed);
  CHECK(changed > 40000);
  std::printf("counted: bytes of records changed and noticed: %zu of %zu\n", noticed, changed);
}

TEST_CASE("Without keys: a byte changed, asked of the whole verifier") {
  // One byte of each fifteenth record, further in from one to the next, so that every key of the envelope has its turn.
  for (std::size_t n = 0, step = 0; n < happy().records().size(); n += 15, ++step) {
    LogImage image = happy().signed_log();
    std::string& line = image.lines[n];
    line[step * 61 % line.size()] ^= 1;
    INFO("record " << n << ": " << line);
    MemoryEnv env;
    image.write_to(env, "/log");
    const auto verdict = report::verify_folder(env, "/log", happy().log_pin());
    REQUIRE(!verdict.violations.empty());
    CHECK(verdict.exit_code() == 1);
    const std::string& rule = verdict.violations.front().rule;
    CHECK((rule == "LOG-1" || rule == "LOG-2" || std::ranges::any_of(verdict.violations, [](const auto& v) { return v.rule == "LOG-6"; })));
  }
}

}  // namespace ceremony::testing
