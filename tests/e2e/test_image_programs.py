"""The programs of the boot image, compiled a second time: from a copy of the source in another folder, by somebody with another umask, time zone
and language, without a compiler cache, later. Bit for bit they are those of the first time."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from images import SOURCE, run

PROGRAMS = {"ceremony": "ceremony/ceremony", "ceremony-rehearsal": "ceremony/ceremony-rehearsal", "ceremony-init": "ceremony/init/ceremony-init"}
PARTS = ("CMakeLists.txt", "ceremony", "hsm", "media", "tui", "procedures")


def stripped(program, folder):
    """As it goes into the image (scripts/imaging/system.py)."""
    out = folder / "stripped"
    subprocess.run(["strip", "--strip-all", "--remove-section=.comment", "-o", out, program], check=True)
    return out.read_bytes()


class Programs(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-image-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def copy(self):
        source = self.folder / "somebody else's" / "checkout"
        source.mkdir(parents=True)
        for part in reversed(PARTS):
            if (SOURCE / part).is_dir():
                shutil.copytree(SOURCE / part, source / part, copy_function=shutil.copyfile)
            else:
                shutil.copyfile(SOURCE / part, source / part)
        for number, path in enumerate(source.rglob("*")):
            os.utime(path, (1000000000 + number, 1000000000 + number))
        return source

    def test_compiled_elsewhere_they_are_the_same_bit_for_bit(self):
        source, built = self.copy(), self.folder / "built"
        how = {"umask": 0o077, "env": {**os.environ, "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "CCACHE_DISABLE": "1", "HOME": str(self.folder), "TMPDIR": str(self.folder)}}
        begun = time.monotonic()
        run("cmake", "-S", source, "-B", built, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCEREMONY_SANITIZE=OFF", "-DCEREMONY_TESTS=OFF",
            "-DCEREMONY_PROCEDURES=/ceremony/procedures", **how)
        run("ninja", "-C", built, "--quiet", *PROGRAMS, **how)
        print(f"\ncounted: programs compiled a second time: {len(PROGRAMS)} in {time.monotonic() - begun:.0f} s")
        for name, path in PROGRAMS.items():
            with self.subTest(name):
                first, second = (stripped(folder / path, self.folder) for folder in (SOURCE / ".build/release", built))
                self.assertNotIn(str(self.folder).encode(), second)
                self.assertEqual(hashlib.sha256(first).hexdigest(), hashlib.sha256(second).hexdigest())


if __name__ == "__main__":
    unittest.main()
