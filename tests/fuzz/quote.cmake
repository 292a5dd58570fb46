fuzz_target(quote ledger)
