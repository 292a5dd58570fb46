fuzz_target(bundle_records report)
