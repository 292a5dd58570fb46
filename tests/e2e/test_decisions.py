"""What people decide and note beside the keys: rules waived, seals that differ, deviations, evidence that does not exist."""
import shutil
import subprocess
import sys
import unittest

import story
from faults import Faults
from story import FOLDER, SIGNERS, Story, setUpModule, tearDownModule
from support import BIN, PROCEDURES, Answers, endings, genesis_answers, issue_answers, passphrases, run

HERE = story.__file__.rsplit("/", 1)[0]
FAULTS = Faults(FOLDER / "faults")
DAY = 86400


def waiver(rule, event="", reason="the receipt of w1 was lost in a move", quorum="g1 g2"):
    answers = Answers().give("waiver", rule).give("waiver.event", event).give("waiver.reason", reason).give("waiver.until", "").give("members.governance", quorum)
    answers.entries += passphrases(["g1", "g2"]).entries
    return answers


class Decision(Story):
    def issue(self, slips=None, **options):
        answers = issue_answers("a.csr")
        answers.entries += [(f"remark.{g}", "give", "agrees", 1, None) for g in ("g1", "g2") if slips and any(e[0] == "members.governance" for e in slips.entries)]
        return self.world.run("issue-intermediates", answers.first(slips) if slips else answers, **options)

    def failed(self, event, reason):
        found = [r for r in self.records(event) if r["res"] == "fail" and reason in r["d"]["reason"]]
        self.assertTrue(found, f"no failed {event} says {reason!r}: {[r['d'] for r in self.records(event)]}")
        return found[0]

    def waived(self, rule):
        """Both verifiers find the log consistent; ours lists what was waived."""
        self.consistent()
        verdict = self.world.verify()
        self.assertRegex(verdict.out, rf"(?i)waivers[^\n]*\n(.*\n)*? *{rule} at record ", verdict)
        second = subprocess.run([sys.executable, "-B", f"{HERE}/second_verifier.py", str(self.world.ledgers[0]), "--pin", self.world.pin()], capture_output=True, text=True, check=False)
        self.assertEqual(second.returncode, 0, second.stdout)


class Waivers(Decision):
    ALONE = Answers().give("compared", "so1").give("compare.so1", "yes")

    def test_with_one_receipt_nothing_is_signed_and_it_is_said_what_to_do(self):
        stopped = self.issue(Answers().first(self.ALONE))
        self.refused(stopped, "ROLE-5: 1 people compared the previous checkpoint, two are needed", "or governance waives the rule before the token is activated")
        self.failed("activate", "1 people compared the previous checkpoint")
        self.assertEqual(len(self.records("issue")), 1)

    def test_with_one_receipt_and_a_waiver_it_completes_and_the_verdict_lists_it(self):
        outcome = self.issue(waiver("ROLE-5").first(self.ALONE))
        self.assertTrue(outcome.completed, outcome)
        self.waived("ROLE-5")
        record = self.records("waiver")[0]["d"]
        self.assertEqual((record["rule"], record["why"]), ("ROLE-5", "the receipt of w1 was lost in a move"))
        act = (self.world.ledgers[0] / "artifacts" / record["act"][:2] / record["act"]).read_text()
        self.assertEqual(act, f"ceremony-act/v1\nend: {record['until']}\nevent: activate\nreason: {record['why']}\nrule: ROLE-5\n")
        self.assertEqual({r["d"]["person"] for r in self.records("approve") if r["d"].get("act") == "waive"}, {"g1", "g2"})

    def test_a_waiver_of_one_ceremony_is_none_in_the_next(self):
        self.assertTrue(self.issue(waiver("ROLE-5").first(self.ALONE)).completed)
        self.world.no_requests().request("a.csr", common_name="Another Issuing CA")
        self.refused(self.issue(Answers().first(self.ALONE)), "ROLE-5: 1 people compared")

    def test_a_waiver_at_another_event_covers_nothing(self):
        self.refused(self.issue(waiver("ROLE-5", event="close").first(self.ALONE)), "ROLE-5: 1 people compared")

    def test_after_too_long_a_gap_governance_lets_the_ceremony_go_on(self):
        outcome = self.issue(waiver("LOG-3", reason="the building was closed for a year"), **FAULTS.watched(500 * DAY))
        self.assertTrue(outcome.completed, outcome)
        self.waived("LOG-3")

    def test_what_cannot_be_waived_is_refused_before_anybody_signs(self):
        slips = Answers()
        for what in ("QUORUM-1", "DEV-1", "correct horse battery"):
            slips.give("waiver", what)
        slips.give("waiver.refused", "again", 3)
        few = Answers().give("members.governance", "g1").give("members.governance.refused", "again")
        outcome = self.issue(waiver("ROLE-5").first(few).first(slips).first(self.ALONE))
        self.assertTrue(outcome.completed, outcome)
        self.spoken(outcome, '"QUORUM-1" is absolute: nobody can waive it', 'the policy does not let "DEV-1" be waived', 'there is no rule "correct horse battery"',
                    "the policy lets these be waived: LOG-3, EVID-1, EVID-2, ROLE-5, WITNESS-1", "1 of the 2 people needed are named")
        self.failed("waiver", '"QUORUM-1" is absolute')
        self.failed("waiver", 'the policy does not let "DEV-1" be waived')
        self.failed("waiver", "what was typed is no rule")
        self.failed("approve", "1 of the 2 people needed are named")
        self.assertNotIn("correct horse", self.world.log())
        self.assertEqual([r["d"]["rule"] for r in self.records("waiver") if r["res"] == "ok"], ["ROLE-5"])


