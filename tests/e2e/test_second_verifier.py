"""Two verifiers, written apart from one another, say the same: of a demo's logs and bundles, of what was made of them here, of the logs that the unit
tests break, and of logs in which one record or field is another and everybody signed again."""
import base64
import json
import multiprocessing
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import second_verifier
from second import rules
from support import BIN, SOURCE, World, make_folder, run

FOLDER = make_folder()
# A demo that is already there may be looked at; it is copied, never changed.
OUT = pathlib.Path(os.environ.get("CEREMONY_DEMO", FOLDER / "demo-out"))
UNIT = pathlib.Path(os.environ.get("CEREMONY_TEST_STATE", BIN / "../tests/test_state"))
CHANGES = os.environ.get("CEREMONY_CHANGES", "50")
AGREED = []  # (what, ids named)
FAILED = []


def setUpModule():
    if not OUT.exists():
        OUT.mkdir()
        done = subprocess.run(["bash", str(SOURCE / "scripts/demo"), "--inside", str(OUT)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env={**os.environ, "CEREMONY_BIN": str(BIN)}, check=False, timeout=250)
        if done.returncode != 0:
            raise AssertionError(done.stdout.decode(errors="replace"))


def tearDownModule():
    named, known = {rule for _, ids in AGREED for rule in ids}, {r.name for r in rules.RULES} | {"LOG-2", "LOG-6"}
    print(f"counted: two verifiers agree on {len(AGREED)} logs and bundles ({sum(1 for _, ids in AGREED if ids)} broken); "
          f"rules broken and named by both: {len(named)} of {len(known)} {sorted(known - named) or ''}")
    if not FAILED:
        shutil.rmtree(FOLDER, ignore_errors=True)
    else:
        print(f"what the test left: {FOLDER}")


def opinions(path, pin):
    """(exit code, rules named) of each, and everything that was said."""
    command = [str(BIN / "ceremony-verify"), str(path), "--json", *(["--pin", pin] if pin else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    verdict = json.loads(done.stdout) if done.stdout.startswith("{") else {"violations": []}
    code, broken = second_verifier.verify(path, pin)
    said = f"{path}\nfirst: {done.returncode} {verdict['violations']} {done.stderr}\nsecond: {code} {broken}"
    return (done.returncode, {v["rule"] for v in verdict["violations"]}), (code, {b[0] for b in broken if b[0] not in ("pin", "unreadable")}), said


class Agreement(unittest.TestCase):
    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        FAILED.extend([1] * (len(result.failures) + len(result.errors) - before))

    def compare(self, path, pin, code, rule=None):
        """Both end with the code and name the same ids, among them the rule; if there is none, no id."""
        first, second, said = opinions(path, pin)
        self.assertEqual(first, second, said)
        self.assertEqual(first[0], code, said)
        self.assertTrue(rule in first[1] if rule else not first[1], said)
        AGREED.append((str(path), first[1]))


class Copy:
    """A ledger of the demo to be broken, with its records at hand."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(OUT / "ledger-1", folder)
        self.lines = self.file("transcript.log").read_bytes().splitlines()
        self.records = [json.loads(line) for line in self.lines]

    def file(self, name):
        return self.folder / name

    def artifact(self, digest):
        return self.folder / "artifacts" / digest[:2] / digest

    def last(self, event, **fields):
        """Index of the newest such record."""
        return max(n for n, r in enumerate(self.records) if r["ev"] == event and fields.items() <= r["d"].items())

    def write(self, torn=b""):
        self.file("transcript.log").write_bytes(b"".join(line + b"\n" for line in self.lines) + torn)

    def write_records(self):
        """As a forger would: canonical, numbered anew. What was signed stays as it was."""
        for n, record in enumerate(self.records):
            record["n"] = n
        self.lines = [json.dumps(r, sort_keys=True, separators=(",", ":")).encode() for r in self.records]
        self.write()

    def checkpoints(self):
        """The latest checkpoint's two places."""
        size = self.file("checkpoint").read_text().split("\n")[1]
        return [self.file("checkpoint"), self.file(f"checkpoints/{size}")]


class Logs(Agreement):
    def setUp(self):
        self.pin = World(OUT).pin()
        self.log = Copy(FOLDER / self.id().rsplit(".", 1)[1])

    def tearDown(self):
        shutil.rmtree(self.log.folder)

    def agree(self, code, rule=None, pin=None):
        self.compare(self.log.folder, pin or self.pin, code, rule)

    # --- whole logs ---

    def test_a_finished_log_is_consistent_and_pinned(self):
        self.agree(0)
        done = subprocess.run(["python3", "-B", second_verifier.__file__, str(self.log.folder), "--pin", self.pin], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "consistent\n"), done.stderr)

    def test_without_a_pin_nobody_has_said_whose_log_it_is(self):
        self.compare(self.log.folder, None, 2)

    def test_the_log_of_the_other_ca(self):
        self.compare(OUT / "matter/ledger-1", World(OUT / "matter").pin(), 0)

    def test_both_ledgers_are_the_same(self):
        self.compare(OUT / "ledger-2", self.pin, 0)

    def test_another_pin_is_another_log(self):
        self.agree(1, pin="0" * 64)

    def test_a_published_copy_is_without_private_texts(self):
        shutil.rmtree(self.log.file("private"))
        self.agree(0)

    # --- records ---

    def test_a_byte_flipped_in_a_record(self):
        n = self.log.last("issue")
        self.log.lines[n] = self.log.lines[n].replace(b"Example Factory", b"Exemple Factory")
        self.log.write()
        self.agree(1, "LOG-6")

    def test_a_byte_that_makes_a_record_another_spelling(self):
        n = self.log.last("close")
        self.log.lines[n] = self.log.lines[n].replace(b'"n":', b'"n": ')
        self.log.write()
        self.agree(1, "LOG-1")

    def test_a_field_that_the_event_does_not_have(self):
        self.log.records[self.log.last("clock")]["d"]["zone"] = "UTC"
        self.log.write_records()
        self.agree(1, "LOG-1")

    def test_a_record_removed(self):
        del self.log.lines[self.log.last("token")]
        self.log.write()
        self.agree(1, "LOG-2")

    def test_two_records_swapped(self):
        lines, n = self.log.lines, self.log.last("result")
        lines[n], lines[n + 1] = lines[n + 1], lines[n]
        self.log.write()
        self.agree(1, "LOG-2")

    def test_a_record_added_behind_the_end(self):
        self.log.records.append({**self.log.records[1], "t": self.log.records[-1]["t"]})
        self.log.write_records()
        self.agree(1, "LOG-4")

    def test_the_last_ceremony_cut_off(self):
        del self.log.lines[self.log.last("open"):]
        self.log.write()
        self.agree(1, "LOG-6")

    def roll_back(self, size):
        """The log, the artifacts and the checkpoints as they were after so many records."""
        gone, kept = json.dumps(self.log.records[size:]), json.dumps(self.log.records[:size])
        for path in [p for p in self.log.file("artifacts").rglob("*") if p.is_file() and p.name in gone and p.name not in kept]:
            path.unlink()
        older, newest = sorted(self.log.file("checkpoints").iterdir(), key=lambda p: int(p.name))
        newest.unlink()
        self.log.file("checkpoint").write_bytes(older.read_bytes())
        del self.log.lines[size:]
        self.log.write()

    def test_a_whole_older_log_is_consistent_and_only_receipts_show_that_it_is_old(self):
        self.roll_back(self.log.last("open"))
        self.agree(0)

    def test_a_ceremony_that_is_still_open(self):
        self.roll_back(self.log.last("signoff"))
        self.agree(1, "LOG-4")

    def test_a_torn_last_line(self):
        line = self.log.lines.pop()
        self.log.write(torn=line[:100])
        self.agree(1, "LOG-1")

    def test_time_that_goes_back(self):
        self.log.records[self.log.last("clock")]["t"] = "2020-01-01T00:00:00Z"
        self.log.write_records()
        self.agree(1, "LOG-3")

    def test_an_open_that_names_another_root(self):
        self.log.records[self.log.last("open")]["d"]["previous_root"] = "0" * 64
        self.log.write_records()
        self.agree(1, "LOG-5")

    def test_a_token_that_knows_another_log(self):
        self.log.records[self.log.last("token")]["d"]["checkpoint_root"] = "0" * 64
        self.log.write_records()
        self.agree(1, "LOG-5")

    def test_somebody_who_acted_and_does_not_sign(self):
        self.log.records[self.log.last("close")]["d"]["signers"].remove("w1")
        self.log.write_records()
        self.agree(1, "LOG-7")

    def test_somebody_acts_who_was_never_enrolled(self):
        self.log.records[self.log.last("export")]["who"] = ["x9"]
        self.log.write_records()
        self.agree(1, "ROLE-1")

    # --- people ---

    def without(self, event, **fields):
        del self.log.records[self.log.last(event, **fields)]
        self.log.write_records()

    def test_an_approval_of_a_certificate_taken_out(self):
        self.without("approve", act="sign-certificate")
        self.agree(1, "QUORUM-1")

    def test_an_approval_of_a_crl_taken_out(self):
        self.without("approve", act="sign-crl")
        self.agree(1, "QUORUM-1")

    def test_an_approval_of_a_token_taken_out(self):
        self.without("approve", act="init-token")
        self.agree(1, "TOKEN-1")

    def test_an_approval_of_the_keys_taken_out(self):
        self.without("approve", act="generate-key")
        self.agree(1, "QUORUM-1")

    def test_a_witness_left_out(self):
        self.log.records[self.log.last("intent", act="sign-certificate")]["who"] = []
        self.log.write_records()
        self.agree(1, "WITNESS-1")

    def test_a_custodian_in_the_witness_place(self):
        self.log.records[self.log.last("intent", act="sign-certificate")]["who"] = ["c1"]
        self.log.write_records()
        self.agree(1, "WITNESS-1")

    def test_an_approval_under_another_name(self):
        self.log.records[self.log.last("approve", person="c2")]["d"]["person"] = "c1"
        self.log.write_records()
        self.agree(1, "QUORUM-2")

    def test_an_approval_of_the_policy_taken_out(self):
        self.without("approve", act="adopt-policy")
        self.agree(1, "POL-1")

    def test_a_hand_in_taken_out(self):
        self.without("hand-in", purpose="activate")
        self.agree(1, "QUORUM-3")

    def test_a_hand_in_for_another_activation(self):
        n = self.log.last("hand-in", purpose="activate")
        self.log.records[n]["d"]["sig"] = self.log.records[n - 1]["d"]["sig"]
        self.log.write_records()
        self.agree(1, "QUORUM-3")

    def test_a_share_without_a_commitment(self):
        self.without("share", set="activation-1")
        self.agree(1, "SHARE-1")

    def test_an_enrolment_with_more_roles_than_were_signed(self):
        self.log.records[self.log.last("enrol", person="so1")]["d"]["roles"] = ["security-officer", "witness"]
        self.log.write_records()
        self.agree(1, "ENROL-1")

    # --- keys, certificates, CRLs ---

    def test_another_keys_challenge(self):
        self.log.records[self.log.last("restore")]["d"]["proof"] = self.log.records[self.log.last("keygen", purpose="ca")]["d"]["proof"][:-8] + "AAAAAAAA"
        self.log.write_records()
        self.agree(1, "KEY-1")

    def test_an_intent_without_a_result(self):
        self.without("result", out="none")
        self.agree(1, "LOG-9")

    def test_a_certificate_replaced_in_the_folder(self):
        issued = [r["d"]["certificate"] for r in self.log.records if r["ev"] == "issue"]
        shutil.copyfile(self.log.artifact(issued[0]), self.log.artifact(issued[1]))
        self.agree(1, "LOG-8")

    def test_a_certificate_replaced_on_the_log_too(self):
        one, other = [r["d"]["certificate"] for r in self.log.records if r["ev"] == "issue"][:2]
        self.log.records = json.loads(json.dumps(self.log.records).replace(other, one))
        self.log.artifact(other).unlink()
        self.log.write_records()
        self.agree(1, "CERT-1")

    def test_a_crl_replaced_in_the_folder(self):
        older, newer = [r["d"]["crl"] for r in self.log.records if r["ev"] == "crl"][:2]
        shutil.copyfile(self.log.artifact(older), self.log.artifact(newer))
        self.agree(1, "LOG-8")

    def test_an_older_crl_signed_again(self):
        older, newer = [r["d"] for r in self.log.records if r["ev"] == "crl"][:2]
        text = json.dumps(self.log.records)
        for field in ("crl", "tbs"):
            text = text.replace(newer[field], older[field])
            self.log.artifact(newer[field]).unlink()
        self.log.records = json.loads(text)
        self.log.records[self.log.last("crl")]["d"].update({k: older[k] for k in ("number", "this_update", "next_update")})
        self.log.write_records()
        self.agree(1, "CRL-1")

    def test_a_crl_of_another_number_than_the_record_says(self):
        self.log.records[self.log.last("crl")]["d"]["number"] += 1
        self.log.write_records()
        self.agree(1, "CERT-1")

    def test_a_certificate_whose_signature_is_not_its_issuers(self):
        n = self.log.last("issue")
        old = self.log.records[n]["d"]["certificate"]
        forged = bytearray(self.log.artifact(old).read_bytes())
        forged[-1] ^= 1
        new = second_verifier.sha256(forged)
        self.log.artifact(new).parent.mkdir(exist_ok=True)
        self.log.artifact(new).write_bytes(forged)
        self.log.artifact(old).unlink()
        self.log.records = json.loads(json.dumps(self.log.records).replace(old, new))
        self.log.write_records()
        self.agree(1, "CERT-2")

    # --- checkpoints and artifacts ---

    def test_an_older_checkpoint(self):
        older = min(self.log.file("checkpoints").iterdir(), key=lambda p: int(p.name))
        self.log.file("checkpoint").write_bytes(older.read_bytes())
        self.agree(1, "LOG-7")

    def test_an_older_checkpoint_and_none_newer(self):
        older = min(self.log.file("checkpoints").iterdir(), key=lambda p: int(p.name))
        latest, newest = self.log.checkpoints()
        newest.unlink()
        latest.write_bytes(older.read_bytes())
        self.agree(1, "LOG-7")

    def test_a_checkpoint_taken_away(self):
        for path in self.log.checkpoints():
            path.unlink()
        self.agree(1, "LOG-7")

    def test_a_persons_signature_taken_off(self):
        for path in self.log.checkpoints():
            path.write_text(re.sub(r"^— \S+/so1 .*\n", "", path.read_text(), flags=re.M))
        self.agree(1, "LOG-7")

    def resign(self, keep_id):
        """Puts a foreign key's signature into the place of the log key's."""
        key = FOLDER / "foreign.pem"
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        spki = run("openssl", "pkey", "-in", key, "-pubout", "-outform", "DER")
        for path in self.log.checkpoints():
            body, _, notes = path.read_text().partition("\n\n")
            origin = body.split("\n")[0]
            own = re.search(rf"^— {re.escape(origin)} (\S+)$", notes, re.M)
            (FOLDER / "body").write_text(body + "\n")
            key_id = base64.b64decode(own[1])[:4] if keep_id else bytes.fromhex(second_verifier.sha256(spki)[:8])
            signature = key_id + run("openssl", "dgst", "-sha256", "-sign", key, FOLDER / "body")
            path.write_text(body + "\n\n" + notes.replace(own[1], base64.b64encode(signature).decode()))
        return run("openssl", "pkey", "-in", key, "-pubout")

    def test_a_foreign_signature_under_the_log_keys_id(self):
        self.resign(keep_id=True)
        self.agree(1, "LOG-6")

    def test_a_foreign_log_key(self):
        self.log.file("keys/log.pem").write_bytes(self.resign(keep_id=False))
        self.agree(1, "LOG-7")

    def test_an_artifact_missing(self):
        self.log.artifact(self.log.records[self.log.last("signoff")]["d"]["summary"]).unlink()
        self.agree(1, "LOG-8")

    def test_an_artifact_too_many(self):
        content = b"nobody named this"
        path = self.log.artifact(second_verifier.sha256(content))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        self.agree(1, "LOG-8")

    def test_a_folder_without_a_log(self):
        self.log.file("transcript.log").unlink()
        self.agree(2)



class Bundles(Agreement):
    """The factory's bundle of the demo, and the same with something else in it."""

    def setUp(self):
        self.pin = World(OUT).pin()
        self.bundle = FOLDER / self.id().rsplit(".", 1)[1]
        shutil.copytree(next(p for p in (OUT / "factory-a").iterdir() if p.is_dir()), self.bundle)

    def tearDown(self):
        shutil.rmtree(self.bundle)

    def agree(self, code, rule=None, pin=None):
        self.compare(self.bundle, pin or self.pin, code, rule)

    def change(self, name, change):
        path = self.bundle / name
        path.write_bytes(change(path.read_bytes()))

    def records(self, keep=lambda record: True):
        """log/records.jsonl without the records that are not to be kept."""
        lines = (self.bundle / "log/records.jsonl").read_bytes().splitlines(keepends=True)
        (self.bundle / "log/records.jsonl").write_bytes(b"".join(line for line in lines if keep(json.loads(line)["record"])))

    def archive(self):
        """The bundle as its archive, packed by tar and zstd."""
        path = self.bundle / "archive.tar.zst"
        names = sorted(str(p.relative_to(self.bundle)) for p in self.bundle.rglob("*") if p.is_file())
        run("tar", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner", "--mode=0644", "-cf", self.bundle / "archive.tar", *names, cwd=self.bundle)
        run("zstd", "-q", "--rm", self.bundle / "archive.tar", "-o", path)
        return path

    def test_the_bundle(self):
        self.agree(0)

    def test_every_bundle_and_archive_of_the_demo(self):
        for world, factories in ((OUT, ("factory-a", "factory-b")), (OUT / "matter", ("factory-m",))):
            for factory in factories:
                found = [p for p in (world / factory).iterdir() if p.name.startswith("bundle-")]
                self.assertEqual(len(found), 2)
                for path in found:
                    self.compare(path, World(world).pin(), 0)

    def test_without_a_pin(self):
        self.compare(self.bundle, None, 2)

    def test_another_pin(self):
        self.agree(1, pin="0" * 64)

    def test_packed_by_hand(self):
        self.compare(self.archive(), self.pin, 0)

    def test_an_archive_with_something_behind_it(self):
        path = self.archive()
        path.write_bytes(path.read_bytes() + b"x")
        self.compare(path, self.pin, 2)

    def test_an_archive_cut_off(self):
        path = self.archive()
        path.write_bytes(path.read_bytes()[:-20])
        self.compare(path, self.pin, 2)

    def test_an_archive_with_a_link(self):
        (self.bundle / "also").symlink_to("MANIFEST")
        run("tar", "--format=ustar", "-cf", self.bundle / "x.tar", "also", "MANIFEST", cwd=self.bundle)
        run("zstd", "-q", self.bundle / "x.tar", "-o", self.bundle / "x.tar.zst")
        self.compare(self.bundle / "x.tar.zst", self.pin, 2)

    def test_the_certificate_of_another_factory(self):
        other = next(p for p in (OUT / "factory-b").iterdir() if p.is_dir())
        self.change("certs/issuing.der", lambda _: (other / "certs/issuing.der").read_bytes())
        self.agree(1, "CERT-1")

    def test_another_root(self):
        self.change("certs/root.der", lambda _: (self.bundle / "certs/issuing.der").read_bytes())
        self.agree(1, "CERT-2")

    def test_no_root(self):
        self.change("certs/root.der", lambda der: der[:-1])
        self.agree(1, "CERT-1")

    def test_the_crl_of_the_ceremony_before(self):
        log = Copy(self.bundle / "log-copy")
        old = log.artifact(log.records[min(n for n, r in enumerate(log.records) if r["ev"] == "crl")]["d"]["crl"]).read_bytes()
        shutil.rmtree(log.folder)
        self.change(next(str(p.relative_to(self.bundle)) for p in (self.bundle / "crl").iterdir()), lambda _: old)
        self.agree(1, "CERT-1")

    def test_a_file_that_is_not_the_one_listed(self):
        self.change("README.txt", lambda text: text + b"trust me\n")
        self.agree(1, "EXPORT-1")

    def test_a_file_that_is_not_listed(self):
        (self.bundle / "more.txt").write_text("x\n")
        self.agree(1, "EXPORT-1")

    def test_a_manifest_that_no_export_names(self):
        self.change("README.txt", lambda text: text + b"trust me\n")
        listed = second_verifier.sha256((self.bundle / "README.txt").read_bytes()).encode()
        self.change("MANIFEST", lambda text: re.sub(rb"[0-9a-f]{64}(?=  README.txt\n)", listed, text))
        self.agree(1, "EXPORT-1")

    def test_a_manifest_of_another_order(self):
        self.change("MANIFEST", lambda text: b"".join(reversed(text.splitlines(keepends=True))))
        self.agree(1, "EXPORT-1")

    def test_a_policy_that_asks_for_less(self):
        self.change("log/policy.toml", lambda text: text.replace(b"m = 3", b"m = 2"))
        self.agree(1, "POL-1")

    def test_one_approval_left_out(self):
        left = []
        self.records(lambda r: r["ev"] != "approve" or r["d"]["act"] != "sign-certificate" or left or left.append(r))
        self.agree(1, "QUORUM-1")

    def test_the_enrolments_left_out(self):
        self.records(lambda r: r["ev"] != "enrol")
        self.agree(1, "QUORUM-2")

    def test_the_opening_left_out(self):
        self.records(lambda r: r["ev"] != "open")
        self.agree(1, "QUORUM-1")

    def test_the_issue_left_out(self):
        self.records(lambda r: r["ev"] != "issue")
        self.agree(1, "CERT-1")

    def test_the_adoption_left_out(self):
        self.records(lambda r: r["ev"] != "policy")
        self.agree(1, "POL-1")

    def test_a_record_changed_by_a_byte(self):
        self.change("log/records.jsonl", lambda text: text.replace(b'"ev":"approve","n":', b'"ev":"approvf","n":', 1))
        self.agree(1, "LOG-1")

    def test_the_last_line_torn(self):
        self.change("log/records.jsonl", lambda text: text[:-1])
        self.agree(1, "LOG-1")

    def test_a_proof_of_another_checkpoint(self):
        older = min((OUT / "ledger-1/checkpoints").iterdir(), key=lambda p: int(p.name)).read_bytes()
        self.change("MANIFEST.tlog-proof", lambda text: text.partition(b"\n\n")[0] + b"\n\n" + older)
        self.agree(1, "LOG-6")

    def test_a_proof_that_is_none(self):
        self.change("certs/issuing.tlog-proof", lambda text: text.replace(b"index ", b"index 0"))
        self.agree(1, "LOG-6")

    def test_an_older_checkpoint(self):
        older = min((OUT / "ledger-1/checkpoints").iterdir(), key=lambda p: int(p.name)).read_bytes()
        self.change("log/checkpoint", lambda _: older)
        self.agree(1, "LOG-6")

    def test_a_checkpoint_without_the_log_keys_signature(self):
        self.change("log/checkpoint", lambda text: re.sub(r"^— \S+/devices-g1 .*\n".encode(), b"", text, flags=re.M))
        self.agree(1, "LOG-7")

    def test_the_checkpoint_of_the_other_ca(self):
        self.change("log/checkpoint", lambda _: (OUT / "matter/ledger-1/checkpoint").read_bytes())
        self.agree(1, "LOG-6")

    def test_another_log_key_is_found_by_the_pin(self):
        self.change("log/keys/log.pem", lambda _: (OUT / "matter/ledger-1/keys/log.pem").read_bytes())
        self.agree(1, "LOG-7")

    def test_a_key_that_is_not_the_one_enrolled(self):
        self.change("log/keys/c2.pem", lambda _: (self.bundle / "log/keys/c4.pem").read_bytes())
        self.agree(1, "LOG-6")

    def test_a_key_that_is_none(self):
        self.change("log/keys/c2.pem", lambda text: text[:-30])
        self.agree(1, "LOG-6")

    def test_a_batch_list_where_each_was_approved_alone_is_nobodys_business(self):
        (self.bundle / "log/batch.txt").write_text("ceremony-batch/v1\n" + "0" * 64 + "  01  CN=X\n")
        self.agree(0)

    def test_a_folder_that_is_no_bundle(self):
        (self.bundle / "log/records.jsonl").unlink()
        self.agree(2)


def judge(folder):
    """Of a log that a unit test wrote out: (its test, what it broke, what it says of the whole log, what each verifier says, everything said)."""
    first, second, said = opinions(folder, (folder / "pin").read_text())
    expected = folder / "expected"
    expected = set(expected.read_text().split()) if expected.exists() else first[1]
    return (folder / "test").read_text(), set((folder / "broke").read_text().split()), expected, first, second, said


class UnitTests(Agreement):
    """Logs that the unit tests made with keys of their own, so that what is wrong with them is signed by everybody."""

    def kept(self, name, *arguments, changes=None):
        folder = FOLDER / name
        folder.mkdir()
        environment = {**os.environ, "CEREMONY_BROKEN_LOGS": str(folder), **({"CEREMONY_CHANGES": changes} if changes else {})}
        done = subprocess.run([str(UNIT), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=1200)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return folder

    def judge_all(self, folder, at_least):
        logs = sorted(p for p in folder.iterdir() if p.is_dir())
        self.assertGreaterEqual(len(logs), at_least)
        with multiprocessing.Pool(2) as pool:
            for test, broke, expected, first, second, said in pool.imap_unordered(judge, logs, chunksize=4):
                with self.subTest(test):
                    self.assertEqual(first, second, said)
                    self.assertEqual(first, (1 if expected else 0, expected), said)
                    self.assertLessEqual(broke, expected, said)
                    AGREED.append((test, expected))
        shutil.rmtree(folder)

    def test_every_log_that_the_unit_tests_break(self):
        # The tests of rules, attacks and whole logs; what breaks a rule only in memory is left out, and that is very little.
        folder = self.kept("broken", "Whole logs*,*rules:*,LOG*,ENV*,POL*,ROLE*,ENROL*,QUORUM*,WITNESS*,SHARE*,TOKEN*,KEY*,CERT*,CRL*,EXPORT*,EVID*,"
                           "Without keys*,A foreign log key,A misbehaving appliance*")
        left_out = (folder / "left-out").read_text().splitlines() if (folder / "left-out").exists() else []
        print(f"left out: {left_out}")
        self.assertLessEqual(len(left_out), 6)
        self.judge_all(folder, 130)

    def test_logs_in_which_one_thing_is_another(self):
        self.judge_all(self.kept("changed", "[.every-change]", changes=CHANGES), int(CHANGES))


if __name__ == "__main__":
    unittest.main()
