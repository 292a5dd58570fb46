// The operator that answers from a file: what it gives back, and what it says of answers files that do not do.
#include "tui/scripted_operator.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/ledger/memory_env.h"
#include "tests/unit/shared/refusal_table.h"

using ceremony::Operator;
using ceremony::Question;
using ceremony::testing::MemoryEnv;
using ceremony::tui::make_scripted_operator;

namespace {

const std::string good = R"(# Answers to one small ceremony.
[[answer]]
step = "clock"
question = "clock.right"
give = "yes"

[[answer]]
question = "open.place"
give = "Zürich"

[[answer]]
question = "tray.colour"
give = "red"
times = 2

[[answer]]
question = "passphrase.c1"
file = "c1.pass"
times = 0
)";

struct Desk {
  MemoryEnv env;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out{std::tmpfile(), &std::fclose};

  Desk() { env.create("/desk/c1.pass", ceremony::as_view("academic acid acne\nsecond line\n")); }
  std::unique_ptr<ceremony::tui::ScriptedOperator> from(const std::string& text) {
    return make_scripted_operator(env, "answers.toml", text, "/desk", out.get());
  }
  [[nodiscard]] std::string said() {
    std::rewind(out.get());
    std::string text;
    for (int c = std::fgetc(out.get()); c != EOF; c = std::fgetc(out.get())) text += static_cast<char>(c);
    return text;
  }
};

Question question(std::string id, std::string text) { return {std::move(id), "c1", std::move(text)}; }

const std::vector<std::string> colours{"red", "green"};

/// One ceremony that asks the same questions every time.
void ask_everything(Operator& op) {
  op.begin_step({1, 2, "clock", "Agree on the time", "", ""}, "");
  (void)op.confirm(question("clock.right", "Is the time right?"));
  op.begin_step({2, 2, "open", "Open", "", ""}, "");
  (void)op.type(question("open.place", "Where is this?"), "");
  (void)op.choose(question("tray.colour", "Which tray?"), colours);
  (void)op.choose(question("tray.colour", "Which tray?"), colours);
  (void)op.secret(question("passphrase.c1", "The passphrase of c1"));
}

}  // namespace

TEST_CASE("answers come from the file, secrets from files of their own") {
  Desk desk;
  const auto op = desk.from(good);
  CHECK(op->kind() == "scripted");
  op->begin_step({1, 2, "clock", "Agree on the time", "", ""}, "");
  CHECK(op->confirm(question("clock.right", "Is the time right?")));
  CHECK(op->type(question("open.place", "Where?"), "") == "Zürich");
  CHECK(op->choose(question("tray.colour", "Which?"), colours) == 0);
  CHECK(op->choose(question("tray.colour", "Which?"), colours) == 0);
  CHECK(ceremony::as_text(op->secret(question("passphrase.c1", "c1")).reveal()) == "academic acid acne");
  op->reveal(question("passphrase.c1", "c1"), ceremony::Passphrase(Botan::secure_vector<std::uint8_t>{'n', 'e', 'w'}));
  CHECK(ceremony::as_text(desk.env.at("/desk/c1.pass")) == "new");
  op->finished("done");
  CHECK_NOTHROW(op->all_used());
  CHECK(desk.said().starts_with("[1/2] Agree on the time\n"));
  CHECK(desk.said().find("academic") == std::string::npos);
}

TEST_CASE("a refusal is answered as written, and ends the ceremony where nothing is written") {
  Desk desk;
  const auto op = desk.from("[[answer]]\nquestion = \"pin\"\ngive = \"again\"\n[[answer]]\nquestion = \"pin\"\ngive = \"abort\"\n");
  const ceremony::Refused wrong(ceremony::EnvRefusal::failed, "the PIN is wrong", "token", "try again");
  CHECK(op->refused(question("pin", "PIN"), wrong) == ceremony::Next::again);
  CHECK(op->refused(question("pin", "PIN"), wrong) == ceremony::Next::abort);
  CHECK(op->refused(question("pin", "PIN"), wrong) == ceremony::Next::stop);
  CHECK(desk.said().find("error: token: the PIN is wrong\nhint: try again\n") != std::string::npos);
}

TEST_CASE("an answer of another step does not serve") {
  Desk desk;
  const auto op = desk.from("[[answer]]\nstep = \"close\"\nquestion = \"ok\"\ngive = \"yes\"\n");
  op->begin_step({1, 1, "open", "Open", "", ""}, "");
  CHECK_THROWS_AS((void)op->confirm(question("ok", "Fine?")), ceremony::Refused);
  op->begin_step({1, 1, "close", "Close", "", ""}, "");
  CHECK(op->confirm(question("ok", "Fine?")));
}

TEST_CASE("every bad answers file is refused with the text of the table") {
  const ceremony::test::RefusalTable table("answers files", "tui/answers.refusals");
  const auto policy = std::string("format = \"ceremony-policy/v1\"\nname = \"x\"\n");
  table.check_texts({{"good", good}, {"policy", policy}}, [](const std::string& text) {
    Desk desk;
    const auto op = desk.from(text);
    ask_everything(*op);
    op->all_used();
  });
  table.print_count();
}

TEST_CASE("the good answers file of the table answers everything") {
  Desk desk;
  const auto op = desk.from(good);
  ask_everything(*op);
  CHECK_NOTHROW(op->all_used());
}
