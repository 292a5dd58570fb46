fuzz_target(image_files actions)
