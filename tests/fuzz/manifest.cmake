fuzz_target(manifest media_bundle)
