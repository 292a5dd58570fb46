#!/usr/bin/env python3
"""A second verifier of ledgers and bundles: second_verifier.py LEDGER|BUNDLE [--pin HEX].

Written from the format pages (FORMAT.md and EVENTS.md of ceremony/ledger, RULES.md of ceremony/state, the pages of policy, pki, report and media) and
not from the programs, so that what the two say of one log are two opinions. The table of events and the ids of the rules are read from the pages
themselves; openssl and zstd are the only foreign programs. Exit 0: consistent and pinned; 1: a rule is broken, or the pin is another's; 2: unpinned or
unreadable.
"""
import argparse
import pathlib
import sys

from second import bundle, ledger
from second.foreign import Bad, sha256


def verify(path, pin=None):
    """(exit code, [(rule, record, what)])"""
    path = pathlib.Path(path)
    try:
        broken, log_key = bundle.verify(path) if path.is_file() or (path / "MANIFEST").exists() else ledger.verify(path)
    except (OSError, Bad) as error:
        return 2, [("unreadable", None, str(error))]
    if broken:
        return 1, broken
    if pin is None:
        return 2, []
    return (0, []) if log_key and sha256(log_key) == pin else (1, [("pin", None, "the log key is another")])


def main():
    parser = argparse.ArgumentParser(description="A second opinion on a ledger or a bundle.")
    parser.add_argument("path", metavar="LEDGER|BUNDLE")
    parser.add_argument("--pin")
    options = parser.parse_args()
    code, broken = verify(options.path, options.pin)
    for rule, n, what in broken:
        print(rule if n is None else f"{rule} at record {n}", what, sep=": ")
    print({0: "consistent", 1: "NOT consistent", 2: "not pinned, or not readable"}[code])
    return code


if __name__ == "__main__":
    sys.exit(main())
