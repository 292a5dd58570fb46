fuzz_target(qr_frames media_qr)
