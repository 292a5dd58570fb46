fuzz_target(mounter media_mounting)
