"""The appliance's kernel on a machine with real devices: what is there, and what is not. Half of each test runs in the guest
(tests/guest); this half is people's hands, and afterwards another machine that looks at the disks."""
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

from guest import Guest, fat_image, mtools

PROGRAM = os.environ["CEREMONY_TEST_GUEST"]


def size_of(png):
    data = png.read_bytes()
    assert data.startswith(b"\x89PNG"), data[:8]
    return struct.unpack(">II", data[16:24])


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-guest-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def sees_text(self, guest):
        """What is written to the console is on the screen, and nothing else is."""
        guest.run("dmesg -n 1")
        pictures = []
        for number, text in enumerate(["root of trust", "", "root of trust"]):
            guest.run(f"printf '\\033[?25l\\033[2J\\033[H{text}' >/dev/tty0")
            pictures.append(guest.screendump(self.folder / f"{number}.png"))
        self.assertEqual(*(picture.read_bytes() for picture in pictures[::2]))
        self.assertNotEqual(*(picture.read_bytes() for picture in pictures[:2]))
        return size_of(pictures[0])

    def iso(self):
        (self.folder / "tree").mkdir()
        (self.folder / "tree/a long name of a file.txt").write_text("hello from a disc")
        subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-r", "-J", "-V", "DISC", "-o", self.folder / "disc.iso", self.folder / "tree"],
                       check=True, capture_output=True)
        return self.folder / "disc.iso"


