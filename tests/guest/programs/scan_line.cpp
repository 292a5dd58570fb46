// What the people's program does with a scanner, alone: scan_line. Started by ceremony-mounter; says yes to the scanner that it is asked
// about, takes its open node from the mounter, and prints the first line that is scanned.
#include <cstdio>

#include "ceremony/ground/refused.h"
#include "media/linux_mounter.h"
#include "media/linux_scanner.h"
#include "media/mounter_client.h"

int main() {
  using namespace ceremony;
  try {
    media::MounterClient mounter(media::mounter_descriptor, media::mount_folder);
    while (true) {
      for (const auto& news : mounter.usb_news()) {
        if (news.state != media::UsbState::asked || news.role != "scanner") continue;
        mounter.approve(news);
        const auto node = mounter.take_scanner();
        if (!node) return 3;
        const auto scanner = media::make_linux_scanner(*node, true);
        std::puts("reads");
        std::fflush(stdout);
        const auto line = scanner->next(std::chrono::seconds(30));
        if (!line) return 4;
        std::puts(line->c_str());
        return 0;
      }
      static_cast<void>(mounter.list(std::chrono::milliseconds(500)));
    }
  } catch (const Refused& refused) {
    std::fprintf(stderr, "%s\n", refused.what());
    return 1;
  }
}
