fuzz_target(zlint_output actions)
