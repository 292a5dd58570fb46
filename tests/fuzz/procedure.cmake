fuzz_target(procedure procedure)
