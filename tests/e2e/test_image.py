"""The boot images: what is in them, that they can be made again, that firmware starts them and nothing else, and what people see then."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from appliance import Appliance
from console_text import Glyphs
from guest import OVMF_VARIABLES, Guest, fat_image

SOURCE = pathlib.Path(os.environ.get("CEREMONY_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
IMAGES = SOURCE / ".build/image"
BUILD = SOURCE / "scripts/imaging/build.py"
KINDS = ("production", "rehearsal")
MIB = 1024 * 1024
# Others' of this kind, for comparison: as published.
OTHERS = {"ICANN's coen 0.4.0": 238, "AirgapOS of 2021": 100}


def stick(kind):
    path, = (path for path in (IMAGES / kind).glob("ceremony-*.img") if not path.stem.endswith("-signed"))
    return path


def run(*command, code=0, **how):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **how)
    if code is not None and done.returncode != code:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def manifest(kind):
    """Path → line, split."""
    lines = [line.split(" ") for line in (IMAGES / kind / "MANIFEST").read_text().splitlines()]
    return {line[-1]: line for line in lines if line[0] in ("file", "link")}


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-image-test-"))
        self.addCleanup(shutil.rmtree, self.folder)


class Contents(WithFolder):
    def unpacked(self, kind):
        """Path → bytes, as the kernel would see it."""
        archive = subprocess.run(["zstd", "-dcq", IMAGES / kind / "initrd.zst"], check=True, capture_output=True).stdout
        out, at = {}, 0
        while True:
            fields = [int(archive[at + 6 + 8 * n:at + 14 + 8 * n], 16) for n in range(13)]
            name = archive[at + 110:at + 110 + fields[11] - 1].decode()
            at = (at + 110 + fields[11] + 3) & ~3
            if name == "TRAILER!!!":
                return out
            if fields[1] & 0o170000 == 0o100000:
                out["/" + name] = archive[at:at + fields[6]]
            at = (at + fields[6] + 3) & ~3

    def test_the_manifest_names_every_file_and_nothing_else(self):
        for kind in KINDS:
            files = self.unpacked(kind)
            self.assertEqual(files.pop("/MANIFEST"), (IMAGES / kind / "MANIFEST").read_bytes())
            named = {path: line[1] for path, line in manifest(kind).items() if line[0] == "file"}
            self.assertEqual({path: hashlib.sha256(content).hexdigest() for path, content in files.items()}, named)

    def test_there_is_no_shell_and_no_other_program(self):
        ours = {"/init", "/usr/bin/zlint", "/usr/sbin/pcscd", "/usr/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libc.so.6"}
        for kind, program in zip(KINDS, ("/usr/bin/ceremony", "/usr/bin/ceremony-rehearsal")):
            runs = {path for path, line in manifest(kind).items() if line[0] == "file" and int(line[2], 8) & 0o111}
            self.assertEqual(runs, ours | {program})
            self.assertFalse([path for path, line in manifest(kind).items() if line[0] == "file" and int(line[2], 8) & 0o7022])

    def test_production_has_no_token_of_software_no_script_and_no_serial_console(self):
        self.assertFalse([path for path in manifest("production") if "softhsm" in path or "rehearsal" in path])
        self.assertTrue([path for path in manifest("rehearsal") if "softhsm" in path])
        program = self.unpacked("production")["/usr/bin/ceremony"]
        self.assertNotIn(b"an unused answer", program)
        for kind in KINDS:
            line, = re.findall(r"^command-line (.*)$", (IMAGES / kind / "MANIFEST").read_text(), re.M)
            self.assertEqual("ttyS0" in line, kind == "rehearsal")
            self.assertIn("usbcore.authorized_default=0", line)

    def test_sizes(self):
        for kind in KINDS:
            size = stick(kind).stat().st_size
            print(f"\ncounted: the {kind} image: {size / MIB:.1f} MiB on a stick ({', '.join(f'{who}: {mb} MB' for who, mb in OTHERS.items())})")
            self.assertLess(size, 24 * MIB)

    def test_the_stick_is_a_gpt_that_others_can_read(self):
        content = run("mdir", "-i", f"{stick('production')}@@{2048 * 512}", "-b", "-/", "::")
        self.assertEqual(content.split(), ["::/EFI/", "::/EFI/BOOT/", "::/EFI/BOOT/BOOTX64.EFI"])
        run("mcopy", "-i", f"{stick('production')}@@{2048 * 512}", "::/EFI/BOOT/BOOTX64.EFI", self.folder / "out.efi")
        self.assertEqual((self.folder / "out.efi").read_bytes(), (IMAGES / "production/ceremony.efi").read_bytes())
        run("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=IMAGES / "production")


class Reproducible(WithFolder):
    def build(self, name, umask, zone, order, lock=SOURCE / "scripts/image.lock", more=(), code=0):
        """Another checkout, of files that were written in another order and at another time, by another person's habits."""
        source = self.folder / name / "source"
        for path in sorted([*(SOURCE / "procedures").rglob("*.toml"), SOURCE / "procedures/usb.rules"], reverse=order):
            target = source / path.relative_to(SOURCE)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (1000000000 + 1000 * order, 1000000000))
        self.out = self.folder / name / "out"
        return run("python3", "-B", BUILD, "production", self.out, "--source", source, "--built", SOURCE / ".build/release", "--kernel", SOURCE / ".build/guest/bzImage",
                   "--uname", (SOURCE / ".build/guest/version").read_text().strip(), "--version", "9.9.9", "--commit", "0" * 40, "--seconds", "1790000000", "--lock", lock, *more,
                   code=code, cwd=self.folder, umask=umask, env={**os.environ, "TZ": zone, "TMPDIR": str(self.folder / name), "PYTHONHASHSEED": "1" if order else "2"})

    def test_two_builds_are_equal_bit_for_bit(self):
        self.build("first", 0o022, "UTC", False)
        first = self.out
        self.build("second and another", 0o077, "Pacific/Kiritimati", True)
        names = sorted(path.name for path in first.iterdir())
        self.assertEqual(names, sorted(path.name for path in self.out.iterdir()))
        self.assertEqual(len([name for name in names if name.endswith((".efi", ".img", ".iso", ".zst"))]), 4)
        for name in names:
            with self.subTest(name):
                self.assertEqual(hashlib.sha256((first / name).read_bytes()).hexdigest(), hashlib.sha256((self.out / name).read_bytes()).hexdigest())
        print(f"\ncounted: two builds are equal: {len(names)} files")

    def test_a_release_refuses_what_the_lock_does_not_name(self):
        lock = self.folder / "lock"
        text = (SOURCE / "scripts/image.lock").read_text()
        lock.write_text(re.sub(r"^(libc6 \S+) \S+$", rf"\1 {'0' * 64}", text, flags=re.M))
        said = self.build("release", 0o022, "UTC", False, lock, ["--release"], code=1)
        self.assertIn("1 inputs are not as scripts/image.lock names them", said)
        self.assertRegex(said, r"lock: libc6 \S+ 0{64} -> libc6 \S+ [0-9a-f]{64}")
        self.assertFalse(self.out.exists())


