fuzz_target(scanner_keys media_linux)
