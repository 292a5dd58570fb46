"""The boot images themselves: what is in them, and that they can be made again."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from images import IMAGES, KINDS, SOURCE, WithFolder, disc, manifest, run, stick
from support import World, genesis_answers, issue_answers

BUILD = SOURCE / "scripts/imaging/build.py"
MIB = 1024 * 1024
# Others' of this kind, for comparison: as published.
OTHERS = {"ICANN's coen 0.4.0": 238, "AirgapOS of 2021": 100}


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
            on_stick, on_disc = (path.stat().st_size for path in (stick(kind), disc(kind)))
            print(f"\ncounted: the {kind} image: {on_stick / MIB:.1f} MiB on a stick, {on_disc / MIB:.1f} MiB on a disc ({', '.join(f'{who}: {mb} MB' for who, mb in OTHERS.items())})")
            self.assertLess(max(on_stick, on_disc), 24 * MIB)

    def test_the_stick_is_a_gpt_that_others_can_read(self):
        content = run("mdir", "-i", f"{stick('production')}@@{2048 * 512}", "-b", "-/", "::")
        self.assertEqual(content.split(), ["::/EFI/", "::/EFI/BOOT/", "::/EFI/BOOT/BOOTX64.EFI"])
        run("mcopy", "-i", f"{stick('production')}@@{2048 * 512}", "::/EFI/BOOT/BOOTX64.EFI", self.folder / "out.efi")
        self.assertEqual((self.folder / "out.efi").read_bytes(), (IMAGES / "production/ceremony.efi").read_bytes())
        run("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=IMAGES / "production")

    def test_the_file_can_be_read_on_a_disc(self):
        run("xorriso", "-osirrox", "on", "-indev", disc("production"), "-extract", "/EFI/BOOT/BOOTX64.EFI", self.folder / "out.efi")
        self.assertEqual((self.folder / "out.efi").read_bytes(), (IMAGES / "production/ceremony.efi").read_bytes())


class Closure(WithFolder):
    """What a program loads by name no ldd sees: both procedures are run here, and every file that they open has to be in the image."""

    # Folders of the desk: the room, the build; and the loader's list, without which it looks into its own folders.
    ELSEWHERE = ("/proc/", "/dev/", "/sys/", "/ceremony/", "/etc/ld.so.cache")
    # Without the one, libcrypto does as it was compiled, which is what Debian's file says too; without the other, UTC is UTC.
    NOT_NEEDED = ["/etc/ssl/openssl.cnf", "/usr/share/zoneinfo/Etc/UTC"]

    def test_ceremonies_open_nothing_that_is_not_in_the_image(self):
        world = World(self.folder / "world")
        world.folder.mkdir()
        world.create()
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "SOFTHSM2_CONF": str(world.folder / "tokens/softhsm2.conf")}
        for procedure, answers in (("root-genesis", genesis_answers()), ("issue-intermediates", issue_answers("a.csr"))):
            if procedure == "issue-intermediates":
                world.request("a.csr")
            said = run("strace", "-f", "-qq", "-z", "-e", "trace=openat,open,execve", "-o", self.folder / procedure, *world.command(procedure, answers), env=environment, cwd=world.folder)
            self.assertIn("The ceremony is closed and signed", said)
        opened = set()
        for trace in ("root-genesis", "issue-intermediates"):
            opened |= {os.path.normpath(path) for path in re.findall(r'(?:openat\([^,]+, |open\(|execve\()"([^"]+)"', (self.folder / trace).read_text())}
        files = {os.path.realpath(path) for path in opened if path.startswith("/") and not path.startswith((*self.ELSEWHERE, str(self.folder)))}
        files = {path for path in files if not os.path.isdir(path)}
        self.assertIn("/usr/bin/zlint", files)
        self.assertGreater(len(files), 10)
        named = {os.path.realpath(path) for path in manifest("rehearsal")}
        self.assertEqual(sorted(files - named), self.NOT_NEEDED)


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


if __name__ == "__main__":
    unittest.main()
