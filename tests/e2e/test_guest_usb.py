"""Which USB devices the machine switches on, seen with devices that are really plugged in: the guard (media/linux_usb.h) runs in the
guest, this side plugs in and approves. The kernel is started as the appliance's, with every device off."""
import os
import pathlib
import shlex
import shutil
import tempfile
import unittest

from guest import Guest, fat_image

PROGRAM = os.environ["CEREMONY_USB_WATCH"]
# The first keyboard is at this port, and so on in the order they are plugged in, unless a port is named.
KEYBOARD = "1-1"


MOUNTER = pathlib.Path(PROGRAM).parents[2] / "media/ceremony-mounter"
SCAN_LINE = os.environ["CEREMONY_SCAN_LINE"]


class Scanner(unittest.TestCase):
    def test_the_mounter_hands_a_scanner_over_before_it_types_on_the_console(self):
        with Guest([MOUNTER, SCAN_LINE], append="usbcore.authorized_default=0", files={"/etc/usb": b"ceremony-usb/v1\n"}) as guest:
            job = guest.start_job([MOUNTER, "--usb", "/etc/usb", "--user", "1000:1000", "--", guest.called[SCAN_LINE]])
            guest.run("until grep -q 'USB Keyboard' /proc/bus/input/devices; do sleep 0.02; done")
            typed = guest.read_line_on_screen()
            guest.attach_second_keyboard("scanner", port="2")
            guest.run(f"until grep -q reads {job}.out; do sleep 0.02; done", seconds=30)
            guest.scan("KCYZ1Q\n")
            result = guest.wait_job(job)
            self.assertEqual((result.code, result.out), (0, "reads\nKCYZ1Q\n"), result)
            # None of its keys came to the console.
            guest.type("good\n")
            guest.wait_for(typed)
            self.assertEqual(guest.run(f"cat {typed}").out, "good\n")


class Nodes(unittest.TestCase):
    def test_a_program_opens_listed_devices_that_are_on_and_no_other(self):
        with Guest([MOUNTER], append="usbcore.authorized_default=0", files={"/etc/usb": b"ceremony-usb/v1\ndevice 0403:6001 ff/ff/ff Line adapter\n"}) as guest:
            guest.monitor.execute("chardev-add", {"id": "line", "backend": {"type": "null", "data": {}}})
            guest.attach("adapter", "usb-serial", port="5", chardev="line", **{"always-plugged": True})
            guest.attach("reader", "usb-ccid", port="6")
            guest.run("until [ -e /sys/bus/usb/devices/1-5/descriptors ] && [ -e /sys/bus/usb/devices/1-6/descriptors ]; do sleep 0.02; done")
            opens = "for node in /dev/bus/usb/*/*; do echo $node; (: <>$node) 2>/dev/null && echo opened $node; done; true"
            result = guest.wait_job(guest.start_job([MOUNTER, "--usb", "/etc/usb", "--user", "1000:1000", "--", "/bin/busybox", "sh", "-c", opens]))
            adapter = f"/dev/bus/usb/001/{int(guest.run('cat /sys/bus/usb/devices/1-5/devnum').out):03}"
            self.assertEqual([line for line in result.out.splitlines() if line.startswith("opened")], [f"opened {adapter}"], result)
            self.assertGreaterEqual(len(result.out.splitlines()), 5)
            guest.run("[ $(cat /sys/bus/usb/devices/1-6/authorized) = 1 ]")
            self.assertEqual(guest.run(f"stat -c '%a %u %g' {adapter}").out, "660 0 1000\n")


