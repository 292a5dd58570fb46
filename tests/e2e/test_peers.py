"""Every failure that was seen in other tools has a test with its name that shows we do not have it.

The table at the end maps each item to its tests: here, in the other end-to-end files, or in the unit tests."""
import re
import shutil
import sys
import unittest

import story
from faults import Faults, both
from story import FOLDER, SAVED, WORLD, Story, tearDownModule
from support import BIN, PROCEDURES, Answers, derived, genesis_answers, issue_answers, recover, run
from table import exists

FAULTS = Faults(FOLDER / "faults")
BATCH = 20
SAID = []  # what the programs of this file said, for the tests of how it is said


def setUpModule():
    # The CA of these stories signs in batches: its governance adopted a procedure that says so.
    WORLD.procedures = FOLDER / "procedures"
    shutil.copytree(PROCEDURES, WORLD.procedures)
    issuance = WORLD.procedures / "issue-intermediates.toml"
    text = issuance.read_text()
    if text.count('args = { as = "each" }') != 1:
        raise AssertionError("the procedure says otherwise how it approves")
    issuance.write_text(text.replace('args = { as = "each" }', 'args = { as = "batch" }'))
    story.setUpModule()


class Peer(Story):
    def issue(self, *names, slips=None, **options):
        answers = issue_answers(*(names or ("a.csr",)))
        return self.said(self.world.run("issue-intermediates", answers.first(slips) if slips else answers, **options))

    def said(self, outcome):
        SAID.append(outcome)
        return outcome

    def genesis(self, **options):
        return self.said(self.world.run("root-genesis", genesis_answers(), **options))

    def fresh(self):
        shutil.rmtree(self.world.folder)
        return self.world.create()

    def goes_on(self, outcome):
        self.said(outcome)
        self.spoken(outcome)
        self.assertTrue(outcome.completed, outcome)
        for line in outcome.err.splitlines():
            self.assertRegex(line, r'the answer to "[^"]*" was (never used|used \d+ of)|hint: take it out of the file', outcome)
        self.consistent()

    def keys_on_the_token(self):
        return len(list((self.world.folder / "tokens/store").rglob("*.object")))

    def serials_issued(self):
        return {r["d"]["serial"] for r in self.records("issue")}


