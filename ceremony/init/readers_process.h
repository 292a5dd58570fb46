// The process that looks after the card readers' service: it starts and ends pcscd as readers.h says, for as long as the one that made it lives.
//
// It has no privilege but to become the service's user and to end the service; the service has none, a user of its own, and of the machine's
// devices those readers that were given to it. Nothing of it reaches a terminal: it may say something in the log of a rehearsal only.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hsm/in_use.h"

namespace ceremony::init {

/// What is started, and where it makes its socket; a test has something else there.
struct ReadersService {
  std::vector<std::string> command{"/usr/sbin/pcscd", "--foreground", "--disable-polkit"};
  std::filesystem::path folder = "/run/pcscd";
  std::filesystem::path in_use = hsm::in_use_file;
};

class CardReaders final {
 public:
  /// Makes the process, which waits for the first reader. `log`: what the service says goes to the kernel's log.
  explicit CardReaders(bool log, const ReadersService& service = {});
  ~CardReaders();
  CardReaders(const CardReaders&) = delete;
  CardReaders& operator=(const CardReaders&) = delete;

  /// A reader was switched on, and the service's group can open it. When this returns the service is being started, and who wants to use
  /// a token (hsm/in_use.h) waits for it; or a token is in use, and the reader waits until none is.
  void came();

 private:
  int m_socket = -1;
};

}  // namespace ceremony::init