class Usb(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-usb-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.guest = Guest([PROGRAM], append="usbcore.authorized_default=0",
                           files={"/etc/usb": b"ceremony-usb/v1\ndevice 0403:6001 ff/ff/ff Line adapter\n"}).start()
        self.addCleanup(self.guest.close)

    def watch(self, ceremony=True):
        """Starts the guard; from then on people are there."""
        self.job = self.guest.start_job([PROGRAM, "/run/usb.log", "/run/usb.commands", "/etc/usb"])
        self.guest.wait_for("/run/usb.commands")
        self.says("came 1-1 keyboard on: the keyboard 0627:0001 at port 1-1 is used")
        if ceremony:
            self.tell("ceremony")

    def says(self, text, times=1):
        """Waits until the guard has said so."""
        self.guest.run(f"until [ $(grep -cF -e {shlex.quote(text)} /run/usb.log) -ge {times} ]; do sleep 0.02; done", seconds=30)

    def tell(self, command, answer="done"):
        self.guest.run(f"echo {shlex.quote(command)} >/run/usb.commands")
        self.says(f"{answer} {command}")

    def has_no_driver(self, port):
        """The kernel knows of the device and does nothing with it: no configuration is chosen, so there are no interfaces."""
        self.guest.run(f"[ $(cat /sys/bus/usb/devices/{port}/authorized) = 0 ] && ! ls -d /sys/bus/usb/devices/{port}:*")

    def disks(self):
        return self.guest.run("ls /sys/block").out.split()

    def test_nothing_is_on_before_it_was_looked_at(self):
        self.guest.wait_for(f"/sys/bus/usb/devices/{KEYBOARD}/descriptors")
        self.has_no_driver(KEYBOARD)
        self.guest.run("! grep -q 'USB Keyboard' /proc/bus/input/devices")
        self.watch()
        self.guest.run("until grep -q 'USB Keyboard' /proc/bus/input/devices; do sleep 0.02; done")
        typed = self.guest.read_line_on_screen()
        self.guest.type("now it types\n")
        self.guest.wait_for(typed)
        self.assertEqual(self.guest.run(f"cat {typed}").out, "now it types\n")

    def test_at_boot_disks_and_a_reader_are_used_and_a_second_reader_is_asked_about(self):
        self.guest.attach_disk(fat_image(self.folder / "stick.img"), serial="BOOT", port="2")
        self.guest.attach("reader", "usb-ccid", port="3")
        self.guest.attach("reader-2", "usb-ccid", port="4")
        self.guest.run("until [ $(ls /sys/bus/usb/devices/*/descriptors | wc -l) = 6 ]; do sleep 0.02; done")
        self.watch(ceremony=False)
        self.says("-2 disk on: ")
        self.says("came 1-3 card reader on: ")
        self.says("came 1-4 card reader asked: the second card reader 08e6:4433 at port 1-4 stays off")
        self.guest.wait_for("/sys/block/sda")

    def test_a_network_card_and_other_things_stay_off(self):
        self.watch()
        self.guest.monitor.execute("chardev-add", {"id": "line", "backend": {"type": "null", "data": {}}})
        self.guest.attach("card", "usb-net", port="2")
        self.says("came 1-2 unknown device off: the USB device 0525:a4a2 at port 1-2 stays off: it calls itself one thing (network or modem, 02/00/00)")
        self.guest.attach("mouse", "usb-mouse", port="3")
        self.says("came 1-3 unknown device off: the USB device 0627:0001 at port 1-3 stays off: it is no keyboard that works at boot")
        self.guest.attach("camera", "usb-mtp", port="4", rootdir=str(self.folder))
        self.says("-4 unknown device off: the USB device 46f4:0004 at port 1-4 stays off: nothing of its kind is used (camera, 06/01/01)")
        for port in ("1-2", "1-3", "1-4"):
            self.has_no_driver(port)
            self.tell(f"approve {port}", "refused")
            self.has_no_driver(port)
        self.assertEqual(self.guest.run("ls /sys/class/net").out.split(), ["lo"])
        self.guest.run("! grep -q Mouse /proc/bus/input/devices")
        # One of the file is asked about; nobody says yes.
        self.guest.attach("adapter", "usb-serial", port="5", chardev="line", **{"always-plugged": True})
        self.says("came 1-5 listed device asked: the Line adapter 0403:6001 at port 1-5 came during the ceremony")
        self.has_no_driver("1-5")
        self.guest.detach("card")
        self.says("gone 1-2 unknown device")

    def test_a_second_keyboard_types_nothing(self):
        self.watch()
        self.guest.attach_second_keyboard("another", port="2")
        self.says("came 1-2 scanner asked: the second keyboard 0627:0001 at port 1-2 types as a keyboard does; it stays off unless you say that it is the scanner")
        self.has_no_driver("1-2")
        typed = self.guest.read_line_on_screen()
        self.guest.scan("evil\n", taken=False)
        self.guest.type("good\n")
        self.guest.wait_for(typed)
        self.assertEqual(self.guest.run(f"cat {typed}").out, "good\n")
        self.assertEqual(self.guest.run("grep -c 'USB Keyboard' /proc/bus/input/devices").out, "1\n")
        # A third one is not even asked about once there is a scanner.
        self.tell("approve 1-2")
        self.guest.attach("third", "usb-kbd", port="3")
        self.says("came 1-3 unknown device off: the USB device 0627:0001 at port 1-3 stays off: it types, and one keyboard and one scanner (port 1-2) are enough")
        self.has_no_driver("1-3")

    def test_a_disk_waits_until_people_say_yes(self):
        self.watch()
        stick = self.guest.attach_disk(fat_image(self.folder / "stick.img"), serial="WAITS", port="2")
        self.says("-2 disk asked: the disk 46f4:0001 at port ")
        port = self.guest.run("grep -o '[0-9]-2 disk asked' /run/usb.log").out.split()[0]
        self.has_no_driver(port)
        self.assertEqual(self.disks(), [])
        self.tell(f"approve {port}")
        self.guest.wait_for("/sys/block/sda")
        self.guest.run("until mount -t vfat -o ro,nosuid,nodev,noexec /dev/sda /mnt; do sleep 0.02; done; umount /mnt")
        self.tell(f"off {port}")
        self.guest.run("until ! [ -e /sys/block/sda ]; do sleep 0.02; done")
        self.guest.detach(stick)
        self.says(f"gone {port} disk")
        # Out before people answered.
        stick = self.guest.attach_disk(fat_image(self.folder / "2.img"), serial="GONE", port="2")
        self.says("-2 disk asked", times=2)
        self.guest.detach(stick)
        self.says(f"gone {port} disk", times=2)
        self.tell(f"approve {port}", "refused")
        self.assertEqual(self.disks(), [])

    def test_a_stick_behind_a_hub_is_looked_at_by_itself(self):
        self.watch()
        self.guest.attach("hub", "usb-hub", port="2")
        self.says("came 1-2 hub on: ")
        self.guest.attach_disk(fat_image(self.folder / "stick.img"), serial="HUB", port="2.1")
        self.says("came 1-2.1 disk asked: ")
        self.has_no_driver("1-2.1")
        self.guest.attach("card", "usb-net", port="2.2")
        self.says("came 1-2.2 unknown device off: ")
        self.has_no_driver("1-2.2")
        self.tell("approve 1-2.1")
        self.guest.wait_for("/sys/block/sda")
        # The hub goes with all that hangs on it.
        self.guest.detach("hub")
        for gone in ("gone 1-2 hub", "gone 1-2.1 disk", "gone 1-2.2 unknown device"):
            self.says(gone)
        self.assertEqual(self.disks(), [])

    def test_the_keyboard_comes_back_at_its_port_only(self):
        self.watch()
        self.guest.detach("keyboard")
        self.says("gone 1-1 keyboard")
        self.guest.attach("elsewhere", "usb-kbd", port="3")
        self.says("came 1-3 unknown device off: the USB device 0627:0001 at port 1-3 stays off: the keyboard is 0627:0001 at port 1-1; put that one back where it was")
        self.has_no_driver("1-3")
        self.guest.detach("elsewhere")
        self.guest.attach("keyboard", "usb-kbd", port="1")
        self.says("came 1-1 keyboard on: the keyboard 0627:0001 at port 1-1 is back and used again")


if __name__ == "__main__":
    unittest.main()
