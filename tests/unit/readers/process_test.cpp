// The process that looks after the readers' service, with something else in the service's place.
#include <signal.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "ceremony/init/readers_process.h"
#include "ceremony/init/world.h"
#include "tests/unit/media/temp_folder.h"

namespace ceremony::init {
namespace {

/// A service that writes down that it starts and who it is, makes its socket, and waits.
struct Place {
  TempFolder folder;
  ReadersService service;

  Place() {
    // Tests are run by a root, if only by that of a namespace.
    REQUIRE(::geteuid() == 0);
    folder.runs("chmod 755 . && mkdir -m 775 socket && chgrp " + std::to_string(readers_group) + " socket && touch socket/starts token && chmod 664 socket/starts && chgrp " +
                std::to_string(readers_group) + " socket/starts");
    const auto at = (folder.path() / "socket").string();
    service.folder = at;
    service.in_use = folder.path() / "token";
    service.command = {"/bin/sh", "-c",
                       "cd " + at + " && echo $$ $(id -u) $(id -g) $(id -G) $(sed -n 's/^CapPrm:.0*//p; s/^NoNewPrivs:.//p' /proc/self/status) $(ls /proc/self/fd | wc -l) >>starts"
                                    " && : >pcscd.comm && chmod 666 pcscd.comm && exec sleep 1000"};
  }

  /// Each start's words.
  [[nodiscard]] std::vector<std::vector<std::string>> starts() const {
    std::vector<std::vector<std::string>> out;
    std::istringstream lines(as_text(folder.get("socket/starts")));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      out.emplace_back();
      for (std::string word; words >> word;) out.back().push_back(word);
    }
    return out;
  }
  template <typename Done>
  void wait_until(const Done& done) const {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
      REQUIRE(std::chrono::steady_clock::now() < limit);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  [[nodiscard]] pid_t last() const { return std::stoi(starts().back().front()); }
};

/// One that ended and that nobody has taken in does not.
bool runs(pid_t process) {
  std::ifstream about("/proc/" + std::to_string(process) + "/stat");
  std::string number, name, state;
  return about >> number >> name >> state && state != "Z";
}

}  // namespace

TEST_CASE("the service is started with the first reader, as a user without privileges, and anew with the next one and after it was killed") {
  const Place place;
  pid_t last = 0;
  {
    CardReaders readers(false, place.service);
    readers.came();
    { const hsm::InUse settled(place.service.in_use); }  // the lock is held until it answers
    REQUIRE(place.starts().size() == 1);
    const auto id = std::to_string(readers_user), group = std::to_string(readers_group);
    // Of itself, user, groups, capabilities (none), no new privileges; three files and the folder that is being listed.
    CHECK(place.starts().front() == std::vector<std::string>{place.starts().front().front(), id, group, group, "1", "4"});

    const auto first = place.last();
    readers.came();
    { const hsm::InUse settled(place.service.in_use); }
    REQUIRE(place.starts().size() == 2);
    CHECK(!runs(first));

    REQUIRE(::kill(place.last(), SIGKILL) == 0);
    place.wait_until([&] { return place.starts().size() == 3; });
    last = place.last();
    CHECK(runs(last));
  }
  // With whoever made it.
  place.wait_until([&] { return !runs(last); });
}

TEST_CASE("a reader that comes while a token is in use has the service started anew when it is not") {
  const Place place;
  CardReaders readers(false, place.service);
  readers.came();
  {
    const hsm::InUse token(place.service.in_use);
    REQUIRE(place.starts().size() == 1);
    readers.came();
    readers.came();
    CHECK(place.starts().size() == 1);
    CHECK(runs(place.last()));
  }
  place.wait_until([&] { return place.starts().size() == 2; });
  { const hsm::InUse settled(place.service.in_use); }
  CHECK(place.starts().size() == 2);
}

}  // namespace ceremony::init
