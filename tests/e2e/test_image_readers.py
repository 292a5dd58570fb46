"""Card readers on the boot image: one that is plugged in while people are at the console is asked about, switched on, and seen by the CA's
module for cards; so is the next one, for which the readers' service is started anew."""
import re
import socket
import struct
import threading
import unittest

from appliance import Appliance
from console_hands import Room
from images import WithScreen, stick
from support import SECOND

STARTS = "card readers: the service starts"


class Card:
    """A card of no known make for QEMU's reader: it has nothing, whatever it is asked for. QEMU's `ccid-card-passthru` speaks libcacard's
    protocol (vscard_common.h) with it: type, reader, length, each 32 bits big-endian, then the message."""

    INIT, ERROR, READER_ADD, ATR, APDU = 1, 2, 3, 5, 7
    NO_READER = 0xffffffff

    def __init__(self, path):
        self.listener, self.asked = socket.socket(socket.AF_UNIX), 0
        self.listener.bind(str(path))
        self.listener.listen(1)
        threading.Thread(target=self.answer, daemon=True).start()

    def send(self, what, reader, message):
        self.connection.sendall(struct.pack(">III", what, reader, len(message)) + message)

    def received(self, count):
        data = b""
        while len(data) < count:
            piece = self.connection.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def answer(self):
        self.connection = self.listener.accept()[0]
        self.send(self.INIT, self.NO_READER, b"VSCD" + struct.pack(">II", 2, 0))
        self.send(self.READER_ADD, self.NO_READER, b"card")
        self.send(self.ATR, 0, bytes.fromhex("3b00"))
        try:
            while True:
                what, reader, length = struct.unpack(">III", self.received(12))
                self.received(length)
                if what == self.APDU:
                    self.asked += 1
                    self.send(self.APDU, reader, bytes.fromhex("6a82"))  # not found
        except (EOFError, OSError):
            self.connection.close()
            self.listener.close()


class Readers(WithScreen):
    def begin(self, machine):
        """To the dashboard of a CA whose token is a card."""
        self.machine, self.room = machine, Room(machine, self.glyphs, self.folder, SECOND)
        binding = re.sub(rb'^module = .*$', b'module = "opensc-pkcs11"', SECOND.binding.read_bytes(), flags=re.M)
        self.room.add("files", files={"policy.toml": SECOND.policy.read_bytes(), "hsm.toml": binding})
        self.room.given["ca"] = "a CA whose files are on a disk"
        machine.wait_for_log("ceremony: uki ")
        machine.pull_boot_medium()
        self.room.screen.choose_keyboard()
        self.room.until("dashboard")

    def token(self):
        """What the pre-flight of a genesis says of the token."""
        screen = self.room.screen
        screen.choose("root-genesis")
        question, lines = screen.question()
        self.assertEqual(question, "preflight.root-genesis")
        said = " ".join("\n".join(screen.task(lines)).split())
        screen.press_and_see("ret")
        self.room.until("dashboard")
        return re.search(r"\[\w+\] token: (.*?) \[\w+\] people: ", said)[1]

    def plug_in(self, name, port):
        """And say that it is ours."""
        self.machine.attach(name, "usb-ccid", port=port)
        self.machine.wait_for_log(f"USB 1-{port} card reader stays off: ")
        self.room.screen.choose("look again")
        self.assertEqual(self.room.until("usb.card-reader", "dashboard"), "usb.card-reader")
        self.room.screen.yes()
        self.room.until("dashboard")
        self.assertIn(f"USB 1-{port} card reader is on: people said that it is theirs", self.machine.log())

    def test_a_reader_that_is_plugged_in_later_is_seen_and_so_is_the_next_one(self):
        with Appliance(stick("rehearsal"), memory=384) as machine:
            self.begin(machine)
            self.assertRegex(self.token(), r"no token that is blank is plugged in; there is none at all; plug in the token")
            self.assertNotIn(STARTS, machine.log())
            self.plug_in("reader", "5")
            self.assertEqual(machine.log().count(STARTS), 1)
            self.assertRegex(self.token(), r'there is none at all, the slot "[^"]+" is empty; plug in the token')
            machine.detach("reader")
            machine.wait_for_log("USB 1-5 card reader: gone")
            self.plug_in("another", "6")
            self.assertEqual(machine.log().count(STARTS), 2)
            self.assertEqual(machine.log().count("card readers: the service ended, "), 1)
            self.assertRegex(self.token(), r'there is none at all, the slot "[^"]+" is empty; plug in the token')
            self.put_in_a_card("another.0")

    def put_in_a_card(self, reader):
        """Which needs no question and no service started anew."""
        card = Card(self.folder / "card")
        self.machine.monitor.execute("chardev-add", {"id": "card", "backend": {"type": "socket", "data": {
            "addr": {"type": "unix", "data": {"path": str(self.folder / "card")}}, "server": False}}})
        self.machine.monitor.execute("device_add", {"driver": "ccid-card-passthru", "id": "card", "bus": reader, "chardev": "card"})
        # The service looks for a card a few times a second.
        for _ in range(20):
            said = self.token()
            if "is empty" not in said:
                break
            self.room.screen.choose("look again")
            self.room.until("dashboard")
        self.assertRegex(said, r'there is none at all, the slot "[^"]+" holds a card that the module does not know; plug in the token')
        self.assertGreater(card.asked, 0)
        self.assertEqual(self.machine.log().count(STARTS), 2)

    def test_a_reader_that_is_there_at_boot_is_seen(self):
        machine = Appliance(stick("rehearsal"), memory=320)  # the least that ceremonies are tested on
        machine.command += ["-device", "usb-ccid,id=reader,bus=usb.0,port=5"]
        with machine:
            self.begin(machine)
            self.assertIn("USB 1-5 card reader is on: ", machine.log())
            self.assertEqual(machine.log().count(STARTS), 1)
            self.assertRegex(self.token(), r'there is none at all, the slot "[^"]+" is empty; plug in the token')


if __name__ == "__main__":
    unittest.main()
