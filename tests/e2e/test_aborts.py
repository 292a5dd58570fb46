"""Aborted at every step of every procedure that ships, one ceremony after the other on one log: each is closed, signed by those who acted and
consistent for both verifiers, and the next one starts from it; the last one completes."""
import re
import shutil
import subprocess
import sys
import unittest

import story
from faults import read_only
from story import FOLDER, Story, tearDownModule
from support import BIN, PROCEDURES, Answers, admit_answers, genesis_answers, image_digest, issue_answers, opening_answers, passphrases, run

HERE = story.__file__.rsplit("/", 1)[0]
ZLINT = shutil.which("zlint")


def setUpModule():
    story.setUpModule()


def steps_of(procedure):
    return re.findall(r'^id = "(.*)"$', (PROCEDURES / f"{procedure}.toml").read_text(), re.M)[1:]


def refusing(question, answer, refused=None):
    """An answer that is refused, and what people choose then."""
    return lambda _: (Answers().give(question, answer).give(refused or f"{question}.refused", "abort"), {})


def few(quorum="activation"):
    return refusing(f"members.{quorum}", "c1" if quorum == "activation" else "g1")


def unwritable(medium):
    def spoil(world):
        return Answers().give(f"export.{medium}.refused", "abort"), read_only(world.folder / medium)
    return spoil


def linter(after):
    """A linter that gives its version and fails after so many certificates."""
    def spoil(world):
        fake, real, count = world.folder / "tokens/fake-zlint", world.folder / "tokens/zlint", world.folder / "tokens/linted"
        shutil.copy(ZLINT, real)
        fake.write_text(f'#!/bin/sh\ncase "$*" in *version*) exec {real} "$@";; esac\necho >>{count}\n[ $(wc -l <{count}) -le {after} ] || exit 1\nexec {real} "$@"\n')
        fake.chmod(0o700)
        count.unlink(missing_ok=True)
        return Answers(), {"mounts": [f"mount --bind '{fake}' '{ZLINT}'"]}
    return spoil


def no_linter(_):
    return Answers(), {"mounts": [f"mount --bind /bin/false '{ZLINT}'"]}


def wrong_share_passphrase(world):
    (world.folder / "notes/wrong").write_text("not what was written down\n")
    return Answers().file("share-passphrase.c1", "notes/wrong").give("read-back.c1.refused", "abort"), {}


def no_dice(world):
    (world.folder / "notes/wrong-dice").write_text("1 2 3 7\n")
    return Answers().file("dice", "notes/wrong-dice").give("dice.refused", "abort"), {}


def no_request(world):
    world.no_requests()
    return Answers(), {}


DEVIATION = refusing("deviation-by", "zz9")
# Step → what goes wrong in it, or why nothing can: it asks nobody and touches nothing that could fail.
BOTH = {
    "self-test": no_linter,
    "clock": refusing("clock.so1", "no", "step.clock.refused"),
    "waiver": refusing("waiver", "QUORUM-1"),
    "open-bag": refusing("custody-by", "so1"),
    "prepare-crl": None,
    "seal": refusing("custody-by", "so1"),
    "deviations": lambda world: (DEVIATION(world)[0].give("deviation", "the door was open"), {}),
    "sign-off": refusing("remark.so1", "no" * 600, "step.sign-off.refused"),
    "close": few(),
}
GENESIS = BOTH | {
    "open": None,
    "enrol": refusing("seen-by.c1", "c1 c2"),
    "adopt": few("governance"),
    "evidence": refusing("evidence.access-log", "", "step.evidence.refused"),
    "dry-lint": linter(0),
    "entropy": no_dice,
    "init-token": few(),
    "split": wrong_share_passphrase,
    "generate": few(),
    "back-up": unwritable("backup-1"),
    "restore": few(),
    "lock": few(),
    "prepare-root": linter(1),
    "approve-root": few(),
    "sign-root": few(),
    "approve-crl": few(),
    "sign-crl": few(),
    "export": unwritable("public"),
}
ISSUANCE = BOTH | {
    "open": refusing("compare.so1", "no", "step.open.refused"),
    "take-csrs": no_request,
    "prepare-certificates": linter(0),
    "approve": few(),
    "sign": few(),
    "export-bundles": unwritable("factory-a"),
}
ADMISSION = {step: BOTH[step] for step in BOTH if step != "prepare-crl"} | {
    "open": ISSUANCE["open"],
    "admit": few("governance"),
}
NOT_YET_OPEN = ("self-test", "clock", "open")


