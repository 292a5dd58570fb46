"""People at the appliance's console: they read the screen (console_text.py), press keys, and move disks. The same as tests/e2e/tty does on
a terminal, with nothing but what a camera and hands have."""
import re
import time

from disks import Disk

DICE = "4261533254611625442136135"  # twenty-five rolls
LEFT = 40  # of a screen of 128 columns: the steps
BOTTOM = 3


class Screen:
    def __init__(self, machine, glyphs):
        self.machine, self.glyphs = machine, glyphs

    def lines(self):
        return self.glyphs.read(self.machine)

    def task(self, lines):
        return [line[LEFT:] for line in lines[2:-BOTTOM]]

    def wait(self, what, wanted, seconds=120):
        """The lines, once `wanted(lines)` is true of two pictures that are equal but for the title, in which the clock goes."""
        limit, before = time.monotonic() + seconds, None
        while True:
            lines = self.lines()
            if lines[1:] == before and wanted(lines):
                return lines
            before = lines[1:]
            if self.machine.process.poll() is not None or time.monotonic() > limit:
                raise self.machine.failed(f"the screen does not show {what} but\n" + "\n".join(lines))

    def press(self, *keys):
        self.machine.keys(*keys)

    def press_and_see(self, *keys):
        before = self.lines()[1:]
        self.press(*keys)
        return self.wait(f"anything new after {keys}", lambda lines: lines[1:] != before)

    @staticmethod
    def id_of(lines):
        return lines[1].rsplit(" ", 1)[-1] if " " in lines[1] else ""

    def choose_keyboard(self, number="", words="lazy mower", come_out="lazy mower"):
        """What the first process asks when the boot medium is out: which keyboard this is, and two words on it. `words` are the keys of a
        US keyboard that are pressed."""
        self.wait("which keyboard it is", lambda lines: any("Enter alone is 1, us." in line for line in lines))
        self.machine.type(number)
        self.press("ret")
        self.wait("what is to be typed", lambda lines: any("Behind these words" in line for line in lines))
        self.machine.type(words)
        self.wait(f"what was typed: {words}", lambda lines: any(line.rstrip("_\ufffd ") == come_out for line in lines))
        self.press("ret")

    def question(self):
        """The id of the question that waits, and the lines."""
        lines = self.wait("a question", lambda lines: self.id_of(lines) not in ("", "working"), 300)
        return self.id_of(lines), lines

    def field(self, text):
        self.machine.type(text)
        self.wait(f"what was typed: {text}", lambda lines: any(line.rstrip("\ufffd_ ").endswith(text[-16:].rstrip()) for line in lines[2:]))

    def type(self, text):
        if text:
            self.field(text)
        self.press_and_see("ret")

    def secret(self, text):
        self.machine.type(text)
        self.press_and_see("ret")

    def yes(self):
        self.press("y")
        self.wait("yes", lambda lines: any("Yes or no: yes" in line for line in lines))
        self.press_and_see("ret")

    def go_to(self, name):
        """To the row of a list that begins with this, or holds it."""
        for _ in range(100):
            here = there = None
            for number, row in enumerate(self.task(self.lines())):
                if not row.startswith(("> ", "  ")):
                    continue
                entry = re.sub(r"^\[.\] ", "", row[2:])
                if row.startswith("> "):
                    here = number
                if entry == name or entry.startswith(name + " ") or (len(name) > 8 and name in entry):
                    there = number if there is None else there
            if here is None:
                raise self.machine.failed("no row is chosen:\n" + "\n".join(self.lines()))
            if here == there:
                return
            self.press_and_see("up" if there is not None and there < here else "down")
        raise self.machine.failed(f"there is no row \"{name}\":\n" + "\n".join(self.lines()))

    def choose(self, option):
        self.go_to(option)
        self.press_and_see("ret")

    def mark(self, people):
        for person in people.split():
            self.go_to(person)
            self.press("spc")
            self.wait(f"a mark at {person}", lambda lines, person=person: any(f"> [x] {person} " in line for line in lines))
        self.press_and_see("ret")

    def note_secret(self):
        self.press("ret")

        def words(lines):
            found = re.findall(r"(\d+) ([a-z]+)", "\n".join(self.task(lines)))
            return {int(number): word for number, word in found}

        lines = self.wait("eight numbered words", lambda lines: len(words(lines)) == 8 and "looks away now" not in "\n".join(lines))
        self.press_and_see("ret")
        return " ".join(word for _, word in sorted(words(lines).items()))

    def retype_words(self):
        first, lines = self.question()
        rows = {}
        while self.id_of(lines) == first:
            for row in self.task(lines):
                if found := re.match(r"\s+(\d+)((?:\s+[a-z]{4,8}){1,4})$", row.rstrip()):
                    rows[int(found[1])] = found[2].split()
            label = re.search(r"Word (\d+) ", "\n".join(self.task(lines)))
            wanted = int(label[1]) - 1
            if wanted // 4 + 1 not in rows:
                lines = self.press_and_see("pgdn")
                continue
            self.field(rows[wanted // 4 + 1][wanted % 4])
            self.press_and_see("ret")
            _, lines = self.question()


class Room:
    """A CA's people at the machine, their disks and notes. `asked` counts the questions; `before` is what is done when one is there, before
    it is answered: {question: a function of this room}."""

    SOCKETS = range(1, 8)

    def __init__(self, machine, glyphs, folder, ca):
        self.machine, self.screen, self.folder, self.ca = machine, Screen(machine, glyphs), folder, ca
        self.disks, self.inserted, self.notes, self.asked, self.given, self.before = {}, {}, {}, 0, {}, {}

    def add(self, name, **how):
        self.disks[name] = Disk(self.folder / f"{name}.img", name.upper(), **how)
        return self.disks[name]

    def put_in(self, name):
        if name not in self.disks:
            self.add(name)
        if len(self.inserted) == len(self.SOCKETS):
            self.take_out(next(other for other in self.inserted if not other.startswith("ledger")))
        disk = self.disks[name]
        free = next(n for n in self.SOCKETS if n not in [socket for _, socket in self.inserted.values()])
        seen = self.machine.log().count(" disk stays off: ")
        self.inserted[name] = self.machine.attach_disk(disk.path, serial=disk.serial, port=str(free)), free
        # The machine has seen it, and switches it on when people say that it is in.
        self.machine.wait_for_log(" disk stays off: ", count=seen + 1)

    def take_out(self, name):
        self.machine.detach(self.inserted.pop(name)[0])

    def take_all_out(self):
        for name in list(self.inserted):
            self.take_out(name)

    def until(self, *ends):
        """Answers until one of these is asked; it."""
        while True:
            question, lines = self.screen.question()
            if question in ends:
                return question
            if question == "finished" or question.endswith(".refused"):
                raise self.machine.failed(f"it asks {question}:\n" + "\n".join(lines))
            self.asked += 1
            if question in self.before:
                self.before.pop(question)(self)
            self.answer(question)

    def answer(self, question):
        what, _, whom = question.partition(".")
        if "files" in self.inserted and question != "insert.files":
            self.take_out("files")
        ca, screen = self.ca, self.screen
        if question in self.given:
            return screen.choose(self.given[question])
        if what in ("insert", "reinsert"):
            if what == "reinsert" and whom in self.inserted:
                self.take_out(whom)
            if whom not in self.inserted:
                self.put_in(whom)
            return screen.press_and_see("ret")
        if what == "medium":
            option = f'serial "{self.disks[whom].serial}"' if whom in self.disks else "none of these"
            return screen.choose(option if any(option in line for line in screen.lines()) else "none of these")
        people = {"unlock": ca.people[0], "clock": ca.clock, "compared": ca.clock, "custody-by": ca.clock, "seen-by": ca.seen if whom in ca.clock.split() else ca.clock,
                  "members.governance": ca.governance, "members.activation": ca.activation, "members.recovery": ca.recovery}
        if question in people or what == "seen-by":
            return screen.mark(people[question if question in people else what])
        if what in ("clock", "compare", "begin", "usb"):
            return screen.yes()
        texts = {"name": "Person of a rehearsal", "seal": "A-4711", "evidence": "none", "recipient": "factory-m", "remark": "", "absent": "", "deviation": "", "waiver": "", "frames": ""}
        if what in texts:
            return screen.type(texts[what])
        if what in ("new-passphrase", "new-share-passphrase"):
            self.notes[question.removeprefix("new-")] = screen.note_secret()
            return None
        if what == "dice":
            return screen.secret(DICE)
        if what in ("passphrase", "share-passphrase"):
            return screen.secret(self.notes[question])
        if what == "words":
            return screen.retype_words()
        if what in ("requests", "show", "checkpoint", "summary", "csr", "prepared", "exported", "open", "dry-root", "locked", "preflight", "usb-off"):
            return screen.press_and_see("ret")
        raise self.machine.failed(f"nobody knows what to answer to {question}:\n" + "\n".join(screen.lines()))
