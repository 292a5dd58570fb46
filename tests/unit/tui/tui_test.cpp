// What the keys do: the real operator, its keys written down beforehand.
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/tui/fakes.h"
#include "tui/view.h"

namespace ceremony::tui::testing {
namespace {

const Question q{"some.question", "c2", "What is asked?"};
const std::vector<std::size_t> places{2, 5, 11};

/// What it is left with: the reason, or nothing.
template <typename Ask>
std::optional<OperatorRefusal> left_with(Ask ask) {
  try {
    ask();
  } catch (const Refused& refusal) {
    for (const auto why : {OperatorRefusal::back, OperatorRefusal::stop, OperatorRefusal::abort, OperatorRefusal::idle, OperatorRefusal::end_of_input})
      if (refusal.is(why)) return why;
    throw;
  }
  return std::nullopt;
}

std::string all_that_was_drawn(const Stage& stage) {
  std::string out;
  for (const auto& grid : stage.record.drawn) out += grid.golden();
  return out;
}

}  // namespace

TEST_CASE("yes is only what was typed as yes") {
  CHECK(Stage("y<enter>").op->confirm(q));
  CHECK_FALSE(Stage("<enter>").op->confirm(q));
  CHECK_FALSE(Stage("yn<enter>").op->confirm(q));
  CHECK_FALSE(Stage("x<quiet><resized><unknown><enter>").op->confirm(q));
  CHECK(Stage("nY<enter>").op->compare(q, digest_words()));
}

TEST_CASE("retyped words come back as they were typed, in lower case; a wrong one is the caller's to refuse") {
  CHECK(Stage("lizard<enter>Island<enter>yoga<enter>").op->retype(q, digest_words(), places) == std::vector<std::string>{"lizard", "island", "yoga"});
  CHECK(Stage("wizard<enter><enter>yo<bs><bs>ga<enter>").op->retype(q, digest_words(), places) == std::vector<std::string>{"wizard", "", "ga"});
}

TEST_CASE("a line is mended character by character, also those of several bytes") {
  CHECK(Stage("Zürü<bs><bs>ich<enter>").op->type(q, "") == "Züich");
  CHECK(Stage("日本<bs><enter>").op->type(q, "") == "日");
  CHECK(Stage("abc<^u>d<enter>").op->type(q, "") == "d");
  CHECK(Stage("<bs><enter>").op->type(q, "factory-a") == "factory-a");
}

TEST_CASE("lists: what is chosen, what may not be, and how many are needed") {
  const std::vector<std::string> options{"red", "green", "blue"};
  CHECK(Stage("<enter>").op->choose(q, options) == 0);
  CHECK(Stage("<up><down><down><down><enter>").op->choose(q, options) == 2);
  CHECK(Stage("<end><home><enter>").op->choose(q, options) == 0);
  CHECK(Stage("<enter>").op->pick(q, options) == std::vector<std::size_t>{0, 1, 2});
  CHECK(Stage(" <down> <enter>").op->pick(q, options) == std::vector<std::size_t>{2});

  const std::vector<Candidate> people{{"c1", "custodian", ""}, {"c2", "custodian", "has approved this already"}, {"c3", "custodian", ""}};
  Stage stage(" <down> <enter><down> <enter>");
  CHECK(stage.op->people(q, people, 2) == "c1 c3");
  CHECK(stage.record.beeps == 1);
  CHECK(all_that_was_drawn(stage).find("c2 has approved this already.") != std::string::npos);
  CHECK(all_that_was_drawn(stage).find("1 of the 2 needed are marked.") != std::string::npos);
  CHECK(Stage("<enter>").op->people(q, people, 0).empty());
}

TEST_CASE("a long list keeps the line in sight that the cursor is on") {
  std::vector<std::string> options;
  for (int i = 0; i < 100; ++i) options.push_back("option " + std::to_string(i));
  Stage stage("<end>");
  CHECK(left_with([&] { (void)stage.op->choose(q, options); }) == OperatorRefusal::end_of_input);
  CHECK(stage.record.text().find("> option 99") != std::string::npos);
}

TEST_CASE("frames are scanned or typed, in any order, and what is being typed stays when one is scanned") {
  Stage stage("KCYZ1<scan KCYZ1A>x<bs>B<misread keys were lost><enter><scan C><enter>");
  Lines lines(3);
  CHECK(stage.op->receive(q, lines));
  CHECK(lines.taken == std::vector<std::string>{"KCYZ1A", "KCYZ1B", "C"});
  CHECK(stage.record.text().find("Scanned: line 1 of 3") != std::string::npos);
  CHECK(stage.record.text().find("Not scanned: keys were lost") != std::string::npos);
  CHECK(stage.record.keys.size() == 1);
  // A code that says nothing is not the empty line that ends it.
  Lines more(2);
  CHECK_FALSE(Stage("<scan ><enter>").op->receive(q, more));
  CHECK(more.taken == std::vector<std::string>{""});
}

TEST_CASE("what is scanned while nothing is to be scanned is no answer") {
  Stage stage("<scan yes>y<scan n><misread x><enter>");
  CHECK(stage.op->confirm(q));
  CHECK(stage.record.beeps == 3);
  CHECK(Stage("a<scan b>c<enter>").op->type(q, "") == "ac");
  CHECK(Stage("a<scan b>c<enter>").op->secret(q).reveal_text() == "ac");
  Stage help("<f1><scan b><esc>a<enter>");
  Lines lines(1);
  help.op->attend(&help.desk);
  CHECK(help.op->receive(q, lines));
  CHECK(lines.taken == std::vector<std::string>{"a"});
}

TEST_CASE("nothing of a secret is shown, not even how long it is") {
  Stage stage("correct horse<bs><bs>");
  CHECK(left_with([&] { (void)stage.op->secret(q); }) == OperatorRefusal::end_of_input);
  for (const auto& grid : stage.record.drawn) CHECK(grid.golden() == stage.record.drawn.front().golden());
  for (const auto& cursor : stage.record.cursors) {
    CHECK(cursor.has_value());
    CHECK(cursor == stage.record.cursors.front());
  }
  const auto typed = [](std::string_view keys) { return std::string(Stage(keys).op->secret(q).reveal_text()); };
  CHECK(typed("correct horse<bs>E<enter>") == "correct horsE");
  CHECK(typed("abc<^u>?n<enter>") == "?n");
  CHECK(typed("<bs><enter>").empty());
}

TEST_CASE("while a secret is typed letters are letters, and the desk is still there") {
  Stage stage("nls?<f1><esc>x<enter>");
  CHECK(stage.op->secret(q).reveal_text() == "nls?x");
  CHECK(all_that_was_drawn(stage).find("The machine: takes approvals") != std::string::npos);
}

TEST_CASE("what is revealed is on one screen, and the terminal forgets before and after it") {
  constexpr std::string_view passphrase = "academic acid acne acquire acrobat activity actress adapt";
  Stage stage("<enter>?nls<esc><f1><enter>");
  stage.op->reveal(q, passphrase_of(passphrase));
  REQUIRE(stage.record.forgotten.size() == 2);
  CHECK(stage.record.forgotten[1] == stage.record.drawn.size());
  for (std::size_t i = 0; i < stage.record.drawn.size(); ++i) {
    const auto text = stage.record.drawn[i].text();
    CHECK((text.find("acrobat") != std::string::npos) == (i >= stage.record.forgotten[0]));
    CHECK(text.find("The machine:") == std::string::npos);  // no desk beside a secret
  }
  // It is forgotten too where people never come back.
  Stage left("<enter>");
  CHECK(left_with([&] { left.op->reveal(q, passphrase_of(passphrase)); }) == OperatorRefusal::end_of_input);
  CHECK(left.record.forgotten.size() == 2);
  // A passphrase of one's own is shown whole, whatever its words are like.
  Stage own("<enter>");
  CHECK(left_with([&] { own.op->reveal(q, passphrase_of("incomprehensibilities of antidisestablishmentarianism, mostly  x")); }) == OperatorRefusal::end_of_input);
  CHECK(own.record.text().find("antidisestablishmentarianism,") != std::string::npos);
}

TEST_CASE("Esc goes back where nothing was recorded yet, else it pauses") {
  Stage early("<esc>");
  early.desk.back = true;
  CHECK(left_with([&] { (void)early.op->confirm(q); }) == OperatorRefusal::back);
  CHECK(early.desk.left.empty());
  CHECK(early.record.text().find("Esc Back") != std::string::npos);

  Stage late("<esc><esc>y<enter>");
  CHECK(late.op->confirm(q));
  CHECK(late.record.drawn[0].text().find("Esc Pause") != std::string::npos);
  CHECK(late.record.drawn[1].text().find("PAUSED") != std::string::npos);
  CHECK(late.record.drawn[2].text().find("PAUSED") == std::string::npos);
}

TEST_CASE("Ctrl-C pauses, also where Esc would go back; Ctrl-Z and Ctrl-S do nothing") {
  Stage stage("<^z><^s><^c><enter>y<enter>");
  stage.desk.back = true;
  CHECK(stage.op->confirm(q));
  CHECK(all_that_was_drawn(stage).find("PAUSED") != std::string::npos);
  Stage typing("<^z>a<^s>b<enter>");
  CHECK(typing.op->type(q, "") == "ab");
}

TEST_CASE("only the typed words STOP and ABORT leave") {
  for (const auto* other : {"stop", "abort", "ABOR", "ABORT ", "STOPABORT"}) {
    Stage stage("<esc>" + std::string(other) + "<enter><^u><esc>y<enter>");
    CHECK(stage.op->confirm(q));
    CHECK(stage.desk.left.empty());
    CHECK(all_that_was_drawn(stage).find("\"" + std::string(other) + "\" is neither STOP nor ABORT.") != std::string::npos);
  }
  Stage stop("<esc>STOP<enter>");
  CHECK(left_with([&] { (void)stop.op->confirm(q); }) == OperatorRefusal::stop);
  CHECK(stop.desk.left == std::vector{OperatorRefusal::stop});
  Stage abort("<^c>ABORT<enter>");
  CHECK(left_with([&] { (void)abort.op->secret(q); }) == OperatorRefusal::abort);
  CHECK(abort.desk.left == std::vector{OperatorRefusal::abort});
}

TEST_CASE("a deviation is noted with who reports it, or not at all") {
  Stage stage("<f2>The door was open<enter>c9<enter><^u>w1<enter><enter>y<enter>");
  CHECK(stage.op->confirm(q));
  CHECK(stage.desk.noted == std::vector<std::string>{"w1: The door was open"});
  for (const auto* keys : {"<f2><esc>y<enter>", "<f2><enter>y<enter>", "<f2>text<enter><esc>y<enter>"}) {
    Stage none(keys);
    CHECK(none.op->confirm(q));
    CHECK(none.desk.noted.empty());
  }
}

TEST_CASE("no desk screen opens on top of another") {
  Stage stage("<f1><f2><f3><esc>y<enter>");
  CHECK(stage.op->confirm(q));
  CHECK(stage.desk.noted.empty());
  CHECK(all_that_was_drawn(stage).find("deviation-note") == std::string::npos);
}

TEST_CASE("letters open the desk where nothing is typed, and its function keys everywhere") {
  for (const auto* key : {"?", "<f1>"}) {
    Stage stage(std::string(key) + "q<enter>");
    stage.op->show(q, {"A page.", {}});
    CHECK(all_that_was_drawn(stage).find("The machine:") != std::string::npos);
  }
  Stage typing("?nls<enter>");
  CHECK(typing.op->type(q, "") == "?nls");
}

TEST_CASE("the search goes on to the next, round the end, and the text can be scrolled away from what was found") {
  Stage stage("l/backup-2<enter>nn/nothing of it<enter>n<esc><enter>");
  stage.op->show(q, {"A page.", {}});
  const auto all = all_that_was_drawn(stage);
  CHECK(all.find("Found \"backup-2\".") != std::string::npos);
  CHECK(all.find("\"nothing of it\" is not there.") != std::string::npos);
  Stage scrolled("l/deviation<enter><down><down><down><down><down><down><down><down><down><down><down><down><down><down><down><down><down>");
  CHECK(left_with([&] { scrolled.op->show(q, {"A page.", {}}); }) == OperatorRefusal::end_of_input);
  CHECK(scrolled.record.text().find("deviation adm1") == std::string::npos);
}

TEST_CASE("Enter does not leave a page before its end was on the screen") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "line " + std::to_string(i) + "\n";
  for (int enters = 1; enters <= 3; ++enters) {
    std::string typed;
    for (int i = 0; i < enters; ++i) typed += "<enter>";
    Stage hurried(typed);
    CHECK(left_with([&] { hurried.op->show(q, {text, {}}); }) == OperatorRefusal::end_of_input);
  }
  Stage patient("<enter><enter><enter><enter><enter><enter><enter><enter>");
  patient.op->show(q, {text, {}});
  CHECK(patient.record.drawn.back().text().find("line 59") != std::string::npos);
  for (int i = 0; i < 60; ++i) CHECK(all_that_was_drawn(patient).find("line " + std::to_string(i)) != std::string::npos);
}

