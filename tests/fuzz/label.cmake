fuzz_target(label media_api)
