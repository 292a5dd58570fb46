"""What the tests of the boot images share: the images that scripts/image made, and eyes at a machine that starts from one."""
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from console_text import Glyphs
from guest import Guest, fat_image

SOURCE = pathlib.Path(os.environ.get("CEREMONY_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
IMAGES = SOURCE / ".build/image"
KINDS = ("production", "rehearsal")
# A policy's table [tpm], and how the screens call what stands in it.
TPM_TABLE = {"keys": "TPM key", "pcr4": "PCR 4", "pcr7": "PCR 7", "pcr11": "PCR 11"}


def medium(kind, ending):
    path, = (path for path in (IMAGES / kind).glob(f"ceremony-*.{ending}") if not path.stem.endswith("-signed"))
    return path


def stick(kind):
    return medium(kind, "img")


def disc(kind):
    return medium(kind, "iso")


def run(*command, code=0, **how):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **how)
    if code is not None and done.returncode != code:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def manifest(kind):
    """Path → line, split."""
    lines = [line.split(" ") for line in (IMAGES / kind / "MANIFEST").read_text().splitlines()]
    return {line[-1]: line for line in lines if line[0] in ("file", "link")}


def tpm_on(lines):
    """What the screen says of the machine's TPM."""
    return dict(re.findall(r"(TPM key|PCR \d+) +([0-9a-f]{64})", "\n".join(lines)))


def expecting(said):
    """A policy's table that names this machine, started as it was."""
    return "\n[tpm]\n" + "".join(f'{key} = ["{said[name]}"]\n' for key, name in TPM_TABLE.items())


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-image-test-"))
        self.addCleanup(shutil.rmtree, self.folder)


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


@functools.cache
def learnt():
    with tempfile.TemporaryDirectory(prefix="ceremony-image-test-") as folder:
        return glyphs_and_bare_kernel(pathlib.Path(folder))


class WithScreen(WithFolder):
    @classmethod
    def setUpClass(cls):
        cls.glyphs, cls.bare = learnt()

    def wait_for_screen(self, machine, *texts, seconds=60):
        limit = time.monotonic() + seconds
        while True:
            lines = self.glyphs.read(machine)
            if all(any(text in line for line in lines) for text in texts):
                return lines
            if time.monotonic() > limit or machine.process.poll() is not None:
                raise machine.failed(f"the screen does not show {texts} but\n" + "\n".join(lines))

    def eventually(self, wanted, seconds=60):
        limit = time.monotonic() + seconds
        while not wanted():
            self.assertLess(time.monotonic(), limit)

    def comes_to_an_end(self, machine, kind):
        """With the files of a CA of the other world: the program says so, and ends."""
        if kind == "rehearsal":
            self.wait_for_screen(machine, "Which CA?", "the sample CA of this image")
            machine.keys("down", "ret")
        self.wait_for_screen(machine, "Put in the disk with the files of the CA")
        files = {"policy.toml": (SOURCE / f"procedures/policy-{'production' if kind == 'rehearsal' else 'rehearsal'}.toml").read_bytes(),
                 "hsm.toml": (SOURCE / "procedures/hsm-softhsm2.toml").read_bytes()}
        machine.attach_disk(fat_image(self.folder / f"{kind}-files.img", megabytes=36, files=files), serial="FILES", port="2")
        machine.keys("ret")
        self.wait_for_screen(machine, "this is the image of a " + kind, "Enter switches the machine off")
