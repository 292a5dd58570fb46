fuzz_target(replay report)
