"""Every refusal at run time, provoked: what is said, what stands on the record, and how the next run goes on.

The table at the end maps the issue's words to the tests; some of them stand in test_stories.py or in the unit tests."""
import base64
import datetime
import json
import re
import shutil
import sys
import unittest

import story
from faults import Faults, full, read_only
from story import FOLDER, SAVED, SIGNERS, WORLD, Story, tearDownModule, text_of_share
from support import PROCEDURES, SECOND, Answers, World, derived, genesis_answers, issue_answers, passphrases, recover, run
from table import exists

FAULTS = Faults(FOLDER / "faults")
OTHER = World(FOLDER / "other", SECOND)
DAY = 86400


def setUpModule():
    story.setUpModule()
    done = OTHER.create().run("root-genesis", genesis_answers(SECOND))
    if done.code != 0:
        raise AssertionError(f"the genesis of the second CA: {done}")


class Refusal(Story):
    CSR = ("a.csr",)

    def issue(self, slips=None, names=CSR, **options):
        answers = issue_answers(*names)
        return self.world.run("issue-intermediates", answers.first(slips) if slips else answers, **options)

    def goes_on(self, procedure="issue-intermediates", answers=None, **options):
        """The next run, with everything right, completes. What was answered before is not asked again: unused answers alone may be said."""
        outcome = self.world.run(procedure, answers or issue_answers(*self.CSR), **options)
        self.spoken(outcome)
        self.assertTrue(outcome.completed, outcome)
        self.assertIn(outcome.code, (0, 2), outcome)
        for line in outcome.err.splitlines():
            self.assertRegex(line, r'the answer to "[^"]*" was (never used|used \d+ of)|hint: take it out of the file', outcome)
        self.consistent()
        return outcome

    def on_record(self, event, reason, who=None):
        """A failed record of that event with that reason, on both ledgers."""
        run("cmp", *(ledger / "transcript.log" for ledger in self.world.ledgers))
        failed = [r for r in self.records(event) if r["res"] == "fail"]
        found = [r for r in failed if reason in r["d"]["reason"]]
        self.assertTrue(found, f"no failed {event} says {reason!r}; there are {[r['d']['reason'] for r in failed]}")
        if who is not None:
            self.assertEqual(found[0]["who"], who)
        return found[0]

    def not_on_record(self):
        """No ceremony was opened."""
        self.assertEqual(len(self.records("open")), 1)
        self.assertEqual(self.records()[-1]["ev"], "close")

    def hinted(self, outcome, *sentences):
        """Refused, with a hint, and with nothing issued."""
        self.refused(outcome, *sentences)
        self.assertRegex(outcome.text, r"error: .*\n(.*\n)*hint: ")

    def nothing_left(self):
        for factory in ("factory-a", "factory-b"):
            self.assertEqual(list(self.world.folder.glob(f"{factory}/bundle-*")), [])

    def fresh(self):
        shutil.rmtree(self.world.folder)
        return self.world.create()

    def pin_of_the_token(self):
        """Three custodians and age and shamir make the PIN."""
        shares = [re.search(r"^words: (.*)$", text_of_share(self.world, person)[0], re.M)[1].split() for person in ("c1", "c2", "c3")]
        return base64.b32encode(derived(recover(shares), "ceremony/user-pin/v1", 20)).decode()

    def plant(self, label, key_id):
        """Another key comes onto the token, by another program."""
        key = self.world.folder / "tokens/strange.pem"
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
        run("softhsm2-util", "--import", key, "--token", "ceremony-root", "--label", label, "--id", key_id, "--force", "--pin", self.pin_of_the_token(),
            env=self.world.environment())

    def other_store(self):
        """The token of the second CA in place of ours; gives ours back."""
        store, kept = self.world.folder / "tokens/store", self.world.folder / "tokens/kept"
        store.rename(kept)
        shutil.copytree(OTHER.folder / "tokens/store", store)

        def back():
            shutil.rmtree(store)
            kept.rename(store)
        return back


