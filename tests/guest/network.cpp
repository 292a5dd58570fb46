// There is no network: not switched off, not there.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

TEST_CASE("no protocol but UNIX sockets and netlink is known", "[network]") {
  std::ifstream file("/proc/net/protocols");
  REQUIRE(file);
  std::string line;
  std::set<std::string> names;
  REQUIRE(std::getline(file, line));  // headings
  while (std::getline(file, line)) {
    std::string name;
    std::istringstream(line) >> name;
    names.insert(name);
  }
  CHECK(names.contains("UNIX"));
  CHECK(names.contains("NETLINK"));
  names.erase("UNIX");
  names.erase("UNIX-STREAM");
  names.erase("NETLINK");
  CAPTURE(names);
  CHECK(names.empty());
}

TEST_CASE("no family of addresses but UNIX and netlink opens a socket", "[network]") {
  // By number: all there are and some more, so that a new one is not forgotten.
  for (int family = 1; family < 64; ++family) {
    if (family == AF_UNIX || family == AF_NETLINK) continue;
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
      CAPTURE(family, type);
      errno = 0;
      const int got = ::socket(family, type, 0);
      const int error = errno;
      CHECK(got == -1);
      CHECK(error == EAFNOSUPPORT);
      if (got >= 0) ::close(got);
    }
  }
  const int pair = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(pair >= 0);
  ::close(pair);
}

TEST_CASE("no interface but lo is there", "[network]") {
  REQUIRE(std::filesystem::is_directory("/sys/class/net"));
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net")) CHECK(entry.path().filename() == "lo");
}
