"""A rehearsal on a machine with a TPM 2.0, in a guest under the appliance's kernel: what `open` carries then, and what it is refused for.
Each run goes to the first question behind `open`."""
import hashlib
import json
import pathlib
import re
import subprocess
import tomllib
import unittest

from disks import MODULE, ROOM, RUN
from guest import Guest
from second import forms
from second.foreign import verifies
from support import BIN, NAMED, PROCEDURES, SECOND, Answers, image_manifest

MANIFEST = image_manifest("0.1.0").encode()
BOOT = f"ceremony-boot/v1\nenvironment: rehearsal\nimage: {hashlib.sha256(MANIFEST).hexdigest()}\nuki: {'2' * 64}\n"
NOTHING = hashlib.sha256().hexdigest()  # the root of an empty log


class Machine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        files = {str(path): path.read_bytes() for path in PROCEDURES.rglob("*.toml")} | {"/etc/boot": BOOT.encode(), "/MANIFEST": MANIFEST, NAMED: pathlib.Path(NAMED).read_bytes()}
        cls.guest = Guest([RUN, "zlint", MODULE], files=files, memory=1024, tpm=True).start()
        cls.addClassCleanup(cls.guest.close)

    def setUp(self):
        self.guest.run("mkdir -p /run/ceremony && cp /etc/boot /run/ceremony/boot")

    def machine(self):
        return tomllib.loads(self.guest.run([RUN, "machine"]).out)["tpm"]

    def begin(self, table=None):
        """A genesis under the policy with that table [tpm], to the first question that nobody answers: what was said, and `open` with the artifact it names."""
        policy = SECOND.policy.read_text()
        if table is not None:
            policy += "\n[tpm]\n" + "".join(f"{name} = {json.dumps(values)}\n" for name, values in table.items())
        answers = Answers().give("clock", SECOND.clock)
        for person in SECOND.clock.split():
            answers.give(f"clock.{person}", "yes")
        self.guest.run(f"rm -rf {ROOM} && mkdir -p {ROOM}/store && printf 'directories.tokendir = {ROOM}/store\\nobjectstore.backend = file\\nlog.level = ERROR\\n' >{ROOM}/softhsm2.conf")
        self.guest.put(f"{ROOM}/policy.toml", policy.encode())
        self.guest.put(f"{ROOM}/answers.toml", answers.text().encode())
        command = ["env", f"SOFTHSM2_CONF={ROOM}/softhsm2.conf", RUN, "run", "root-genesis", "--policy", f"{ROOM}/policy.toml", "--hsm", SECOND.binding, "--procedures", PROCEDURES,
                   "--answers", f"{ROOM}/answers.toml", "--ledger", f"{ROOM}/ledger-1", "--ledger", f"{ROOM}/ledger-2", "--backup", f"{ROOM}/backup-1", "--backup", f"{ROOM}/backup-2"]
        for name in [*SECOND.people, *SECOND.media]:
            command += ["--media", f"{name}={ROOM}/{name}"]
        done = self.guest.run(command, seconds=120, code=2)
        log = self.guest.run(f"cat {ROOM}/ledger-1/transcript.log", code=None).out.splitlines()
        opened = json.loads(log[0])["d"] if log else None
        quote = None
        if opened and opened["tpm"] != "none":
            quote = self.guest.run(f"cat {ROOM}/ledger-1/artifacts/{opened['tpm'][:2]}/{opened['tpm']}").out_bytes
            self.assertEqual(hashlib.sha256(quote).hexdigest(), opened["tpm"])
        return done.out + done.err, opened, quote

    def test_1_the_machine_says_the_same_each_time(self):
        said = self.machine()
        self.assertEqual(self.machine(), said)
        self.assertEqual(sorted(said), ["keys", "pcr11", "pcr4", "pcr7"])

    def test_2_open_carries_a_quote_that_others_can_check(self):
        said, opened, content = self.begin()
        self.assertIn("no answer is left for the question", said)
        quote = forms.quote_of(content)
        self.assertTrue(verifies(quote.key, quote.attest, quote.signature))
        self.assertEqual((quote.nonce.hex(), opened["previous_root"]), (NOTHING, NOTHING))
        self.assertEqual({"keys": [hashlib.sha256(quote.key).hexdigest()], **{name: [value] for name, value in quote.values.items()}}, self.machine())

    def test_3_a_policy_that_names_this_machine_is_opened_on_it(self):
        _, opened, content = self.begin(self.machine())
        self.assertIsNotNone(content)
        self.assertEqual(opened["kind"], "root-genesis")

    def test_4_a_policy_that_names_another_is_not(self):
        for name, what in (("keys", "policy does not enrol the attestation key"), ("pcr4", "policy does not expect PCR 4 to be"), ("pcr7", "policy does not expect PCR 7 to be"),
                           ("pcr11", "policy does not expect PCR 11 to be")):
            with self.subTest(name):
                said, opened, _ = self.begin({**self.machine(), name: ["a" * 64]})
                self.assertEqual(re.findall(r"([A-Z]+-\d+): (policy [^\n]*?) [0-9a-f]{64}", said), [("POL-5", what)])
                self.assertIsNone(opened)

    def test_5_at_a_desk_nobody_asks_a_tpm(self):
        self.guest.run("rm /run/ceremony/boot")
        _, opened, _ = self.begin()
        self.assertEqual(opened["tpm"], "none")
        said, opened, _ = self.begin(dict.fromkeys(("keys", "pcr4", "pcr7", "pcr11"), ["a" * 64]))
        self.assertIn("POL-5: policy wants a quote of the machine's TPM, open has none", said)
        self.assertIsNone(opened)

    def test_6_a_tpm_that_fails_stops_everything_whether_policy_asks_for_it_or_not(self):
        table = self.machine()
        self.guest.tpm.kill()
        self.guest.tpm.wait()
        for asked in (table, None):
            said, opened, _ = self.begin(asked)
            self.assertRegex(said, r'error: self-test: the self-test "tpm-random" failed: the machine\'s TPM gives no random bytes \(code 0x[0-9a-f]{8}\)\n')
            self.assertIn("nothing was touched", said)
            self.assertIsNone(opened)

    def test_a_machine_without_a_tpm_says_so(self):
        done = subprocess.run([BIN / "ceremony", "machine"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr, "error: /dev/tpmrm0: this machine has no TPM\nhint: switch the TPM 2.0 on in the firmware's menu; without one leave [tpm] out of the policy\n")


if __name__ == "__main__":
    unittest.main()
