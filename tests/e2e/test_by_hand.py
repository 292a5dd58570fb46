"""Recovery shares on paper: shown once to their holders, proven, typed in again, and enough for shamir and openssl alone."""
import json
import re
import shutil
import unittest

import second_verifier
from support import CUSTODIANS, FIRST, Answers, World, derived, genesis_answers, make_folder, recover, run

FOLDER = make_folder()
WORLD = World(FOLDER / "world")
RUNS = {}
FAILED = []


def share_words(person):
    return WORLD.note(f"{person}.words").split()


def by_hand():
    """The answers of a genesis in which the notes of custodians hold their words, from the first question to the last."""
    answers = genesis_answers().without("new-share-passphrase.*", "share-passphrase.*")
    for person in CUSTODIANS:
        answers.file(f"new-share-words.{person}", f"notes/{person}.words", 0).file(f"prove-words.{person}", f"notes/{person}.words", 0)
    return answers


def setUpModule():
    WORLD.create()
    policy = FOLDER / "policy.toml"
    policy.write_text(re.sub(r'^passphrases = "proposed"$', 'passphrases = "proposed"\nrecovery = "words"', FIRST.policy.read_text(), flags=re.M))
    WORLD.ca = type(FIRST)(policy, FIRST.binding, FIRST.people, FIRST.custodians, FIRST.clock, FIRST.seen, FIRST.governance, FIRST.activation, FIRST.recovery, FIRST.media)
    (WORLD.folder / "notes/sloppy.words").write_text("academic " * 33 + "\n")
    # c4 has written it down wrongly at first; c1 reads from the sheet of c3 at first; c2 stops when the shares are needed again.
    slips = Answers().file("prove-words.c4", "notes/sloppy.words").give("prove-words.c4.refused", "again")
    slips.file("share-words.c1", "notes/c3.words").give("read-back.c1.refused", "again")
    first = by_hand().first(slips)
    for person in CUSTODIANS:
        first.file(f"share-words.{person}", f"notes/{person}.words", 1)
    RUNS["begun"] = WORLD.run("root-genesis", first)
    if RUNS["begun"].code != 2:
        raise AssertionError(f"the first part of the genesis: {RUNS['begun']}")
    words = share_words("c2")
    words[6] = "academic" if words[6] != "academic" else "acid"
    (WORLD.folder / "notes/misread.words").write_text(" ".join(words) + "\n")
    # What was asked before is not asked again.
    rest = genesis_answers().without("clock.*", "seen-by.*", "name.*", "new-.*", "share-passphrase.*", "evidence.*", "waiver", "members.governance", "dice")
    rest.entries = [e for e in rest.entries if e[2] != "T-1001"]
    rest = rest.first(Answers().file("share-words.c2", "notes/misread.words").give("hand-in.c2.refused", "again"))
    for person in FIRST.recovery.split():
        rest.file(f"share-words.{person}", f"notes/{person}.words", 0)
    RUNS["done"] = WORLD.run("root-genesis", rest)


def tearDownModule():
    if not FAILED:
        shutil.rmtree(FOLDER, ignore_errors=True)
    else:
        print(f"what the test left: {FOLDER}")


class ByHand(unittest.TestCase):
    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        FAILED.extend([1] * (len(result.failures) + len(result.errors) - before))

    @staticmethod
    def records(event):
        return [r for r in map(json.loads, WORLD.log().splitlines()) if r["ev"] == event]

    def test_the_genesis_completes_and_two_verifiers_call_it_consistent(self):
        self.assertEqual(RUNS["done"].code, 0, RUNS["done"])
        self.assertTrue(RUNS["done"].completed)
        for ledger in WORLD.ledgers:
            verdict = WORLD.verify(ledger)
            self.assertEqual(verdict.code, 0, verdict)
            self.assertEqual(second_verifier.verify(ledger, WORLD.pin()), (0, []))

    def test_the_log_has_the_commitments_and_no_file(self):
        shares = [r["d"] for r in self.records("share") if r["res"] == "ok"]
        self.assertEqual({(d["quorum"], d["form"], d["file"] == "none", d["medium"] == "none") for d in shares},
                         {("recovery", "words-shown", True, True), ("activation", "age-identity", False, False)})
        self.assertEqual(len(shares), 2 * len(CUSTODIANS))
        self.assertEqual([p.name for p in WORLD.folder.rglob("share-recovery*")], [])
        self.assertEqual(len(list(WORLD.folder.rglob("share-activation-1.age"))), len(CUSTODIANS))

    def test_a_sheet_written_wrongly_is_noticed_and_the_words_are_shown_again(self):
        self.assertIn("what c4 wrote down is not what was shown", RUNS["begun"].text)
        self.assertEqual([r["d"]["holder"] for r in self.records("share") if r["res"] == "fail"], ["c4"])

    def test_the_sheet_of_somebody_else_is_named(self):
        self.assertIn('these words are share 3 of "recovery-1", that of c3, not share 1 of "recovery-1"', RUNS["begun"].text)

    def test_a_misread_word_shows_at_the_end_and_is_on_the_record(self):
        self.assertIn("share of c2: the checksum of the 33 words is wrong", RUNS["done"].text)
        failed = [r["d"] for r in self.records("hand-in") if r["res"] == "fail"]
        self.assertEqual([d["reason"] for d in failed], ["the checksum of the 33 words is wrong"])

    def test_no_word_of_a_share_is_anywhere_but_on_the_sheets(self):
        runs = set()
        for person in CUSTODIANS:
            words = share_words(person)
            self.assertEqual(len(words), 33)
            # Words 1 to 3 are the set's.
            for i in range(len(words) - 2):
                runs |= {" ".join(words[i:i + 3]).encode(), "".join(words[i:i + 3]).encode()}
        looked = 0
        for path in WORLD.folder.rglob("*"):
            if path.is_file() and path.parent.name != "notes":
                content = re.sub(rb"\s+", b" ", path.read_bytes())
                self.assertEqual([r for r in runs if r in content], [], path)
                looked += 1
        self.assertGreater(looked, 100)
        for outcome in RUNS.values():
            shown = re.sub(rb"\s+", b" ", outcome.text.encode())
            self.assertEqual([r for r in runs if r in shown], [])

    def test_three_sheets_and_a_backup_give_the_root_key_to_shamir_and_openssl(self):
        kek = derived(recover([share_words(p) for p in ("c1", "c3", "c5")]), "ceremony/kek/v1", 32).hex()
        key = FOLDER / "key.pk8"
        run("openssl", "enc", "-d", "-id-aes256-wrap-pad", "-K", kek, "-iv", "A65959A6", "-in", next(WORLD.folder.glob("backup-1/backup/*.kwp")), "-out", key)
        mine = run("openssl", "pkey", "-inform", "DER", "-in", key, "-pubout")
        self.assertEqual(mine, run("openssl", "x509", "-in", next(WORLD.folder.glob("public/*/certs/root.pem")), "-noout", "-pubkey"))


if __name__ == "__main__":
    unittest.main()
