fuzz_target(policy policy)
