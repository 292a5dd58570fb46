"""Runs in which something outside fails: the token, a medium, the clock. Two small libraries are compiled for it, one mounted
over SoftHSM2's, one preloaded; mounts are private to the run and gone with it."""
import os
import pathlib
import re
import shutil

from support import run

HERE = pathlib.Path(__file__).resolve().parent / "faults"
MODULE = pathlib.Path("/usr/lib/softhsm/libsofthsm2.so")


class Faults:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        for name in ("faulty_token", "watched"):
            run("cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-I/usr/include/p11-kit-1", HERE / f"{name}.c", "-o", self.folder / f"{name}.so", "-ldl")
        shutil.copy(MODULE, self.folder / "real.so")
        self.log = self.folder / "log"

    def token(self, fault=""):
        """A token that does what faulty_token.c says; its calls are in `log`."""
        self.log.unlink(missing_ok=True)
        return {"mounts": [f"mount --bind '{self.folder}/faulty_token.so' '{MODULE}'"],
                "more": {"FAULT": fault, "FAULT_LOG": str(self.log), "REAL_MODULE": str(self.folder / "real.so")}}

    def watched(self, seconds=0, random_stuck=False):
        """A clock that is off by so many seconds, a kernel whose random source is stuck; flushes and renames are in `log`."""
        self.log.unlink(missing_ok=True)
        # The library is loaded before the sanitizer's, which it does not disturb.
        sanitizer = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        return {"more": {"LD_PRELOAD": str(self.folder / "watched.so"), "CLOCK_OFFSET": str(seconds), "FAULT_LOG": str(self.log), "ASAN_OPTIONS": sanitizer,
                         **({"RANDOM_STUCK": "1"} if random_stuck else {})}}

    def lines(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


def full(medium, room="16k"):
    """A medium with room for so much and no more."""
    return {"mounts": [f"mkdir -p '{medium}'; mount -t tmpfs -o size={room} tmpfs '{medium}'"]}


def little_memory(folder, mebibytes):
    """A kernel that says that so much memory is free."""
    text = pathlib.Path("/proc/meminfo").read_text()
    meminfo = pathlib.Path(folder) / "meminfo"
    meminfo.write_text(re.sub(r"^MemAvailable: .*$", f"MemAvailable: {mebibytes * 1024:10} kB", text, flags=re.M))
    return {"mounts": [f"mount --bind '{meminfo}' /proc/meminfo"]}


def read_only(medium):
    return {"mounts": [f"mkdir -p '{medium}'; mount --bind '{medium}' '{medium}'; mount -o remount,bind,ro '{medium}'"]}


def both(*faults):
    return {"mounts": [m for f in faults for m in f.get("mounts", ())], "more": {k: v for f in faults for k, v in f.get("more", {}).items()}}
