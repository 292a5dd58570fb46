"""The console: what people see when no ceremony runs, what is missing to begin one, and Begin."""
import hashlib
import re
import shutil
import subprocess
import unittest

from story import SIGNERS, Story, setUpModule, tearDownModule
from support import SECOND, SOURCE, Answers, Outcome, endings, issue_answers, passphrases


class Console(Story):
    def console(self, typed=None, answers=None, more=None, subcommand="console", **options):
        """On a pipe with these lines typed, or with an answers file."""
        command = self.world.command("nothing", answers, **options)
        command[1:3] = [subcommand]
        if answers is None:
            command.append("--plain")
        done = subprocess.run(command, env=self.world.environment(**(more or {})), cwd=self.world.folder, input="".join(line + "\n" for line in typed or []),
                              capture_output=True, text=True, check=False, timeout=300)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def everything(self):
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(self.world.folder.rglob("*")) if p.is_file() and p.name != "answers.toml"}

    def stop_in_the_middle(self):
        stopped = self.world.run("issue-intermediates", issue_answers("a.csr").give("members.activation.refused", "stop").first(Answers().give("members.activation", "c1")))
        self.refused(stopped)

    def missing(self, what, pattern, typed=("1", "", "leave"), **options):
        """The pre-flight of the issuance has this one line, and no beginning is offered; nothing was changed."""
        before = self.everything()
        outcome = self.console(typed, **options)
        self.assertEqual(outcome.code, 0, outcome)
        lines = [line for line in outcome.out.splitlines() if line.startswith("[missing]")]
        found = [line for line in lines if line.startswith(f"[missing] {what}: ")]
        self.assertEqual(len(found), 1, outcome)
        self.assertRegex(found[0], pattern)
        self.assertIn("It cannot begin: put right what is missing", outcome.out)
        self.assertNotIn("[begin]", outcome.out)
        self.assertEqual(self.everything(), before)
        return lines

    def test_the_dashboard_leads_to_begin_and_back_and_touches_nothing(self):
        before = self.everything()
        outcome = self.console(["?", ":state", ":transcript open", "1", "<", "1", "", "no", "look again", "leave"])
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(self.everything(), before)
        self.assertEqual(outcome.out.count("[dashboard]"), 4, outcome)
        for part in ("No ceremony runs", "Ledgers: equal, ", "Last ceremony: ", "root-genesis, complete, closed ", "Due: nothing",
                     "issue-intermediates: Issue intermediates, about 3 h 15 min\n  needs 3 of 5 activation quorum; administrator adm1; security-officer so1; witness w1\n",
                     "root-genesis: Root genesis, about", "NOT NOW: this CA has its root already", "Begin issue-intermediates (Issue intermediates)?", "No ceremony was begun."):
            self.assertIn(part, outcome.out)
        for what in ("ledgers: equal, ", 'token: "ceremony-root", serial ', "people: media of 8 people: adm1 c1", "clock: 20", "entropy: the kernel's random source", "media: backup-1 ", "machine: there is no TPM to ask"):
            self.assertIn(f"[ok]      {what}", outcome.out)
        self.assertNotIn("[missing]", outcome.out)

    def test_run_without_a_procedure_is_the_console(self):
        outcome = self.console(["leave"], subcommand="run")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn("[dashboard]", outcome.out)

    def test_what_cannot_be_started_says_why(self):
        outcome = self.console(["root-genesis", "", "leave"])
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn("[missing] ledgers: this CA has its root already", outcome.out)
        self.assertNotIn("[begin]", outcome.out)

    def test_pause_leaves_and_the_end_of_input_is_no_beginning(self):
        left = self.console([":pause", "stop"])
        self.assertEqual(left.code, 0, left)
        self.assertIn("to abort here leaves the program; nothing is changed", left.out)
        cut = self.console(["1", ""])
        self.assertEqual(cut.code, 2, cut)
        self.assertIn("the input ended", cut.err)

    def test_begin_runs_the_procedure(self):
        outcome = self.console(answers=issue_answers("a.csr").give("dashboard", "issue-intermediates").give("begin", "yes"))
        self.completes(outcome)

    def test_an_open_ceremony_is_said_and_gone_on_with(self):
        self.stop_in_the_middle()
        seen = self.console(["2", "", "1", "", "no", "leave"])
        self.assertEqual(seen.code, 0, seen)
        self.assertIn("Last ceremony: open: ", seen.out)
        self.assertRegex(seen.out, r"\[missing\] ledgers: the ceremony .* is open: finish or abort it with its own procedure, issue-intermediates")
        self.assertRegex(seen.out, r"\[ok\] +ledgers: equal, \d+ records; the ceremony .* is open: Begin goes on with it")
        self.assertIn("Go on with issue-intermediates", seen.out)
        answers = Answers().give("dashboard", "issue-intermediates").give("begin", "yes").give("members.activation", "c1 c3 c5", 0)
        answers.entries += passphrases(SIGNERS).entries + endings(SIGNERS).entries
        again = self.console(answers=answers)
        self.assertTrue(again.completed, again)
        self.assertIn("goes on at step", again.out)
        self.assertEqual(len(self.records("resume")), 1)

    def test_a_ledger_that_is_behind_in_the_open_ceremony_is_said_and_not_mended_by_looking(self):
        self.stop_in_the_middle()
        log = self.world.ledgers[1] / "transcript.log"
        log.write_text("".join(log.read_text().splitlines(keepends=True)[:-2]))
        before = self.everything()
        outcome = self.console(["1", "", "no", "leave"])
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn("[look]    ledgers: ledger-2 is behind by 2 records of the open ceremony", outcome.out)
        self.assertEqual(self.everything(), before)

    def test_ledgers_that_differ(self):
        log = self.world.ledgers[1] / "transcript.log"
        log.write_bytes(log.read_bytes().replace(b'"person":"c3"', b'"person":"c9"'))
        self.missing("ledgers", r"ledger-2.*record \d+")

    def test_a_ledger_that_is_not_there(self):
        shutil.rmtree(self.world.ledgers[1])
        self.missing("ledgers", "ledger-2: there is no ledger here, where the other medium has one; put in this CA's other ledger medium")

    def test_the_token_is_absent(self):
        self.world.ledgers[0].parent.joinpath("other-store").mkdir()
        conf = self.world.folder / "other.conf"
        conf.write_text((self.world.folder / "tokens/softhsm2.conf").read_text().replace("tokens/store", "other-store"))
        lines = self.missing("token", "serial", more={"SOFTHSM2_CONF": str(conf)})
        self.assertEqual(len(lines), 1, lines)

    def test_the_policy_of_another_ca(self):
        lines = self.missing("ledgers", 'they are those of the CA ".*", the policy is that of ".*matter.*"; insert the ledgers of this CA', policy=SECOND.policy, binding=SECOND.binding)
        self.assertTrue(all(re.match(r"\[missing\] (ledgers|people|token|media): ", line) for line in lines), lines)

    def test_too_few_people_are_here(self):
        lines = self.missing("people", r"activation quorum: media of 2 of the 3 needed, lacking c1 \(not named\), c2 \(not named\), c3 \(no credential on it\)",
                             media={"c1": None, "c2": None, "c3": self.world.folder / "empty"})
        self.assertEqual(len(lines), 1, lines)

    def test_a_medium_the_procedure_names(self):
        lines = self.missing("media", 'the step "take-csrs" needs the medium "intake", and it is not here', media={"intake": None})
        self.assertEqual(len(lines), 1, lines)
        self.world.no_requests()
        outcome = self.console(["1", "", "no", "leave"])
        self.assertIn('there is no *.csr on "intake" yet', outcome.out)
        self.assertIn("[begin]", outcome.out)


class DemoByHand(unittest.TestCase):
    def test_screens_need_a_terminal(self):
        done = subprocess.run(["bash", str(SOURCE / "scripts/demo"), "--tui"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done)
        self.assertEqual(done.stderr, "error: --tui needs a terminal\nhint: run it at one, or use ./scripts/demo --plain\n")


if __name__ == "__main__":
    unittest.main()
