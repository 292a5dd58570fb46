fuzz_target(image_manifest actions)