class Tokens(Refusal):
    def test_wrong_pin(self):
        stopped = self.issue(**FAULTS.token("C_Login 1 wrong-pin"))
        self.hinted(stopped, "cannot log in: the user PIN is wrong; a wrong PIN was given since the last good one, and the token does not say how many tries are left",
                    "check that this is the right token and the right set of shares")
        self.on_record("activate", "the user PIN is wrong")
        self.nothing_left()
        again = self.goes_on()
        self.spoken(again, "a wrong PIN was given since the last good one, and the token does not say how many tries are left")

    def test_last_try_is_said_before_the_pin_is_given(self):
        done = self.issue(**FAULTS.token("flags final"))
        self.completes(done)
        self.spoken(done, "one more wrong PIN locks it")
        self.assertIn("final", [r["d"]["pin"] for r in self.records("token")])

    def test_locked_pin(self):
        stopped = self.issue(**FAULTS.token("C_Login 1 locked"))
        self.hinted(stopped, "the PIN is locked after too many wrong tries", "the user PIN is set anew with the SO PIN (a recovery ceremony)")
        self.on_record("activate", "the PIN is locked")
        self.goes_on()

    def test_absent_token(self):
        store = self.world.folder / "tokens/store"
        store.rename(store.parent / "safe")
        store.mkdir()
        stopped = self.issue()
        serial = self.records("keygen")[0]["d"]["token"]
        self.hinted(stopped, f'no token of serial "{serial}" is plugged in; there is a blank one', "plug in the token")
        self.on_record("activate", f'no token of serial "{serial}"')
        shutil.rmtree(store)
        (store.parent / "safe").rename(store)
        self.goes_on()

    def test_token_of_another_serial(self):
        store = self.world.folder / "tokens/store"
        store.rename(store.parent / "safe")
        store.mkdir()
        run("softhsm2-util", "--init-token", "--free", "--label", "ceremony-root", "--so-pin", "12345678", "--pin", "12345678", env=self.world.environment())
        stopped = self.issue()
        serial = self.records("keygen")[0]["d"]["token"]
        self.hinted(stopped)
        self.assertRegex(stopped.text, rf'no token of serial "{serial}" is plugged in; there is .*"ceremony-root" \(serial [0-9a-f]{{16}}\)')
        self.on_record("activate", '"ceremony-root" (serial ')
        shutil.rmtree(store)
        (store.parent / "safe").rename(store)
        self.goes_on()

    def test_token_of_another_ca(self):
        back = self.other_store()
        stopped = self.issue()
        self.hinted(stopped, '"matter-paa" (serial ')
        self.on_record("activate", '"matter-paa" (serial ')
        back()
        self.goes_on()

    def test_token_of_another_environment(self):
        policy = self.fresh().folder / "policy.toml"
        policy.write_text((PROCEDURES / "policy-rehearsal.toml").read_text().replace('models = ["SoftHSM v2"]', 'models = ["Vault 7"]'))
        stopped = self.world.run("root-genesis", genesis_answers(), policy=policy)
        self.hinted(stopped, 'the policy (rehearsal) admits no token of model "SoftHSM v2"', "insert a token that the policy names under [tokens]")
        self.on_record("init", 'admits no token of model "SoftHSM v2"')
        self.assertEqual([r for r in self.records("approve") if r["d"].get("act") == "init-token"], [], "said before anybody approves")
        answers = Answers().give("step.init-token.refused", "abort").give("custody-by", "so1 w1").give("seal.hsm-bag", "A-4711").give("absent", "")
        answers.entries += passphrases(self.world.ca.people).entries
        aborted = self.world.run("root-genesis", answers, policy=policy)
        self.assertEqual(aborted.code, 1, aborted)
        self.spoken(aborted, "Aborted: the ceremony is closed on the record")

    def test_token_with_an_extra_object(self):
        store = self.world.folder / "tokens/store"
        shutil.copytree(store, store.parent / "kept")
        self.plant("strange", "ABCD")
        stopped = self.issue()
        self.hinted(stopped, "TOKEN-2", "strange", "stop, keep the token as it is, and find out who had it")
        self.on_record("token", "strange")
        self.nothing_left()
        shutil.rmtree(store)
        (store.parent / "kept").rename(store)
        self.goes_on()

    def test_two_keys_under_one_label(self):
        store = self.world.folder / "tokens/store"
        shutil.copytree(store, store.parent / "kept")
        self.plant("root", "ABCD")
        stopped = self.issue()
        self.hinted(stopped, "TOKEN-2", '"root"', "abcd")
        self.on_record("token", "abcd")
        self.nothing_left()
        shutil.rmtree(store)
        (store.parent / "kept").rename(store)
        self.goes_on()

    def test_full_token(self):
        self.fresh()
        stopped = self.world.run("root-genesis", genesis_answers(), **FAULTS.token("C_GenerateKeyPair 1 full"))
        self.hinted(stopped, "the token has no room left", "take a token with more room")
        self.on_record("keygen", "the token has no room left")
        self.assertNotIn("C_GenerateKeyPair", FAULTS.lines())
        self.goes_on("root-genesis", genesis_answers())
        self.assertEqual(len([r for r in self.records("keygen") if r["res"] == "ok"]), 2)

    def test_token_full_at_the_last_moment(self):
        # After `close`: the log key has signed, and the token has no room to remember the checkpoint.
        stopped = self.issue(**FAULTS.token("C_CreateObject 1 full"))
        self.hinted(stopped, "the token has no room left")
        self.assertEqual(self.records()[-1]["ev"], "close")
        again = self.world.run("issue-intermediates", Answers().give("members.activation", "c1 c3 c5", 0).first(passphrases(SIGNERS)))
        self.spoken(again, "closed, but a signature or a proof is missing")
        self.assertTrue(again.completed, again)
        self.consistent()

    def test_token_removed_in_the_middle(self):
        self.world.request("b.csr", common_name="Second Issuing CA")
        stopped = self.issue(names=("a.csr", "b.csr"), **FAULTS.token("C_Sign 2 removed"))
        self.hinted(stopped, "the token was pulled out", "plug the token in, wait for its light")
        self.on_record("result", "the token was pulled out")
        self.assertEqual(self.records()[-1]["ev"], "deactivate")
        self.nothing_left()
        self.CSR = ("a.csr", "b.csr")
        self.goes_on()
        maybe = [r["d"]["found"] for r in self.records("reconcile") if r["d"]["outcome"] == "maybe-issued"]
        self.assertEqual(len(maybe), 1, "the signature that was asked for when the token went")
        crl = next(self.world.folder.glob("factory-a/bundle-*/crl/*.crl"))
        listed = run("openssl", "crl", "-inform", "DER", "-in", crl, "-noout", "-text").decode().lower()
        self.assertIn(f"serial number: {maybe[0]}", listed)
        self.assertEqual(len(self.records("issue")), 3, "the root and one for each request")


