"""The self-test before a ceremony, and where randomness comes from: what is on the record, and that a machine or a token that fails stops
everything before anything is made or touched."""
import shutil
import unittest

from faults import Faults, both, little_memory
from story import FOLDER, Story, setUpModule, tearDownModule
from support import DICE, SECOND, Answers, World, genesis_answers, issue_answers

FAULTS = Faults(FOLDER / "faults")
ALWAYS = "known-answers sha-256 random slip-0039 age p256 p384 clock memory".split()
YEAR = 365 * 86400


class OnRecord(Story):
    def test_what_was_tested_and_what_secrets_are_made_of(self):
        self.completes(self.world.run("issue-intermediates", issue_answers("a.csr")))
        opens = self.records("open")
        self.assertEqual(len(opens), 2)
        for record in opens:
            self.assertEqual({name: record["d"]["selftest"].get(name) for name in ALWAYS}, dict.fromkeys(ALWAYS, "ok"))
            self.assertNotIn("manifest", record["d"]["selftest"], "a desk has none, and does not say so")
        genesis = [r["d"]["results"] for r in self.records("selftest") if r["c"] == opens[0]["c"]]
        rolls = len("".join(DICE.split()))
        self.assertEqual([r.get("entropy") for r in genesis], [f"kernel, dice {rolls} rolls", None, f"kernel, dice {rolls} rolls, token 96 bytes"])
        self.assertEqual(genesis[1]["token-random"], "ok")
        self.assertEqual([r["ev"] for r in self.records() if r["ev"] in ("selftest", "init")][:4], ["selftest", "selftest", "init", "selftest"],
                         "the token's source is tested before the init that makes secrets of it is recorded")
        # The next ceremony tests the token it finds before it signs.
        later = [r for r in self.records() if r["c"] == opens[1]["c"] and r["ev"] in ("selftest", "activate", "result")]
        self.assertEqual([r["ev"] for r in later][:2], ["activate", "selftest"])
        self.assertEqual([r["d"]["results"]["token-random"] for r in later if r["ev"] == "selftest"], ["ok"], "once a run")
        self.assertNotIn("".join(DICE.split())[:12], self.world.log())

    def test_without_dice(self):
        world = World(FOLDER / "without-dice", SECOND).create()
        done = world.run("root-genesis", genesis_answers(SECOND))
        self.assertEqual(done.code, 0, done)
        self.assertIn("no dice: kernel", done.out)
        self.assertIn('"entropy":"kernel, token 96 bytes"', world.log())

    def test_a_ceremony_that_goes_on_was_tested_again(self):
        stopped = self.world.run("issue-intermediates", issue_answers("a.csr").first(Answers().give("members.activation", "c1").give("members.activation.refused", "stop")))
        self.refused(stopped)
        again = self.world.run("issue-intermediates", issue_answers("a.csr").without("clock.*", "compare.*", "waiver", "profile.*", "recipient.*", "take.*"))
        self.completes(again)
        at = [r["ev"] for r in self.records()].index("resume")
        tested = [r["d"]["results"] for r in self.records("selftest") if r["n"] > at]
        self.assertEqual({name: tested[0].get(name) for name in ALWAYS}, dict.fromkeys(ALWAYS, "ok"))
        self.assertEqual(tested[1]["token-random"], "ok", "and the token of the new run")


class Machine(Story):
    def stops(self, *sentences, **fault):
        """Refused before anything is recorded or the token is touched."""
        before = self.world.log()
        stopped = self.world.run("issue-intermediates", issue_answers("a.csr"), **fault)
        self.refused(stopped, "nothing was touched", *sentences)
        self.assertEqual(self.world.log(), before)
        self.assertEqual([line for line in FAULTS.lines() if line.startswith("C_")], [])
        return stopped

    def test_a_random_source_that_is_stuck(self):
        self.stops("the self-test \"random\" failed: the kernel's random source gives one value 6 times in a row", "do not use this machine", **FAULTS.watched(random_stuck=True))

    def test_too_little_memory(self):
        self.stops('the self-test "memory" failed: 40 MiB of memory are free, and ', " for scrypt under this policy, 48 for everything else", "use a machine with more memory",
                   **little_memory(FOLDER, 40))

    def test_a_clock_that_cannot_be_right(self):
        self.stops("which is after 2066-11-01T00:00:00Z", "set the machine's clock right", **FAULTS.watched(60 * YEAR))
        # Before the log's last record; test_refusals.py has it too.
        self.stops('the self-test "clock" failed: the time goes back from', **FAULTS.watched(-3 * YEAR))
        shutil.rmtree(self.world.folder)
        self.world.create()
        stopped = self.world.run("root-genesis", genesis_answers(), **FAULTS.watched(-30 * YEAR))
        self.refused(stopped, "and this program was written after 2026-11-01T00:00:00Z")

    def test_all_that_fails_is_said_at_once(self):
        said = self.stops('"random" failed', '"memory" failed', '"clock" failed', **both(FAULTS.token(), FAULTS.watched(-3 * YEAR, random_stuck=True), little_memory(FOLDER, 1)))
        self.assertNotIn('"known-answers" failed', said.text)


class Token(Story):
    def test_nothing_is_made_of_a_token_whose_source_is_stuck(self):
        shutil.rmtree(self.world.folder)
        self.world.create()
        stopped = self.world.run("root-genesis", genesis_answers(), **FAULTS.token("random stuck"))
        self.refused(stopped, 'the self-test "token-random" failed: the random source of the token', "gives one value 6 times in a row", "do not use this token; nothing was made of its randomness")
        failed, = [r for r in self.records("selftest") if r["res"] == "fail"]
        self.assertIn("repetition count test", failed["d"]["reason"])
        self.assertEqual(self.records("init"), [])
        self.assertEqual(self.records("share"), [])
        self.assertEqual(FAULTS.lines().count("C_GenerateRandom"), 1)

    def test_nothing_is_signed_by_a_token_whose_source_is_stuck(self):
        stopped = self.world.run("issue-intermediates", issue_answers("a.csr"), **FAULTS.token("random stuck"))
        self.refused(stopped, 'the self-test "token-random" failed')
        self.assertNotIn("C_Sign", FAULTS.lines())
        self.assertEqual(self.records()[-1]["ev"], "deactivate", "it is not left active")
        again = self.world.run("issue-intermediates", issue_answers("a.csr").without("clock.*", "compare.*", "waiver", "profile.*", "recipient.*", "take.*"))
        self.completes(again)


class Dice(Story):
    def test_what_was_typed_wrongly_is_typed_again(self):
        shutil.rmtree(self.world.folder)
        self.world.create()
        (self.world.folder / "notes/wrong").write_text("1234561234561234561\n")
        (self.world.folder / "notes/worse").write_text("4 2 6 1 5 O 3\n")
        slips = Answers()
        for name in ("wrong", "worse"):
            slips.file("dice", f"notes/{name}").give("dice.refused", "again")
        done = self.world.run("root-genesis", genesis_answers().first(slips))
        self.assertEqual(done.code, 0, done)
        self.spoken(done, "these do not look thrown: the same 6 numbers are repeated to the end", "character 11 of what was typed is no number from 1 to 6")
        self.assertNotIn("4 2 6 1 5 O", done.text)
        self.consistent()


if __name__ == "__main__":
    unittest.main()
