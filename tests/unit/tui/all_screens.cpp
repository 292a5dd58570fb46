// Every screen there is, as people meet it.
#include "tests/unit/tui/fakes.h"

namespace ceremony::tui::testing {
namespace {

const Seat ok = Seat::done, acting = Seat::acting, later = Seat::to_come;

constexpr std::string_view certificate = R"(subject:        CN=REHEARSAL ACME Root G1, O=ACME, C=CH
issuer:         itself
serial:         4b7d1c0f93a1e2d85566778899aabbccddeeff01
not before:     2026-03-14T14:00:00Z
not after:      2046-03-14T13:59:59Z
key:            p384, SPKI SHA-256 3f9a0c1d5be8f6274411d0a7c2e95b8866f1047ac3de92581be07f4dd5a86c90
CA:             yes, path length 1
key usage:      keyCertSign, cRLSign
extended usage: none
policies:       none
CRL from:       none
key id:         8d0f4a7713c2b9e65544a1b2c3d4e5f60718293a
issuer key id:  8d0f4a7713c2b9e65544a1b2c3d4e5f60718293a
signature:      ecdsa-sha384
SHA-256:        02b7f0c4415e9d8a6633ab10fe7c25d94e81f3b86a07cc12954ed0377bf8a6e1

SHA-256 02b7f0c4415e9d8a6633ab10fe7c25d94e81f3b86a07cc12954ed0377bf8a6e1)";

void confirm(Stage& s) {
  s.desk.back = true;
  s.step_that_says();
  (void)s.op->confirm({"clock.right", "everyone", "The appliance's clock says 2026-03-14T14:07:31Z. Do two clocks that do not depend on each other say the same, to the minute?"});
}
void compare(Stage& s) {
  (void)s.op->compare({"compare.so1", "so1", "The previous ceremony ended at size 50. Are these the words on your receipt, each of them?"}, digest_words());
}
void show(Stage& s) {
  s.step_that_says();
  s.op->show({"show.sign-certificate", "", "What is to be approved, decoded from the very bytes (sign-certificate)."}, {std::string(certificate), digest_words()});
}
void people(Stage& s) {
  s.quorum({ok, acting, later, later, Seat::absent});
  const std::vector<Candidate> all{{"c2", "custodian", ""}, {"c3", "custodian, governance", ""}, {"c4", "custodian", ""}, {"c1", "custodian", "has approved this already; each member counts once"}};
  (void)s.op->people({"members.activation", "administrator", "Who approves (sign-certificate, quorum activation 3 of 5)?"}, all, 2);
}
void retype(Stage& s) {
  s.quorum({ok, acting, later, later, later});
  const std::vector<std::size_t> asked{2, 5, 11};
  (void)s.op->retype({"words.c2", "c2", "Approve sign-certificate: type the words asked for, from the screen, after comparing all of them with those you noted."}, digest_words(), asked);
}
void secret(Stage& s) {
  s.quorum({ok, acting, later, later, later});
  (void)s.op->secret({"passphrase.c2", "c2", "Passphrase of your credential, to approve sign-certificate of the bytes shown (words above)."});
}
void active(Stage& s) {
  s.desk.shown.token_active = true;
  s.quorum({ok, ok, acting, later, later}, "hand in activation");
  s.op->progress("2 of 3 activation shares are handed in");
  (void)s.op->secret({"passphrase.c3", "c3", "Passphrase of your credential, to hand in your activation share."});
}
void type(Stage& s) {
  s.desk.back = true;
  (void)s.op->type({"recipient.issuing.csr", "administrator", "On which medium does its bundle leave (name of the factory's medium)?"}, "factory-a");
}
void choose(Stage& s) {
  const std::vector<std::string> options{"issuing-generic", "issuing-802.1ar", "issuing-matter-pai"};
  (void)s.op->choose({"profile.issuing.csr", "administrator", "Under which profile is the request \"issuing.csr\" to be certified?"}, options);
}
void pick(Stage& s) {
  const std::vector<std::string> files{"issuing.csr", "old-request.pem", "second-line.csr"};
  (void)s.op->pick({"requests", "administrator", "Which requests on the medium \"intake\" are taken in?"}, files);
}
void medium(Stage& s) {
  s.op->progress("Written and flushed: ledger-1");
  s.op->await_medium({"reinsert.ledger-1", "administrator", "Take the medium \"ledger-1\" out and put it in again; it is then read back."});
}
void insert(Stage& s) {
  s.op->progress("waiting for the medium \"c2\": the disks that are in are \"ledger-1\", \"ledger-2\", \"c1\"");
  s.op->await_medium({"insert.c2", "administrator", "It is not in: the disks that are in are \"ledger-1\", \"ledger-2\", \"c1\".\nPut in the medium \"c2\" (the own medium of c2)."});
}
void which_disk(Stage& s) {
  const std::vector<std::string> options{"Cruzer Blade, serial \"4C530001230315117404\", 15 GB, \"SANDISK\", 15 GB free", "DataTraveler 3.0, serial \"C2\", 31 GB, 31 GB free", "none of these"};
  (void)s.op->choose({"medium.c2", "administrator",
                      "Which disk is the medium \"c2\" (the own medium of c2)? These carry no label of a ceremony yet. It is remembered, and written to; what is on it stays."}, options);
}
void reveal(Stage& s) {
  s.op->reveal({"new-passphrase.c2", "c2", "Your passphrase for your credential:"}, passphrase_of("academic acid acne acquire acrobat activity actress adapt"));
}
void working(Stage& s) {
  for (const auto* line : {"Handed in: c1, c2, c3", "Objects on the token as on the record: 2 key pairs", "Signing", "The signature is good to both libraries", "Deactivated"}) s.op->progress(line);
}
void refused(Stage& s) {
  s.quorum({ok, acting, later, later, later});
  const Refused refusal(OperatorRefusal::unanswered,
                        {{"word 5 of the digest was not the one shown", "c2", "compare the words once more; if they are not those you noted, do not approve, and say so aloud"},
                         {"\"c9\" is not one of them", "members.activation", "choose among: c1 c2 c3 c4 c5"}});
  (void)s.op->refused({"words.c2.refused", "c2", "What now?"}, refusal);
}
void locked(Stage& s) {
  s.op->locked({"locked", "", "Nobody touched a key for a long time. The token is deactivated and secrets are wiped. Whoever acts now unlocks with their own credential."});
}
void finished(Stage& s) {
  s.op->progress("Sealed: ledger-1, ledger-2");
  s.op->progress("Receipt printed for 8 people");
  s.op->confirm({"signed-off", "so1", "Is everything signed?"});
  s.op->attend(nullptr);
  s.op->finished("The ceremony is closed and signed. The log has 93 records.");
}

}  // namespace

