fuzz_target(keymap keymap)
