fuzz_target(credential shares)