class FoundTooLate(Peer):
    """Found after the key was generated; the orphan stays, and the re-run is refused."""

    def nothing_was_made(self):
        self.assertEqual(self.keys_on_the_token(), 0)
        if self.world.size():
            self.assertEqual(self.records("keygen") + self.records("init"), [])

    def changed(self, name, old, new):
        procedures = self.world.folder / "procedures"
        shutil.copytree(PROCEDURES, procedures)
        file = procedures / name
        self.assertIn(old, file.read_text())
        file.write_text(file.read_text().replace(old, new, 1))
        return procedures

    def test_a_bad_month_a_misspelt_key_usage_and_a_wrong_signature_algorithm(self):
        for name, old, new, sentence in (
                ("policy-rehearsal.toml", "years = 25", 'years = "2051-13-01"', r"policy-rehearsal\.toml:\d+:\d+"),
                ("profiles/root-generic.toml", '"keyCertSign"', '"keyCertSing"', r"root-generic\.toml:\d+:\d+: .*keyCertSing"),
                ("profiles/root-generic.toml", '"ecdsa-sha384"', '"ecdsa-sha1"', r"root-generic\.toml:\d+:\d+: .*ecdsa-sha1"),
                ("policy-rehearsal.toml", 'algorithm = "p384"', 'algorithm = "p521"', r"policy-rehearsal\.toml:\d+:\d+: .*p521")):
            with self.subTest(new):
                self.fresh()
                procedures = self.changed(name, old, new)
                stopped = self.genesis(policy=procedures / "policy-rehearsal.toml", procedures=procedures)
                self.refused(stopped)
                self.assertRegex(stopped.err, sentence)
                self.assertEqual(self.world.size(), 0)
                self.nothing_was_made()

    def test_a_validity_longer_than_the_profile_allows(self):
        self.fresh()
        procedures = self.changed("policy-rehearsal.toml", "years = 25", "years = 31")
        stopped = self.genesis(policy=procedures / "policy-rehearsal.toml", procedures=procedures)
        self.refused(stopped, "it is valid for more than ")
        self.nothing_was_made()

    def test_a_lint_error(self):
        # A zlint that finds something in every certificate.
        self.fresh()
        real = FOLDER / "zlint"
        shutil.copy("/usr/bin/zlint", real)
        fake = FOLDER / "fake-zlint"
        fake.write_text(f"""#!/bin/sh\n{real} "$@" | /usr/bin/sed 's/"e_ca_subject_field_empty":{{"result":"pass"/"e_ca_subject_field_empty":{{"result":"error"/'\n""")
        fake.chmod(0o755)
        stopped = self.genesis(mounts=[f"mount --bind '{fake}' /usr/bin/zlint"])
        self.refused(stopped, "e_ca_subject_field_empty")
        self.nothing_was_made()
        self.goes_on(self.world.run("root-genesis", genesis_answers()))

    def test_an_orphan_key_does_not_block_the_next_run(self):
        # The key is on the token, and the token goes before the key has proven itself or is recorded.
        self.fresh()
        stopped = self.genesis(**FAULTS.token("C_Sign 1 removed"))
        self.refused(stopped)
        self.assertIn("C_GenerateKeyPair", FAULTS.lines())
        self.assertEqual(self.records("keygen")[-1]["res"], "fail")
        self.goes_on(self.world.run("root-genesis", genesis_answers()))
        self.assertEqual(len([r for r in self.records("keygen") if r["res"] == "ok"]), 2)


class WrittenTooEarly(Peer):
    def test_a_certificate_whose_signature_is_bad_is_nowhere(self):
        before = {p for ledger in self.world.ledgers for p in (ledger / "artifacts").rglob("*")}
        stopped = self.issue(**FAULTS.token("C_Sign 1 garbled"))
        self.refused(stopped)
        self.assertEqual([r["res"] for r in self.records("result")][-1], "fail")
        self.assertEqual(list(self.world.folder.glob("factory-a/bundle-*")), [])
        for path in {p for ledger in self.world.ledgers for p in (ledger / "artifacts").rglob("*") if p.is_file()} - before:
            done = path.read_bytes()
            self.assertFalse(done.startswith(b"\x30") and b"Story Issuing CA" in done and len(done) > 700, f"{path} may be a certificate")
        self.goes_on(self.world.run("issue-intermediates", issue_answers("a.csr")))

    def test_the_roots_own_key_is_not_certified_as_an_intermediates(self):
        # Three recovery shares and a backup give the root key to anybody who holds them; they make a request with it.
        shares = []
        for person in ("c1", "c2", "c3"):
            text = self.world.open_age(self.world.folder / "people" / person / "share-recovery-1.age", self.world.note(f"{person}.share"), FOLDER / "share")
            shares.append(re.search(r"^words: (.*)$", text, re.M)[1].split())
            (FOLDER / "share").unlink()
        kek = derived(recover(shares), "ceremony/kek/v1", 32).hex()
        key = self.world.folder / "tokens/root.pk8"
        run("openssl", "enc", "-d", "-id-aes256-wrap-pad", "-K", kek, "-iv", "A65959A6", "-in", next(self.world.folder.glob("backup-1/backup/*.kwp")), "-out", key)
        run("openssl", "req", "-new", "-key", key, "-keyform", "DER", "-out", self.world.no_requests().folder / "intake/a.csr", "-subj", "/C=CH/O=Example REHEARSAL/CN=Root In Disguise")
        stopped = self.issue()
        self.refused(stopped, 'it is that of this CA\'s own key "root"', "have the request made again with a new key pair")
        self.assertEqual(len(self.serials_issued()), 1)