class Witnesses(Decision):
    def intents(self, act):
        """Whom each intent to do that names."""
        return [r["who"] for r in self.records("intent") if r["res"] == "ok" and r["d"]["act"] == act]

    def test_the_witness_stands_in_the_intents_that_policy_says_and_signs_for_it(self):
        self.completes(self.issue())
        self.assertEqual((self.intents("sign-certificate"), self.intents("sign-crl")), ([["w1"], ["w1"]], [[], []]))
        self.assertIn("w1", self.records("close")[-1]["d"]["signers"])

    def test_a_wrong_word_is_on_the_record_and_other_words_are_asked_for(self):
        outcome = self.issue(Answers().give("words.w1", "academia", 2).give("words.w1.refused", "again", 2))
        self.completes(outcome)
        failed = [r for r in self.records("intent") if r["res"] == "fail"]
        self.assertEqual([(r["who"], r["d"]["act"]) for r in failed], [(["w1"], "sign-certificate")] * 2)
        places = [r["d"]["reason"] for r in failed]
        for reason in places:
            self.assertRegex(reason, r"^word \d+ of the digest was not the one shown$")
        self.assertNotEqual(*places)
        self.assertNotIn("academia", self.world.log())
        self.assertEqual(self.intents("sign-certificate")[-1], ["w1"])

    def test_a_witness_whose_words_differ_ends_it_before_the_token_is_asked(self):
        slips = Answers().give("words.w1", "academia").give("words.w1.refused", "abort").give("seal.hsm-bag", "A-4711").give("seal.hsm-bag", "")
        aborted = self.issue(slips)
        self.assertEqual(aborted.code, 1, aborted)
        self.consistent()
        self.assertEqual(len(self.intents("sign-certificate")), 1, "the root's")
        self.assertEqual([r["d"]["act"] for r in self.records("approve")][-3:], ["sign-certificate"] * 3)

    def test_who_stops_at_the_witness_is_asked_for_it_again(self):
        stopped = self.issue(Answers().give("words.w1", "academia").give("words.w1.refused", "stop"))
        self.refused(stopped)
        answers = Answers().give("profile.a.csr", "issuing-generic").give("recipient.a.csr", "factory-a").give("members.activation", "c1 c3 c5", 0)
        answers.entries += passphrases(SIGNERS).entries + endings(SIGNERS).entries
        again = self.world.run("issue-intermediates", answers)
        self.assertTrue(again.completed, again)
        self.assertEqual(self.intents("sign-certificate"), [["w1"], ["w1"]])

    def test_without_a_witness_governance_decides_and_nobody_is_asked(self):
        decided = waiver("WITNESS-1", reason="w1 lost their glasses").first(Answers().give("words.w1", "never asked", 0))
        outcome = self.issue(decided)
        self.assertTrue(outcome.completed, outcome)
        self.assertEqual(self.intents("sign-certificate"), [["w1"], []])
        self.waived("WITNESS-1")

    def test_of_two_witnesses_one_is_chosen_and_acts_of_every_kind_are_witnessed(self):
        """A genesis under another policy: g3 is a witness too, and the token, the keys and the CRL want one."""
        shutil.rmtree(self.world.folder)
        text = self.world.create().ca.policy.read_text()
        for old, new in (('"security-officer", "witness", "auditor", "governance"]', '"security-officer", "auditor", "governance"]'), ('governance = ["witness", "auditor"]', 'governance = ["auditor"]'),
                         ('g3 = ["governance"]', 'g3 = ["governance", "witness"]'), ('acts = ["sign-certificate", "sign-batch"]', 'acts = ["init-token", "generate-key", "sign-crl"]')):
            self.assertIn(old, text)
            text = text.replace(old, new)
        policy = self.world.folder / "policy.toml"
        policy.write_text(text)
        slips = Answers().give("witness", "c1").give("witness.refused", "again").give("witness", "g3", 0)
        outcome = self.world.run("root-genesis", genesis_answers().first(slips), policy=policy)
        self.assertTrue(outcome.completed, outcome)
        self.consistent()
        self.failed("intent", '"c1" is not one of them')
        self.assertEqual({act: self.intents(act) for act in ("init-token", "generate-key", "sign-certificate", "sign-crl")},
                         {"init-token": [["g3"]] * 3, "generate-key": [["g3"]] * 2, "sign-certificate": [[]], "sign-crl": [["g3"]]})


