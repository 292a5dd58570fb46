"""The real screens on the real console: QR codes read off pictures of the screen with zbar, and frames read from a scanner (frames.py)."""
import os
import pathlib
import random
import shutil
import tempfile
import time
import unittest

from frames import Frame, codes_in, frames_of, joined
from guest import Guest

PROGRAM = os.environ["CEREMONY_SHOW_CODES"]
RECEIVER = os.environ["CEREMONY_RECEIVE_FRAMES"]
# By the letter of their TYPE; sizes as in life.
SIZES = {"S": 700, "T": 1500, "P": 900, "C": 620, "R": 330, "Q": 400, "M": 1900, "D": 32}


def terminfo(name):
    for folder in ("/usr/share/terminfo", "/lib/terminfo", "/etc/terminfo"):
        path = pathlib.Path(folder) / name[0] / name
        if path.exists():
            return str(path), path.read_bytes()
    raise FileNotFoundError(f"the build root has no terminfo of {name}")


class Screen(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ceremony-screen-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        chance = random.Random(1)
        self.payloads = {kind: chance.randbytes(size) for kind, size in SIZES.items()}
        path, linux = terminfo("linux")
        self.guest = Guest([PROGRAM, RECEIVER], files={path: linux, **{f"/payloads/{kind}": payload for kind, payload in self.payloads.items()}}).start()
        self.addCleanup(self.guest.close)

    def code_on_screen(self):
        """What zbar reads off the screen now; "" where there is no code."""
        return codes_in(self.guest.screendump(self.folder / "screen.png"))

    def frame(self, accepts, seconds=60):
        """The next frame on the screen that is the one waited for."""
        limit = time.monotonic() + seconds
        seen = None
        while time.monotonic() < limit:
            text = self.code_on_screen()
            seen = text or seen
            if text and accepts(Frame(text)):
                return Frame(text)
        raise self.guest.failed(f"the code did not come; the last one was {seen}")

    def start(self, program, *arguments):
        """Starts it on the console; what the reversed line, which says who acts, looks like once it is there."""
        self.guest.run("dmesg -n 1")
        command = " ".join([self.guest.called[program], *arguments])
        self.guest.run(f"{{ TERM=linux {command} </dev/tty1 >/dev/tty1 2>/run/error; echo $? >/run/code.tmp; mv /run/code.tmp /run/code; }} >/dev/null 2>&1 &")
        limit = time.monotonic() + 60
        while (points := self.line_of_text(2)).count(170) < len(points) / 2:
            self.assertLess(time.monotonic(), limit)
        return points

    def ends(self):
        self.guest.wait_for("/run/code")
        self.assertEqual(self.guest.run("cat /run/code /run/error").out, "0\n")

    def line_of_text(self, row):
        """The brightness of every point of a line of the console, 0 to 255."""
        data = self.guest.screendump(self.folder / "screen.ppm").read_bytes()
        kind, width, height, depth, points = data.split(maxsplit=4)
        self.assertEqual((kind, width, height, depth), (b"P6", b"1024", b"768", b"255"))
        line = points[row * 16 * 1024 * 3:(row + 1) * 16 * 1024 * 3]
        return [max(line[i:i + 3]) for i in range(0, len(line), 3)]

    def test_reversed_lines_can_be_read(self):
        """Who acts now stands there, black on light: on this console bold makes it grey on grey."""
        self.assertEqual(set(self.start(PROGRAM, "D=/payloads/D")), {0, 170})
        self.guest.keys("ret")
        self.ends()

    def test_frames_are_scanned_beside_the_keyboard(self):
        payload = random.Random(2).randbytes(70)
        frames = frames_of("Q", payload, 3)
        self.guest.attach_second_keyboard("scanner", port="2")
        self.guest.run("until ls -d /sys/bus/usb/devices/1-2/1-2:1.0/*/input/input*/event*; do sleep 0.02; done")
        self.start(RECEIVER, "1-2", "/run/payload")
        # One is half typed when another is scanned, and typed to its end after that; a German scanner's is not taken.
        self.guest.type(frames[0][:20])
        self.guest.scan(frames[2] + "\n")
        self.guest.scan(frames[1].replace("YZ", "ZY", 1) + "\n")
        self.guest.type(frames[0][20:] + "\n")
        self.guest.scan(frames[1] + "\n")
        self.ends()
        self.assertEqual(self.guest.run("cat /run/payload").out_bytes, payload)

    def test_every_kind_of_payload_is_read_off_the_screen_byte_for_byte(self):
        self.start(PROGRAM, *(f"{kind}=/payloads/{kind}" for kind in SIZES))
        self.guest.keys("q")
        counts = {}
        for kind in SIZES:
            frames = {1: self.frame(lambda frame, kind=kind: frame.kind == kind and frame.index == 1)}
            total = frames[1].total
            for index in range(2, total + 1):
                self.guest.keys("right")
                frames[index] = self.frame(lambda frame, kind=kind, index=index: frame.kind == kind and frame.index == index)
            self.assertEqual({(frame.sid, frame.total) for frame in frames.values()}, {(frames[1].sid, total)})
            self.assertEqual(joined(frames), self.payloads[kind], kind)
            counts[kind] = total
            if total > 1:
                self.guest.keys("left")
                self.frame(lambda frame, total=total: frame.index == total - 1)
            self.guest.keys("tab")
        self.assertGreater(counts["M"], 1)
        self.assertEqual(counts["D"], 1)
        # Round to the first kind again, then out.
        self.frame(lambda frame: frame.kind == "S" and frame.index == 1)
        self.guest.keys("esc")
        limit = time.monotonic() + 30
        while self.code_on_screen():
            self.assertLess(time.monotonic(), limit)
        self.guest.keys("ret")
        self.ends()
        print(f"\nFrames at 128×48, read off the screen: {counts}")


if __name__ == "__main__":
    unittest.main()
