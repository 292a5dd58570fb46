fuzz_target(csr pki)
