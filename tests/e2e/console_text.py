"""What stands on a text console, read off a picture of the screen: every cell is looked up in a table of glyphs, which is learnt by
having a guest with a shell show each character once. No guess: a cell that is no glyph of the table is `\ufffd`."""
import pathlib

WIDTH, HEIGHT = 8, 16
KNOWN = "".join(map(chr, range(33, 127))) + "│─┼┴┬├┤┌┐└┘█▀▄…–·→"


class Picture:
    """A PPM as QEMU writes it."""

    def __init__(self, path):
        data = pathlib.Path(path).read_bytes()
        kind, width, height, depth = data[:64].split(maxsplit=4)[:4]
        if (kind, depth) != (b"P6", b"255"):
            raise AssertionError(f"not a picture: {data[:20]}")
        self.width, self.height = int(width), int(height)
        self.pixels = data[-3 * self.width * self.height:]
        self.columns, self.rows = self.width // WIDTH, self.height // HEIGHT

    def cell(self, row, column):
        """Its pixels as bits: other than the one in its upper left corner, which is background in every glyph but the full blocks."""
        lines = []
        for y in range(row * HEIGHT, (row + 1) * HEIGHT):
            start = (y * self.width + column * WIDTH) * 3
            lines.append(self.pixels[start:start + WIDTH * 3])
        ground = lines[0][:3]
        if all(line == ground * WIDTH for line in lines):
            return None
        return bytes(sum((line[3 * x:3 * x + 3] != ground) << x for x in range(WIDTH)) for line in lines)


class Glyphs:
    def __init__(self, table):
        self.table = table

    @classmethod
    def learn(cls, guest, folder):
        """From a guest's console (guest.py)."""
        path = folder / "glyphs.ppm"
        guest.run("dmesg -n 1")
        guest.put("/run/glyphs", ("\033[?25l\033[0m\033[2J\033[H" + KNOWN).encode())
        guest.run("cat /run/glyphs >/dev/tty0")
        guest.monitor.execute("screendump", {"filename": str(path), "format": "ppm"})
        picture = Picture(path)
        table = {}
        for number, character in enumerate(KNOWN):
            bits = picture.cell(*divmod(number, picture.columns))
            if bits:
                table.setdefault(bits, character)
        if len(table) < 94:
            raise AssertionError(f"only {len(table)} glyphs were learnt")
        return cls(table)

    def read(self, machine):
        """The console's lines, without spaces at their ends."""
        path = machine.folder / "screen.ppm"
        machine.monitor.execute("screendump", {"filename": str(path), "format": "ppm"})
        picture = Picture(path)
        lines = []
        for row in range(picture.rows):
            cells = (picture.cell(row, column) for column in range(picture.columns))
            lines.append("".join(" " if bits is None else self.of(bits) for bits in cells).rstrip())
        return lines

    def of(self, bits):
        # The cursor is two lines at the foot of a cell.
        return self.table.get(bits) or self.table.get(bits[:14] + bytes(2)) or (" " if not any(bits[:14]) else "\ufffd")
