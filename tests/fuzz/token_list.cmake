fuzz_target(token_list state)
