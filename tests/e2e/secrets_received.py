"""secrets_received.py FOLDER: no secret of the room is in what its terminal received (FOLDER/received), and what it received
for one person alone (FOLDER/received-alone) holds that person's passphrase. Exit 1 with what was found where."""
import pathlib
import re
import sys
import tempfile

from secrets_of import find, take
from support import CUSTODIANS, PEOPLE


def as_read(received):
    """Without what moves the cursor, without the numbers before words, with single spaces."""
    text = re.sub(rb"\x1b(\[[0-9;?>]*[A-Za-z@]|[()][A-Z0-9]|[=>78M])", b" ", received)
    return re.sub(rb"\s+", b" ", re.sub(rb"\b\d+\b", b" ", text))


def main():
    room, secrets = pathlib.Path(sys.argv[1]), {}
    with tempfile.TemporaryDirectory() as work:
        take(secrets, room, pathlib.Path(work) / "work", "", PEOPLE, CUSTODIANS, 3)
    received, alone = (room / "received").read_bytes(), (room / "received-alone").read_bytes()
    found = find(secrets, [("received", received), ("received, as read", as_read(received))])
    for name, form, place in found:
        print(f"{name} ({form}) is in what was {place}")
    shown = {name for name, _, _ in find(secrets, [("alone", as_read(alone))])}
    wanted = {name for name in secrets if "passphrase" in name}
    for name in sorted(wanted - shown):
        print(f"{name} was not seen where it is shown to its holder: this search would miss it elsewhere too")
    for name in sorted(shown - wanted):
        print(f"{name} was shown to somebody")
    return 1 if found or shown != wanted else 0


if __name__ == "__main__":
    sys.exit(main())
