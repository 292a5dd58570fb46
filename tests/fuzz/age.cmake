fuzz_target(age shares)
