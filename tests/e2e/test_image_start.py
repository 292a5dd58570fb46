"""How a machine starts from a boot image: that firmware starts it and nothing else, and what people see then."""
import hashlib
import os
import pathlib
import re
import shutil
import tempfile
import unittest

from appliance import Appliance
from console_hands import Room, Screen
from console_text import Picture
from images import IMAGES, SOURCE, TPM_TABLE, WithFolder, WithScreen, disc, expecting, glyphs_and_bare_kernel, manifest, run, stick, tpm_on
from secure_boot import Keys
from support import SECOND


class Boots(WithScreen):
    def words(self, path):
        return run(SOURCE / ".build/release/ceremony/ceremony", "words", path).splitlines()[1].strip()

    def starts(self, medium, kind="rehearsal", uki="ceremony.efi"):
        """Shows who it is, goes on without the boot medium, and goes off. Of a rehearsal's machine, and what it showed first."""
        with Appliance(medium, memory=384) as machine:
            lines = self.wait_for_screen(machine, "then take the boot medium out")
            folder = IMAGES / kind
            for name in ("MANIFEST", uki):
                self.assertIn(hashlib.sha256((folder / name).read_bytes()).hexdigest(), "\n".join(lines))
                self.assertIn(self.words(folder / name), "\n".join(lines))
            self.assertEqual("REHEARSAL" in lines[0], kind == "rehearsal")
            machine.pull_boot_medium()
            Screen(machine, self.glyphs).choose_keyboard()
            self.comes_to_an_end(machine, kind)
            machine.keys("ret")
            machine.wait_until_off()
            return machine.log()

    def test_a_stick_starts_and_is_pulled_out_and_takes_no_policy_of_production(self):
        log = self.starts(stick("rehearsal"))
        self.assertIn("keyboard is on", log)

    def test_the_production_image_starts_and_takes_no_policy_of_a_rehearsal(self):
        # It says nothing on the serial line.
        log = self.starts(stick("production"), "production")
        self.assertNotIn("Linux version", log)

    def test_a_disc_starts_and_is_taken_out(self):
        self.starts(disc("rehearsal"))

    def test_the_first_screen_comes_soon(self):
        # Whatever else this machine does meanwhile counts too: the two are taken one right after the other, and anew where they disagree.
        bare = self.bare
        for _ in range(3):
            with Appliance(stick("rehearsal"), memory=512) as machine:
                handed_over = machine.wait_for_log("EFI stub")
                shown = machine.wait_for_log("ceremony: first screen") - handed_over
                whole = machine.wait_for_log("ceremony: uki ")
            if shown < 1.5 * bare:
                break
            _, bare = glyphs_and_bare_kernel(self.folder)
        print(f"\ncounted: from the firmware to the first screen: {shown:.1f} s, {shown / bare:.2f} times the bare kernel's {bare:.1f} s; from power to the digest of the medium {whole:.1f} s")
        self.assertLess(shown, 1.5 * bare)

    def test_other_usb_devices_stay_off(self):
        with Appliance(stick("rehearsal"), memory=384) as machine:
            machine.wait_for_log("ceremony: uki ")
            machine.pull_boot_medium()
            Screen(machine, self.glyphs).choose_keyboard()
            machine.wait_for_log("the program begins")
            machine.attach("card", "usb-net", port="5")
            machine.wait_for_log("USB 1-5 unknown device stays off")
            machine.attach_second_keyboard("other", port="6")
            machine.wait_for_log("USB 1-6 scanner stays off")


