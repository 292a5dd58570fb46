"""A table with a real machine on it: ceremonies in a guest, over disks that are put in and taken out as the program asks for them."""
import os
import re
import shutil
import subprocess
import time

from guest import Guest, fat_image, mtools
from support import BIN, FIRST, Answers, Outcome, PROCEDURES, run

MOUNTER = BIN.parent / "media/ceremony-mounter"
RUN = BIN / "ceremony-rehearsal"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
SOCKETS = 7  # of the machine, that people have for disks
ROOM = "/run/room"
USER = 1000
WAITS = re.compile(r'waiting for the medium "([^"]+)"(?:: (.*))?')
READS = re.compile(r'reading the medium "([^"]+)" back')


def make_guest():
    """With the programs, a token module, the linter and the procedures in it; a disk is not given the second that slow ones want."""
    files = {str(path): path.read_bytes() for path in PROCEDURES.rglob("*") if path.is_file() and path.suffix == ".toml"}
    files["/etc/usb"] = b"ceremony-usb/v1\n"
    return Guest([MOUNTER, RUN, "zlint", MODULE], files=files, memory=1024, append="usb-storage.delay_use=0 usbcore.authorized_default=0")


def escaped(text):
    """As an answers file takes it."""
    return text.replace('"', '\\"')


class Disk:
    """A medium's image, and what people read of it when they are asked which it is."""

    def __init__(self, path, serial, partitioned=False, **how):
        self.path, self.serial, self.read_only, self.slow = path, serial, False, None
        self.offset = 2048 * 512 if partitioned else 0
        fat_image(path, megabytes=36, partitioned=partitioned, **how)

    def free(self):
        return int(re.search(rb"([\d ]+) bytes free", mtools("mdir", self.path, "::", offset=self.offset))[1].replace(b" ", b""))

    def fill(self, but):
        """With a film, until only so many bytes are free."""
        mtools("mcopy", self.path, "-", "::film", offset=self.offset, data=bytes(self.free() - but))

    def option(self):
        return f'QEMU HARDDISK, serial "{self.serial}", {(self.path.stat().st_size - self.offset) // 10**6} MB, "CEREMONY", {self.free() // 10**6} MB free'

    def copy_to(self, folder):
        """All files that are on it."""
        folder.mkdir()
        mtools("mcopy", self.path, "-s", "-n", "-m", "::", str(folder), offset=self.offset)
        return folder

    def is_sound(self, was_pulled=False):
        """`was_pulled`: while it was mounted for writing, which FAT remembers and counts its free clusters wrong after."""
        image = self.path
        if self.offset:
            image = self.path.with_suffix(".part")
            run("dd", f"if={self.path}", f"of={image}", "bs=1M", f"skip={self.offset >> 20}", "conv=sparse", "status=none")
        if not was_pulled:
            return run("fsck.fat", "-n", image)
        said = subprocess.run(["fsck.fat", "-n", str(image)], capture_output=True, text=True, check=False).stdout
        for harmless in (r"There are differences between boot sector and its backup.\n.*\n  65:01/00\n.*\n", r"Dirty bit is set.*\n.*\n", r"Free cluster summary wrong.*\n.*\n"):
            said = re.sub(harmless, "", said)
        if not re.fullmatch(r"fsck.fat .*\n\n?(Leaving filesystem unchanged.\n)?.*: \d+ files, \d+/\d+ clusters\n", said):
            raise AssertionError(f"fsck.fat {image}: {said}")
        return said


class Disc:
    """The same for a disc's image (ISO 9660) on a stick."""

    def __init__(self, path, serial, files, links=None, crowd=0):
        self.path, self.serial, self.read_only, self.slow = path, serial, False, None
        (tree := path.with_suffix("")).mkdir()
        for name, content in files.items():
            (tree / name).write_bytes(content)
        for number in range(crowd):
            (tree / f"crowd-{number % 100}").mkdir(exist_ok=True)
            (tree / f"crowd-{number % 100}" / str(number)).touch()
        for name, to in (links or {}).items():
            (tree / name).symlink_to(to)
        run("xorriso", "-as", "mkisofs", "-quiet", "-r", "-J", "-V", "REQUESTS", "-o", path, tree)
        shutil.rmtree(tree)

    def pretend(self, name, size):
        """The folder says that the file has so many bytes (ECMA-119 9.1: the length after the location, in both byte orders)."""
        image = bytearray(self.path.read_bytes())
        at = image.index(name.upper().encode() + b";1") - 33 + 10
        image[at:at + 8] = size.to_bytes(4, "little") + size.to_bytes(4, "big")
        self.path.write_bytes(image)
        return self

    def option(self):
        return f'QEMU HARDDISK, serial "{self.serial}", {self.path.stat().st_size // 10**6} MB, "REQUESTS", 0 MB free'


