// What people do and what happens to them while a ceremony runs: slips, second thoughts, breaks, silence, signals.
#include <signal.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <memory>

#include "room.h"

namespace {

using tty::Room;
using tty::ScreenFace;

constexpr auto ctrl_c = "\x03";
constexpr auto ctrl_s = "\x13";
constexpr auto ctrl_z = "\x1a";
constexpr auto esc = "\x1b";

/// One genesis serves all the stories that begin after it.
Room& after_genesis() {
  static const std::unique_ptr<Room> room = [] {
    auto out = std::make_unique<Room>();
    const auto face = out->lines("root-genesis");
    out->completes(*face);
    out->request("a.csr");
    out->save();
    return out;
  }();
  room->put_back();
  return *room;
}

/// It was told to end from outside: no screen says so, but the exit code and the next run do.
void is_interrupted(Room& room, ScreenFace& face) {
  face.screen.wait("the end", [&] { return face.screen.ended(); });
  INFO(face.screen.text());
  CHECK(face.screen.child().exit_code() == 2);
  CHECK(face.screen.modes_are_as_before());
  CHECK(face.shows("hint: run the same command again"));
  room.has_a_status();
}

void is_stopped(Room& room, ScreenFace& face) {
  CHECK(face.exit_code() == 2);
  CHECK(face.screen.modes_are_as_before());
  room.has_a_status();
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("a genesis with second thoughts, slips, breaks and silences", "[slow-stories]") {
  Room room;
  auto face = room.screens("root-genesis", {128, 48}, "linux");

  room.until(*face, "clock");
  face->screen.press(" ");
  face->screen.wait("a mark", [&] { return face->shows("> [x] "); });
  face->back();
  room.until(*face, "clock");
  CHECK_FALSE(face->shows("[x] adm1"));

  room.until(*face, "clock.w1");
  face->deviation("c1", "the radio clock was late");

  // A slip of the pen: the passphrase is refused, and typed again.
  room.until(*face, "passphrase.c1");
  const auto right = room.note("c1.credential");
  face->secret("not what was written down");
  CHECK(face->question() == "passphrase.c1.refused");
  CHECK(face->shows("that is not the passphrase that was shown"));
  face->again();
  face->secret(right);

  // What was said before the record could take it is on the record once the reporter is enrolled, although the step did not end.
  room.until(*face, "name.c3");
  face->stop();
  is_stopped(room, *face);
  CHECK(room.log().find("the radio clock was late") != std::string::npos);
  face = room.screens("root-genesis", {128, 48}, "linux");

  // Between two approvals the room is left. The one who approved counts once.
  room.until(*face, "words.g2");
  face->stop();
  is_stopped(room, *face);
  face = room.screens("root-genesis", {128, 48}, "vt100");
  room.until(*face, "members.governance");
  CHECK(face->shows("g1  governance  (not now)"));
  face->go_to("g1");
  face->screen.press(" ");  // why not stands there already, and nothing changes
  CHECK(face->shows("g1 has approved this already; each member counts once."));
  CHECK_FALSE(face->shows("[x] g1"));
  face->mark({"g2"});
  room.until(*face, "evidence.video");

  face->function(3);
  CHECK(face->screen.id() == "transcript");
  face->screen.press_and_see("/");
  face->type("adopt");
  CHECK(face->shows("Found \"adopt\"."));
  face->screen.press_and_see("/");
  face->type("no such thing");
  CHECK(face->shows("\"no such thing\" is not there."));
  face->screen.press_and_see(esc);
  CHECK(face->screen.id() == "evidence.video");
  face->stop();
  is_stopped(room, *face);

  // Silence while the token is active: it is deactivated, for that reason, and somebody unlocks.
  face = room.screens("root-genesis", {80, 24}, "xterm-256color", {"--idle", "4"});
  room.until(*face, "absent");
  CHECK(face->shows("The token is ACTIVE."));
  face->screen.wait("a locked screen", [&] { return face->screen.id() == "locked"; });
  CHECK(face->shows("LOCKED"));
  CHECK_FALSE(face->shows("The token is ACTIVE."));
  CHECK(count(room.log(), "\"reason_for\":\"idle\"") == 1);
  // Who has not unlocked cannot abort.
  face->screen.press("\r");
  face->screen.wait("who is back", [&] { return face->screen.id() == "unlock"; });
  face->screen.press("\x03");
  face->screen.wait("the pause", [&] { return face->screen.id() == "pause"; });
  face->screen.press("ABORT\r");
  face->screen.wait("a locked screen again", [&] { return face->screen.id() == "locked"; });
  CHECK(count(room.log(), "\"ev\":\"close\"") == 0);
  room.completes(*face);
  CHECK(face->screen.modes_are_as_before());
}

TEST_CASE("an issuance with a wrong share, a deviation and a screen that shrinks", "[stories]") {
  auto& room = after_genesis();
  auto face = room.screens("issue-intermediates");
  room.until(*face, "recipient.a.csr");
  face->screen.press("fac");
  face->screen.wait("what was typed", [&] { return face->shows("> fac"); });
  face->screen.resize({79, 24});
  face->screen.wait("that it is too small", [&] { return face->shows("too small"); });
  face->screen.resize({132, 43});
  face->screen.wait("the question again", [&] { return face->screen.id() == "recipient.a.csr"; });
  face->screen.resize({80, 24});
  face->screen.wait("what was typed", [&] { return face->screen.id() == "recipient.a.csr" && face->shows("> fac"); });
  face->type("tory-b");

  room.until(*face, "show.sign-certificate");
  face->deviation("so1", "the lamp over the table went out");

  // Somebody else's share on the medium: it is named, and the right one serves.
  room.until(*face, "words.c2");
  const auto swap = "cd " + room.at("people") + " && mv c2/share-activation-1.age swap && mv c4/share-activation-1.age c2/ && mv swap c4/share-activation-1.age";
  (void)tty::shell(swap);
  while (face->question() != "hand-in.c2.refused") room.answer(*face);
  CHECK(face->shows("share of c2"));
  (void)tty::shell(swap);
  face->again();
  room.completes(*face);
  CHECK(room.log().find("the lamp over the table went out") != std::string::npos);
  (void)tty::shell("ls " + room.at("factory-b") + "/bundle-*");
}

TEST_CASE("keys that stop other programs do not stop a ceremony", "[stories]") {
  auto& room = after_genesis();
  auto face = room.screens("issue-intermediates");
  for (const auto* id : {"clock", "recipient.a.csr", "passphrase.c2"}) {
    room.until(*face, id);
    for (const auto* key : {ctrl_z, ctrl_s}) {
      face->screen.press(key);
      face->function(1);
      CHECK(face->screen.id() == "help");
      face->screen.press_and_see(esc);
      CHECK(face->screen.id() == id);
    }
    for (const int signal : {SIGTSTP, SIGINT, SIGQUIT}) {
      face->screen.child().signal(signal);
      if (signal == SIGTSTP) continue;
      face->screen.wait("the pause", [&] { return face->screen.id() == "pause"; });
      face->screen.press_and_see(esc);
    }
    face->screen.press_and_see(ctrl_c);
    CHECK(face->screen.id() == "pause");
    face->screen.press_and_see("\r");
    CHECK(face->screen.id() == id);
  }
  room.completes(*face);
}

TEST_CASE("a terminated program and a closed terminal leave a ceremony that goes on", "[stories]") {
  auto& room = after_genesis();
  auto face = room.screens("issue-intermediates");
  room.until(*face, "csr.a.csr");
  face->screen.child().signal(SIGTERM);
  is_interrupted(room, *face);
  face = room.screens("issue-intermediates");
  room.until(*face, "passphrase.c2");
  face->screen.child().signal(SIGHUP);
  is_interrupted(room, *face);
  face = room.screens("issue-intermediates");
  room.until(*face, "words.c4");
  face->screen.hang_up();
  CHECK(face->screen.child().exit_code() == 2);
  room.has_a_status();

  // Lines: whoever reads them goes away, then whoever writes.
  auto lines = room.lines("issue-intermediates");
  room.until(*lines, "words.c2");
  lines->close_output();
  lines->say(":state");
  lines->close_input();
  CHECK(lines->child().exit_code() == 2);
  lines = room.lines("issue-intermediates");
  room.completes(*lines);
}

TEST_CASE("an aborted issuance is closed and signed", "[stories]") {
  auto& room = after_genesis();
  const bool screens = GENERATE(true, false);
  std::unique_ptr<tty::Face> face;
  if (screens) face = room.screens("issue-intermediates", {128, 48}, "vt100");
  else face = room.lines("issue-intermediates");
  room.until(*face, "members.activation");
  face->abort();
  CHECK(room.to_the_end(*face) == 1);
  CHECK(room.log().find("\"outcome\":\"aborted\"") != std::string::npos);
  room.verifies();
}

TEST_CASE("people who fall silent while an abort asks come back to it, and the program stays", "[stories]") {
  auto& room = after_genesis();
  auto face = room.screens("issue-intermediates", {80, 24}, "xterm-256color", {"--idle", "4"});
  room.until(*face, "members.activation");
  face->abort();
  room.until(*face, "absent");
  face->screen.wait("a locked screen", [&] { return face->screen.id() == "locked"; });
  CHECK(count(room.log(), "\"ev\":\"close\"") == 1);  // the genesis's
  face->read();
  room.until(*face, "absent");
  CHECK(room.to_the_end(*face) == 1);
  CHECK(count(room.log(), "\"outcome\":\"aborted\"") == 1);
  CHECK(face->screen.modes_are_as_before());
  room.verifies();
}

TEST_CASE("a request under the wrong profile is given the right one, and one that nobody meant is left out", "[stories]") {
  auto& room = after_genesis();
  room.request("b.csr");
  const auto before = room.log();
  auto face = room.screens("issue-intermediates");
  room.words = {{"profile.a.csr", "issuing-802.1ar"}};
  room.until(*face, "take.a.csr");
  face->choose("another profile or medium");
  room.words.clear();
  room.until(*face, "take.b.csr");
  face->choose("leave it out");
  room.completes(*face);
  CHECK(count(room.log(), "issuing-802.1ar") == count(before, "issuing-802.1ar"));
  CHECK(room.log().find("was left out by the people") != std::string::npos);
  CHECK(count(room.log(), "\"ev\":\"issue\"") == 2);  // the root and one
}

TEST_CASE("a request that changes on its medium after it was shown is certified as it was shown", "[stories]") {
  auto& room = after_genesis();
  const auto key_of = [&](const std::string& command) { return tty::shell("openssl " + command + " -pubout -outform DER 2>/dev/null | sha256sum"); };
  const auto shown = key_of("pkey -in " + room.at("tokens/a.csr.key"));
  auto face = room.lines("issue-intermediates");
  room.until(*face, "take.a.csr");
  room.request("a.csr");
  CHECK(key_of("pkey -in " + room.at("tokens/a.csr.key")) != shown);
  room.completes(*face);
  CHECK(tty::shell("openssl x509 -in " + room.at("factory-a/bundle-*/certs/issuing.pem") + " -noout -pubkey | openssl pkey -pubin -pubout -outform DER | sha256sum") == shown);
}

TEST_CASE("lines take slips, second thoughts, a deviation, a wrong share, a member twice, a stop and a resume", "[stories]") {
  auto& room = after_genesis();
  auto face = room.lines("issue-intermediates");
  room.until(*face, "clock.w1");
  face->back();
  CHECK(face->question() == "clock");
  room.until(*face, "recipient.a.csr");
  face->deviation("c3", "a chair broke");
  face->stop();
  CHECK(face->exit_code() == 2);
  face = room.lines("issue-intermediates");
  room.until(*face, "members.activation");
  face->mark({"c2", "c2", "c4"});
  CHECK(face->question() == "members.activation.refused");
  CHECK(face->shows("\"c2\" is named twice"));
  face->again();
  room.until(*face, "passphrase.c2");
  face->secret("not what was written down");
  CHECK(face->question() == "unlock.c2.refused");
  face->again();
  room.until(*face, "words.c4");
  const auto swap = "cd " + room.at("people") + " && mv c5/share-activation-1.age swap && mv c4/share-activation-1.age c5/ && mv swap c4/share-activation-1.age";
  (void)tty::shell(swap);
  while (face->question() != "hand-in.c4.refused") room.answer(*face);
  CHECK(face->shows("share of c4"));
  (void)tty::shell(swap);
  face->again();
  room.completes(*face);
  CHECK(room.log().find("a chair broke") != std::string::npos);
}

TEST_CASE("a passphrase prompt of lines that is left gives the terminal its echo back", "[stories]") {
  Room room;
  const int left_by = GENERATE(SIGTERM, SIGHUP, SIGINT);
  tty::Screen screen(room.command("root-genesis", {"--plain"}), room.environment(), room.at("."), {128, 48}, "xterm-256color");
  const auto say = [&](const std::string& question, const std::string& prompt, const std::string& line) {
    screen.wait(question, [&] {
      const auto text = screen.text();
      const auto at = text.rfind("[" + question + "] ");
      return at != std::string::npos && text.find(prompt, at) != std::string::npos;
    });
    screen.press(line + "\n");
  };
  say("clock", "more ids >", "so1 w1");
  say("clock.so1", "yes or no?", "yes");
  say("clock.w1", "yes or no?", "yes");
  say("open", "Enter when read", "");
  screen.wait("a question to adm1", [&] { return screen.shows("[seen-by.adm1]"); });
  say("seen-by.adm1", "more ids >", "so1 w1");
  say("name.adm1", ">", "Somebody");
  say("new-passphrase.adm1", "the screen is cleared", "");
  screen.wait("a prompt", [&] { return screen.shows("(nothing is shown) >"); });
  CHECK((screen.modes().c_lflag & ECHO) == 0U);
  screen.child().signal(left_by);
  if (left_by == SIGINT) {
    screen.wait("the pause", [&] { return screen.shows("PAUSED"); });
    screen.press("stop\n");
  }
  screen.wait("the end", [&] { return screen.ended(); });
  CHECK(screen.child().exit_code() == 2);
  CHECK(screen.modes_are_as_before());
  room.has_a_status();
}
