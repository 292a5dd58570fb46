fuzz_target(share_file shares)
