"""Refusals and second chances: what happens when people, media, tokens and requests are not as they should be."""
import base64
import datetime
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from story import FOLDER, SAVED, SIGNERS, WORLD, Story, setUpModule, tearDownModule, text_of_share
from support import BIN, PROCEDURES, Answers, Outcome, derived, endings, genesis_answers, issue_answers, opening_answers, passphrases, recover, run

SECOND_VERIFIER = pathlib.Path(__file__).resolve().parent / "second_verifier.py"


class Mistakes(Story):
    """One issuance in which people mistake themselves five times, and which completes all the same."""

    @classmethod
    def setUpClass(cls):
        world = WORLD.put_back(SAVED)
        (world.folder / "notes/wrong").write_text("not what was written down\n")
        slips = (Answers().give("members.activation", "c2 c2 c4").give("members.activation", "c2 w1 c4").give("members.activation", "c2 c4")
                 .give("members.activation", "c2 nobody c4").give("members.activation.refused", "again", 4)
                 .file("passphrase.c2", "notes/wrong").give("unlock.c2.refused", "again"))
        cls.outcome = world.run("issue-intermediates", issue_answers("a.csr").first(slips))
        world.save(FOLDER / "after-mistakes")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(FOLDER / "after-mistakes", ignore_errors=True)

    def setUp(self):
        self.world = WORLD.put_back(FOLDER / "after-mistakes")

    def test_after_all_second_chances_the_ceremony_completes(self):
        self.completes(self.outcome)

    def test_a_member_named_twice_counts_once(self):
        self.spoken(self.outcome, '"c2" is named twice', "each person counts once")

    def test_somebody_who_is_no_member_cannot_approve(self):
        self.spoken(self.outcome, '"w1" is not one of them', '"nobody" is not one of them', "choose among: c1 c2 c3 c4 c5")

    def test_two_of_three_are_not_enough(self):
        self.spoken(self.outcome, "2 of the 3 people needed are named")

    def test_a_wrong_passphrase_is_on_the_record_and_the_right_one_after_it_counts(self):
        approvals = [r for r in self.records("approve") if r["who"] == ["c2"]]
        self.assertEqual([r["res"] for r in approvals[:2]], ["fail", "ok"])
        self.assertIn("credential of c2", approvals[0]["d"]["reason"])
        self.assertNotIn("not what was written down", self.world.log())


def frames(payload, length, kind="Q"):
    """The QR frames of a payload, by the format page alone."""
    def base32(data):
        return base64.b32encode(data).decode().rstrip("=")

    sid, data = base32(hashlib.sha256(payload).digest())[:8], base32(payload)
    pieces = [data[i:i + length] for i in range(0, len(data), length)]
    bodies = [f"KCYZ1{kind}{sid}{i:02}{len(pieces):02}{piece}" for i, piece in enumerate(pieces, 1)]
    return [body + base32(hashlib.sha256(body.encode()).digest())[:4] for body in bodies]


class Frames(Story):
    def issue_from(self, *lines, name="qr-1"):
        answers = issue_answers(name)
        for line in lines:
            answers.give(f"frames.{name}", line)
        return self.world.no_requests().run("issue-intermediates", answers)

    def test_a_request_comes_as_frames_in_any_order_some_wrong_and_some_twice(self):
        request = (self.world.folder / "intake/a.csr").read_bytes()
        pages = frames(request, 200)
        self.assertGreater(len(pages), 3)
        other = frames(b"something else", 200)[0]
        damaged = pages[1][:-1] + ("A" if pages[1][-1] != "A" else "B")
        done = self.issue_from(pages[2], other, pages[2], damaged, *reversed([p for p in pages if p != pages[2]]))
        self.completes(done)
        self.assertIn("missing", done.out)
        (taken,) = self.records("import")
        self.assertEqual(taken["d"]["medium"], "qr")
        run("openssl", "req", "-in", self.world.ledgers[0] / "artifacts" / taken["d"]["csr"][:2] / taken["d"]["csr"],
            "-inform", "DER", "-verify", "-noout")

    def test_frames_of_another_kind_are_refused_by_name(self):
        done = self.issue_from(frames(b"a certificate", 200, kind="C")[0])
        self.assertEqual(done.code, 2, done)
        self.assertEqual(self.records("import"), [])