class Batch(Peer):
    """Killed in a batch: signatures, and no record of one."""

    def test_killed_in_a_batch_no_signature_is_without_its_record(self):
        self.world.no_requests()
        names = [f"{n:02}.csr" for n in range(BATCH)]
        for n, name in enumerate(names):
            self.world.request(name, common_name=f"Batch {n} Issuing CA")
        at = 9
        killed = self.world.run("issue-intermediates", issue_answers(*names), **FAULTS.token(f"C_Sign {at} killed"))
        self.assertIn(killed.code, (-9, 137), killed)
        self.assertEqual(FAULTS.lines().count("C_Sign"), at)
        self.assertEqual(len(self.records("intent")[-1:]), 1)
        self.assertEqual(self.records("intent")[-1]["d"]["act"], "sign-batch")
        self.goes_on(self.world.run("issue-intermediates", issue_answers(*names)))
        issued = [r["d"] for r in self.records("issue")][1:]
        self.assertEqual(len({d["spki_sha256"] for d in issued}), BATCH, "each request has its certificate")
        self.assertEqual(len(issued), BATCH, "and none has two")
        maybe = {r["d"]["found"] for r in self.records("reconcile") if r["d"]["outcome"] == "maybe-issued"}
        # What the HSM signed before the power went is on the log as issued, or on the CRL as perhaps issued.
        self.assertGreaterEqual(len(maybe) + len([d for d in issued if d["intent"] == self.first_batch()]), at)
        crl = next(self.world.folder.glob("factory-a/bundle-*/crl/*.crl"))
        listed = run("openssl", "crl", "-inform", "DER", "-in", crl, "-noout", "-text").decode().lower()
        for serial in maybe:
            self.assertIn(f"serial number: {serial}", listed)
        self.assertFalse(maybe & self.serials_issued())

    def first_batch(self):
        return next(r["d"]["id"] for r in self.records("intent") if r["d"]["act"] == "sign-batch")


class Lost(Peer):
    """Existing output truncated by a wrong PIN, deleted by a bad CSR, overwritten by a second run."""

    @classmethod
    def setUpClass(cls):
        world = WORLD.put_back(SAVED)
        outcome = world.run("issue-intermediates", issue_answers("a.csr"), **both(FAULTS.watched(), FAULTS.token(), FAULTS.watched()))
        cls.outcome, cls.watched = outcome, FAULTS.lines()
        world.no_requests().request("b.csr", common_name="Second Issuing CA")
        world.save(FOLDER / "after-first")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(FOLDER / "after-first", ignore_errors=True)

    def setUp(self):
        self.world = WORLD.put_back(FOLDER / "after-first")
        self.output = {p: p.read_bytes() for place in ("factory-a", "factory-b", "public", "backup-1", "backup-2", "people") for p in (self.world.folder / place).rglob("*") if p.is_file()}
        self.artifacts = {p: p.read_bytes() for ledger in self.world.ledgers for p in (ledger / "artifacts").rglob("*") if p.is_file()}
        self.line = self.world.log()

    def untouched(self):
        for path, content in (self.output | self.artifacts).items():
            self.assertEqual(path.read_bytes(), content, path)
        self.assertTrue(self.world.log().startswith(self.line))

    def test_a_wrong_pin_leaves_all_output_as_it_is(self):
        self.refused(self.issue("b.csr", **FAULTS.token("C_Login 1 wrong-pin")), "the user PIN is wrong")
        self.untouched()

    def test_a_bad_request_leaves_all_output_as_it_is(self):
        bad = self.world.folder / "intake/b.csr"
        bad.write_bytes(bad.read_bytes()[:200])
        self.refused(self.issue("b.csr"))
        self.untouched()

    def test_a_second_run_overwrites_nothing(self):
        self.completes(self.issue("b.csr"))
        self.untouched()
        self.assertEqual(len(list(self.world.folder.glob("factory-a/bundle-*/MANIFEST"))), 2)

    def test_everything_is_flushed_before_it_counts(self):
        self.completes(self.outcome)
        flushed, last = set(), []
        for line in self.watched:
            what, _, path = line.partition(" ")
            if what == "from":
                # Content first, then the name, then the folder.
                self.assertIn(path, flushed, line)
                flushed.discard(path)
            elif what == "rename":
                flushed.add(path)
                last.append(path)
            elif what in ("fsync", "fdatasync"):
                flushed.add(path)
        written = [p for p in self.output if p.is_relative_to(self.world.folder / "factory-a")]
        self.assertGreater(len(written), 15)
        for path in written:
            self.assertIn(str(path), last)
            self.assertIn(str(path.parent), flushed)
        # Before each signature the newest records are on both ledgers.
        logs = [str(ledger / "transcript.log") for ledger in self.world.ledgers]
        signatures = [n for n, line in enumerate(self.watched) if line == "C_Sign"]
        self.assertGreaterEqual(len(signatures), 3, "a certificate, a CRL, a checkpoint")
        begin = 0
        for n in signatures:
            for log in logs:
                self.assertIn(f"fdatasync {log}", self.watched[begin:n])
            begin = n


