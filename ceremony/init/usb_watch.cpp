#include "ceremony/init/usb_watch.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "ceremony/ground/refused.h"
#include "ceremony/init/world.h"
#include "media/files.h"
#include "media/linux_uevent.h"
#include "media/linux_usb.h"

namespace ceremony::init {
namespace {

void look(media::UsbGuard& guard) {
  for (const auto& seen : guard.look())
    note("USB " + seen.port + " " + std::string(media::text_of(seen.verdict.role)) +
         (seen.news == media::UsbSeen::News::gone ? ": gone" : (seen.on ? " is on: " : " stays off: ") + seen.verdict.sentence));
}

bool something_of_usb(media::Uevents& events) {
  bool found = false;
  try {
    while (const auto event = events.next(std::chrono::milliseconds(0))) found = found || event->subsystem == "usb";
  } catch (const Refused&) {
    return true;  // lost or strange: look at everything
  }
  return found;
}

}  // namespace

pid_t start_usb_watch() {
  media::Uevents events;
  media::UsbGuard guard(media::UsbRules{});
  look(guard);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  for (const int standard : {0, 1, 2}) ::close(standard);
  while (true) {
    ::pollfd waiting{events.descriptor(), POLLIN, 0};
    if (::poll(&waiting, 1, -1) < 0 && errno != EINTR) ::_exit(1);
    try {
      if (something_of_usb(events)) look(guard);
    } catch (const Refused& refusal) {
      note(refusal.findings().front().what);
    }
  }
}

}  // namespace ceremony::init