class Table:
    """`disks` by the name of the medium. `instead` is what is done in place of what the program asks for, once each:
    {("waits", medium): [a function of this table, …], ("reads", medium): …}; `heard_of` is what is done when a line is said, once:
    {a part of it: a function}."""

    def __init__(self, guest, folder, ca=FIRST):
        self.guest, self.folder, self.ca = guest, folder, ca
        self.inserted, self.disks, self.instead, self.heard_of = {}, {}, {}, {}
        guest.run(f"rm -rf {ROOM} && mkdir -p {ROOM}/notes {ROOM}/store && : >{ROOM}/notes/dice && printf 'directories.tokendir = {ROOM}/store\\nobjectstore.backend = file\\n"
                  f"log.level = ERROR\\nslots.removable = false\\n' >{ROOM}/softhsm2.conf && chown -R {USER}:{USER} {ROOM}")
        for name in self.names():
            self.add(name)

    def names(self):
        return ["ledger-1", "ledger-2", "backup-1", "backup-2", *self.ca.people, *self.ca.media]

    def add(self, name, **how):
        self.disks[name] = Disk(self.folder / f"{name}.img", name.upper(), **how)
        return self.disks[name]

    def answers_for(self, *names):
        """Which disk is which, of those that carry no label yet."""
        answers = Answers()
        for name in names:
            answers.give(f"medium.{name}", escaped(self.disks[name].option()))
        return answers

    def put_in(self, name):
        disk = self.disks[name]
        if len(self.inserted) >= SOCKETS:
            self.take_out(next(other for other in self.inserted if not other.startswith("ledger")))
        # QEMU would plug a slow hub in when it thinks that sockets become few.
        free = next(n for n in range(2, 9) if n not in [socket for _, socket in self.inserted.values()])
        self.inserted[name] = self.guest.attach_disk(disk.path, serial=disk.serial, read_only=disk.read_only, slow=disk.slow, port=str(free)), free

    def put_in_and_switch_on(self, name):
        """Where nobody guards USB."""
        self.put_in(name)
        self.guest.run("until [ -b /dev/sda ]; do for device in /sys/bus/usb/devices/*/authorized; do echo 1 >$device; done; sleep 0.02; done")

    def take_out(self, name):
        self.guest.detach(self.inserted.pop(name)[0])

    def take_all_out(self):
        for name in list(self.inserted):
            self.take_out(name)

    def asked(self, event, name, why):
        if self.instead.get((event, name)):
            self.instead[event, name].pop(0)(self)
        elif event == "reads" or "it was not taken out" in why:
            self.take_out(name)
            self.put_in(name)
        elif name not in self.inserted:
            self.put_in(name)

    def command(self, procedure, answers, media):
        text = answers.text().encode()
        self.guest.put(f"{ROOM}/answers.toml", text, USER)
        command = ["env", f"SOFTHSM2_CONF={ROOM}/softhsm2.conf", MOUNTER, "--usb", "/etc/usb", "--user", f"{USER}:{USER}", "--", RUN, *(["run", procedure] if procedure else ["console"]), "--policy", self.ca.policy, "--hsm",
                   self.ca.binding, "--procedures", PROCEDURES, "--disks", "--ledger", "ledger-1", "--ledger", "ledger-2", "--backup", "backup-1", "--backup", "backup-2"]
        for name in media:
            command += ["--media", name]
        return [*command, "--answers", f"{ROOM}/answers.toml"]

    def run(self, procedure, answers, media, seconds=600):
        """Runs it (none: the console) and does what it asks for with disks. An Outcome."""
        job = self.guest.start_job(self.command(procedure, answers, media))
        begun, seen, text = time.monotonic(), 0, b""
        while True:
            said = self.guest.run(f"n=0; until [ $(stat -c %s {job}.out) -gt {seen} ] || [ -e {job}.code ] || [ $n = 200 ]; do sleep 0.02; n=$((n + 1)); done\n"
                                  f"[ ! -e {job}.code ] || echo ended >&2; tail -c +{seen + 1} {job}.out")
            seen += len(said.out_bytes)
            *lines, _ = (text + said.out_bytes).split(b"\n")
            for line in lines[text.count(b"\n"):]:
                if os.environ.get("CEREMONY_SHOW"):
                    print(f"{time.monotonic() - begun:6.1f} {line.decode(errors='replace')}", flush=True)
                self.heard(line.decode(errors="replace"))
            text += said.out_bytes
            if "ended" in said.err:
                break
            if time.monotonic() > begun + seconds:
                raise self.guest.failed(f"{procedure} did not end in time: {text.decode(errors='replace')}{self.guest.run(f'cat {job}.err').out}")
        left = {**{event: does for event, does in self.instead.items() if does}, **self.heard_of}
        if left:
            raise AssertionError(f"{procedure}: this was never asked for: {list(left)}: {text.decode(errors='replace')}")
        done = self.guest.wait_job(job)
        return Outcome(done.code, done.out, done.err)

    def heard(self, line):
        for part in [part for part in self.heard_of if part in line]:
            self.heard_of.pop(part)(self)
        if found := WAITS.search(line):
            self.asked("waits", found[1], found[2] or "")
        if found := READS.search(line):
            self.asked("reads", found[1], "")

    def close(self):
        self.take_all_out()
        shutil.rmtree(self.folder)