class SaidBadly(Peer):
    def test_whole_runs_end_with_nothing_but_their_last_sentence(self):
        # A segmentation fault after the work was done shows in the exit code, and nowhere else.
        done = self.issue()
        self.assertEqual((done.code, done.err), (0, ""), done)
        self.assertIn("The ceremony is closed and signed", done.out.splitlines()[-1])
        self.consistent()

    def test_nothing_said_is_a_wall_of_hex_or_a_programmers_word(self):
        self.issue()
        self.issue("nothing.csr")
        outcomes = [*SAID, self.world.verify(), self.world.verify(next(self.world.folder.glob("factory-a/bundle-*/")))]
        status = run(BIN / "ceremony-rehearsal", "status", "--ledger", self.world.ledgers[0]).decode()
        lines = [line for outcome in outcomes for line in outcome.text.splitlines()] + status.splitlines()
        self.assertGreater(len(lines), 200)
        for line in lines:
            self.assertNotRegex(line, r"[0-9a-fA-F]{129}", "more hex than two digests side by side")
            self.assertLess(len(line), 1000)
            self.assertNotRegex(line, r"%!|<nil>|\bnil\b|\(null\)|nullptr|\bNone\b|CKR_GENERAL_ERROR$|terminate called|what\(\)")
        for outcome in outcomes:
            errors, hints = outcome.text.count("error: "), outcome.text.count("hint: ")
            self.assertLessEqual(min(errors, 1), hints, outcome)


class Shares(Peer):
    def test_every_share_is_read_back_not_a_threshold_of_them(self):
        shares = {(r["d"]["set"], r["d"]["index"]) for r in self.records("share")}
        back = [(r["d"]["set"], r["d"]["index"]) for r in self.records("hand-in") if r["d"]["purpose"] == "read-back"]
        self.assertEqual(len(shares), 10)
        self.assertEqual(sorted(back), sorted(shares))
        needed = next(n for n, r in enumerate(self.records()) if r["ev"] == "keygen")
        self.assertGreater(needed, max(n for n, r in enumerate(self.records()) if r["ev"] == "hand-in" and r["d"]["purpose"] == "read-back"))

    def test_one_bad_share_beyond_the_threshold_stops_the_genesis(self):
        # The share of c5, which no ceremony would need: another person's file lies in its place when it is read back.
        self.fresh()
        answers = genesis_answers().without("passphrase.c5").first(Answers().file("passphrase.c5", "notes/c5.credential", 1))
        self.refused(self.world.run("root-genesis", answers), '"passphrase.c5"')
        before = [r["d"]["holder"] for r in self.records("hand-in")]
        self.assertNotIn("c5", before)
        self.assertEqual(self.records("keygen"), [])


