// The program `ceremony-mounter`: ceremony-mounter --user UID[:GID] -- CMD [ARG…]
// Runs CMD without privileges and mounts removable disks for it; needs root itself. Exit code: CMD's; 2 where it was not run.
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include "ceremony/ground/refused.h"
#include "media/linux_mounter.h"

namespace {

std::optional<unsigned> id_of(std::string_view text) {
  unsigned out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || out == 0 || out == ~0U) return std::nullopt;
  return out;
}

int refuse(const char* what, const char* hint) {
  std::fprintf(stderr, "error: %s\nhint: %s\n", what, hint);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace std::string_view_literals;
  if (argc < 5 || argv[1] != "--user"sv || argv[3] != "--"sv)
    return refuse("there is no user or no command", "ceremony-mounter --user UID[:GID] -- COMMAND [ARGUMENT…]");
  const std::string_view ids = argv[2];
  const auto colon = ids.find(':');
  const auto user = id_of(ids.substr(0, colon));
  const auto group = colon == std::string_view::npos ? user : id_of(ids.substr(colon + 1));
  if (!user || !group) return refuse("the user or the group is no number, or root's", "name an ordinary user: --user 1000:1000");
  if (::geteuid() != 0) return refuse("disks cannot be mounted by this user", "start it as root; the command itself runs as the user that is named");
  try {
    ceremony::media::keep_what_mounting_needs();
    const auto devices = ceremony::media::make_linux_devices(*user, *group);
    return ceremony::media::run_with_mounter(*devices, ceremony::media::mount_folder, *user, *group, argv + 4);
  } catch (const ceremony::Refused& refusal) {
    std::fprintf(stderr, "%s\n", refusal.what());
    return 2;
  }
}
