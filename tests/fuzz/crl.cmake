fuzz_target(crl pki)