class Media(Peer):
    def test_a_script_on_a_medium_is_never_run(self):
        flag = self.world.folder / "it-ran"
        for name in ("a.csr", "autorun.sh", "run", "b.pem"):
            file = self.world.folder / "intake" / name
            file.unlink(missing_ok=True)
            file.write_text(f"#!/bin/sh\ntouch '{flag}'\n")
            file.chmod(0o755)
        slips = Answers()
        for name in ("a.csr", "b.pem"):
            slips.give(f"profile.{name}", "issuing-generic").give(f"recipient.{name}", "factory-a").give(f"csr.{name}.refused", "again")
        stopped = self.issue("nothing.csr", slips=slips)
        self.refused(stopped, "no request was taken in; on the medium there are 2")
        self.assertEqual([r["res"] for r in self.records("import")], ["fail", "fail"])
        self.assertFalse(flag.exists())

    def test_another_logs_good_signature_does_not_vouch_for_ours(self):
        # A signed note that verifies, of another log: it has its signature, and it is not about this ledger.
        self.completes(self.issue())
        ledger = FOLDER / "vouched"
        shutil.copytree(self.world.ledgers[0], ledger)
        pin, note = self.world.pin(), (ledger / "checkpoint").read_text()
        self.world.put_back(SAVED)
        (ledger / "checkpoint").write_text((self.world.ledgers[0] / "checkpoint").read_text())
        older = self.world.verify(ledger, pin)
        self.assertEqual(older.code, 1, older)
        self.spoken(older, "LOG-")
        (ledger / "checkpoint").write_text(note.replace("devices-g1", "devices-g2"))
        self.assertNotEqual(self.world.verify(ledger, pin).code, 0)
        (ledger / "checkpoint").write_text(note)
        self.assertEqual(self.world.verify(ledger, pin).code, 0)
        shutil.rmtree(ledger)

    def test_a_backup_that_reads_back_otherwise_stops_the_genesis(self):
        self.fresh()
        answers = genesis_answers().without("members.recovery").first(Answers().give("members.recovery", "c2 c3 c4"))
        self.refused(self.world.run("root-genesis", answers), '"members.recovery"')
        blob = next((self.world.folder / "backup-1").rglob("*.kwp"))
        good = blob.read_bytes()
        blob.write_bytes(good[:20] + bytes([good[20] ^ 1]) + good[21:])
        stopped = self.genesis()
        self.refused(stopped, 'the backup on medium "backup-1" is not the one on the log')
        self.assertEqual(self.records("restore")[-1]["res"], "fail")
        self.assertEqual(self.records("issue"), [])
        blob.write_bytes(good)
        self.goes_on(self.world.run("root-genesis", genesis_answers()))


# --- the table ---------------------------------------------------------------------------------------------------------------