class Media(Story):
    def swap(self, change):
        """An issuance with something else on c2's medium, who hands in last; then the same with the right medium again."""
        medium = self.world.folder / "people/c2"
        shutil.copytree(medium, FOLDER / "medium-c2")
        try:
            change(medium)
            stopped = self.world.run("issue-intermediates", issue_answers("a.csr", quorum="c4 c5 c2"))
        finally:
            shutil.rmtree(medium)
            shutil.move(FOLDER / "medium-c2", medium)
        return stopped

    def put_share(self, medium, text, recipient):
        (medium / "share-activation-1.age").unlink()
        run("age", "-a", "-r", recipient, "-o", medium / "share-activation-1.age", input=text.encode(), stdin=None)

    def resume(self, quorum="c4 c5 c2"):
        answers = Answers().give("members.activation", quorum, 0)
        answers.entries += passphrases(SIGNERS).entries + endings(SIGNERS).entries
        return self.world.run("issue-intermediates", answers)

    def test_another_persons_share_file_is_named_and_not_used_and_the_right_one_completes(self):
        stopped = self.swap(lambda medium: shutil.copy(self.world.folder / "people/c4/share-activation-1.age", medium / "share-activation-1.age"))
        self.refused(stopped, "share of c2: none of the identities opens this file", "it is another person's file")
        failed = [r for r in self.records("hand-in") if r["res"] == "fail"]
        self.assertEqual([r["d"]["holder"] for r in failed], ["c2"])
        self.completes(self.resume())

    def test_another_persons_share_encrypted_to_oneself_is_named_with_whose_it_is(self):
        text, _ = text_of_share(self.world, "c4")
        _, mine = text_of_share(self.world, "c2")
        stopped = self.swap(lambda medium: self.put_share(medium, text, mine))
        self.refused(stopped, "share of c2", 'the share\'s holder is "c4", not "c2"')
        self.completes(self.resume("c1 c4 c5"))

    def test_an_altered_share_is_named(self):
        text, mine = text_of_share(self.world, "c2")
        words = re.search(r"^words: (.*)$", text, re.M)[1].split()
        words[10], words[11] = words[11], words[10]
        altered = re.sub(r"^words: .*$", "words: " + " ".join(words), text, flags=re.M)
        stopped = self.swap(lambda medium: self.put_share(medium, altered, mine))
        self.refused(stopped)
        reason = [r for r in self.records("hand-in") if r["res"] == "fail"][0]
        self.assertEqual(reason["d"]["holder"], "c2")
        for word in words:
            self.assertNotRegex(stopped.text + reason["d"]["reason"], rf'"{word}"')
        self.completes(self.resume())

    def test_another_persons_medium_is_told_by_its_credential(self):
        def other(medium):
            shutil.rmtree(medium)
            shutil.copytree(self.world.folder / "people/c3", medium)
            shutil.copy(self.world.folder / "notes/c3.credential", self.world.folder / "notes/c2.as-c3")

        medium = self.world.folder / "people/c2"
        shutil.copytree(medium, FOLDER / "medium-c2")
        other(medium)
        answers = issue_answers("a.csr").first(Answers().file("passphrase.c2", "notes/c2.as-c3"))
        stopped = self.world.run("issue-intermediates", answers)
        self.refused(stopped, 'the credential on this medium belongs to "c3"', "insert the medium of c2")
        shutil.rmtree(medium)
        shutil.move(FOLDER / "medium-c2", medium)
        self.completes(self.resume())

    def test_an_empty_folder_in_place_of_a_ledger_is_not_taken_for_one(self):
        shutil.rmtree(self.world.ledgers[1])
        self.world.ledgers[1].mkdir()
        self.refused(self.world.run("issue-intermediates", issue_answers("a.csr")), "ledger-2")
        self.assertEqual(list(self.world.ledgers[1].iterdir()), [])

    def test_an_edited_ledger_is_refused_and_the_record_named(self):
        log = self.world.ledgers[1] / "transcript.log"
        log.write_bytes(log.read_bytes().replace(b'"name_c3', b'"name_c4').replace(b'"person":"c3"', b'"person":"c9"'))
        self.refused(self.world.run("issue-intermediates", issue_answers("a.csr")), "ledger-2", "record ")