class Evidence(Decision):
    MISSING = Answers().give("evidence.access-log", "")

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.world.folder)
        self.world.create()

    def test_missing_evidence_stops_a_genesis(self):
        stopped = self.world.run("root-genesis", genesis_answers().first(Answers().first(self.MISSING)))
        self.refused(stopped, "evidence: access-log: no reference was given", "governance waives EVID-1 before this step, or the ceremony is aborted")
        self.assertEqual(self.records("init"), [])

    def test_missing_evidence_that_governance_waived_is_listed_as_waived(self):
        slips = waiver("EVID-1", reason="a rehearsal at a desk: there is no room to enter").first(self.MISSING)
        outcome = self.world.run("root-genesis", genesis_answers().first(slips))
        self.assertTrue(outcome.completed, outcome)
        self.assertEqual({r["d"]["kind"] for r in self.records("evidence")}, {"video", "module-certificate"})
        self.waived("EVID-1")


class Seals(Decision):
    OTHER = Answers().give("seal.hsm-bag", "A-9999")

    def seals(self, item="HSM bag"):
        return [(r["d"]["act"], r["d"]["seal"]) for r in self.records("custody") if r["res"] == "ok" and r["d"]["item"] == item]

    def test_the_number_that_was_closed_opens_and_is_nowhere_in_what_is_published(self):
        self.completes(self.issue())
        seals = self.seals()
        self.assertEqual([act for act, _ in seals], ["opened", "sealed", "opened", "sealed"])
        self.assertEqual(seals[1][1], seals[2][1], "the same number is the same digest")
        self.assertEqual(len({seal for _, seal in seals}), 3, "a new sealing has a salt of its own")
        for record in self.records("custody"):
            self.assertEqual(record["who"], ["so1", "w1"])
        for path in self.world.ledgers[0].rglob("*"):
            if path.is_file() and "private" not in path.parts:
                self.assertNotIn(b"A-4711", path.read_bytes(), path)

    def test_a_number_read_wrongly_is_on_the_record_and_read_again(self):
        outcome = self.issue(Answers().first(self.OTHER).give("seal.hsm-bag.refused", "again"))
        self.completes(outcome)
        self.spoken(outcome, 'EVID-2: the seal of "HSM bag" on opening is not the one that record', "read the number again; if it is another one, somebody may have had the thing")
        self.failed("custody", "the seal of")
        self.assertEqual(len(self.records("issue")), 2)

    def test_a_seal_that_is_another_one_ends_the_ceremony_and_governance_decides_in_the_next(self):
        aborted = self.issue(Answers().first(self.OTHER).give("seal.hsm-bag.refused", "abort"))
        self.assertEqual(aborted.code, 1, aborted)
        self.consistent()
        self.assertEqual(len(self.records("issue")), 1, "nothing was signed")
        decided = waiver("EVID-2", reason="the bag tore in the safe; the HSM was compared and its log read").first(self.OTHER)
        outcome = self.issue(decided)
        self.assertTrue(outcome.completed, outcome)
        self.waived("EVID-2")
        self.world.no_requests().request("a.csr", common_name="Another Issuing CA")
        self.completes(self.issue())  # what was sealed then opens without a waiver

    def test_what_an_aborted_ceremony_leaves_open_is_not_opened_again_without_a_decision(self):
        slips = Answers().give("members.activation", "c1", step="sign").give("members.activation.refused", "abort").give("seal.hsm-bag", "A-4711").give("seal.hsm-bag", "")
        aborted = self.issue(slips)
        self.assertEqual(aborted.code, 1, aborted)
        self.spoken(aborted, "HSM bag stays open")
        self.refused(self.issue(), 'EVID-2: "HSM bag" is opened and was not sealed since it was opened by record')

    def test_a_published_copy_of_the_ledgers_cannot_compare_and_says_so(self):
        for ledger in self.world.ledgers:
            shutil.rmtree(ledger / "private")
        self.refused(self.issue(), 'the number of the last seal of "HSM bag" is on neither ledger', 'insert a ledger medium with its folder "private"')