TEST_CASE("a page longer than the screen says so, and is read to its end and back") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "line " + std::to_string(i) + "\n";
  Stage stage("<pgdn><pgdn><pgdn><pgdn><pgdn><pgdn><up><pgup><pgup><pgup><pgup><pgup><pgup><end><pgdn><pgdn><pgdn><pgdn><pgdn><pgdn><enter>");
  stage.op->show(q, {text, {}});
  CHECK(stage.record.drawn[0].text().find(" more below: Down or PgDn ") != std::string::npos);
  CHECK(stage.record.drawn[1].text().find(" more above and below: ") != std::string::npos);
  CHECK(stage.record.drawn[6].text().find("line 59") != std::string::npos);
  CHECK(stage.record.drawn[6].text().find(" more above: Up or PgUp ") != std::string::npos);
  CHECK(stage.record.drawn[13].text().find("line 0\n") != std::string::npos);
}

TEST_CASE("after a refusal: again, or what the pause offers") {
  const Refused refusal(OperatorRefusal::unanswered, "it went wrong", "c2", "do it better");
  CHECK(Stage("x<enter>").op->refused(q, refusal) == Next::again);
  CHECK(Stage("a").op->refused(q, refusal) == Next::again);
  Stage stop("<esc>STOP<enter>");
  CHECK(left_with([&] { (void)stop.op->refused(q, refusal); }) == OperatorRefusal::stop);
  CHECK(stop.record.beeps == 1);
}