const std::vector<Screen>& all_screens() {
  static const std::vector<Screen> screens{
      {"clock.right", "", confirm},
      {"clock.right+yes", "y", confirm},
      {"compare.so1", "", compare},
      {"show.sign-certificate", "", show},
      {"show.sign-certificate+end", "<pgdn><pgdn><pgdn>", show},
      {"members.activation", " <down> ", people},
      {"members.activation+why-not", " <end> ", people},
      {"members.activation+too-few", " <enter>", people},
      {"words.c2", "lizard<enter>isl", retype},
      {"recipient.issuing.csr", "", type},
      {"profile.issuing.csr", "<down>", choose},
      {"requests", "<down> ", pick},
      {"reinsert.ledger-1", "", medium},
      {"insert.c2", "", insert},
      {"medium.c2", "<down>", which_disk},
      {"passphrase.c2", "abc", secret},
      {"passphrase.c3", "", active},
      {"new-passphrase.c2+warning", "", reveal},
      {"new-passphrase.c2", "<enter>", reveal},
      {"working", "", working},
      {"words.c2.refused", "", refused},
      {"locked", "", locked},
      {"finished", "y<enter>", finished},
      {"help", "<f1>", retype},
      {"transcript", "<f3>", retype},
      {"transcript+search", "<^l>/door", retype},
      {"transcript+found", "<^l>/door<enter>", retype},
      {"transcript+not-there", "<^l>/window<enter>", retype},
      {"state", "s", people},
      {"deviation-note", "<f2>The door was opened", retype},
      {"deviation-note+who", "<f2>The door was opened<enter>w", retype},
      {"deviation-note+nobody", "<f2>The door was opened<enter>c9<enter>", retype},
      {"deviation-note+done", "<f2>The door was opened<enter>w1<enter>", retype},
      {"pause", "<esc>", retype},
      {"pause+misspelt", "<esc>abort<enter>", retype},
  };
  return screens;
}

}  // namespace ceremony::tui::testing
