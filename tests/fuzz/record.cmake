fuzz_target(record ledger)
