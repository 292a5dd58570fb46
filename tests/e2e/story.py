"""A story begins right after one genesis, which the stories of a file share."""
import json
import re
import shutil
import unittest

from support import CUSTODIANS, World, genesis_answers, make_folder, run

FOLDER = make_folder()
SAVED = FOLDER / "after-genesis"
WORLD = World(FOLDER / "world")
SIGNERS = ["adm1", "so1", "w1", *CUSTODIANS]
FAILED = []


def setUpModule():
    done = WORLD.create().run("root-genesis", genesis_answers())
    if done.code != 0:
        raise AssertionError(f"the genesis that the stories go on from: {done}")
    WORLD.request("a.csr")
    WORLD.save(SAVED)


def tearDownModule():
    if not FAILED:
        shutil.rmtree(FOLDER, ignore_errors=True)
    else:
        print(f"what the test left: {FOLDER}")


class Story(unittest.TestCase):
    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        FAILED.extend([1] * (len(result.failures) + len(result.errors) - before))

    def setUp(self):
        self.world = WORLD.put_back(SAVED)
        shutil.rmtree(FOLDER / "medium-c2", ignore_errors=True)

    def refused(self, outcome, *sentences):
        """Exit 2 with these sentences, each refusal with what to do, and no crash."""
        self.assertEqual(outcome.code, 2, outcome)
        self.spoken(outcome, *sentences)
        self.assertFalse(outcome.completed, outcome)

    def spoken(self, outcome, *sentences):
        for sentence in sentences:
            self.assertIn(sentence, outcome.text)
        for crash in ("Sanitizer", "runtime error:", "terminate called", "Assertion", "std::"):
            self.assertNotIn(crash, outcome.text)

    def completes(self, outcome):
        self.assertEqual(outcome.code, 0, outcome)
        self.assertTrue(outcome.completed, outcome)
        self.consistent()

    def consistent(self):
        for ledger in self.world.ledgers:
            verdict = self.world.verify(ledger)
            self.assertEqual(verdict.code, 0, verdict)
        run("diff", "-r", *self.world.ledgers)

    def records(self, event=None):
        return [r for r in map(json.loads, self.world.log().splitlines()) if event is None or r["ev"] == event]


def text_of_share(world, person):
    """The text of a person's activation share and their age recipient, taken from the medium with real age."""
    medium, credential = world.folder / "people" / person, FOLDER / f"credential-{person}"
    world.open_age(medium / "credential.age", world.note(f"{person}.credential"), credential)
    text = run("age", "-d", "-i", credential, medium / "share-activation-1.age").decode()
    recipient = re.search(r"^# recipient: (\S+)$", credential.read_text(), re.M)[1]
    credential.unlink()
    return text, recipient
