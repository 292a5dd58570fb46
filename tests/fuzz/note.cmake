fuzz_target(note ledger)
