fuzz_target(uevent media_linux)