# What was seen → tests: `Class.test` here, `FILE: Class.test` in test_FILE.py, `FOLDER: case` in tests/unit/FOLDER.
FAILURES = {
    "found too late: bad month in a date": ["FoundTooLate.test_a_bad_month_a_misspelt_key_usage_and_a_wrong_signature_algorithm", "ground: a time has one spelling"],
    "found too late: misspelt key usage": ["FoundTooLate.test_a_bad_month_a_misspelt_key_usage_and_a_wrong_signature_algorithm",
                                           "pki: found too late by a peer: a misspelt key usage is found when the profile is read"],
    "found too late: wrong signature algorithm": ["FoundTooLate.test_a_bad_month_a_misspelt_key_usage_and_a_wrong_signature_algorithm"],
    "found too late: over-long validity": ["FoundTooLate.test_a_validity_longer_than_the_profile_allows"],
    "found too late: lint error": ["FoundTooLate.test_a_lint_error", "pki: only what lint accepts becomes a LintedCertificate"],
    "found too late: absent output folder": ["refusals: Media.test_medium_that_is_not_named_is_missed_before_anything_begins"],
    "found too late: the orphan key stays and the re-run is refused": ["FoundTooLate.test_an_orphan_key_does_not_block_the_next_run",
                                                                       "refusals: Tokens.test_full_token"],
    "found too late: P-521 accepted, then unusable": ["FoundTooLate.test_a_bad_month_a_misspelt_key_usage_and_a_wrong_signature_algorithm",
                                                      "pki: keys of other kinds are refused by name"],
    "found too late: a panic on a late check": ["WrittenTooEarly.test_a_certificate_whose_signature_is_bad_is_nowhere", "pki: a plan that cannot be encoded is refused"],
    "written too early: a certificate on disk although the tool exits 1": ["WrittenTooEarly.test_a_certificate_whose_signature_is_bad_is_nowhere",
                                                                          "pki: a certificate whose signature does not verify gets no VerifiedCertificate"],
    "written too early: a certificate over the root's own key": ["WrittenTooEarly.test_the_roots_own_key_is_not_certified_as_an_intermediates",
                                                                 "state: CERT-6, CERT-7: whose key it is"],
    "let through: CRL number going backwards": ["pki: each CRL check names its id, and no other", "state: CRL: what is revoked"],
    "let through: a certificate of another CA in the CRL": ["pki: each CRL check names its id, and no other", "state: CRL: what is revoked"],
    "let through: an intermediate that starts before or outlives its root": ["pki: each certificate check names its id, and no other", "state: CERT: what is signed"],
    "let through: CSR self-signature not checked": ["pki: let through by a peer: a CSR whose self-signature is bad", "state: CERT-6, CERT-7: whose key it is"],
    "let through: a bad CSR silently dropped from a batch with exit 0": ["stories: Requests.test_bad_requests_are_refused_on_the_record_and_the_good_one_is_certified"],
    "let through: CA:TRUE and SANs copied from the CSR": ["pki: let through by a peer: CA:TRUE and SANs copied from the CSR are dropped, in words",
                                                          "stories: Requests.test_wishes_of_a_request_are_dropped_on_the_record"],
    "let through: CA key that does not match the CA certificate": ["WrittenTooEarly.test_a_certificate_whose_signature_is_bad_is_nowhere",
                                                                   "pki: a certificate whose signature does not verify gets no VerifiedCertificate"],
    "let through: two keys under one label and id": ["hsm: two keys under one label or one id are refused, never guessed between",
                                                     "refusals: Tokens.test_two_keys_under_one_label"],
    "lost: killed in a batch, signatures without a record": ["Batch.test_killed_in_a_batch_no_signature_is_without_its_record"],
    "lost: killed between two renames, certificates issued twice or unknown": ["ledger: the power cut at every effect, before, within and after it, loses nothing that was acknowledged",
                                                                               "Batch.test_killed_in_a_batch_no_signature_is_without_its_record"],
    "lost: a database that has to be renamed by hand": ["ledger: the power cut again at every effect of the repair is repaired all the same"],
    "lost: output truncated by a wrong PIN": ["Lost.test_a_wrong_pin_leaves_all_output_as_it_is"],
    "lost: output deleted by a bad CSR": ["Lost.test_a_bad_request_leaves_all_output_as_it_is"],
    "lost: output overwritten by a second run": ["Lost.test_a_second_run_overwrites_nothing", "media: nothing is overwritten, and nothing is written after re-insertion"],
    "lost: a second initialisation wipes the root key": ["stories: NothingIsOverwritten.test_a_genesis_is_not_begun_on_a_log_that_has_one",
                                                         "refusals: OtherCa.test_backup_medium_and_token_of_another_ca",
                                                         "hsm: a token that is initialised is not initialised again unasked; erasing asks for its SO PIN"],
    "lost: not one fsync": ["Lost.test_everything_is_flushed_before_it_counts"],
    "lost: a 0-byte file that blocks the re-run": ["ground: a half-written left-over of a crash does not block the next run",
                                                   "media: what a power cut left of a file that is written again does not stand in the way; anything else does not go"],
    "said badly: one sentence for wrong PIN, absent token and absent key": ["hsm: wrong PIN, absent token and absent key are told apart", "refusals: Tokens.test_wrong_pin",
                                                                           "refusals: Tokens.test_absent_token"],
    "said badly: a segmentation fault after the work was done": ["SaidBadly.test_whole_runs_end_with_nothing_but_their_last_sentence"],
    "said badly: 1.9 kB of hex on one line": ["SaidBadly.test_nothing_said_is_a_wall_of_hex_or_a_programmers_word"],
    "said badly: an endless \"please repeat\" for a wrong share set": ["refusals: Media.test_share_of_another_set"],
    "said badly: got error: %!w(<nil>)": ["SaidBadly.test_nothing_said_is_a_wall_of_hex_or_a_programmers_word", "ground: a refusal knows its code and says fact and hint"],
    "shares: a share of another set gives a wrong secret": ["shares: sets that do not belong together are refused, never combined into a wrong secret",
                                                            "refusals: Media.test_share_of_another_set"],
    "shares: the same share twice gives a wrong secret": ["shares: sets that do not belong together are refused, never combined into a wrong secret",
                                                          "refusals: Media.test_the_same_share_twice"],
    "shares: coefficients not uniform": ["shares: fewer than M shares say nothing: their values are uniform whatever the secret"],
    "shares: a field smaller than the secret": ["shares: the field has no zero divisors, and every element but 0 an inverse",
                                                "shares: any M of N shares give the secret, in any order, and all of them do"],
    "shares: only a threshold of shares ever checked": ["Shares.test_every_share_is_read_back_not_a_threshold_of_them", "state: SHARE: what is in people's hands"],
    "secrets: PIN in plain text in every configuration file": ["demo: Secrets.test_no_secret_is_in_any_file_but_the_peoples_own_notes",
                                                               "demo: Secrets.test_no_secret_was_in_an_argument_list_or_an_environment"],
    "secrets: PIN in a world-readable file": ["demo: Secrets.test_no_secret_is_in_any_file_but_the_peoples_own_notes"],
    "secrets: wrap key and password in a log on the ceremony's disc": ["demo: Secrets.test_no_secret_was_shown",
                                                                       "demo: Secrets.test_no_secret_is_in_any_file_but_the_peoples_own_notes"],
    "media: a script run from a stick": ["Media.test_a_script_on_a_medium_is_never_run"],
    "media: an unrelated signed note accepted": ["Media.test_another_logs_good_signature_does_not_vouch_for_ours",
                                                 "ledger: a proof proves its record in the checkpoint's tree, and no other", "state: A foreign log key"],
    "media: a hash mismatch that prints ERROR and goes on": ["Media.test_a_backup_that_reads_back_otherwise_stops_the_genesis",
                                                             "media: what changes between writing and reading back is noticed"],
}


class TheTable(unittest.TestCase):
    def test_every_failure_of_a_peer_has_its_test(self):
        good = [words for words, tests in FAILURES.items() if tests and all(exists(test, __file__) for test in tests)]
        print(f"counted: peers' failures: {len(good)} of {len(FAILURES)} have a test", file=sys.stderr)
        self.assertEqual(sorted(good), sorted(FAILURES))

    def test_a_test_that_is_not_there_is_missed(self):
        for nothing in ("Lost.test_nothing", "stories: Lost.test_nothing", "state: no such case", "nowhere: x"):
            self.assertFalse(exists(nothing, __file__), nothing)


if __name__ == "__main__":
    unittest.main()