class NothingIsOverwritten(Story):
    def fresh(self):
        shutil.rmtree(self.world.folder)
        return self.world.create()

    def test_a_share_never_lands_on_a_file_that_is_there(self):
        precious = self.fresh().folder / "people/c3/share-activation-1.age"
        precious.parent.mkdir(parents=True)
        precious.write_text("another CA's share\n")
        self.refused(self.world.run("root-genesis", genesis_answers()), "c3", "share-activation-1.age")
        self.assertEqual(precious.read_text(), "another CA's share\n")

    def test_an_export_never_lands_on_a_file_that_is_there(self):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        files = [self.fresh().folder / "public" / f"{today + datetime.timedelta(n)}-root-genesis" / "certs/root.pem" for n in (0, 1)]
        for precious in files:
            precious.parent.mkdir(parents=True)
            precious.write_text("another root\n")
        self.refused(self.world.run("root-genesis", genesis_answers()), "public", "certs/root.pem")
        self.assertEqual({p.read_text() for p in files}, {"another root\n"})

    def test_a_genesis_is_not_begun_on_a_log_that_has_one(self):
        before = self.world.log()
        outcome = self.world.run("root-genesis", genesis_answers())
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertFalse(outcome.completed)
        self.assertTrue(self.world.log().startswith(before))
        self.assertEqual(len(self.records("keygen")), 2)


class AnswersFiles(Story):
    def test_an_answer_that_was_not_asked_for_is_named(self):
        answers = issue_answers("a.csr").give("compare.g1", "yes")
        outcome = self.world.run("issue-intermediates", answers)
        self.assertEqual(outcome.code, 2, outcome)
        self.spoken(outcome, 'the answer to "compare.g1" was never used', "answers.toml:")
        self.consistent()

    def test_a_question_without_an_answer_ends_the_run_and_is_named(self):
        before = self.world.size()
        self.refused(self.world.run("issue-intermediates", issue_answers("a.csr").without(r"compare\.w1")), 'no answer is left for the question "compare.w1"')
        self.assertEqual(self.world.size(), before, "nothing was recorded")

    def test_a_secret_is_not_taken_from_the_answers_file_itself(self):
        self.refused(self.world.run("issue-intermediates", issue_answers("a.csr").without(r"passphrase\.c2").give("passphrase.c2", "abc", 0)),
                     "is a secret, and stands in the answers file itself")

    def test_mistakes_of_an_answers_file_are_listed_together(self):
        outcome = self.world.run("issue-intermediates", '[[answer]]\nquestion = "clock"\n\n[[answer]]\ngive = "yes"\ncolour = "red"\n')
        self.refused(outcome, "answers.toml:2:1", "answers.toml:4:1", "answers.toml:6:1", "colour")