TEST_CASE("locked: the terminal forgets, and nothing opens but the lock") {
  Stage stage("?nls<esc><f3><enter>");
  stage.op->locked(q);
  CHECK(stage.record.forgotten.size() == 1);
  for (const auto& grid : stage.record.drawn) CHECK(grid.golden() == stage.record.drawn.front().golden());
}

TEST_CASE("after a long silence the desk is told why, wherever people were, and a secret is off the screen") {
  for (const auto* keys : {"", "abc", "<f1>", "<esc>", "<f3>/", "<f2>text<enter>"}) {
    Stage stage(keys);
    stage.record.falls_silent = true;
    CHECK(left_with([&] { (void)stage.op->secret(q); }) == OperatorRefusal::idle);
    CHECK(stage.desk.left == std::vector{OperatorRefusal::idle});
  }
  Stage stage("<enter>");
  stage.record.falls_silent = true;
  CHECK(left_with([&] { stage.op->reveal(q, passphrase_of("academic acid")); }) == OperatorRefusal::idle);
  CHECK(stage.record.forgotten.back() == stage.record.drawn.size());
}

TEST_CASE("the last word keeps the frame when the desk is gone") {
  Stage stage("y<enter><enter>");
  stage.desk.shown.token_active = true;
  stage.quorum({Seat::done});
  CHECK(stage.op->confirm(q));
  CHECK(stage.record.text().find("ACTIVE") != std::string::npos);
  stage.op->attend(nullptr);
  stage.op->finished("Closed.");
  CHECK(stage.record.text().find("ACME ROOT G1  *** REHEARSAL ***") != std::string::npos);
  CHECK(stage.record.text().find("Closed.") != std::string::npos);
  CHECK(stage.record.text().find("ACTIVE") == std::string::npos);
  CHECK(stage.record.text().find("Quorum") == std::string::npos);
}

