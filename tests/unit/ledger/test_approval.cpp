// The exact bytes people sign.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>

#include "ceremony/ledger/approval.h"
#include "tests/unit/ledger/refusing.h"

using namespace ceremony::ledger;
using ceremony::hex;
using ceremony::sha256;
using ceremony::testing::refused_with;

namespace {
const auto open_leaf = sha256("open");
const auto bytes = sha256("bytes");
}  // namespace

TEST_CASE("an approval is six lines, each ended by a line feed") {
  CHECK(approval_message("ca.example.com/r", "2026-genesis", open_leaf, "sign-certificate", bytes) ==
        "ceremony-approval/v1\nca.example.com/r\n2026-genesis\n" + hex(open_leaf) + "\nsign-certificate\n" + hex(bytes) + "\n");
}

TEST_CASE("no value can forge a line of a signed text") {
  for (const std::string& value : {std::string("a\nb"), std::string(), std::string("a\rb"), std::string("a\0b", 3), std::string("\xFF")}) {
    refused_with("ledger/text", [&] { (void)approval_message(value, "c", open_leaf, "a", bytes); });
    refused_with("ledger/text", [&] { (void)approval_message("o", value, open_leaf, "a", bytes); });
    refused_with("ledger/text", [&] { (void)approval_message("o", "c", open_leaf, value, bytes); });
    refused_with("ledger/text", [&] { (void)challenge_text("o", "c", open_leaf, "01", value); });
    refused_with("ledger/text", [&] { (void)act_artifact({{"reason", value}}); });
    refused_with("ledger/text", [&] { (void)batch_artifact({{bytes, "01", value}}); });
    if (!value.empty()) refused_with("ledger/text", [&] { (void)enrolment_statement("o", "c", open_leaf, {"p", {"r"}, bytes, value, ""}); });
  }
}

TEST_CASE("an enrolment statement names everything of the new key") {
  CHECK(enrolment_statement("o", "c", open_leaf, {"ca1", {"witness", "ca"}, bytes, "age1xyz", ""}) ==
        "ceremony-enrolment/v1\norigin: o\nceremony: c\nopen: " + hex(open_leaf) + "\nperson: ca1\nroles: ca,witness\nkey: " + hex(bytes) + "\nage: age1xyz\nreplaces: none\n");
  refused_with("ledger/text", [&] { (void)enrolment_statement("o", "c", open_leaf, {"ca1", {}, bytes, "", ""}); });
  refused_with("ledger/text", [&] { (void)enrolment_statement("o", "c", open_leaf, {"ca1", {"a,b"}, bytes, "", ""}); });
}

TEST_CASE("a challenge begins with its own name, never like DER") {
  const std::string text = challenge_text("o", "c", open_leaf, "0a0b", "root");
  CHECK(text == "ceremony-proof/v1\no\nc\n" + hex(open_leaf) + "\n0a0b\nroot\n");
  CHECK(text.front() != 0x30);
}

TEST_CASE("an act's fields are sorted lines and come back") {
  const Act act{{"token", "serial 12"}, {"algorithm", "p384"}, {"reason", "Zoë: \"since 2020\""}};
  const std::string text = act_artifact(act);
  CHECK(text == "ceremony-act/v1\nalgorithm: p384\nreason: Zoë: \"since 2020\"\ntoken: serial 12\n");
  CHECK(parse_act(text, "") == act);
  for (const char* bad : {"", "ceremony-act/v1", "ceremony-act/v1\n", "ceremony-act/v2\na: b\n", "ceremony-act/v1\na: b", "ceremony-act/v1\nb: 1\na: 2\n", "ceremony-act/v1\na: 1\na: 2\n",
                          "ceremony-act/v1\nA: 1\n", "ceremony-act/v1\na:1\n", "ceremony-act/v1\na: \n", "ceremony-act/v1\n\na: 1\n", "ceremony-act/v1\na: 1\r\n", "ceremony-act/v1\n: 1\n"}) {
    INFO(bad);
    refused_with("ledger/text", [&] { (void)parse_act(bad, "act"); });
  }
}

TEST_CASE("a batch is sorted, and no certificate or serial stands in it twice") {
  const std::vector<BatchLine> lines{{sha256("b"), "01ff", "CN=Two  spaces"}, {sha256("a"), "02", "CN=A"}};
  const std::string text = batch_artifact(lines);
  const auto back = parse_batch(text, "");
  CHECK(back.size() == 2);
  CHECK(std::ranges::is_sorted(back));
  CHECK(batch_artifact(back) == text);
  CHECK(std::ranges::contains(back, lines[0]));
  refused_with("ledger/text", [&] { (void)batch_artifact({}); });
  refused_with("ledger/text", [&] { (void)batch_artifact({lines[0], {sha256("c"), "01ff", "x"}}); });
  refused_with("ledger/text", [&] { (void)batch_artifact({lines[0], {sha256("b"), "03", "x"}}); });
  refused_with("ledger/text", [&] { (void)batch_artifact({{sha256("b"), "0A", "x"}}); });
  const auto first = text.find('\n') + 1;
  const auto second = text.find('\n', first) + 1;
  const std::string one = text.substr(first, second - first);
  const std::string two = text.substr(second);
  for (const std::string& bad : {std::string(), text.substr(0, text.size() - 1), "ceremony-batch/v1\n" + two + one, "ceremony-batch/v1\n" + one + one, text + "\n",
                                 text + "short\n", text + std::string(64, 'a') + "\n", text + std::string(64, 'a') + " 1 x\n", std::string("ceremony-batch/v1\n")}) {
    INFO(bad);
    refused_with("ledger/text", [&] { (void)parse_batch(bad, "batch"); });
  }
}
