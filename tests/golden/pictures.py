"""Pictures of screens, for people who read the README: each golden screen named below as an SVG in procedures/screens.

python3 tests/golden/pictures.py writes them; with --check it says which are not what the golden screens give, and ends with 1."""

import pathlib
import sys
from xml.sax.saxutils import escape

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent.parent / "procedures" / "screens"
SCREENS = {
    "people": "members.activation",
    "approval": "show.sign-certificate",
    "words": "words.c2",
    "refused": "words.c2.refused",
    "pause": "pause",
    "secret": "passphrase.c2",
    "transcript": "transcript+found",
}
SIZE = "80x24"
LETTERS = ".123456789abcdefghijklmnopqrstuv"
BOLD, REVERSE, UNDERLINE, ACCENT, WARNING = 1, 2, 4, 8, 16
PAPER, INK, BLUE, ORANGE = "#101418", "#dfe3e6", "#6cb6ff", "#ffb454"
W, H, EDGE = 8, 17, 10


def cells(golden):
    """Rows of (character, attributes), as tui/grid.h's Grid::golden() writes them."""
    rows = golden.split("\n")[:-1]
    half = rows.index("---")
    cols, count = (int(n) for n in SIZE.split("x"))
    assert half == count and len(rows) == 2 * count + 1, "not a golden screen of this size"
    return [list(zip(text.ljust(cols), (LETTERS.index(a) for a in attributes.ljust(cols, ".")))) for text, attributes in zip(rows[:half], rows[half + 1:])]


def runs(row):
    """Neighbours with equal attributes: column, text, attributes."""
    out = []
    for x, (character, attribute) in enumerate(row):
        if out and out[-1][2] == attribute:
            out[-1][1] += character
        else:
            out.append([x, character, attribute])
    return out


def svg(name, rows):
    width, height = W * len(rows[0]) + 2 * EDGE, H * len(rows) + 2 * EDGE
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="The screen {escape(name)}">',
           f'<rect width="{width}" height="{height}" rx="6" fill="{PAPER}"/>',
           '<g font-family="DejaVu Sans Mono, Consolas, Menlo, monospace" font-size="13" xml:space="preserve">']
    for y, row in enumerate(rows):
        for x, text, attribute in runs(row):
            ink = ORANGE if attribute & WARNING else BLUE if attribute & ACCENT else INK
            left, top, wide = EDGE + W * x, EDGE + H * y, W * len(text)
            if attribute & REVERSE:
                out.append(f'<rect x="{left}" y="{top}" width="{wide}" height="{H}" fill="{ink}"/>')
                ink = PAPER
            # A picture knows no underlined blank: it is drawn.
            if attribute & UNDERLINE:
                out.append(f'<rect x="{left}" y="{top + H - 2}" width="{wide}" height="1" fill="{ink}"/>')
            if text.strip():
                left += W * (len(text) - len(text.lstrip()))
                text = text.strip()
                weight = ' font-weight="bold"' if attribute & BOLD else ""
                out.append(f'<text x="{left}" y="{top + 13}" textLength="{W * len(text)}" lengthAdjust="spacingAndGlyphs" fill="{ink}"{weight}>{escape(text)}</text>')
    return "\n".join(out + ["</g>", "</svg>", ""])


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("error: there is no such option\nhint: python3 tests/golden/pictures.py [--check]")
    pictures = {f"{file}.svg": svg(screen, cells((HERE / f"{screen}.{SIZE}.txt").read_text())) for file, screen in SCREENS.items()}
    there = {path.name: path.read_text() for path in OUT.glob("*.svg")}
    if sys.argv[1:]:
        wrong = sorted(name for name in pictures.keys() | there.keys() if pictures.get(name) != there.get(name))
        if wrong:
            sys.exit(f"error: not what the golden screens give: {', '.join(wrong)}\nhint: ./scripts/test --update-golden")
        print(f"{len(pictures)} pictures are as their golden screens")
        return
    OUT.mkdir(exist_ok=True)
    for name in there.keys() - pictures.keys():
        (OUT / name).unlink()
    for name, text in pictures.items():
        (OUT / name).write_text(text)


main()
