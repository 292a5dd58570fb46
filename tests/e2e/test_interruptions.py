"""Stops, power cuts and aborts: a ceremony goes on where it stood, or says what to do, or is closed on the record."""
import json
import random
import shutil
import unittest

from story import SIGNERS, Story, setUpModule, tearDownModule
from support import CUSTODIANS, Answers, endings, genesis_answers, issue_answers, opening_answers, passphrases, run


class Interruptions(Story):
    def completes_or_says_what_to_do(self, outcome):
        """Whether it completed. What was answered before the kill is not asked again: unused answers alone may be wrong."""
        self.spoken(outcome)
        if outcome.completed:
            self.assertIn(outcome.code, (0, 2), outcome)
            for line in outcome.err.splitlines():
                self.assertRegex(line, r'the answer to "[^"]*" was (never )?used|hint: take it out of the file', outcome)
            self.consistent()
            return True
        self.refused(outcome)
        self.assertRegex(outcome.text, r"error: .*\n(.*\n)*hint: ")
        return False

    def test_stopped_in_the_middle_it_goes_on_where_it_stopped(self):
        (self.world.folder / "notes/wrong").write_text("not what was written down\n")
        slips = Answers().file("passphrase.c4", "notes/wrong", step="sign").give("unlock.c4.refused", "stop")
        stopped = self.world.run("issue-intermediates", issue_answers("a.csr").first(slips))
        self.refused(stopped, "Nothing is lost: run the same command again")
        answers = Answers().give("members.activation", "c1 c3 c5", 0)
        answers.entries += passphrases(SIGNERS).entries + endings(SIGNERS).entries
        again = self.world.run("issue-intermediates", answers)
        self.completes(again)
        self.assertIn("goes on at step", again.out)
        self.assertEqual(len(self.records("resume")), 1)

    def test_an_open_ceremony_is_not_gone_on_with_under_another_procedure(self):
        stopped = self.world.run("issue-intermediates", issue_answers("a.csr").give("members.activation.refused", "stop").first(Answers().give("members.activation", "c1")))
        self.refused(stopped)
        self.refused(self.world.run("root-genesis", genesis_answers()), 'a ceremony of the procedure "issue-intermediates" is open')

    def test_a_genesis_that_is_killed_completes_or_says_what_to_do(self):
        dice = random.Random()
        seed = dice.randrange(1 << 32)
        dice.seed(seed)
        # After the enrolment (12 to 14 records of a medium and a person each) at moments all over the ceremony.
        for low, high in ((26, 45), (61, 100), (101, 137)):
            records, delay = dice.randint(low, high), dice.random() * 0.03
            with self.subTest(seed=seed, records=records, delay=delay):
                shutil.rmtree(self.world.folder)
                self.world.create()
                if not self.world.run_and_kill("root-genesis", genesis_answers(), records, delay):
                    continue
                self.completes_or_says_what_to_do(self.world.run("root-genesis", genesis_answers()))

    def test_a_genesis_that_cannot_go_on_is_aborted_and_signed(self):
        # The secrets are in memory only between the token's initialisation and the last share read back.
        shutil.rmtree(self.world.folder)
        self.world.create()
        self.assertTrue(self.world.run_and_kill("root-genesis", genesis_answers(), 45))
        aborting = genesis_answers().give("step.split.refused", "abort").give("step.init-token.refused", "abort")
        aborted = self.world.run("root-genesis", aborting)
        self.assertEqual(aborted.code, 1, aborted)
        self.spoken(aborted, "they were in memory only when the power went", "run the genesis again with a blank token",
                    "Aborted: the ceremony is closed on the record")
        run("diff", "-r", *self.world.ledgers)
        again = self.world.run("root-genesis", genesis_answers().first(opening_answers()))
        self.assertTrue(self.completes_or_says_what_to_do(again), again)

    def test_a_certificate_that_was_signed_and_not_yet_entered_is_entered_on_resume(self):
        # The power goes after the result of the first signature: both ledgers end there, and nothing after it happened.
        answers = issue_answers("a.csr").without("deviation")
        self.refused(self.world.run("issue-intermediates", answers), '"deviation"')
        lines = self.world.log().splitlines(keepends=True)
        cut = next(i for i, r in enumerate(self.records()) if r["ev"] == "result" and r["d"]["id"].startswith("sign-certificate") and i > 140) + 1
        self.assertEqual(json.loads(lines[cut])["ev"], "issue")
        kept = "".join(lines[:cut])
        for ledger in self.world.ledgers:
            (ledger / "transcript.log").write_text(kept)
            for artifact in (ledger / "artifacts").glob("*/*"):
                if artifact.name not in kept:
                    artifact.unlink()
        for bundle in self.world.folder.glob("factory-a/bundle-*"):
            shutil.rmtree(bundle)
        again = self.world.run("issue-intermediates", issue_answers("a.csr"))
        self.assertTrue(self.completes_or_says_what_to_do(again), again)
        self.assertEqual(len(self.records("issue")), 2)
        self.assertEqual(len([r for r in self.records("intent") if r["d"]["act"] == "sign-certificate"]), 2, "the root's and one more")


class Aborts(Story):
    def test_an_aborted_issuance_is_closed_and_signed_and_the_next_one_opens(self):
        answers = (opening_answers().give("profile.a.csr", "issuing-generic").give("recipient.a.csr", "factory-a").give("take.a.csr", "take it in")
                   .give("members.activation", "c1").give("members.activation.refused", "abort").give("absent", ""))
        answers.entries += passphrases(SIGNERS).entries
        aborted = self.world.run("issue-intermediates", answers)
        self.assertEqual(aborted.code, 1, aborted)
        self.spoken(aborted, "Aborted: the ceremony is closed on the record")
        close = self.records("close")[-1]
        self.assertEqual((close["d"]["outcome"], close["d"]["log_signature"]), ("aborted", "not-activated"))
        run("diff", "-r", *self.world.ledgers)
        verdict = self.world.verify()
        self.assertEqual(verdict.code, 0, verdict)
        self.completes(self.world.run("issue-intermediates", issue_answers("a.csr")))


if __name__ == "__main__":
    unittest.main()