class EveryStep(Story):
    def aborted(self, procedure, step, spoil, answers):
        before = self.world.size()
        slips, fault = spoil(self.world)
        slips.entries = [(*entry[:4], step) for entry in slips.give(f"step.{step}.refused", "abort").entries]
        answers.first(slips)
        answers.entries = [e for e in answers.entries if e[0] != "seal.hsm-bag"]
        # Both seals, and the one of an abort, carry one number here.
        outcome = self.world.run(procedure, answers.give("seal.hsm-bag", "A-4711", 0), **fault)
        self.assertEqual(outcome.code, 1, outcome)
        self.spoken(outcome, "hint: ", "Aborted")
        if step in NOT_YET_OPEN:
            self.assertEqual(self.world.size(), before, "nothing was opened, and nothing recorded")
            return
        close = self.records()[-1]
        self.assertEqual((close["ev"], close["d"]["outcome"]), ("close", "aborted"))
        now = [r for r in self.records() if r["c"] == close["c"]]
        acted = {person for r in now for person in r["who"]}
        enrolled = {r["d"]["person"] for r in self.records("enrol") if r["res"] == "ok"}
        self.assertEqual(set(close["d"]["signers"]) & acted, acted & enrolled, "everybody who acted and has a key signs")
        self.assertFalse([r for r in now if r["ev"] == "activate" and r["res"] == "ok" and not any(
            d["ev"] == "deactivate" and d["n"] > r["n"] for d in now)], "the token is not left active")
        self.agreed(no_key=not self.records("keygen"))

    def agreed(self, no_key):
        """Both verifiers find it consistent; without a log key there is nothing that could be pinned."""
        run("diff", "-r", *self.world.ledgers)
        pin = [] if no_key else ["--pin", self.world.pin()]
        for verifier in ([str(BIN / "ceremony-verify")], [sys.executable, "-B", f"{HERE}/second_verifier.py"]):
            done = subprocess.run([*verifier, str(self.world.ledgers[0]), *pin], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2 if no_key else 0, done.stdout + done.stderr)

    def chain(self, procedure, levers, answers, before):
        steps = steps_of(procedure)
        self.assertEqual(sorted(levers), sorted(steps), "every step of the procedure is spoilt, or it is said why it cannot be")
        for number, step in enumerate(steps):
            if levers[step] is None:
                continue
            before(number, step)
            try:
                self.aborted(procedure, step, levers[step], answers(number))
            except AssertionError as error:
                error.add_note(f"aborted at the step {step}")
                raise
        print(f"\ncounted: aborts: {procedure}, at {sum(1 for lever in levers.values() if lever)} of {len(steps)} steps", file=sys.stderr)
        before(len(steps), "")
        last = answers(len(steps))
        last.entries = [e for e in last.entries if e[0] != "seal.hsm-bag"]
        outcome = self.world.run(procedure, last.give("seal.hsm-bag", "A-4711", 0))
        self.spoken(outcome)
        self.assertTrue(outcome.completed, outcome)
        self.consistent()

    def test_a_genesis_aborted_at_every_step(self):
        shutil.rmtree(self.world.folder)
        self.world.create()

        def before(_, step):
            # The secrets of a token whose shares were not all read back are gone: the next genesis takes a blank one.
            if step == "generate":
                shutil.rmtree(self.world.folder / "tokens/store")
                (self.world.folder / "tokens/store").mkdir()
                for medium in self.world.folder.glob("people/*/share-*"):
                    medium.unlink()

        # Whoever is enrolled first and sees the ceremony aborted then is the only one with a receipt.
        alone = Answers().give("compared", "adm1").give("compare.adm1", "yes")
        adopting = steps_of("root-genesis").index("adopt")
        self.chain("root-genesis", GENESIS, lambda number: genesis_answers().first(opening_answers()).first(alone if number == adopting else Answers()), before)

    def test_an_issuance_aborted_at_every_step(self):
        def before(number, step):
            self.world.no_requests().request(f"r{number}.csr", common_name=f"Story Issuing CA {number}")

        def answers(number):
            everybody = issue_answers(f"r{number}.csr")
            everybody.entries += passphrases(("g1", "g2", "g3")).entries
            return everybody

        self.chain("issue-intermediates", ISSUANCE, answers, before)

    def test_an_admission_aborted_at_every_step(self):
        def before(number, step):
            self.world.new_image(f"0.2.{number}")

        self.chain("admit-image", ADMISSION, lambda number: admit_answers(image_digest(f"0.2.{number}")), before)

    def test_every_procedure_is_here(self):
        self.assertEqual({path.stem for path in PROCEDURES.glob("*.toml") if not path.stem.startswith(("policy-", "hsm-"))}, {"root-genesis", "issue-intermediates", "admit-image"})


if __name__ == "__main__":
    unittest.main()
