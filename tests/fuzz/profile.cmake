fuzz_target(profile pki)
