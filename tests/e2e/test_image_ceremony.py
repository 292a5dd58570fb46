"""A CA's first two ceremonies on the machine as it ships: firmware with Secure Boot and our keys, a TPM, the rehearsal's boot image, the
console's screen, keys, and disks that are moved as the screen says. Then this machine, which had no part in it, looks at every disk."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import tempfile
import time
import unittest

from appliance import Appliance
from console_hands import Room
from console_text import Glyphs
from frames import Frame, codes_in, joined
from guest import Guest
from images import IMAGES, SOURCE, expecting, tpm_on
from secure_boot import Keys
from support import BIN, SECOND, run
from test_guest_disks import REQUEST

# MiB: of a machine, of which the firmware keeps some; and what scrypt takes at this policy's work factor, 2^14.
MEMORY, SCRYPT = 256 + 16, 16

PCR11 = SOURCE / "scripts/imaging/pcr11.py"


class Ceremony(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-image-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def begin(self, room, procedure):
        room.given["dashboard"] = procedure
        begun, before = time.monotonic(), room.asked
        room.until("finished")
        lines = room.screen.lines()
        self.assertIn("The ceremony is closed and signed", " ".join("\n".join(room.screen.task(lines)).split()))
        print(f"\ncounted: {procedure} on the boot image: {room.asked - before} questions in {time.monotonic() - begun:.0f} s, on a machine of {MEMORY} MiB, {SCRYPT} of them for scrypt")
        room.screen.press("ret")
        room.screen.wait("the end", lambda lines: any("Enter switches the machine off" in line for line in lines))
        room.take_all_out()

    def test_a_genesis_and_an_issuance_by_key_presses(self):
        with Guest(uefi=True) as guest:
            glyphs = Glyphs.learn(guest, self.folder)
        keys = Keys(self.folder)
        medium = keys.copy_and_sign(IMAGES / "rehearsal", self.folder / "image")
        with Appliance(medium, memory=MEMORY, variables=keys.variables, tpm=True) as machine:
            room = Room(machine, glyphs, self.folder, SECOND)
            room.given["ca"] = "a CA whose files are on a disk"
            machine.wait_for_log("ceremony: uki ")
            self.assertIn("UEFI Secure Boot is enabled.", machine.log())
            machine.pull_boot_medium()
            room.screen.choose_keyboard()
            self.name_the_machine(room)
            self.begin(room, "root-genesis")
            self.request(room)
            machine.type("again")
            room.screen.press("ret")
            room.screen.choose_keyboard()
            room.before["exported.factory-m"] = self.read_codes
            self.begin(room, "issue-intermediates")
            machine.keys("ret")
            machine.wait_until_off()
        self.check(room)

    def name_the_machine(self, room):
        """In the policy, by what its TPM says on the screen."""
        room.until("insert.files")
        said = tpm_on(room.screen.lines())
        policy = SECOND.policy.read_text() + expecting(said)
        room.add("files", files={"policy.toml": policy.encode(), "hsm.toml": SECOND.binding.read_bytes(), "media.txt": b"factory-m\n"})

    def request(self, room):
        (self.folder / "request.cnf").write_text(REQUEST)
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", self.folder / "m.key", "-out", self.folder / "m.csr", "-config",
            self.folder / "request.cnf")
        room.add("intake", files={"m.csr": (self.folder / "m.csr").read_bytes()})
        room.given |= {"profile.m.csr": "issuing-matter-pai", "take.m.csr": "take it in"}

    def read_codes(self, room):
        """Every code of what was exported, off pictures of the screen."""
        self.codes, frames = [], {}
        room.screen.press_and_see("q")
        while True:
            lines = room.screen.wait("a code", lambda lines: "in any order" in "\n".join(lines))
            number, of = map(int, re.search(r"Code (\d+) of (\d+)", "\n".join(lines)).groups())
            frame = Frame(codes_in(room.machine.screendump(self.folder / "code.png")))
            if frame.sid in [sid for sid, _ in self.codes]:
                break  # round once
            frames[frame.index] = frame
            if number < of:
                room.screen.press_and_see("right")
                continue
            self.codes.append((frame.sid, joined(frames)))
            frames = {}
            room.screen.press_and_see("tab")
        room.screen.press_and_see("esc")

    def check(self, room):
        for name, disk in room.disks.items():
            disk.is_sound()
            disk.copy_to(self.folder / name)
        ledgers = [self.folder / "ledger-1", self.folder / "ledger-2"]
        for ledger in ledgers:
            (ledger / "ceremony-medium").unlink()
        run("diff", "-r", *ledgers)
        pin = run("sh", "-c", f"openssl pkey -pubin -in {ledgers[0]}/keys/log.pem -outform DER | sha256sum").decode()[:64]
        bundle, = (self.folder / "factory-m").glob("bundle-*/")
        for what in [*ledgers, bundle]:
            run(BIN / "ceremony-verify", what, "--pin", pin)
        crl, = (bundle / "crl").glob("*.crl")
        run("openssl", "crl", "-inform", "DER", "-in", crl, "-out", self.folder / "crl.pem")
        run("openssl", "verify", "-x509_strict", "-check_ss_sig", "-crl_check_all", "-CRLfile", self.folder / "crl.pem", "-CAfile", bundle / "certs/root.pem", bundle / "certs/issuing.pem")
        wanted = [path.read_bytes() for path in sorted(bundle.rglob("*")) if path.suffix in (".der", ".crl") or path.name == "MANIFEST"]
        self.assertEqual(len(wanted), 4)
        self.assertEqual(sorted(payload for _, payload in self.codes), sorted(wanted))
        opens = [record["d"] for record in map(json.loads, (ledgers[0] / "transcript.log").read_text().splitlines()) if record["ev"] == "open"]
        self.assertEqual(len(opens), 2)
        for fields in opens:
            for field, name in (("image", "MANIFEST"), ("uki", "ceremony.signed.efi")):
                self.assertEqual(fields[field], hashlib.sha256((self.folder / "image" / name).read_bytes()).hexdigest())
            self.assertEqual(fields["operator"], "tui")
            self.assertEqual(fields["selftest"]["manifest"], "ok", "every file of the system is the image's")
            self.assertEqual(fields["selftest"]["tpm-random"], "ok")
        quotes = [(ledgers[0] / "artifacts" / fields["tpm"][:2] / fields["tpm"]).read_text() for fields in opens]
        for quote in quotes:
            self.assertIn("\npcr11: " + run("python3", "-B", PCR11, self.folder / "image/ceremony.signed.efi").decode().strip() + "\n", quote)
        self.assertNotEqual(*quotes, "each is over the log as it was then")


if __name__ == "__main__":
    unittest.main()
