// Switches USB devices on, by the rules for a machine at which nobody is asked (media/usb_policy.h, boot): one keyboard, a card
// reader and disks, whenever they come. The kernel was started so that none is on by itself.
#pragma once

#include <sys/types.h>

namespace ceremony::init {

/// Judges what is there, then starts a process that judges what comes; its id. Throws Refused{UsbRefusal::failed} where there is no USB.
pid_t start_usb_watch();

}  // namespace ceremony::init
