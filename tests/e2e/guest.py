"""A machine to test on: the appliance's kernel in QEMU, with USB disks, a USB keyboard, a screen, and no network.

    with Guest(programs=["…/test_guest"]) as guest:
        guest.attach_disk(fat_image(folder / "stick.img"), serial="A1")
        print(guest.run("ls /sys/block").out)

Disks come and go, keys are pressed and pictures are taken through QEMU's monitor, so the guest sees what it would see of people's
hands. Commands go over a second serial port to tests/guest/init. Everything that is waited for has a limit, and what went wrong is
raised with the end of the kernel's log. `scripts/in-guest` is this file's main.
"""
import argparse
import base64
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from initramfs import Initramfs
from monitor import Monitor

SOURCE = pathlib.Path(os.environ.get("CEREMONY_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
KERNEL = SOURCE / ".build/guest/bzImage"
INIT = SOURCE / "tests/guest/init"
OVMF = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"
# One `console=` for the screen and one for the log; 0x318 is 1024×768.
APPEND = "console=tty0 console=ttyS0 panic=-1 vga=0x318"


def fat_image(path, megabytes=64, label="CEREMONY", files=None, partitioned=False):
    """A disk image with one FAT32 filesystem, with or without a partition table; `files` are {name: bytes}. Its path."""
    path = pathlib.Path(path)
    offset = 2048 * 512 if partitioned else 0
    with open(path, "wb") as image:
        image.truncate(offset + megabytes * 1024 * 1024)
        if partitioned:
            entry = bytes([0, 0xFE, 0xFF, 0xFF, 0x0C, 0xFE, 0xFF, 0xFF]) + (2048).to_bytes(4, "little") + (megabytes * 2048).to_bytes(4, "little")
            image.seek(446)
            image.write(entry + bytes(48) + b"\x55\xaa")
    # -s 1: small images are FAT32 too, as sticks are.
    subprocess.run(["mkfs.fat", "-F", "32", "-s", "1", "-n", label, "--offset", str(offset // 512), str(path), str(megabytes * 1024)],
                   check=True, stdout=subprocess.DEVNULL)
    for name, content in (files or {}).items():
        mtools("mcopy", path, "-", f"::{name}", offset=offset, data=content)
    return path


def mtools(command, image, *arguments, offset=0, data=b""):
    """An mtools command on an image that is attached nowhere; its standard output."""
    done = subprocess.run([command, "-i", f"{image}@@{offset}", *arguments], input=data, capture_output=True, check=False,
                          env={**os.environ, "MTOOLS_SKIP_CHECK": "0"})
    if done.returncode != 0:
        raise AssertionError(f"{command} {image} {arguments}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout


KEYS = {" ": "spc", "\n": "ret", ".": "dot", "-": "minus", "/": "slash", ";": "semicolon"}


def press_of(character):
    """What is pressed for it on a US keyboard, as keys() takes it."""
    return KEYS.get(character) or (f"shift-{character.lower()}" if character.isupper() else character)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out.decode(errors="replace"), err.decode(errors="replace")
        self.out_bytes, self.err_bytes = out, err

    def __str__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Guest:
    """`programs` are put in with what they link, `files` are {path in the guest: bytes}. `uefi`: OVMF instead of a BIOS; `tpm`: a
    TPM 2.0, and where it is a folder, the one that is kept there; `append` goes to the kernel's command line. A command can name programs by the paths they have here."""

    def __init__(self, programs=(), files=None, memory=512, append="", uefi=False, tpm=False, kernel=KERNEL):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-guest-"))
        self.process = self.tpm = self.port = self.monitor = None
        self.seconds_to_start, self.number, self.disks = None, 0, 0
        system = Initramfs(INIT)
        self.called = {str(program): system.command(str(program)) for program in programs}
        for path, content in (files or {}).items():
            system.bytes(path, content)
        (self.folder / "initrd").write_bytes(system.packed())
        self.command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64", "-machine", "q35", "-m", str(memory), "-nodefaults",
                        "-no-user-config", "-no-reboot", "-nic", "none", "-device", "VGA,id=video", "-display", "none",
                        "-serial", f"file:{self.folder}/console", "-chardev", f"socket,id=agent,path={self.folder}/agent", "-serial", "chardev:agent",
                        "-qmp", f"unix:{self.folder}/monitor", "-device", "qemu-xhci,id=usb,p2=10,p3=10", "-device", "usb-kbd,id=keyboard,bus=usb.0",
                        "-kernel", str(kernel), "-initrd", f"{self.folder}/initrd", "-append", f"{APPEND} {append}"]
        if uefi:
            shutil.copy(OVMF_VARIABLES, self.folder / "variables")
            self.command += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}", "-drive", f"if=pflash,format=raw,file={self.folder}/variables"]
        self.has_tpm = tpm
        if tpm:
            self.command += ["-chardev", f"socket,id=tpm,path={self.folder}/tpm", "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm0"]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def start(self, seconds=120):
        begun = time.monotonic()
        try:
            if self.has_tpm:
                self.start_tpm()
            listeners = [self.listener("agent"), self.listener("monitor")]
            with open(self.folder / "qemu", "wb") as said:
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            self.port, control = (self.accepted(listener, seconds) for listener in listeners)
            self.monitor = Monitor(control)
            self.buffer = b""
            while self.line(begun + seconds) != b"ready":
                pass
        except BaseException:
            self.close()
            raise
        self.seconds_to_start = time.monotonic() - begun
        return self

    def start_tpm(self):
        state = self.folder / "tpm-state" if self.has_tpm is True else pathlib.Path(self.has_tpm)
        state.mkdir(exist_ok=True)
        self.tpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl",
                                     f"type=unixio,path={self.folder}/tpm", "--flags", "startup-clear"], stdin=subprocess.DEVNULL)
        limit = time.monotonic() + 20
        while not (self.folder / "tpm").exists():
            if self.tpm.poll() is not None or time.monotonic() > limit:
                raise AssertionError("swtpm did not start")
            time.sleep(0.02)

    def listener(self, name):
        # QEMU connects to sockets that are there, so nothing is waited for.
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / name))
        listener.listen(1)
        return listener

    def accepted(self, listener, seconds):
        with listener:
            listener.settimeout(0.2)
            limit = time.monotonic() + seconds
            while time.monotonic() < limit and self.process.poll() is None:
                try:
                    return listener.accept()[0]
                except TimeoutError:
                    continue
        raise AssertionError(f"qemu did not start: {(self.folder / 'qemu').read_text(errors='replace')}")

    def log(self):
        """What the kernel and init said on the console."""
        path = self.folder / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    def failed(self, what):
        return AssertionError(f"{what}\n--- qemu\n{(self.folder / 'qemu').read_text(errors='replace')}--- end of the guest's console\n{self.log()[-4000:]}")

    def where_it_hangs(self):
        """Whether its processor waits (HLT=1) or runs, and what it got of the question."""
        try:
            registers = self.monitor.execute("human-monitor-command", {"command-line": "info registers"})
            return " ".join(word for word in registers.split() if word.startswith(("RIP=", "HLT="))) + f", question {self.number}, so far {self.buffer[:200]}"
        except (AssertionError, OSError) as error:
            return f"the monitor does not answer either: {error}"

    def line(self, limit):
        while b"\n" not in self.buffer:
            left = limit - time.monotonic()
            if left <= 0:
                # A guest that hangs answers nothing else either; what still wants it fails at once.
                where = self.where_it_hangs()
                self.process.kill()
                raise self.failed(f"the guest did not answer in time; {where}")
            self.port.settimeout(left)
            try:
                piece = self.port.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                piece = b""
            if not piece:
                raise self.failed("the guest is gone")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r")

    def run(self, command, seconds=60, code=0):
        """Runs a shell script (or a list: one command) in the guest. Raises unless it ends with `code` (None: any). A Result."""
        if not isinstance(command, str):
            command = shlex.join([self.called.get(str(command[0]), str(command[0])), *map(str, command[1:])])
        self.number += 1
        limit = time.monotonic() + seconds
        self.port.settimeout(seconds)
        self.port.sendall(b"%d %s\n" % (self.number, base64.b64encode(command.encode())))
        while not (head := self.line(limit)).startswith(b"begin %d " % self.number):
            pass
        result = Result(int(head.split()[2]), *(self.encoded(limit) for _ in range(2)))
        if code is not None and result.code != code:
            raise self.failed(f"in the guest: {command}: {result}")
        return result

    def encoded(self, limit):
        text = b""
        while (line := self.line(limit)) != b"--":
            text += line
        return base64.b64decode(text, validate=True)

    def put(self, path, content, user=0):
        """Writes a file in the guest, which then belongs to that user."""
        self.run(f"base64 -d >{shlex.quote(path)} <<'end'\n{base64.b64encode(content).decode()}\nend\nchown {user}:{user} {shlex.quote(path)}")

    def start_job(self, command):
        """Runs a command (a list) beside others; wait_job(what this returns) is its Result."""
        script = shlex.join([self.called.get(str(command[0]), str(command[0])), *map(str, command[1:])])
        job = f"/run/job-{self.number + 1}"
        self.run(f"({script} >{job}.out 2>{job}.err; echo $? >{job}.tmp; mv {job}.tmp {job}.code) >/dev/null 2>&1 &")
        return job

    def wait_job(self, job, seconds=60):
        self.wait_for(f"{job}.code", seconds)
        code = int(self.run(f"cat {job}.code").out)
        return Result(code, self.run(f"cat {job}.out").out_bytes, self.run(f"cat {job}.err").out_bytes)

    def wait_for(self, path, seconds=60):
        """Returns once the path is there in the guest."""
        self.run(f"until [ -e {shlex.quote(path)} ]; do sleep 0.02; done", seconds)

    def attach_disk(self, image, serial, read_only=False, removable=True, slow=None, **properties):
        """Puts a disk in, at a port if one is named; returns the name that detach() takes. An image is in one guest at a time.
        `slow`: so many writes a second at most."""
        self.disks += 1
        name = f"disk{self.disks}"
        node = {"driver": "raw", "read-only": read_only, "file": {"driver": "file", "filename": str(pathlib.Path(image).absolute())}}
        if slow:
            self.monitor.execute("object-add", {"qom-type": "throttle-group", "id": f"{name}-slow", "limits": {"iops-write": slow}})
            node = {"driver": "throttle", "throttle-group": f"{name}-slow", "file": node}
        self.monitor.execute("blockdev-add", {**node, "node-name": f"{name}-image"})
        self.monitor.execute("device_add", {"driver": "usb-storage", "id": name, "bus": "usb.0", "drive": f"{name}-image",
                                            "serial": serial, "removable": removable, **properties})
        return name

    def writes(self, name):
        """How often the guest has written to a disk."""
        stats = self.monitor.execute("query-blockstats", {})
        return sum(one["stats"]["wr_operations"] for one in stats if f"/{name}/" in one.get("qdev", "") + "/")

    def attach(self, name, driver, **properties):
        """Plugs in any other USB device of QEMU's."""
        self.monitor.execute("device_add", {"driver": driver, "id": name, "bus": "usb.0", **properties})
        return name

    def detach(self, name):
        """Pulls a device out, whatever the guest is doing with it; a disk's image is then the host's again."""
        self.monitor.execute("device_del", {"id": name})
        self.monitor.wait_for("DEVICE_DELETED", lambda data: data.get("device") == name)
        if name.startswith("disk"):
            self.monitor.execute("blockdev-del", {"node-name": f"{name}-image"})

    def keys(self, *presses):
        """Presses keys on the first keyboard: "a", "shift-b", "ret", "alt-f2" …"""
        for press in presses:
            self.monitor.execute("send-key", {"keys": [{"type": "qcode", "data": key} for key in press.split("-")], "hold-time": 20})

    def type(self, text):
        """Types letters, digits, spaces and ends of lines; returns when the guest took them."""
        presses = [press_of(character) for character in text]
        before = self.interrupts()
        self.keys(*presses)
        self.wait_for_interrupts(before + 2 * sum(len(press.split("-")) for press in presses))

    def attach_second_keyboard(self, name, **properties):
        """A keyboard that type() does not type on, but scan() does: QEMU binds it to the screen. One at a time."""
        return self.attach(name, "usb-kbd", display="video", **properties)

    def scan(self, text, taken=True):
        """Types on the second keyboard, as fast as QEMU's queue of 16 takes it: keys wait until the guest took those before them.
        Not `taken`: nobody reads them there, and they are few."""
        presses = [press.split("-") for press in map(press_of, text)]
        events = [(key, down) for keys in presses for key, down in [(k, True) for k in keys] + [(k, False) for k in reversed(keys)]]
        before = self.interrupts()
        for at in range(0, len(events), 8):
            for key, down in events[at:at + 8]:
                self.monitor.execute("input-send-event", {"device": "video", "events": [
                    {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}}]})
            if taken:
                self.wait_for_interrupts(before + min(at + 8, len(events)))

    # Each key that goes down or up is an interrupt of the USB controller's, where nothing else is going on.
    INTERRUPTS = "awk '/xhci/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; ++i) n += $i } END { print n }' /proc/interrupts"

    def interrupts(self):
        return int(self.run(self.INTERRUPTS).out)

    def wait_for_interrupts(self, count):
        self.run(f"until [ $({self.INTERRUPTS}) -ge {count} ]; do sleep 0.02; done", seconds=30)

    def read_line_on_screen(self):
        """Reads the next line that is typed at the console; the path in the guest of what was typed, once it is whole."""
        self.run("rm -f /run/typed /run/reading; { exec </dev/tty1; touch /run/reading; read -r line; echo \"$line\" >/run/typed.tmp; "
                 "mv /run/typed.tmp /run/typed; } >/dev/null 2>&1 &")
        self.wait_for("/run/reading")
        return "/run/typed"

    def screendump(self, path):
        """A picture of the screen as PNG (PPM, where the path ends so); its path."""
        kind = "ppm" if str(path).endswith(".ppm") else "png"
        self.monitor.execute("screendump", {"filename": str(pathlib.Path(path).absolute()), "format": kind})
        return pathlib.Path(path)

    def close(self):
        for process in (self.process, self.tpm):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        for side in (self.port, self.monitor):
            if side:
                side.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/in-guest", description="Runs a command in a guest under the appliance's kernel.")
    parser.add_argument("--with", dest="programs", action="append", default=[], metavar="PROGRAM", help="also put this program of the build root in")
    parser.add_argument("--disk", dest="disks", action="append", default=[], metavar="IMAGE", help="attach this image as a USB disk first (it is written)")
    parser.add_argument("--append", default="", help="more for the kernel's command line")
    parser.add_argument("--uefi", action="store_true", help="start with OVMF")
    parser.add_argument("--tpm", action="store_true", help="with a TPM 2.0")
    parser.add_argument("--screen", metavar="PNG", help="take a picture of the screen afterwards")
    parser.add_argument("--log", action="store_true", help="print the kernel's log afterwards")
    parser.add_argument("--seconds", type=float, default=600, help="how long the command may take (600)")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD")
    asked = parser.parse_args()
    if asked.command[:1] == ["--"]:
        del asked.command[0]
    if not asked.command:
        parser.error("there is no command")
    try:
        with Guest([asked.command[0], *asked.programs], append=asked.append, uefi=asked.uefi, tpm=asked.tpm) as guest:
            for number, image in enumerate(asked.disks, 1):
                guest.attach_disk(image, serial=f"DISK{number}")
                guest.run(f"until [ $(ls -d /sys/block/sd* 2>/dev/null | wc -l) -ge {number} ]; do sleep 0.02; done")
            result = guest.run(asked.command, asked.seconds, code=None)
            sys.stdout.buffer.write(result.out_bytes)
            sys.stderr.buffer.write(result.err_bytes)
            if asked.screen:
                guest.screendump(asked.screen)
            if asked.log:
                sys.stderr.write(guest.log())
            print(f"The guest took {guest.seconds_to_start:.1f} s to its first command.", file=sys.stderr)
            return result.code
    except (AssertionError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
