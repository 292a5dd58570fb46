fuzz_target(signed_text ledger)
