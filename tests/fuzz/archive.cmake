fuzz_target(archive media_bundle)
