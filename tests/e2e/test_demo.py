"""One whole demo: it runs to its end, leaves no secret anywhere, and its recipes give what they promise."""
import base64
import glob
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import unittest
from xml.etree import ElementTree

from secrets_of import files_below, find, take
from support import BIN, CUSTODIANS, PEOPLE, SOURCE, World, make_folder, on_a_terminal, run

MATTER_PEOPLE = "adm2 so2 w2 m1 m2 m3 g4 g5".split()
MATTER_CUSTODIANS = "m1 m2 m3".split()
MARKER = "planted-marker-of-the-secrets-test"
FOLDER = make_folder()
OUT = FOLDER / "demo-out"
SHOWN = b""
EXIT = None
SAMPLER = None


class Sampler(threading.Thread):
    """Looks at every process again and again: argument lists, environments, and whether a ceremony may dump core."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self.seen = set()
        self.core_limit = {}

    def run(self):
        while not self.stop.is_set():
            for process in filter(str.isdigit, os.listdir("/proc")):
                if int(process) == os.getpid():
                    continue
                try:
                    arguments = pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
                    self.seen.add(arguments)
                    if b"ceremony-rehearsal\0run\0" in arguments:
                        limits = pathlib.Path(f"/proc/{process}/limits").read_text()
                        # The newest look counts: in its first instant a program has not yet given the right up. Others than these hold no
                        # secret, and may have ended before a second look.
                        self.core_limit[int(process)] = re.search(r"Max core file size +(\S+) +(\S+)", limits).groups()
                    self.seen.add(pathlib.Path(f"/proc/{process}/environ").read_bytes())
                except (OSError, AttributeError):
                    continue  # it has ended
            time.sleep(0.003)


def setUpModule():
    global SHOWN, EXIT, SAMPLER
    OUT.mkdir()
    SAMPLER = Sampler()
    SAMPLER.start()
    done = subprocess.run(["bash", str(SOURCE / "scripts/demo"), "--inside", str(OUT)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, "CEREMONY_BIN": str(BIN), "PLANTED": MARKER}, check=False, timeout=250)
    SAMPLER.stop.set()
    SAMPLER.join()
    SHOWN, EXIT = done.stdout, done.returncode


FAILED = []


def tearDownModule():
    if not FAILED:
        shutil.rmtree(FOLDER, ignore_errors=True)
    else:
        print(f"what the test left: {FOLDER}")


class Case(unittest.TestCase):
    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        FAILED.extend([1] * (len(result.failures) + len(result.errors) - before))


class TheDemo(Case):
    def test_the_demo_runs_to_its_end(self):
        self.assertEqual(EXIT, 0, SHOWN.decode(errors="replace"))
        self.assertIn(b"Check it yourself", SHOWN)

    def test_check_finds_every_shipped_file_fine(self):
        files = sorted(str(f) for f in [*(SOURCE / "procedures").glob("*.toml"), *(SOURCE / "procedures/profiles").glob("*.toml")])
        self.assertGreaterEqual(len(files), 10)
        done = subprocess.run([str(BIN / "ceremony-rehearsal"), "check", *files], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("fine; SHA-256"), len(files))

    def test_the_paper_script_of_both_procedures_names_every_step(self):
        for procedure in ("root-genesis", "issue-intermediates"):
            for form in ("markdown", "html"):
                done = subprocess.run([str(BIN / "ceremony-rehearsal"), "script", procedure, "--policy", str(SOURCE / "procedures/policy-rehearsal.toml"),
                                       "--procedures", str(SOURCE / "procedures"), "--format", form], capture_output=True, text=True, check=True)
                self.assertEqual(ElementTree.fromstring(done.stdout).tag if form == "html" else "html", "html")
                for step in re.findall(r'^id = "(.*)"', (SOURCE / f"procedures/{procedure}.toml").read_text(), re.M)[1:]:
                    self.assertIn(step, done.stdout)

    def test_the_paper_script_has_the_digests_that_sha256sum_gives_and_the_checkpoint_on_the_receipts(self):
        procedures = SOURCE / "procedures"
        world = World(OUT)
        done = subprocess.run([str(BIN / "ceremony-rehearsal"), "script", "issue-intermediates", "--policy", str(procedures / "policy-rehearsal.toml"), "--procedures",
                               str(procedures), "--hsm", str(procedures / "hsm-softhsm2.toml"), "--ledger", str(world.ledgers[0])], capture_output=True, text=True, check=True)
        files = {"policy": "policy-rehearsal.toml", "procedure": "issue-intermediates.toml", "binding": "hsm-softhsm2.toml", "profile root-generic": "profiles/root-generic.toml",
                 "profile issuing-generic": "profiles/issuing-generic.toml", "admitted procedure root-genesis": "root-genesis.toml"}
        for what, name in files.items():
            digest = run("sha256sum", procedures / name).split()[0].decode()
            self.assertIn(f"| {what} | {digest[:4]} … {digest[-4:]} | {digest} 1. ", done.stdout)
        size = (world.ledgers[0] / "checkpoint").read_text().split("\n")[1]
        self.assertIn(f"| Size | {size} records |", done.stdout)

    def test_the_paper_script_of_one_ca_does_not_print_the_checkpoint_of_another(self):
        done = subprocess.run([str(BIN / "ceremony-rehearsal"), "script", "issue-intermediates", "--policy", str(SOURCE / "procedures/policy-rehearsal.toml"), "--procedures",
                               str(SOURCE / "procedures"), "--ledger", str(World(OUT / "matter").ledgers[0])], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("hint: give the ledger of this CA", done.stderr)

    def test_both_ledgers_are_equal(self):
        for room in (OUT, OUT / "matter"):
            run("diff", "-r", room / "ledger-1", room / "ledger-2")

    def test_each_bundle_and_the_ledger_are_consistent_and_pinned(self):
        for world in (World(OUT), World(OUT / "matter")):
            bundles = list(world.folder.glob("factory-*/bundle-*/"))
            self.assertTrue(bundles)
            for what in [*world.ledgers, *bundles]:
                verdict = world.verify(what)
                self.assertEqual(verdict.code, 0, verdict)

    def test_neither_log_is_taken_for_the_other(self):
        one, other = World(OUT), World(OUT / "matter")
        for world, pin in ((one, other.pin()), (other, one.pin())):
            for what in [world.ledgers[0], *world.folder.glob("factory-*/bundle-*/")]:
                self.assertEqual(world.verify(what, pin).code, 1)

    def test_a_demo_never_writes_into_a_folder_that_exists(self):
        before = sorted(OUT.rglob("*"))
        done = subprocess.run(["bash", str(SOURCE / "scripts/demo"), str(OUT)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("it exists", done.stderr)
        self.assertEqual(before, sorted(OUT.rglob("*")))


# --- the Matter pair ----------------------------------------------------------------------------------------------------------


class Matter(Case):
    """What `openssl asn1parse` shows is exactly what the Matter profile is, element by element, and nothing else."""

    NAME = {"CN": "commonName", "O": "organizationName", "VID": "1.3.6.1.4.1.37244.2.1", "PID": "1.3.6.1.4.1.37244.2.2"}

    def parsed(self, der):
        """(depth, type, value) of every element."""
        out = []
        for line in run("openssl", "asn1parse", "-inform", "DER", "-in", der).decode().splitlines():
            depth, kind, value = re.fullmatch(r" *\d+:d=(\d+) +hl=\d+ l= *\d+ (?:prim|cons): ([^:]*?) *(?::(.*))?", line).groups()
            kind, _, dump = kind.partition(" [HEX DUMP]")
            out.append((int(depth), kind.strip(), value))
        return out

    def name(self, parts):
        out = [(2, "SEQUENCE", None)]
        for kind, value in parts:
            out += [(3, "SET", None), (4, "SEQUENCE", None), (5, "OBJECT", self.NAME[kind]), (5, "UTF8STRING", value)]
        return out

    def check(self, der, issuer, subject, path_length, signer):
        self.assertLessEqual(len(der.read_bytes()), 600)
        seen = self.parsed(der)
        key = run("openssl", "x509", "-inform", "DER", "-in", der, "-noout", "-pubkey")
        (FOLDER / "key.pem").write_bytes(key)
        point = self.point(FOLDER / "key.pem")
        skid, akid = hashlib.sha1(point).hexdigest().upper(), hashlib.sha1(signer or point).hexdigest().upper()
        serial = next(value for depth, kind, value in seen if (depth, kind) == (2, "INTEGER"))
        self.assertRegex(serial, r"^01[0-9A-F]{32}$")
        times = [(kind, value) for depth, kind, value in seen if depth == 3 and kind in ("UTCTIME", "GENERALIZEDTIME")]
        self.assertEqual(len(times), 2)
        ecdsa = [(2, "SEQUENCE", None), (3, "OBJECT", "ecdsa-with-SHA256")]

        def extension(name, value, critical=False):
            return [(4, "SEQUENCE", None), (5, "OBJECT", name), *([(5, "BOOLEAN", "255")] if critical else []), (5, "OCTET STRING", value)]

        self.assertEqual(seen, [
            (0, "SEQUENCE", None), (1, "SEQUENCE", None), (2, "cont [ 0 ]", None), (3, "INTEGER", "02"), (2, "INTEGER", serial), *ecdsa,
            *self.name(issuer), (2, "SEQUENCE", None), *((3, kind, value) for kind, value in times), *self.name(subject),
            (2, "SEQUENCE", None), (3, "SEQUENCE", None), (4, "OBJECT", "id-ecPublicKey"), (4, "OBJECT", "prime256v1"), (3, "BIT STRING", None),
            (2, "cont [ 3 ]", None), (3, "SEQUENCE", None),
            *extension("X509v3 Basic Constraints", f"30060101FF0201{path_length:02}", True), *extension("X509v3 Key Usage", "03020106", True),
            *extension("X509v3 Subject Key Identifier", "0414" + skid), *extension("X509v3 Authority Key Identifier", "30168014" + akid),
            (1, "SEQUENCE", None), (2, "OBJECT", "ecdsa-with-SHA256"), (1, "BIT STRING", None)])
        return point

    @staticmethod
    def point(pem):
        """The 65 bytes of the public point: what RFC 5280 method 1 hashes."""
        return run("openssl", "pkey", "-pubin", "-in", pem, "-outform", "DER")[-65:]

    def test_the_pair_is_exactly_what_matter_asks_for(self):
        folder = next(OUT.glob("matter/factory-m/bundle-*/certs"))
        paa = [("CN", "Example Matter PAA"), ("O", "Example REHEARSAL"), ("VID", "FFF1")]
        pai = [("CN", "Example Matter PAI"), ("O", "Example REHEARSAL"), ("VID", "FFF1"), ("PID", "8000")]
        signer = self.check(folder / "root.der", paa, paa, 1, None)
        self.check(folder / "issuing.der", paa, pai, 0, signer)
        run("openssl", "verify", "-x509_strict", "-check_ss_sig", "-CAfile", folder / "root.pem", folder / "issuing.pem")


# --- secrets ----------------------------------------------------------------------------------------------------------------


class Secrets(Case):
    @classmethod
    def setUpClass(cls):
        """Everything secret in the demo, of both CAs, taken from their media with age, shamir and openssl."""
        if EXIT != 0:
            raise unittest.SkipTest("the demo did not run to its end")
        cls.secrets = {}
        cls.user_pin = take(cls.secrets, OUT, FOLDER / "secrets", "first CA: ", PEOPLE, CUSTODIANS, 3)
        take(cls.secrets, OUT / "matter", FOLDER / "secrets-matter", "Matter: ", MATTER_PEOPLE, MATTER_CUSTODIANS, 2)

    def test_the_secrets_are_the_real_ones(self):
        # 11 and 8 people with passphrase, identity, key in two forms; 5 and 3 with a passphrase and two shares; 2 secrets, 2 PINs, KEK, root key each
        self.assertEqual(len(self.secrets), (11 + 8) * 4 + (5 + 3) * 3 + 6 * 2 + 1)
        for room, work in ((OUT, "secrets"), (OUT / "matter", "secrets-matter")):
            private = run("openssl", "pkey", "-inform", "DER", "-in", FOLDER / work / "root.pk8", "-pubout")
            certified = run("openssl", "x509", "-in", next(room.glob("public/*/certs/root.pem")), "-noout", "-pubkey")
            self.assertEqual(private, certified)

    def test_the_search_finds_every_form_of_every_secret_where_it_is_planted(self):
        for name, forms in self.secrets.items():
            for form, needle in forms.items():
                self.assertGreaterEqual(len(needle), 10, (name, form))
                wrapped = b"\n# ".join(needle[i:i + 64] for i in range(0, len(needle), 64)) if len(needle) > 64 and b" " not in needle and form != "raw" else needle
                planted = os.urandom(64) + wrapped + os.urandom(64)
                self.assertIn((name, form, "planted"), find({name: {form: needle}}, [("planted", planted)]))
        planted = FOLDER / "planted"
        planted.mkdir()
        (planted / "log").write_bytes(b"pin=" + self.user_pin.encode())
        self.assertTrue(find(self.secrets, files_below(planted)))

    def test_no_secret_is_in_any_file_but_the_peoples_own_notes(self):
        looked = [(path, content) for path, content in files_below(OUT, leave_out=["notes"]) if "matter/notes" not in str(path)]
        for part in ("ledger-1/transcript.log", "ledger-2/checkpoint", "tokens/store", "people/c1/share-recovery-1.age", "backup-2/backup", "factory-b/", "matter/ledger-1/transcript.log", "matter/people/m1"):
            self.assertTrue(any(part in str(path) for path, _ in looked), part)
        self.assertEqual(find(self.secrets, looked), [])
        self.assertTrue(find(self.secrets, files_below(OUT)), "the notes do hold passphrases")

    def test_no_secret_was_shown(self):
        self.assertIn(b"Root genesis", SHOWN)
        self.assertEqual(find(self.secrets, [("screen", SHOWN)]), [])

    def test_no_secret_was_in_an_argument_list_or_an_environment(self):
        seen = b"\n".join(SAMPLER.seen)
        self.assertIn(MARKER.encode(), seen, "environments were looked at")
        for program in (b"ceremony-rehearsal\0run\0root-genesis", b"ceremony-rehearsal\0run\0issue-intermediates"):
            self.assertIn(program, seen)
        self.assertEqual(find(self.secrets, [("processes", seen.replace(b"\0", b" "))]), [])

    def test_no_ceremony_can_dump_core(self):
        self.assertGreaterEqual(len(SAMPLER.core_limit), 4, "all four ceremonies were looked at")
        self.assertEqual(set(SAMPLER.core_limit.values()), {("0", "0")})
        self.assertEqual([p for p in OUT.rglob("*") if re.fullmatch(r"core(\.\d+)?|vgcore.*", p.name)], [])


# --- recipes of the README --------------------------------------------------------------------------------------------------


def recipe(name):
    text = (SOURCE / "README.md").read_text()
    block = re.search(rf"<!-- recipe: {name} -->\n```\w*\n(.*?)^```$", text, re.S | re.M)
    if not block:
        raise AssertionError(f"README.md has no recipe {name}")
    return block[1]


class Recipes(Case):
    """As printed, with `bash -e`, in a copy of the demo's folder; of the text only the quorum of its second line is changed."""

    def setUp(self):
        if EXIT != 0:
            self.skipTest("the demo did not run to its end")
        self.room = FOLDER / self.id().rsplit(".", 1)[1]
        shutil.copytree(OUT, self.room / "demo-out")

    def recover(self, holders):
        text, changed = re.subn(r'^holders="[^"]*"', f'holders="{" ".join(holders)}"', recipe("recover"), count=1, flags=re.M)
        self.assertEqual(changed, 1)
        for made in glob.glob(f"{self.room}/demo-out/*.p*[m8]"):
            os.unlink(made)
        return on_a_terminal(["bash", "-e", "-c", text], [World(OUT).note(f"{h}.share") for h in holders], cwd=self.room)

    def test_any_three_recovery_shares_and_a_backup_give_the_root_key(self):
        certified = run("openssl", "x509", "-in", next(OUT.glob("public/*/certs/root.pem")), "-noout", "-pubkey")
        for holders in (["c1", "c3", "c5"], ["c5", "c2", "c4"], ["c1", "c2", "c3"]):
            code, shown = self.recover(holders)
            self.assertEqual(code, 0, shown)
            self.assertIn("The root key is back.", shown)
            key = self.room / "demo-out/root-key.pk8"
            self.assertEqual(run("openssl", "pkey", "-in", key, "-pubout"), certified)

    def test_two_recovery_shares_do_not(self):
        for holders in (["c1", "c3"], ["c3", "c3", "c1"]):
            code, shown = self.recover(holders)
            self.assertNotEqual(code, 0, shown)
            self.assertNotIn("The root key is back.", shown)
            key = self.room / "demo-out/root-key.pk8"
            done = subprocess.run(["openssl", "pkey", "-in", key, "-noout"], capture_output=True, check=False)
            self.assertNotEqual(done.returncode, 0)

    def test_shares_of_the_other_quorum_do_not(self):
        for person in CUSTODIANS:
            medium = self.room / "demo-out/people" / person
            world = World(OUT)
            credential = self.room / f"{person}.credential"
            world.open_age(medium / "credential.age", world.note(f"{person}.credential"), credential)
            share = run("age", "-d", "-i", credential, medium / "share-activation-1.age")
            (medium / "share-recovery-1.age").unlink()
            (self.room / "share").write_bytes(share)
            code, shown = on_a_terminal(["age", "-p", "-o", str(medium / "share-recovery-1.age"), str(self.room / "share")], [world.note(f"{person}.share")] * 2)
            self.assertEqual(code, 0, shown)
        code, shown = self.recover(["c1", "c2", "c3"])
        self.assertNotEqual(code, 0, shown)

    def checkpoint(self):
        done = subprocess.run(["bash", "-e", "-c", recipe("checkpoint")], cwd=self.room, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
        return done.returncode, done.stdout

    def test_the_checkpoint_and_an_inclusion_check_with_sed_sha256sum_base64_and_openssl(self):
        code, shown = self.checkpoint()
        self.assertEqual(code, 0, shown)
        self.assertEqual(shown.count("Verified OK"), 2)
        self.assertIn("Included: ", shown)

    def test_the_checkpoint_recipe_refuses_what_was_altered(self):
        demo = self.room / "demo-out"
        checkpoint, proof = demo / "ledger-1/checkpoint", next(demo.glob("factory-a/bundle-*/certs/issuing.tlog-proof"))
        good = {p: p.read_text() for p in (checkpoint, proof)}

        def refused(path, change):
            path.write_text(change(good[path]))
            code, shown = self.checkpoint()
            path.write_text(good[path])
            self.assertNotEqual(code, 0, shown)
            self.assertNotIn("Included: ", shown)

        record = base64.b64decode(re.search(r"^extra (.*)$", good[proof], re.M)[1])
        other = base64.b64encode(record.replace(b"Factory A", b"Factory X")).decode()
        hashes = good[proof].split("\n\n")[0].split("\n")[3:]
        size = good[checkpoint].split("\n")[1]
        refused(proof, lambda t: re.sub(r"^extra .*$", f"extra {other}", t, flags=re.M))
        refused(proof, lambda t: t.replace(hashes[0], base64.b64encode(bytes(32)).decode()))
        refused(proof, lambda t: t.replace(hashes[-1] + "\n", ""))
        refused(checkpoint, lambda t: t.replace(f"\n{size}\n", f"\n{int(size) - 1}\n"))
        older = (demo / "ledger-1/checkpoints" / min(os.listdir(demo / "ledger-1/checkpoints"), key=int)).read_text()
        refused(checkpoint, lambda t: older)
        # Somebody else's signature under a person's name.
        lines = good[checkpoint].split("\n")
        so1, w1 = (next(line for line in lines if f"/{p} " in line) for p in ("so1", "w1"))
        refused(checkpoint, lambda t: t.replace(so1, so1.rsplit(" ", 1)[0] + " " + w1.rsplit(" ", 1)[1]))


if __name__ == "__main__":
    unittest.main()