class Policies(Story):
    def test_a_production_policy_takes_no_answers_file(self):
        before = self.world.log()
        self.refused(self.world.run("root-genesis", genesis_answers(), policy=PROCEDURES / "policy-production.toml"), "a production policy takes no answers file")
        self.assertEqual(self.world.log(), before)

    def test_a_production_policy_takes_no_folders_as_media(self):
        self.refused(self.world.run("root-genesis", None, policy=PROCEDURES / "policy-production.toml"), "a production policy takes no folders as media")
        # Disks it would take; here is nobody who mounts them.
        command = self.world.command("root-genesis", None, policy=PROCEDURES / "policy-production.toml") + ["--disks"]
        done = subprocess.run(command, env=self.world.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        self.refused(Outcome(done.returncode, done.stdout, done.stderr), "there is no program that mounts disks", "start this one by it, as root: ceremony-mounter --user UID")

    def test_a_policy_that_lets_what_is_absolute_be_waived_is_refused(self):
        policy = self.world.folder / "policy.toml"
        text = (PROCEDURES / "policy-rehearsal.toml").read_text()
        self.assertEqual(text.count('rules = ["LOG-3"'), 1)
        policy.write_text(text.replace('rules = ["LOG-3"', 'rules = ["QUORUM-1", "NONE-1", "LOG-3"'))
        sentences = ('[waivers]: the rule "QUORUM-1" is absolute: nobody can waive it', 'the rule "NONE-1" does not exist', "these can be waived: LOG-3, ")
        self.refused(self.world.run("issue-intermediates", issue_answers("a.csr"), policy=policy), *sentences)
        checked = subprocess.run([BIN / "ceremony-rehearsal", "check", policy], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 1)
        for sentence in sentences:
            self.assertIn(sentence, checked.stderr)

    def test_every_mistake_of_a_policy_is_listed_with_its_place_before_anything_is_touched(self):
        text = (PROCEDURES / "policy-rehearsal.toml").read_text()
        mistakes = {'algorithm = "p384"': 'algorithm = "p521"', "years = 25": 'years = "many"', "next_update_days = 180": "next_update_days = -1",
                    'g3 = ["governance"]': 'g3 = ["governor"]', "media = 2": "media = 2\ncolour = 1"}
        for good, bad in mistakes.items():
            self.assertEqual(text.count(good), 1, good)
            text = text.replace(good, bad)
        policy = self.world.folder / "policy.toml"
        policy.write_text(text)
        lines = [text[:text.index(bad.split("\n")[-1])].count("\n") + 1 for bad in mistakes.values()]
        shutil.rmtree(self.world.ledgers[0])
        outcome = self.world.run("root-genesis", genesis_answers(), policy=policy)
        self.refused(outcome)
        for line in lines:
            self.assertRegex(outcome.err, rf"policy\.toml:{line}:\d+")
        self.assertFalse(self.world.ledgers[0].exists())

    def test_another_policy_than_the_adopted_one_is_refused(self):
        policy = self.world.folder / "policy.toml"
        policy.write_text((PROCEDURES / "policy-rehearsal.toml").read_text().replace("longest_gap_days = 400", "longest_gap_days = 399"))
        self.assertFalse(self.world.run("issue-intermediates", issue_answers("a.csr"), policy=policy).completed)
        self.assertEqual(self.records("issue")[1:], [])


class Tokens(Story):
    def test_the_token_of_another_ca_is_not_used(self):
        store = self.world.folder / "tokens/store"
        shutil.rmtree(store)
        store.mkdir()
        run("softhsm2-util", "--init-token", "--free", "--label", "ceremony-root", "--so-pin", "12345678", "--pin", "12345678", env=self.world.environment())
        serial = self.records("keygen")[0]["d"]["token"]
        self.refused(self.world.run("issue-intermediates", issue_answers("a.csr")), serial)
        self.assertEqual(len(self.records("issue")), 1)

    def test_a_log_that_is_older_than_what_the_token_remembers_is_refused(self):
        self.completes(self.world.run("issue-intermediates", issue_answers("a.csr")))
        shutil.copytree(self.world.folder / "tokens/store", FOLDER / "newer-store")
        self.world.put_back(SAVED)
        shutil.rmtree(self.world.folder / "tokens/store")
        shutil.move(FOLDER / "newer-store", self.world.folder / "tokens/store")
        self.refused(self.world.run("issue-intermediates", issue_answers("a.csr")), "LOG-5")
        self.assertEqual(len(self.records("issue")), 1)

    def test_something_strange_on_the_token_is_seen_before_anything_is_signed(self):
        # Who holds the PIN can put things on the token; three custodians can make the PIN with age and shamir alone.
        shares = []
        for person in ("c1", "c2", "c3"):
            text, _ = text_of_share(self.world, person)
            shares.append(re.search(r"^words: (.*)$", text, re.M)[1].split())
        pin = base64.b32encode(derived(recover(shares), "ceremony/user-pin/v1", 20)).decode()
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.world.folder / "strange.pem")
        run("softhsm2-util", "--import", self.world.folder / "strange.pem", "--token", "ceremony-root", "--label", "strange", "--id", "ABCD", "--pin", pin,
            env=self.world.environment())
        outcome = self.world.run("issue-intermediates", issue_answers("a.csr"))
        self.refused(outcome, "TOKEN-2", "strange")
        self.assertEqual(len(self.records("issue")), 1)
        self.assertNotIn(pin, outcome.text + self.world.log())


