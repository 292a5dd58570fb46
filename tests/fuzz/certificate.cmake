fuzz_target(certificate pki)