def glyphs_and_bare_kernel(folder):
    """How the console's characters look, and the seconds that the kernel alone takes from the firmware's hand to its first process."""
    guest = Guest(uefi=True)
    seen, over = {}, threading.Event()

    def watch():
        while not over.is_set():
            log, now = guest.log(), time.monotonic()
            for text in ("EFI stub", "Run /init"):
                if text in log:
                    seen.setdefault(text, now)
            over.wait(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with guest:
            over.set()
            watcher.join()
            return Glyphs.learn(guest, folder), seen["Run /init"] - seen["EFI stub"]
    finally:
        over.set()


class Boots(WithFolder):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-image-test-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.glyphs, cls.bare = glyphs_and_bare_kernel(folder)

    def wait_for_screen(self, machine, *texts, seconds=60):
        limit = time.monotonic() + seconds
        while True:
            lines = self.glyphs.read(machine)
            if all(any(text in line for line in lines) for text in texts):
                return lines
            if time.monotonic() > limit or machine.process.poll() is not None:
                raise machine.failed(f"the screen does not show {texts} but\n" + "\n".join(lines))

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
            self.goes_on(machine, kind)
            return machine.log()

    def goes_on(self, machine, kind):
        """With the files of a CA of the other world: says so, and goes off."""
        if kind == "rehearsal":
            self.wait_for_screen(machine, "Which CA?", "the sample CA of this image")
            machine.keys("down", "ret")
        self.wait_for_screen(machine, "Put in the disk with the files of the CA")
        files = {"policy.toml": (SOURCE / f"procedures/policy-{'production' if kind == 'rehearsal' else 'rehearsal'}.toml").read_bytes(),
                 "hsm.toml": (SOURCE / "procedures/hsm-softhsm2.toml").read_bytes()}
        machine.attach_disk(fat_image(self.folder / f"{kind}-files.img", megabytes=36, files=files), serial="FILES", port="2")
        machine.keys("ret")
        self.wait_for_screen(machine, "this is the image of a " + kind, "Enter switches the machine off")
        machine.keys("ret")
        machine.wait_until_off()

    def test_a_stick_starts_and_is_pulled_out_and_takes_no_policy_of_production(self):
        log = self.starts(stick("rehearsal"))
        self.assertIn("keyboard is on", log)

    def test_the_production_image_starts_and_takes_no_policy_of_a_rehearsal(self):
        # It says nothing on the serial line.
        log = self.starts(stick("production"), "production")
        self.assertNotIn("Linux version", log)

    def test_a_disc_starts_and_is_taken_out(self):
        disc, = (path for path in (IMAGES / "rehearsal").glob("ceremony-*.iso") if not path.stem.endswith("-signed"))
        self.starts(disc)

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
            machine.wait_for_log("the program begins")
            machine.attach("card", "usb-net", port="5")
            machine.wait_for_log("USB 1-5 unknown device stays off")
            machine.attach_second_keyboard("other", port="6")
            machine.wait_for_log("USB 1-6 scanner stays off")


class SecureBoot(WithFolder):
    """The firmware has our keys and starts what they signed."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-image-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name in ("PK", "KEK", "db"):
            run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-noenc", "-days", "9125", "-subj", f"/CN=test {name}", "-keyout", f"{name}.key", "-out", f"{name}.pem", cwd=cls.folder)
        owner = "43455245-4d4f-4e59-8001-000000000003"
        run("virt-fw-vars", "--input", OVMF_VARIABLES, "--output", "variables", "--set-pk", owner, "PK.pem", "--add-kek", owner, "KEK.pem", "--add-db", owner, "db.pem", "--secure-boot",
            cwd=cls.folder)
        cls.image = cls.folder / "image"
        shutil.copytree(IMAGES / "rehearsal", cls.image, ignore=shutil.ignore_patterns("*signed*", "*.p7", "*.iso"))
        cls.sign(cls.image, cls.folder / "db.key")

    def setUp(self):
        pass

    @classmethod
    def sign(cls, image, key):
        run("python3", "-B", SOURCE / "scripts/imaging/sign.py", image, key, cls.folder / "db.pem", "--seconds", "1790000000")

    def signed_stick(self):
        path, = self.image.glob("*-signed.img")
        return path

    def refuses(self, medium):
        with Appliance(medium, memory=512, variables=self.folder / "variables") as machine:
            machine.wait_for_log("BdsDxe: failed to load Boot")
            self.assertIn("Access Denied", machine.log())
            self.assertNotIn("Linux version", machine.log())

    def test_a_signed_image_starts(self):
        with Appliance(self.signed_stick(), memory=512, variables=self.folder / "variables") as machine:
            machine.wait_for_log("ceremony: uki " + hashlib.sha256((self.image / "ceremony.signed.efi").read_bytes()).hexdigest())
            self.assertIn("UEFI Secure Boot is enabled.", machine.log())

    def test_an_unsigned_image_is_refused(self):
        self.refuses(stick("rehearsal"))

    def test_an_image_that_was_changed_is_refused(self):
        changed = self.folder / "changed.img"
        data = bytearray(self.signed_stick().read_bytes())
        at = data.index((self.image / "initrd.zst").read_bytes()[:4096]) + 2000
        data[at] ^= 1
        changed.write_bytes(data)
        self.refuses(changed)

    def test_whoever_has_the_signature_makes_the_same_signed_image(self):
        again = self.folder / "again"
        shutil.copytree(self.image, again, ignore=shutil.ignore_patterns("*signed*"))
        self.sign(again, "-")
        for path in again.iterdir():
            self.assertEqual(path.read_bytes(), (self.image / path.name).read_bytes() if path.name != "SHA256SUMS" else path.read_bytes(), path.name)
        os.unlink(again / "ceremony.efi.p7")
        self.assertIn("neither a key nor a signature", run("python3", "-B", SOURCE / "scripts/imaging/sign.py", again, "-", self.folder / "db.pem", "--seconds", "1790000000", code=1))


if __name__ == "__main__":
    unittest.main()