class Media(Refusal):
    def put_share(self, text, recipient):
        file = self.world.folder / "people/c2/share-activation-1.age"
        kept = file.read_bytes()
        file.unlink()
        run("age", "-a", "-r", recipient, "-o", file, input=text.encode(), stdin=None)
        return lambda: file.write_bytes(kept)

    def test_absent_medium(self):
        medium = self.world.folder / "people/c2"
        medium.rename(FOLDER / "medium-c2")
        stopped = self.issue()
        self.hinted(stopped, 'there is no credential on the medium "c2"', "insert the medium of c2")
        self.on_record("approve", 'there is no credential on the medium "c2"', ["c2"])
        shutil.rmtree(medium)
        (FOLDER / "medium-c2").rename(medium)
        self.goes_on()

    def test_medium_that_is_not_named_is_missed_before_anything_begins(self):
        self.fresh()
        stopped = self.world.run("root-genesis", genesis_answers(), media={"public": None, "c4": None}, backups=1)
        self.hinted(stopped, 'needs the medium "public", and it is not here', 'needs the medium "c4", and it is not here', "name it with --media public=FOLDER",
                    "1 backup media are here, the policy wants 2")
        self.assertEqual(self.world.size(), 0)

    def test_full_medium(self):
        stopped = self.issue(**full(self.world.folder / "factory-a"))
        self.hinted(stopped, "error: factory-a: the medium has room for", "insert a medium with more room; nothing was written to this one")
        self.on_record("export", 'medium "factory-a": the medium has room for')
        self.goes_on()

    def test_full_ledger_is_a_deviation_and_comes_back_equal(self):
        self.world.ledgers[1].rename(FOLDER / "kept-ledger")
        blocks = sum(-(-p.stat().st_size // 4096) for p in (FOLDER / "kept-ledger").rglob("*") if p.is_file())
        # People are told on a screen of its own: an answer that nobody asked for would be refused at the end.
        done = self.world.run("issue-intermediates", issue_answers(*self.CSR).give("ledger-failed", ""), mounts=[
            f"mkdir -p '{self.world.ledgers[1]}'; mount -t tmpfs -o size={(blocks + 6) * 4}k tmpfs '{self.world.ledgers[1]}'; cp -a '{FOLDER}/kept-ledger/.' '{self.world.ledgers[1]}'"])
        self.spoken(done, "a ledger medium failed", "the ceremony goes on with the other")
        self.assertTrue(done.completed, done)
        self.assertIn("the medium is full", " ".join(r["d"]["text"] for r in self.records("deviation")))
        shutil.rmtree(self.world.ledgers[1])
        shutil.copytree(self.world.ledgers[0], self.world.ledgers[1])
        shutil.rmtree(FOLDER / "kept-ledger")
        self.consistent()
        self.CSR = ("b.csr",)
        self.world.no_requests().request("b.csr")
        self.goes_on()

    def test_read_only_medium(self):
        stopped = self.issue(**read_only(self.world.folder / "factory-a"))
        self.hinted(stopped, "the medium cannot be written", "slide its write-protect switch, or use another medium")
        self.on_record("medium", 'medium "factory-a": the medium cannot be written')
        self.goes_on()

    def test_swapped_medium(self):
        # Taken in one's hand between the export and the proofs, and another one put in.
        self.refused(self.world.run("issue-intermediates", issue_answers(*self.CSR).without("deviation")), '"deviation"')
        medium = self.world.folder / "factory-a"
        medium.rename(FOLDER / "factory-a")
        medium.mkdir()
        stopped = self.world.run("issue-intermediates", issue_answers(*self.CSR))
        self.hinted(stopped, "on the medium, and it was written there", "insert the medium that holds")
        self.assertEqual([p.name for p in medium.rglob("*")], [])
        shutil.rmtree(medium)
        (FOLDER / "factory-a").rename(medium)
        again = self.goes_on()
        self.spoken(again, "closed, but a signature or a proof is missing")
        verdict = self.world.verify(next(medium.glob("bundle-*/")))
        self.assertEqual(verdict.code, 0, verdict)

    def test_swapped_backup_medium(self):
        self.fresh()
        self.refused(self.world.run("root-genesis", genesis_answers().without("members.recovery").first(Answers().give("members.recovery", "c2 c3 c4"))), '"members.recovery"')
        medium = self.world.folder / "backup-1"
        self.assertEqual([p.name for p in medium.rglob("*.kwp")], [p.name for p in (self.world.folder / "backup-2").rglob("*.kwp")])
        medium.rename(FOLDER / "backup-1")
        medium.mkdir()
        stopped = self.world.run("root-genesis", genesis_answers())
        self.hinted(stopped, 'this is not the medium "backup-1" that this ceremony has written to', "insert that one again")
        self.on_record("restore", 'this is not the medium "backup-1"')
        shutil.rmtree(medium)
        (FOLDER / "backup-1").rename(medium)
        self.goes_on("root-genesis", genesis_answers())

    def test_output_that_is_there_already(self):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        folders = [self.fresh().folder / "public" / f"{today + datetime.timedelta(n)}-root-genesis" for n in (0, 1)]
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / "README.txt").write_text("another root's\n")
        stopped = self.world.run("root-genesis", genesis_answers())
        self.hinted(stopped, 'README.txt" is already there, and nothing is ever overwritten', "use an empty medium; nothing was written to this one")
        self.on_record("export", 'medium "public": "')
        for folder in folders:
            self.assertEqual([(p.name, p.read_text()) for p in folder.rglob("*")], [("README.txt", "another root's\n")])
            shutil.rmtree(folder)
        self.goes_on("root-genesis", genesis_answers())

    def test_share_of_another_set(self):
        text, mine = text_of_share(self.world, "c2")
        other = self.world.open_age(self.world.folder / "people/c2/share-recovery-1.age", self.world.note("c2.share"), FOLDER / "recovery")
        (FOLDER / "recovery").unlink()
        words = re.search(r"^words: .*$", other, re.M)[0]
        for disguised, sentence in ((other, 'the share\'s quorum is "recovery", not "activation"'),
                                    (re.sub(r"^words: .*$", words, text, flags=re.M), "the share is not the one that was committed to on the log")):
            with self.subTest(sentence):
                back = self.put_share(disguised, mine)
                stopped = self.issue()
                self.hinted(stopped, "share of c2", sentence)
                self.on_record("hand-in", sentence)
                self.assertNotIn(words[7:40], stopped.text + self.world.log())
                back()
        self.goes_on()

    def test_the_same_share_twice(self):
        text, mine = text_of_share(self.world, "c2")
        theirs = text_of_share(self.world, "c4")[0]
        words, number = (re.search(rf"^{field}: .*$", theirs, re.M)[0] for field in ("words", "share"))
        twice = re.sub(r"^words: .*$", words, text, flags=re.M)
        for disguised, sentence in ((twice, "the words are share 4 with threshold 3, the line 'share:' says 2 and 3"),
                                    (re.sub(r"^share: .*$", number, twice, flags=re.M), 'the share\'s number is "4", not "2"')):
            with self.subTest(sentence):
                back = self.put_share(disguised, mine)
                stopped = self.issue()
                self.hinted(stopped, "share of c2", sentence)
                self.on_record("hand-in", sentence, ["c2"])
                back()
        self.goes_on()

    def test_void_share(self):
        # No procedure of this release voids a share, so the record is written by hand into the ceremony that is open.
        self.refused(self.issue(slips=Answers().give("members.activation", "c1").give("members.activation.refused", "stop")))
        last = self.records()[-1]
        void = {**last, "n": last["n"] + 1, "ev": "void", "res": "ok", "who": [], "d": {"set": "activation-1", "scope": "share", "index": 2, "holder": "c2", "why": "medium lost"}}
        for ledger in self.world.ledgers:
            with open(ledger / "transcript.log", "a") as log:
                log.write(json.dumps(void, sort_keys=True, separators=(",", ":")) + "\n")
        slips = Answers().give("members.activation", "c2 c4 c5", step="sign").give("members.activation.refused", "stop", step="sign")
        stopped = self.world.run("issue-intermediates", issue_answers(*self.CSR, quorum="c1 c4 c5").first(slips))
        self.hinted(stopped, '"c2" holds a void share: share 2 of "activation-1" is a share no longer', "choose among: c1 c3 c4 c5")
        self.on_record("hand-in", '"c2" holds a void share')
        self.goes_on(answers=issue_answers(*self.CSR, quorum="c1 c4 c5"))


class OtherCa(Refusal):
    """Two CAs on one appliance never mix: what is the other's is refused with its name."""

    OTHERS = "rehearsal.ca.example.com/matter-paa"
    OURS = "rehearsal.ca.example.com/devices-g1"

    def label_of_other(self, medium):
        self.assertIn(f"origin: {self.OTHERS}\n", (OTHER.folder / medium / "ceremony-medium").read_text())

    def test_ledger_of_another_ca(self):
        self.world.ledgers, kept = [FOLDER / "others-1", FOLDER / "others-2"], self.world.ledgers
        try:
            for mine, theirs in zip(self.world.ledgers, OTHER.ledgers, strict=True):
                shutil.copytree(theirs, mine)
            before = self.world.log()
            stopped = self.issue()
            self.hinted(stopped, f'the ledgers are those of the CA "{self.OTHERS}", the policy is that of "{self.OURS}"', f'insert the ledgers of "{self.OURS}"')
            self.assertEqual(self.world.log(), before)
            # One of each is no pair either.
            self.world.ledgers = [kept[0], FOLDER / "others-2"]
            self.hinted(self.issue(), "the two ledgers differ from record 0 on")
        finally:
            self.world.ledgers = kept
            for folder in FOLDER.glob("others-?"):
                shutil.rmtree(folder)
        self.not_on_record()
        self.goes_on()

    def test_share_of_another_ca(self):
        OTHER.open_age(OTHER.folder / "people/m1/credential.age", OTHER.note("m1.credential"), FOLDER / "m1")
        text = run("age", "-d", "-i", FOLDER / "m1", OTHER.folder / "people/m1/share-activation-1.age").decode()
        (FOLDER / "m1").unlink()
        _, mine = text_of_share(self.world, "c2")
        back = Media.put_share(self, text, mine)
        stopped = self.issue()
        self.hinted(stopped, f'the share\'s origin is "{self.OTHERS}", not "{self.OURS}"', "c2 looks for the right medium")
        self.on_record("hand-in", f'the share\'s origin is "{self.OTHERS}"', ["c2"])
        back()
        self.goes_on()

    def test_credential_medium_of_another_ca(self):
        self.label_of_other("people/m1")
        medium = self.world.folder / "people/c2"
        stopped = self.issue(media={"c2": OTHER.folder / "people/m1"})
        self.hinted(stopped, f'the medium belongs to another CA: its label says "m1" of "{self.OTHERS}"', f'insert the medium "c2" of "{self.OURS}"')
        self.on_record("approve", f'its label says "m1" of "{self.OTHERS}"', ["c2"])
        self.assertTrue(medium.exists())
        self.goes_on()

    def test_export_medium_of_another_ca(self):
        self.label_of_other("public")
        theirs = sorted((OTHER.folder / "public").rglob("*"))
        stopped = self.issue(media={"factory-a": OTHER.folder / "public"})
        self.hinted(stopped, f'the medium belongs to another CA: its label says "public" of "{self.OTHERS}"')
        self.on_record("medium", f'medium "factory-a": the medium belongs to another CA: its label says "public" of "{self.OTHERS}"')
        self.assertEqual(sorted((OTHER.folder / "public").rglob("*")), theirs)
        self.goes_on()

    def test_backup_medium_and_token_of_another_ca(self):
        # A second genesis with what the first CA uses: its token, named by its serial, then its backup medium.
        room = World(FOLDER / "room", SECOND).create()
        shutil.rmtree(room.folder / "tokens/store")
        shutil.copytree(self.world.folder / "tokens/store", room.folder / "tokens/store")
        serial = self.records("keygen")[0]["d"]["token"]
        binding = room.folder / "hsm.toml"
        binding.write_text(SECOND.binding.read_text().replace('label = "matter-paa"\n', f'label = "matter-paa"\nserial = "{serial}"\n', 1))
        shutil.copytree(self.world.folder / "backup-1", room.folder / "backup-1")
        ours, self.world = self.world, room
        try:
            stopped = room.run("root-genesis", genesis_answers(SECOND), binding=binding)
            self.hinted(stopped, 'the token "ceremony-root" is initialised already, and may hold another CA\'s keys', serial, "insert a blank token")
            self.on_record("init", 'the token "ceremony-root" is initialised already')
            self.assertEqual([r for r in self.records("approve") if r["d"].get("act") == "init-token"], [], "said before anybody approves")
            stopped = room.run("root-genesis", genesis_answers(SECOND))
            self.hinted(stopped, f'the medium belongs to another CA: its label says "backup-1" of "{self.OURS}"', f'insert the medium "backup-1" of "{self.OTHERS}"')
            self.on_record("medium", f'its label says "backup-1" of "{self.OURS}"')
            run("diff", "-r", room.folder / "backup-1", ours.folder / "backup-1")
            shutil.rmtree(room.folder / "backup-1")
            self.goes_on("root-genesis", genesis_answers(SECOND))
            self.assertEqual(self.records("open")[0]["d"]["origin"], self.OTHERS)
        finally:
            self.world = ours
            shutil.rmtree(room.folder)


class Ledgers(Refusal):
    def complete_copy(self):
        shutil.rmtree(self.world.ledgers[1])
        shutil.copytree(self.world.ledgers[0], self.world.ledgers[1])

    def another_issuance(self, name):
        self.world.no_requests().request(name)
        self.completes(self.world.run("issue-intermediates", issue_answers(name)))

    def test_ledger_that_is_behind(self):
        shutil.copytree(self.world.ledgers[1], FOLDER / "older")
        size = self.world.size()
        self.another_issuance("b.csr")
        shutil.rmtree(self.world.ledgers[1])
        (FOLDER / "older").rename(self.world.ledgers[1])
        before = self.world.log()
        self.world.no_requests().request("c.csr")
        self.CSR = ("c.csr",)
        stopped = self.issue(names=self.CSR)
        self.hinted(stopped, f"the ledger is behind a closed ceremony ({size} records, the other has {self.world.size()})", "ledger-2", "use a complete copy of the ledger in its place")
        self.assertEqual(self.world.log(), before)
        self.complete_copy()
        self.goes_on()

    def test_forked_ledgers(self):
        size = self.world.size()
        self.another_issuance("b.csr")
        shutil.copytree(self.world.ledgers[1], FOLDER / "fork")
        self.world.put_back(SAVED)
        self.another_issuance("c.csr")
        shutil.rmtree(self.world.ledgers[1])
        (FOLDER / "fork").rename(self.world.ledgers[1])
        self.world.no_requests().request("d.csr")
        self.CSR = ("d.csr",)
        before = self.world.log()
        stopped = self.issue(names=self.CSR)
        self.hinted(stopped)
        self.assertRegex(stopped.text, rf"the two ledgers differ from record ({size}|{size + 1}) on")
        self.assertEqual(self.world.log(), before)
        self.complete_copy()
        self.goes_on()

    def test_edited_ledger(self):
        log = self.world.ledgers[1] / "transcript.log"
        kept = log.read_bytes()
        lines = kept.splitlines(keepends=True)
        self.assertIn(b'"who":["c3"]', lines[n := next(i for i, line in enumerate(lines) if b'"who":["c3"]' in line)])
        lines[n] = lines[n].replace(b'"who":["c3"]', b'"who":["c4"]')
        log.write_bytes(b"".join(lines))
        stopped = self.issue()
        self.hinted(stopped, f"record {n} was changed: it differs from the other ledger, and the checkpoint agrees with the other", f"ledger-2/transcript.log:{n + 1}")
        self.not_on_record()
        log.write_bytes(kept)
        self.goes_on()


class Clock(Refusal):
    def test_clock_that_goes_back(self):
        before = self.world.log()
        stopped = self.issue(**FAULTS.watched(-2 * DAY))
        self.hinted(stopped, 'the self-test "clock" failed: the time goes back from', "set the machine's clock right and run the same command again")
        self.assertEqual(self.world.log(), before)
        # In the middle of a ceremony nothing is recorded either: a record would itself go back.
        self.refused(self.issue(slips=Answers().give("members.activation", "c1").give("members.activation.refused", "stop")))
        before = self.world.log()
        self.hinted(self.issue(**FAULTS.watched(-2 * DAY)), "the time goes back from")
        self.assertEqual(self.world.log(), before)
        self.goes_on()

    def test_gap_longer_than_policy_allows(self):
        later = FAULTS.watched(500 * DAY)
        stopped = self.issue(**later)
        self.hinted(stopped, "LOG-3: the ceremony was opened", "policy allows 400 without a waiver", "governance waives the rule, or this ceremony is aborted")
        self.on_record("activate", "policy allows 400 without a waiver")
        self.nothing_left()
        aborting = issue_answers(*self.CSR).give("step.sign.refused", "abort")
        aborted = self.world.run("issue-intermediates", aborting, **later)
        self.assertEqual(aborted.code, 1, aborted)
        self.assertEqual(self.records("close")[-1]["d"]["outcome"], "aborted")
        self.consistent()


class People(Refusal):
    """Who may not: one issuance in which people mistake themselves, and which completes all the same."""

    @classmethod
    def setUpClass(cls):
        world = WORLD.put_back(SAVED)
        slips = (Answers().give("members.activation", "c2 c2 c4").give("members.activation", "c2 w1 c4").give("members.activation", "c2 c4")
                 .give("members.activation", "c2 zz9 c4").give("members.activation.refused", "again", 4))
        cls.outcome = world.run("issue-intermediates", issue_answers("a.csr").first(slips))
        world.save(FOLDER / "after-slips")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(FOLDER / "after-slips", ignore_errors=True)

    def setUp(self):
        self.world = WORLD.put_back(FOLDER / "after-slips")

    def test_the_ceremony_completes_after_all(self):
        self.completes(self.outcome)

    def test_a_person_in_a_role_they_lack(self):
        self.spoken(self.outcome, '"w1" is not one of them', "choose among: c1 c2 c3 c4 c5")
        self.assertIn("sha256", self.on_record("approve", '"w1" is not one of them')["d"])

    def test_the_same_member_twice(self):
        self.spoken(self.outcome, '"c2" is named twice', "each person counts once")
        self.on_record("approve", '"c2" is named twice')

    def test_fewer_approvals_than_m(self):
        self.spoken(self.outcome, "2 of the 3 people needed are named", "wait until enough of them are here")
        self.on_record("approve", "2 of the 3 people needed are named")

    def test_what_nobody_is_called_is_not_quoted_on_the_record(self):
        # It may be a passphrase that was typed into the wrong field.
        self.spoken(self.outcome, '"zz9" is not one of them')
        self.on_record("approve", "somebody whom the policy does not name is not one of them")
        self.assertNotIn("zz9", self.world.log())


class Approvals(Refusal):
    def test_a_member_who_has_approved_already(self):
        (self.fresh().folder / "notes/wrong").write_text("not what was written down\n")
        slips = Answers().file("passphrase.g2", "notes/wrong", step="adopt").give("unlock.g2.refused", "stop", step="adopt")
        steps = [s for s in re.findall(r'^id = "(.*)"$', (PROCEDURES / "root-genesis.toml").read_text(), re.M) if "adopt" in s]
        for entry in range(len(slips.entries)):
            slips.entries[entry] = (*slips.entries[entry][:4], steps[0])
        self.refused(self.world.run("root-genesis", genesis_answers().first(slips)))
        self.assertEqual([r["who"] for r in self.records("approve") if r["res"] == "ok"], [["g1"]])
        slips = Answers().give("members.governance", "g1").give("members.governance.refused", "stop")
        stopped = self.world.run("root-genesis", genesis_answers().first(slips))
        self.hinted(stopped, '"g1" has approved this already; each member counts once')
        self.on_record("approve", '"g1" has approved this already')
        answers = genesis_answers().first(Answers().give("members.governance", "g2"))
        self.goes_on("root-genesis", answers)


# --- the table ---------------------------------------------------------------------------------------------------------------

# The issue's words → tests: `Class.test` here, `stories: Class.test` in test_stories.py, `hsm: case` in tests/unit/hsm.
REFUSALS = {
    "wrong PIN (with what is known of the tries left)": ["Tokens.test_wrong_pin", "Tokens.test_last_try_is_said_before_the_pin_is_given", "Tokens.test_locked_pin"],
    "absent token": ["Tokens.test_absent_token"],
    "wrong token: other serial": ["Tokens.test_token_of_another_serial"],
    "wrong token: other CA": ["Tokens.test_token_of_another_ca", "OtherCa.test_backup_medium_and_token_of_another_ca"],
    "wrong token: other environment": ["Tokens.test_token_of_another_environment"],
    "token with an extra object": ["Tokens.test_token_with_an_extra_object"],
    "full token": ["Tokens.test_full_token", "Tokens.test_token_full_at_the_last_moment"],
    "token removed in the middle": ["Tokens.test_token_removed_in_the_middle", "hsm: a token that disappears under an open session is said to be gone, and nothing hangs"],
    "key label taken": ["hsm: an existing label or id is refused, and the key that has it stays"],
    "two keys under one label": ["Tokens.test_two_keys_under_one_label", "hsm: two keys under one label or one id are refused, never guessed between"],
    "medium absent": ["Media.test_absent_medium", "Media.test_medium_that_is_not_named_is_missed_before_anything_begins"],
    "medium full": ["Media.test_full_medium", "Media.test_full_ledger_is_a_deviation_and_comes_back_equal"],
    "medium read-only": ["Media.test_read_only_medium"],
    "medium swapped": ["Media.test_swapped_medium", "Media.test_swapped_backup_medium"],
    "output there already": ["Media.test_output_that_is_there_already", "stories: NothingIsOverwritten.test_a_share_never_lands_on_a_file_that_is_there"],
    "ledgers that differ: behind": ["Ledgers.test_ledger_that_is_behind"],
    "ledgers that differ: forked": ["Ledgers.test_forked_ledgers"],
    "ledgers that differ: edited": ["Ledgers.test_edited_ledger"],
    "clock jumps: back": ["Clock.test_clock_that_goes_back"],
    "clock jumps: a gap longer than the policy's": ["Clock.test_gap_longer_than_policy_allows"],
    "a share of another set": ["Media.test_share_of_another_set"],
    "a share of another CA": ["OtherCa.test_share_of_another_ca"],
    "a void share": ["Media.test_void_share"],
    "the same share twice": ["Media.test_the_same_share_twice", "stories: Media.test_another_persons_share_encrypted_to_oneself_is_named_with_whose_it_is"],
    "a person acting in a role they lack": ["People.test_a_person_in_a_role_they_lack"],
    "the same member approving twice": ["People.test_the_same_member_twice", "Approvals.test_a_member_who_has_approved_already"],
    "approvals fewer than M": ["People.test_fewer_approvals_than_m"],
    "a CSR with a bad self-signature": ["stories: Requests.test_bad_requests_are_refused_on_the_record_and_the_good_one_is_certified"],
    "a CSR with a weak key": ["stories: Requests.test_bad_requests_are_refused_on_the_record_and_the_good_one_is_certified"],
    "a CSR with a repeated key": ["stories: Requests.test_a_key_that_is_on_the_log_already_is_refused_in_a_later_ceremony",
                                  "stories: Requests.test_bad_requests_are_refused_on_the_record_and_the_good_one_is_certified"],
    "a CSR with wishes beyond the profile": ["stories: Requests.test_wishes_of_a_request_are_dropped_on_the_record"],
    "two CAs: ledger": ["OtherCa.test_ledger_of_another_ca"],
    "two CAs: credential medium": ["OtherCa.test_credential_medium_of_another_ca"],
    "two CAs: export medium": ["OtherCa.test_export_medium_of_another_ca"],
    "two CAs: backup medium": ["OtherCa.test_backup_medium_and_token_of_another_ca"],
}


class TheTable(unittest.TestCase):
    def test_every_refusal_of_the_issue_has_its_test(self):
        good = [words for words, tests in REFUSALS.items() if tests and all(exists(test, __file__) for test in tests)]
        print(f"counted: refusals: at run time: {len(good)} of {len(REFUSALS)}", file=sys.stderr)
        self.assertEqual(sorted(good), sorted(REFUSALS))

    def test_a_test_that_is_not_there_is_missed(self):
        self.assertFalse(exists("Tokens.test_nothing", __file__))
        self.assertFalse(exists("stories: Tokens.test_wrong_pin", __file__))
        self.assertFalse(exists("hsm: no such case", __file__))


if __name__ == "__main__":
    unittest.main()
