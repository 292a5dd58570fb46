fuzz_target(binding policy)
