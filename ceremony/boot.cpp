#include "ceremony/boot.h"

#include "ceremony/ground/refused.h"

namespace ceremony {
namespace {

std::optional<Digest> digest_or_none(std::string_view text) { return text == "none" ? std::nullopt : digest_from_hex(text); }

}  // namespace

std::string text_or_none(const std::optional<Digest>& digest) { return digest ? hex(*digest) : "none"; }

std::string text_of(const Boot& boot) {
  return "ceremony-boot/v1\nenvironment: " + std::string(boot.production ? "production" : "rehearsal") + "\nimage: " + text_or_none(boot.image) + "\nuki: " +
         text_or_none(boot.uki) + "\n";
}

Boot parse_boot(std::string_view text) {
  const auto value = [&](std::string_view key) {
    const auto at = text.find("\n" + std::string(key) + ": ");
    if (at == std::string_view::npos) return std::string_view();
    const auto begin = at + key.size() + 3;
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  const Boot boot{value("environment") == "production", digest_or_none(value("image")), digest_or_none(value("uki"))};
  if (text_of(boot) != text)
    throw Refused(BootRefusal::malformed, "what the machine says it was started from cannot be read", boot_file, "start the machine again from a boot medium that was checked");
  return boot;
}

std::optional<Boot> read_boot(Env& env, const Path& file) {
  if (!env.exists(file)) return std::nullopt;
  return parse_boot(as_text(env.read(file, 4096)));
}

}  // namespace ceremony