class Requests(Story):
    def test_bad_requests_are_refused_on_the_record_and_the_good_one_is_certified(self):
        self.world.request("b.csr", key=("rsa:2048",), common_name="Weak Issuing CA")
        bad = self.world.request("c.csr", common_name="Altered Issuing CA")
        der = bytearray(run("openssl", "req", "-in", bad, "-outform", "DER"))
        der[der.index(b"Altered")] ^= 0x20
        bad.write_bytes(bytes(der))
        shutil.copy(self.world.folder / "intake/a.csr", self.world.folder / "intake/d.csr")
        run("openssl", "req", "-new", "-key", self.world.folder / "tokens/a.csr.key", "-out", self.world.folder / "intake/e.csr",
            "-subj", "/C=CH/O=Example REHEARSAL/CN=Second Name Issuing CA")
        (self.world.folder / "intake/f.csr").write_bytes(b"no request at all")
        answers = issue_answers("a.csr", refused=("b.csr", "c.csr", "e.csr", "f.csr"))  # d.csr is a copy of a.csr: nobody is asked
        for name in "bcef":
            answers.give(f"csr.{name}.csr.refused", "again")
        outcome = self.world.run("issue-intermediates", answers)
        self.completes(outcome)
        self.spoken(outcome, 'the request "d.csr" is taken in already')
        imports = self.records("import")
        self.assertEqual([r["res"] for r in imports], ["ok", "fail", "fail", "fail", "fail"], imports)
        self.assertEqual(len(self.records("issue")), 2, "the root and one intermediate")
        for record, reason in zip(imports[1:], ("2048 bits", "the self-signature is not good", "already on the log", "neither as PEM nor as DER"), strict=True):
            self.assertIn(reason, record["d"]["reason"])

    def test_wishes_of_a_request_are_dropped_on_the_record(self):
        self.world.no_requests().request("a.csr", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "subjectAltName=DNS:wish.example.com",
                                         "-addext", "keyUsage=critical,digitalSignature")
        self.completes(self.world.run("issue-intermediates", issue_answers("a.csr")))
        dropped = " ".join(self.records("import")[0]["d"]["dropped"])
        for wish in ("basicConstraints", "subjectAltName", "keyUsage"):
            self.assertIn(wish, dropped)
        certificate = next(self.world.folder.glob("factory-a/bundle-*/certs/issuing.pem"))
        text = run("openssl", "x509", "-in", certificate, "-noout", "-text").decode()
        self.assertNotIn("wish.example.com", text)
        self.assertIn("CA:TRUE, pathlen:0", text)
        self.assertIn("Certificate Sign, CRL Sign", text)

    def test_a_key_that_is_on_the_log_already_is_refused_in_a_later_ceremony(self):
        self.completes(self.world.run("issue-intermediates", issue_answers("a.csr")))
        self.refused(self.world.run("issue-intermediates", issue_answers("a.csr")), "the public key is already on the log", "Story Issuing CA", "have the request made again with a new key pair")

    def test_a_request_of_a_company_that_does_not_say_rehearsal_is_marked_and_certified(self):
        path = self.world.no_requests().folder / "intake/a.csr"
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", self.world.folder / "tokens/a.key", "-out", path,
            "-subj", "/C=NO/O=Nordlicht Pumps/CN=Nordlicht Issuing CA")
        self.completes(self.world.run("issue-intermediates", issue_answers("a.csr")))
        subject = "CN=Nordlicht Issuing CA, O=REHEARSAL Nordlicht Pumps, C=NO"
        self.assertEqual(self.records("import")[0]["d"]["subject"], subject)
        self.assertEqual(self.records("issue")[-1]["d"]["subject"], subject)
        second = subprocess.run([sys.executable, "-B", SECOND_VERIFIER, str(self.world.ledgers[0]), "--pin", self.world.pin()], capture_output=True, text=True, check=False)
        self.assertEqual(second.returncode, 0, second.stdout)

    def test_a_factory_medium_that_is_named_wrongly_is_named_again(self):
        slips = (Answers().give("recipient.a.csr", "factory-x").give("recipient.a.csr", "c1").give("recipient.a.csr.refused", "again", 2))
        outcome = self.world.run("issue-intermediates", issue_answers("a.csr").first(slips))
        self.completes(outcome)
        self.spoken(outcome, 'there is no medium called "factory-x"', 'the medium "c1" is a person\'s own', "name the medium that goes to the factory")

    def test_a_step_that_was_refused_half_way_prepares_nothing_twice(self):
        # The linter fails once, at the second of two certificates; each is signed once all the same.
        zlint, folder = shutil.which("zlint"), self.world.folder / "tokens"
        shutil.copy(zlint, folder / "zlint")
        fake = folder / "fake-zlint"
        fake.write_text(f'#!/bin/sh\ncase "$*" in *version*) exec {folder}/zlint "$@";; esac\necho >>{folder}/linted\n[ $(wc -l <{folder}/linted) != 2 ] || exit 1\nexec {folder}/zlint "$@"\n')
        fake.chmod(0o700)
        self.world.request("b.csr", common_name="Another Issuing CA")
        answers = issue_answers("a.csr", "b.csr").give("step.prepare-certificates.refused", "again")
        self.completes(self.world.run("issue-intermediates", answers, mounts=[f"mount --bind '{fake}' '{zlint}'"]))
        self.assertEqual(len(self.records("issue")), 3, "the root and two intermediates")
        self.assertEqual(len([r for r in self.records("intent") if r["d"]["act"] == "sign-certificate"]), 3)

    def test_requests_come_in_folders_and_in_archives(self):
        intake = self.world.no_requests().folder / "intake"
        for name in ("a", "b", "c"):
            self.world.request(f"{name}.csr", common_name=f"Issuing CA {name.upper()}")
        (intake / "line-1").mkdir()
        (intake / "a.csr").rename(intake / "line-1/a.csr")
        pack = "tar -P --format=ustar -cf - {} | zstd -q -19 -o {}.tar.zst"
        run("sh", "-ec", f"cd '{intake}'; ln -s c.csr link.csr; {pack.format('b.csr', 'requests')}; {pack.format('../intake/c.csr', 'climbing')}; "
                         f"{pack.format('link.csr', 'linked')}; rm b.csr c.csr link.csr")
        answers = issue_answers("line-1/a.csr", "requests.tar.zst/b.csr").give("csr.linked.tar.zst.refused", "again").give("csr.climbing.tar.zst.refused", "again")
        outcome = self.world.run("issue-intermediates", answers)
        self.completes(outcome)
        self.spoken(outcome, "a name that climbs with", "regular files only")
        self.assertEqual(sorted(r["d"]["subject"].split(",")[0] for r in self.records("issue"))[1:], ["CN=Issuing CA A", "CN=Issuing CA B"])
        self.assertEqual([r["res"] for r in self.records("import")], ["fail", "fail", "ok", "ok"])

    def test_a_ceremony_without_requests_stops_and_is_aborted(self):
        self.world.no_requests()
        answers = opening_answers().give("step.take-csrs.refused", "abort").give("absent", "")
        answers.entries += passphrases(SIGNERS).entries
        outcome = self.world.run("issue-intermediates", answers)
        self.assertEqual(outcome.code, 1, outcome)
        self.spoken(outcome, "there is no certification request on the medium", "put *.csr files")


if __name__ == "__main__":
    unittest.main()
