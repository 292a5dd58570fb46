"""A CA's first two ceremonies on the machine as it ships: firmware, the rehearsal's boot image, the console's screen, keys, and disks that
are moved as the screen says. Then this machine, which had no part in it, looks at every disk."""
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import time
import unittest

from appliance import Appliance
from console_hands import Room
from console_text import Glyphs
from guest import Guest
from support import BIN, PROCEDURES, SECOND, run
from test_guest_disks import REQUEST
from test_image import IMAGES, stick

MEMORY = 320  # MiB, of which the firmware keeps some


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
        print(f"\ncounted: {procedure} on the boot image: {room.asked - before} questions in {time.monotonic() - begun:.0f} s, on a machine of {MEMORY} MiB")
        room.screen.press("ret")
        room.screen.wait("the end", lambda lines: any("Enter switches the machine off" in line for line in lines))
        room.take_all_out()

    def test_a_genesis_and_an_issuance_by_key_presses(self):
        with Guest(uefi=True) as guest:
            glyphs = Glyphs.learn(guest, self.folder)
        with Appliance(stick("rehearsal"), memory=MEMORY) as machine:
            room = Room(machine, glyphs, self.folder, SECOND)
            files = {"policy.toml": SECOND.policy.read_bytes(), "hsm.toml": SECOND.binding.read_bytes(), "media.txt": b"factory-m\n"}
            room.add("files", files=files)
            room.given["ca"] = "a CA whose files are on a disk"
            machine.wait_for_log("ceremony: uki ")
            machine.pull_boot_medium()
            self.begin(room, "root-genesis")
            self.request(room)
            machine.type("again")
            room.screen.press_and_see("ret")
            self.begin(room, "issue-intermediates")
            machine.keys("ret")
            machine.wait_until_off()
        self.check(room)

    def request(self, room):
        (self.folder / "request.cnf").write_text(REQUEST)
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", self.folder / "m.key", "-out", self.folder / "m.csr", "-config",
            self.folder / "request.cnf")
        room.add("intake", files={"m.csr": (self.folder / "m.csr").read_bytes()})
        room.given |= {"profile.m.csr": "issuing-matter-pai", "take.m.csr": "take it in"}

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
        opens = [record["d"] for record in map(json.loads, (ledgers[0] / "transcript.log").read_text().splitlines()) if record["ev"] == "open"]
        self.assertEqual(len(opens), 2)
        for fields in opens:
            for field, name in (("image", "MANIFEST"), ("uki", "ceremony.efi")):
                self.assertEqual(fields[field], hashlib.sha256((IMAGES / "rehearsal" / name).read_bytes()).hexdigest())
            self.assertEqual(fields["operator"], "tui")
            self.assertEqual(fields["selftest"]["manifest"], "ok", "every file of the system is the image's")


if __name__ == "__main__":
    unittest.main()
