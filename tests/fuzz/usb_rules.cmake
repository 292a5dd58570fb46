fuzz_target(usb_rules media_usb)