class Keyboard(WithScreen):
    def at_the_keyboard(self, machine):
        machine.wait_for_log("ceremony: uki ")
        machine.pull_boot_medium()
        screen = Screen(machine, self.glyphs)
        return screen, screen.wait("which keyboard it is", lambda lines: any("Enter alone is 1, us." in line for line in lines))

    def test_a_german_keyboard_has_its_keys_where_they_are_printed(self):
        with Appliance(stick("rehearsal"), memory=384) as machine:
            screen, lines = self.at_the_keyboard(machine)
            names = sorted(pathlib.Path(path).name for path in manifest("rehearsal") if path.startswith("/usr/share/ceremony/keymaps/"))
            self.assertEqual(names, sorted(re.findall(r"\b\d+  ([a-z-]+) ", "\n".join(lines).replace("0  larger ", ""))))
            # At the key beside T, which says Y on a US keyboard, is the Z; the other way round below.
            screen.choose_keyboard("3", come_out="layz mower")
            screen.wait("what came out", lambda lines: any('The keys gave "layz mower" and not "lazy mower". Choose again.' in line for line in lines))
            machine.type("16\n")
            screen.wait("that there is none", lambda lines: any('There is no keyboard "16" in the list.' in line for line in lines))
            screen.choose_keyboard("3", words="layz mower /", come_out="lazy mower -")
            machine.wait_for_log("the program begins")
            self.assertIn("ceremony: keyboard de", machine.log())

    def test_begun_again_another_keyboard_can_be_chosen(self):
        with Appliance(stick("rehearsal"), memory=384) as machine:
            screen, _ = self.at_the_keyboard(machine)
            screen.choose_keyboard("6", words="lqwy ;ozer", come_out="lazy mower")
            self.comes_to_an_end(machine, "rehearsal")
            machine.type("qgqin\n")  # as French keys have it
            screen.choose_keyboard("3", words="layz mower", come_out="lazy mower")
            machine.wait_for_log("the program begins", count=2)
            self.assertEqual(re.findall(r"ceremony: keyboard ([a-z-]+)", machine.log()), ["us", "fr", "us", "de"])

    def test_every_keyboard_can_be_chosen(self):
        with Appliance(stick("rehearsal"), memory=384) as machine:
            screen, lines = self.at_the_keyboard(machine)
            for number in range(1, 15):
                machine.type(f"{number}\n")
                screen.wait("what is to be typed", lambda lines: any("Behind these words" in line for line in lines))
                self.assertNotIn("error:", "\n".join(screen.lines()))
                machine.keys("ret")
                screen.wait("the list", lambda lines: any('The keys gave "" and not "lazy mower". Choose again.' in line for line in lines))
            self.assertEqual(len(set(re.findall(r"ceremony: keyboard ([a-z-]+)", machine.log()))), 14)

    def width_of_title(self, machine):
        """In pixels: where the rightmost ink of the first line ends."""
        path = machine.folder / "title.ppm"
        machine.monitor.execute("screendump", {"filename": str(path), "format": "ppm"})
        seen = Picture(path)
        rows = [seen.pixels[3 * seen.width * y:3 * seen.width * (y + 1)] for y in range(16)]
        return max((x + 1 for row in rows for x in range(seen.width) if row[3 * x:3 * x + 3] != row[-3:]), default=0)

    def test_larger_characters_on_a_screen_that_holds_them(self):
        title = len("ceremony 0.1.0   *** REHEARSAL ***")
        with Appliance(stick("rehearsal"), memory=384, resolution=(1920, 1080)) as machine:
            screen, _ = self.at_the_keyboard(machine)
            self.assertEqual(-(-self.width_of_title(machine) // 8), title)
            machine.type("0\n")
            machine.wait_for_log("ceremony: characters of 16x32")
            self.eventually(lambda: -(-self.width_of_title(machine) // 16) == title)
            machine.type("0\n")
            machine.wait_for_log("ceremony: characters of 8x16")
            screen.wait("the list", lambda lines: any("0  larger characters" in line for line in lines))

    def test_a_4k_screen_has_larger_characters_from_the_start(self):
        with Appliance(stick("rehearsal"), memory=384, resolution=(3840, 2160)) as machine:
            machine.wait_for_log("ceremony: uki ")
            self.eventually(lambda: -(-self.width_of_title(machine) // 16) == len("ceremony 0.1.0   *** REHEARSAL ***"))

    def test_larger_characters_on_a_screen_that_does_not_hold_them(self):
        with Appliance(stick("rehearsal"), memory=384) as machine:
            screen, _ = self.at_the_keyboard(machine)
            machine.type("0\n")
            screen.wait("why not", lambda lines: any("The characters stay as they are: 64x24 larger ones fit on this screen, and 80x24 are needed." in line for line in lines))


class Measured(WithScreen):
    """A machine with a TPM 2.0: firmware and the image's own beginning tell it what they start, and people read that on the screen."""

    def boot(self, medium):
        """The machine, always the same one, where it asks for the files of the CA; and what its TPM says."""
        machine = self.enterContext(Appliance(medium, memory=512, tpm=self.folder / "tpm-state"))
        machine.wait_for_log("ceremony: uki ")
        machine.pull_boot_medium()
        Screen(machine, self.glyphs).choose_keyboard()
        self.wait_for_screen(machine, "Which CA?", "the sample CA of this image")
        machine.keys("down", "ret")
        lines = self.wait_for_screen(machine, "Put in the disk with the files of the CA", "PCR 11")
        return machine, tpm_on(lines)

    def preflight(self, machine, said):
        """Under the policy that expects that: what the pre-flight says of the machine."""
        policy = SECOND.policy.read_text() + expecting(said)
        room = Room(machine, self.glyphs, self.folder, SECOND)
        room.add("files", files={"policy.toml": policy.encode(), "hsm.toml": SECOND.binding.read_bytes(), "media.txt": b"factory-m\n"})
        room.given["dashboard"] = "root-genesis"
        room.until("preflight.root-genesis")
        lines = []
        while True:
            screen = room.screen.lines()
            lines += room.screen.task(screen)
            text = " ".join("\n".join(lines).split())
            if "machine: " in text and not any("more below" in line for line in screen):
                return text[text.rindex("machine: ") - 12:]
            room.screen.press_and_see("pgdn")

    def test_an_image_that_was_changed_is_seen_and_does_not_open(self):
        machine, first = self.boot(stick("rehearsal"))
        self.assertEqual(sorted(first), sorted(TPM_TABLE.values()))
        # What scripts/image prints is what this machine measured.
        self.assertEqual(first["PCR 11"], run("python3", "-B", SOURCE / "scripts/imaging/pcr11.py", IMAGES / "rehearsal/ceremony.efi").strip())
        self.assertEqual(len(set(first.values()) - {"0" * 64}), 4)
        machine.close()
        machine, again = self.boot(stick("rehearsal"))
        self.assertEqual(again, first)
        self.assertIn("[ok] machine: its TPM says what the policy expects", self.preflight(machine, first))
        machine.close()
        # One byte of the command line.
        changed, content = self.folder / "changed.img", stick("rehearsal").read_bytes()
        self.assertEqual(content.count(b" panic=60 "), 1)
        changed.write_bytes(content.replace(b" panic=60 ", b" panic=61 "))
        machine, other = self.boot(changed)
        self.assertEqual({name for name in first if other[name] != first[name]}, {"PCR 4", "PCR 11"})
        said = self.preflight(machine, first)
        self.assertIn(f"[missing] machine: policy does not expect PCR 4 to be {other['PCR 4']}; policy does not expect PCR 11 to be {other['PCR 11']}; find out what was changed", said)
        machine.keys("ret")
        # There is no Begin: back to the choice of a procedure.
        self.wait_for_screen(machine, "look again", "leave")


class SecureBoot(WithFolder):
    """The firmware has our keys and starts what they signed."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-image-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.keys = Keys(cls.folder)
        cls.image = cls.folder / "image"
        cls.stick = cls.keys.copy_and_sign(IMAGES / "rehearsal", cls.image)

    def setUp(self):
        pass

    def refuses(self, medium):
        with Appliance(medium, memory=512, variables=self.keys.variables) as machine:
            machine.wait_for_log("BdsDxe: failed to load Boot")
            self.assertIn("Access Denied", machine.log())
            self.assertNotIn("Linux version", machine.log())

    def test_a_signed_image_starts(self):
        with Appliance(self.stick, memory=512, variables=self.keys.variables) as machine:
            machine.wait_for_log("ceremony: uki " + hashlib.sha256((self.image / "ceremony.signed.efi").read_bytes()).hexdigest())
            self.assertIn("UEFI Secure Boot is enabled.", machine.log())

    def test_an_unsigned_image_is_refused(self):
        self.refuses(stick("rehearsal"))

    def test_an_image_that_was_changed_is_refused(self):
        changed = self.folder / "changed.img"
        data = bytearray(self.stick.read_bytes())
        at = data.index((self.image / "initrd.zst").read_bytes()[:4096]) + 2000
        data[at] ^= 1
        changed.write_bytes(data)
        self.refuses(changed)

    def test_whoever_has_the_signature_makes_the_same_signed_image(self):
        again = self.folder / "again"
        shutil.copytree(self.image, again, ignore=shutil.ignore_patterns("*signed*"))
        self.keys.sign(again, "-")
        for path in again.iterdir():
            self.assertEqual(path.read_bytes(), (self.image / path.name).read_bytes() if path.name != "SHA256SUMS" else path.read_bytes(), path.name)
        os.unlink(again / "ceremony.efi.p7")
        with self.assertRaisesRegex(AssertionError, "exit 1\n.*neither a key nor a signature"):
            self.keys.sign(again, "-")


if __name__ == "__main__":
    unittest.main()