TEST_CASE("a terminal that became too small says so, and goes on when it is large again") {
  Stage stage("y", 79, 24);
  CHECK(left_with([&] { (void)stage.op->confirm(q); }) == OperatorRefusal::end_of_input);
  CHECK(stage.record.text().find("too small") != std::string::npos);
  stage.record.cols = 80;
  stage.record.keys = keys("<resized>y<enter>");
  CHECK(stage.op->confirm(q));
  CHECK(stage.record.text().find("Yes or no: yes") != std::string::npos);
}

TEST_CASE("production has no mark of a rehearsal, and a long name gives way to the clock") {
  Stage stage("");
  stage.desk.shown.rehearsal = false;
  stage.desk.shown.ca = "The Root Certification Authority of a Company with Quite a Long Name";
  CHECK(left_with([&] { (void)stage.op->confirm(q); }) == OperatorRefusal::end_of_input);
  CHECK(stage.record.text().find("REHEARSAL") == std::string::npos);
  CHECK(stage.record.text().starts_with(" The Root Certification Authority of a C.. island tolerance sailboat  14:07:31Z\n"));
}

TEST_CASE("before a CA is known the title has neither its name nor a clock") {
  tui::View view;
  view.frame.rehearsal = true;
  Grid grid(128, 48);
  (void)render(view, grid);
  CHECK(grid.text().starts_with("   *** REHEARSAL ***\n"));
}

}  // namespace ceremony::tui::testing