class Deviations(Decision):
    def test_a_deviation_has_a_person_and_is_confirmed_at_the_sign_off(self):
        self.completes(self.issue(Answers().give("deviation", "the door stood open for a minute").give("deviation-by", "w1")))
        record = self.records("deviation")[0]
        self.assertEqual((record["who"], record["d"]), (["w1"], {"source": "person", "text": "the door stood open for a minute"}))
        self.assertEqual(self.records("signoff")[-1]["d"]["deviations"], 1)

    def test_a_procedure_notes_deviations_and_custody_wherever_it_likes(self):
        shutil.rmtree(self.world.folder)
        procedures = self.world.create().folder / "procedures"
        shutil.copytree(PROCEDURES, procedures)
        genesis = procedures / "root-genesis.toml"
        step = '[[step]]\nid = "{0}"\ntitle = "{0}"\naction = "{1}"\nwho = ["everyone"]\nminutes = 1\nsays = "Say it."\n{2}\n[[step]]\nid = "{3}"'
        text = genesis.read_text()
        for before, new in (("enrol", ("late", "record_deviation", "")), ("adopt", ("case", "record_custody", 'args = { act = "handed", items = "HSM case" }'))):
            self.assertEqual(text.count(f'[[step]]\nid = "{before}"'), 1)
            text = text.replace(f'[[step]]\nid = "{before}"', step.format(*new, before))
        genesis.write_text(text)
        paper = run(BIN / "ceremony-rehearsal", "script", "root-genesis", "--policy", PROCEDURES / "policy-rehearsal.toml", "--procedures", procedures).decode()
        self.assertIn("| What is handed | Number of the seal | From | To | Initials (two) |", paper)
        self.assertIn("| HSM case | ", paper)
        slips = (Answers().give("deviation", "w1 came late").give("deviation-by", "w1 so1").give("deviation", "", step="late")
                 .give("custody-by", "so1 w1").give("from.hsm-case", "the courier").give("to.hsm-case", "the security officer").give("seal.hsm-case", "")
                 .give("members.governance", "g1").give("members.governance.refused", "abort"))
        aborted = self.world.run("root-genesis", genesis_answers().first(slips), procedures=procedures)
        self.assertEqual(aborted.code, 1, aborted)
        self.assertEqual(self.records("deviation")[0]["who"], ["w1", "so1"])
        custody = self.records("custody")[0]
        self.assertEqual((custody["who"], custody["d"]), (["so1", "w1"], {"item": "HSM case", "act": "handed", "seal": "none", "from": "the courier", "to": "the security officer"}))
        for verifier in ([str(BIN / "ceremony-verify")], [sys.executable, "-B", f"{HERE}/second_verifier.py"]):
            verdict = subprocess.run([*verifier, str(self.world.ledgers[0])], capture_output=True, text=True, check=False)
            self.assertEqual(verdict.returncode, 2, verdict.stdout)  # consistent; there is no key yet that could be pinned


if __name__ == "__main__":
    unittest.main()
