"""The machine that a boot image is for: firmware, a USB keyboard, a screen, the boot medium in a socket, and no network. Nothing in it helps
a test: hands are the monitor's, eyes are pictures of the screen (console_text.py reads them) and, of a rehearsal, the serial line.

    with Appliance(".build/image/rehearsal/ceremony-0.1.0-rehearsal.img") as machine:
        machine.wait_for_log("the boot medium is out", after=machine.pull_boot_medium)

`scripts/boot` is this file's main.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from guest import OVMF, OVMF_VARIABLES, Guest, press_of
from monitor import Monitor

# What QEMU writes down of every key: when it goes to the keyboard, and when the machine has taken all that the keyboard holds.
KEYS_ARE_TRACED = ["-trace", "enable=input_event_key_qcode", "-trace", "enable=hid_kbd_queue_*"]
# A keyboard holds 16 presses and releases, and loses what comes then.
HELD = 14
SECURE = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"


class Appliance(Guest):
    """`medium`: a stick's image, or a disc's (.iso), in socket 1. `variables`: a firmware's with Secure Boot keys in it, which is then on.
    `tpm`: as in guest.py. `display`: as QEMU calls it; none where nobody looks. `resolution`: what the monitor says it has."""

    def __init__(self, medium, memory=1024, variables=None, tpm=False, display="none", resolution=(1024, 768)):  # noqa: no call of super: it has no agent
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-appliance-"))
        self.process = self.tpm = self.port = self.monitor = None
        self.disks, self.begun, self.has_tpm, self.traced = 0, None, tpm, self.folder / "keys"
        shutil.copy(variables or OVMF_VARIABLES, self.folder / "variables")
        disc = str(medium).endswith(".iso")
        self.command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64", "-machine", "q35,smm=on" if variables else "q35", "-m", str(memory), "-nodefaults",
                        "-no-user-config", "-no-reboot", "-nic", "none", "-device", "VGA,id=video,edid=on,vgamem_mb=64,refresh_rate=30000,xres=%d,yres=%d" % resolution, "-display", display,
                        "-D", str(self.traced), *KEYS_ARE_TRACED, "-serial", f"file:{self.folder}/console", "-qmp", f"unix:{self.folder}/monitor",
                        "-drive", f"if=pflash,format=raw,readonly=on,file={SECURE if variables else OVMF}", "-drive", f"if=pflash,format=raw,file={self.folder}/variables",
                        "-device", "qemu-xhci,id=usb,p2=8,p3=8", "-device", "usb-kbd,id=keyboard,bus=usb.0,port=8",
                        "-blockdev", f"driver=raw,node-name=medium,read-only=on,file.driver=file,file.filename={pathlib.Path(medium).absolute()}"]
        if variables:
            self.command += ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"]
        if disc:
            self.command += ["-device", "usb-bot,id=boot,bus=usb.0,port=1", "-device", "scsi-cd,bus=boot.0,drive=medium,bootindex=0"]
        else:
            self.command += ["-device", "usb-storage,id=boot,bus=usb.0,port=1,drive=medium,bootindex=0,removable=on,serial=BOOT"]
        if tpm:
            self.command += ["-chardev", f"socket,id=tpm,path={self.folder}/tpm", "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm0"]

    def start(self, seconds=60):
        try:
            if self.has_tpm:
                self.start_tpm()
            listener = self.listener("monitor")
            with open(self.folder / "qemu", "wb") as said:
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            self.monitor = Monitor(self.accepted(listener, seconds))
        except BaseException:
            self.close()
            raise
        self.begun = time.monotonic()
        return self

    def wait_for_log(self, text, seconds=120, count=1):
        """Returns once the serial line said it; the seconds since the start."""
        limit = time.monotonic() + seconds
        while self.log().count(text) < count:
            if self.process.poll() is not None:
                raise self.failed(f"the machine is off and did not say \"{text}\"")
            if time.monotonic() > limit:
                raise self.failed(f"the machine did not say \"{text}\" in time")
            time.sleep(0.02)
        return time.monotonic() - self.begun

    def keys(self, *presses):
        """As Guest.keys; returns when the machine took them. What it makes of them is on the screen."""
        events, some = 0, []
        for press in presses:
            if events + 2 * len(press.split("-")) > HELD:
                self.press_and_wait(some, events)
                events, some = 0, []
            events += 2 * len(press.split("-"))
            some.append(press)
        self.press_and_wait(some, events)

    def press_and_wait(self, presses, events):
        if not presses:
            return
        before = self.traced.stat().st_size
        super().keys(*presses)
        limit = time.monotonic() + 60
        while True:
            traced = self.traced.read_bytes()[before:].decode()
            if "hid_kbd_queue_full" in traced:
                raise self.failed("the keyboard lost a key")
            done = traced.count("input_event_key_qcode")
            if done >= events and "hid_kbd_queue_empty" in traced[traced.rindex("input_event_key_qcode"):]:
                return
            if self.process.poll() is not None:
                return  # the last key switched it off
            if time.monotonic() > limit:
                raise self.failed(f"the machine took {done} of {events} presses and releases")
            time.sleep(0.01)

    def type(self, text):
        self.keys(*map(press_of, text))

    def pull_boot_medium(self):
        self.detach("boot")

    def wait_until_off(self, seconds=60):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.failed("the machine did not go off") from None


def main():
    parser = argparse.ArgumentParser(prog="scripts/boot", description="Starts a boot image in QEMU, with firmware, a screen, a USB keyboard and no network. "
                                     "Take the boot medium out with `device_del boot` in QEMU's monitor (Ctrl-Alt-2; back with Ctrl-Alt-1).")
    parser.add_argument("--image", default=None, metavar="FILE", help="a stick's or disc's image (the rehearsal's)")
    parser.add_argument("--memory", type=int, default=1024, help="MiB (1024)")
    parser.add_argument("--display", default="gtk", help="as QEMU calls it: gtk, sdl, curses, vnc=:0, none (gtk)")
    parser.add_argument("--tpm", action="store_true", help="with a TPM 2.0")
    parser.add_argument("--screen", metavar="PNG", help="start it, take a picture when people would have to act, switch it off")
    parser.add_argument("disks", nargs="*", metavar="DISK", help="images to put in as USB disks (they are written)")
    asked = parser.parse_args()
    try:
        with Appliance(asked.image, memory=asked.memory, tpm=asked.tpm, display="none" if asked.screen else asked.display) as machine:
            for number, image in enumerate(asked.disks, 1):
                machine.attach_disk(image, serial=f"DISK{number}", port=str(number + 1))
            if asked.screen:
                machine.wait_for_log("ceremony: uki ")
                machine.screendump(asked.screen)
                return 0
            return machine.process.wait()
    except (AssertionError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
