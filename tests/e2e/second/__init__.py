"""A second verifier of ledgers and bundles, in parts. See second_verifier.py, the program."""
