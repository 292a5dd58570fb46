"""A small reader and writer of DER (X.690), as far as certificates, CRLs and requests need it."""
import datetime
import re

from second.foreign import Bad

SEQUENCE, SET, INTEGER, BITS, OCTETS, OID, NULL, TRUE, ENUM, UTF8, PRINTABLE, UTC, GENERAL = 0x30, 0x31, 2, 3, 4, 6, 5, 1, 10, 12, 19, 23, 24


def wrap(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + content


def number(value):
    return wrap(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    out = b""
    for arc in [first * 40 + second, *rest]:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.insert(0, arc & 0x7F | 0x80)
        out += bytes(digits)
    return wrap(OID, out)


def time(value):
    """RFC 5280 4.1.2.5: UTCTime through 2049."""
    return wrap(UTC, value.strftime("%y%m%d%H%M%SZ").encode()) if value.year < 2050 else wrap(GENERAL, value.strftime("%Y%m%d%H%M%SZ").encode())


class Reader:
    """Walks through the elements of one content."""

    def __init__(self, content):
        self.rest = content

    def next(self, tag=None):
        """(tag, content, whole) of the next element."""
        rest = self.rest
        if len(rest) < 2 or rest[0] & 0x1F == 0x1F:
            raise Bad("DER ends, or has a long tag")
        size, head = rest[1], 2
        if size >= 0x80:
            count = size & 0x7F
            size, head = int.from_bytes(rest[2:2 + count], "big"), 2 + count
            if not 1 <= count <= 4 or size < 0x80 or rest[2] == 0:
                raise Bad("a length that is not the shortest")
        if len(rest) < head + size or tag is not None and rest[0] != tag:
            raise Bad(f"not the element that is due here: {rest[:2].hex()}")
        whole, self.rest = rest[:head + size], rest[head + size:]
        return whole[0], whole[head:], whole

    def has(self, *tags):
        return bool(self.rest) and self.rest[0] in tags

    def enter(self, tag=SEQUENCE):
        return Reader(self.next(tag)[1])

    def integer(self):
        content = self.next(INTEGER)[1]
        if not content or len(content) > 1 and (content[0] == 0 and content[1] < 0x80 or content[0] == 0xFF and content[1] >= 0x80):
            raise Bad("an integer that is not the shortest")
        return content

    def oid(self):
        content = self.next(OID)[1]
        arcs, arc = [], 0
        for byte in content:
            arc = arc << 7 | byte & 0x7F
            if byte < 0x80:
                arcs.append(arc)
                arc = 0
        if not arcs or content[-1] >= 0x80:
            raise Bad("no OID")
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))

    def bits(self):
        content = self.next(BITS)[1]
        if not content or content[0]:
            raise Bad("a bit string of no whole octets")
        return content[1:]

    def time(self):
        tag, content, _ = self.next()
        text = content.decode("ascii", "replace")
        if tag == UTC and re.fullmatch(r"\d{12}Z", text):
            text = ("19" if text[:2] >= "50" else "20") + text
        elif tag != GENERAL or not re.fullmatch(r"\d{14}Z", text) or text < "2050":
            raise Bad("no time")
        try:
            return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        except ValueError as error:
            raise Bad("no time") from error

    def end(self):
        if self.rest:
            raise Bad("bytes behind the last element")


def one(content, tag=SEQUENCE):
    """The content of the single element that these bytes are."""
    reader = Reader(content)
    inside = reader.next(tag)[1]
    reader.end()
    return inside
