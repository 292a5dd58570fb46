fuzz_target(slip39 shares)