class Machine(WithFolder):
    @classmethod
    def setUpClass(cls):
        cls.guest = Guest([PROGRAM]).start()
        cls.addClassCleanup(cls.guest.close)

    def setUp(self):
        super().setUp()
        self.guest.run("rm -f /run/listening /run/done")
        self.disk_is_there(0)

    def in_guest(self, tests):
        result = self.guest.run([PROGRAM, tests], code=None)
        self.assertEqual(result.code, 0, str(result))
        self.assertIn("All tests passed", result.out)

    def begin(self, tests):
        job = self.guest.start_job([PROGRAM, tests])
        self.guest.wait_for("/run/listening")
        return job

    def end(self, job):
        result = self.guest.wait_job(job)
        self.assertEqual(result.code, 0, str(result))
        self.assertIn("All tests passed", result.out)

    def disk_is_there(self, count=1):
        self.guest.run(f"until [ $(ls -d /sys/block/sd* 2>/dev/null | wc -l) = {count} ]; do sleep 0.02; done")

    def test_starts_within_fifteen_seconds(self):
        print(f"\nThe guest took {self.guest.seconds_to_start:.1f} s to its first command.")
        self.assertLess(self.guest.seconds_to_start, 15)

    def test_brings_output_and_exit_codes_back(self):
        result = self.guest.run("printf 'a\\0b\\377'; echo no >&2; exit 7", code=7)
        self.assertEqual((result.out_bytes, result.err_bytes), (b"a\0b\xff", b"no\n"))
        self.assertEqual(self.guest.run(["printf", "%s.", "two words", "it's"]).out, "two words.it's.")
        self.assertEqual(len(self.guest.run("head -c 300000 /dev/urandom").out_bytes), 300000)
        with self.assertRaisesRegex(AssertionError, "exit 3"):
            self.guest.run("exit 3")
        # A failed test in the guest is a failed test here.
        self.assertNotEqual(self.guest.run([PROGRAM, "no such test"], code=None).code, 0)

    def test_what_a_command_left_running_may_end_while_the_next_one_is_sent(self):
        for _ in range(12):
            self.guest.run("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do { sleep 0.0$i; } >/dev/null 2>&1 & done")
            for _ in range(4):
                self.guest.run("true " + "x" * 600)

    def test_there_is_no_network(self):
        self.in_guest("[network]")

    def test_the_kernel_is_closed(self):
        self.in_guest("[kernel]")

    def test_a_user_that_is_not_root_opens_no_disk_and_sees_no_process(self):
        stick = self.guest.attach_disk(fat_image(self.folder / "stick.img"), serial="USERS")
        self.disk_is_there()
        self.in_guest("[user]")
        self.guest.detach(stick)

    def test_a_usb_network_card_and_a_serial_adapter_bring_nothing(self):
        self.guest.monitor.execute("chardev-add", {"id": "line", "backend": {"type": "null", "data": {}}})
        cards = [self.guest.attach("card", "usb-net"), self.guest.attach("line-adapter", "usb-serial", chardev="line", **{"always-plugged": True})]
        self.guest.run("until [ $(grep -l -e RNDIS -e 'QEMU USB SERIAL' /sys/bus/usb/devices/*/product | wc -l) = 2 ]; do sleep 0.02; done")
        self.in_guest("[network]")
        self.guest.run("! ls /dev/ttyUSB* /dev/ttyACM*")
        for card in cards:
            self.guest.detach(card)

    def test_a_disk_is_put_in_written_and_taken_out(self):
        image = fat_image(self.folder / "stick.img", files={"from the host": b"hello guest"})
        job = self.begin("[disk]")
        stick = self.guest.attach_disk(image, serial="STICK-1")
        self.guest.wait_for("/run/done")
        self.guest.detach(stick)
        self.end(job)
        self.assertEqual(mtools("mtype", image, "::from the guest – ü"), b"hello host")
        self.assertEqual(mtools("mtype", image, "::from the host"), b"hello guest")
        self.assertNotIn(b"refused", mtools("mdir", image, "-b", "::"))
        subprocess.run(["fsck.fat", "-n", image], check=True, capture_output=True)

    def test_a_disk_with_partitions_is_pulled_out(self):
        image = fat_image(self.folder / "stick.img", partitioned=True)
        job = self.begin("[pulled]")
        stick = self.guest.attach_disk(image, serial="STICK-2")
        self.guest.wait_for("/run/done")
        self.guest.detach(stick)
        self.end(job)
        self.assertNotIn(b"too late", mtools("mdir", image, "-b", "::", offset=2048 * 512))

    def test_disks_are_told_apart_by_serial_and_a_protected_one_is_not_written(self):
        first = self.guest.attach_disk(fat_image(self.folder / "1.img"), serial="FIRST")
        self.disk_is_there()
        second = self.guest.attach_disk(fat_image(self.folder / "2.img"), serial="SECOND", read_only=True)
        self.disk_is_there(2)
        serials = self.guest.run("for d in /sys/block/sd*; do cat $(readlink -f $d/device)/../../../../serial; cat $d/ro; done").out
        self.assertEqual(serials.split(), ["FIRST", "0", "SECOND", "1"])
        last = self.guest.run("ls /sys/block | grep sd | tail -1").out.strip()
        self.guest.run(f"! mount -t vfat -o rw /dev/{last} /mnt || {{ grep ' /mnt vfat ro' /proc/mounts && umount /mnt; }}")
        self.guest.run(f"! dd if=/dev/zero of=/dev/{last} bs=512 count=1 conv=fsync")
        self.guest.detach(first)
        self.guest.detach(second)
        self.disk_is_there(0)

    def test_a_disc_is_read(self):
        iso = self.iso()
        self.guest.monitor.execute("blockdev-add", {"driver": "raw", "node-name": "disc", "read-only": True, "file": {"driver": "file", "filename": str(iso)}})
        drive = self.guest.attach("drive", "usb-bot")
        self.guest.monitor.execute("device_add", {"driver": "scsi-cd", "id": "optical", "bus": "drive.0", "drive": "disc"})
        self.guest.monitor.execute("qom-set", {"path": "/machine/peripheral/drive", "property": "attached", "value": True})
        self.guest.wait_for("/sys/block/sr0")
        self.guest.run("mount -t iso9660 -o ro,nosuid,nodev,noexec /dev/sr0 /mnt")
        self.assertEqual(self.guest.run("cat '/mnt/a long name of a file.txt'; umount /mnt").out, "hello from a disc")
        self.guest.detach(drive)

    def test_keys_are_read_from_the_event_node(self):
        job = self.begin("[keyboard]")
        self.guest.type("ca1B\n")
        self.end(job)

    def test_a_scanner_is_read_beside_the_keyboard_and_no_key_of_it_reaches_the_console(self):
        self.guest.attach_second_keyboard("scanner", port="2")
        self.guest.run("until ls -d /sys/bus/usb/devices/1-2/1-2:1.0/*/input/input*/event*; do sleep 0.02; done; echo 1-2 >/run/port")
        job = self.begin("[scanner]")
        typed = self.guest.read_line_on_screen()
        self.guest.scan(self.guest.run("cat /run/frames").out)
        self.guest.wait_for("/run/done")
        self.guest.type("good\n")
        self.guest.wait_for(typed)
        self.assertEqual(self.guest.run(f"cat {typed}").out, "good\n")
        self.guest.detach("scanner")
        self.end(job)

    def test_text_is_seen_on_the_screen(self):
        self.assertEqual(self.sees_text(self.guest), (1024, 768))


class Firmware(WithFolder):
    def test_starts_from_uefi_with_a_screen_and_a_tpm(self):
        with Guest([PROGRAM], uefi=True, tpm=True) as guest:
            print(f"\nThe guest took {guest.seconds_to_start:.1f} s to its first command with OVMF.")
            guest.run("[ -d /sys/firmware/efi ] && grep 'EFI VGA' /proc/fb")
            self.assertEqual(guest.run("cat /sys/class/tpm/tpm0/tpm_version_major; cat /sys/class/misc/hw_random/rng_available").out.split(), ["2", "tpm-rng-0", "none"])
            guest.run("[ -c /dev/tpmrm0 ] && [ -c /dev/rtc0 ]")
            self.sees_text(guest)

    def test_a_guest_that_stops_is_an_error_that_shows_its_log(self):
        with Guest() as guest:
            with self.assertRaisesRegex(AssertionError, "(?s)the guest is gone.*reboot: Restarting system"):
                guest.run("reboot -f")

    def test_a_guest_that_does_not_start_is_an_error_that_shows_its_log(self):
        with self.assertRaisesRegex(AssertionError, "(?s)the guest is gone.*Unable to mount root fs"):
            Guest(append="rdinit=/bin/none init=/bin/none").start()


if __name__ == "__main__":
    unittest.main()
