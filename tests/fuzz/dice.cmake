fuzz_target(dice actions)
