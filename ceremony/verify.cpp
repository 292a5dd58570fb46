// The program ceremony-verify: replays a ledger, or checks a factory's bundle, on any machine. Links no HSM, UI or media
// device; reads only.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "ceremony/ground/env.h"
#include "ceremony/report/verdict.h"
#include "media/bundle.h"

namespace {

using ceremony::Path;

constexpr int cannot_say = 2;
constexpr std::size_t largest_archive = std::size_t{64} << 20;

constexpr const char* footer = R"(
LEDGER is the folder of one ledger medium, or a published copy of it: transcript.log, artifacts/, checkpoint,
checkpoints/, keys/. BUNDLE is the folder or the .tar.zst that a factory was given.

Exit status
  0  consistent, every rule holds, and the log key is the one you pinned
  1  a rule is broken (each is named by its id, with the record), or the log key is not the one you pinned
  2  consistent, but no pin was given; or nothing that could be read

The pin is the SHA-256 of the log key's SubjectPublicKeyInfo. It comes from the people's receipts, never from the
ledger itself. To see what it is for a key file you trust:

  openssl pkey -pubin -in log.pem -outform DER | sha256sum

Examples
  ceremony-verify /media/ledger-1 --pin 5b6f…
  ceremony-verify bundle-01ab.tar.zst --pin 5b6f… --json)";

/// Every file below the folder, within the limits of an archive.
ceremony::report::Files files_in(ceremony::Env& env, const Path& folder) {
  ceremony::report::Files files;
  std::size_t left = largest_archive;
  for (const std::string& name : env.list(folder)) {
    files[name] = env.read(folder / name, left);
    left -= files[name].size();
  }
  return files;
}

ceremony::report::Verdict verdict_on(ceremony::Env& env, const Path& path, const std::optional<ceremony::Digest>& pin) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  if (is_folder && !env.exists(path / "MANIFEST")) return ceremony::report::verify_folder(env, path, pin);
  const auto files = is_folder ? files_in(env, path) : ceremony::media::unpack(env.read(path, largest_archive));
  return ceremony::report::verify_bundle(files, ceremony::media::check_manifest(files), pin);
}

int run(const Path& path, const std::string& pin_text, bool as_json) {
  std::optional<ceremony::Digest> pin;
  if (!pin_text.empty()) {
    pin = ceremony::digest_from_hex(pin_text);
    if (!pin) {
      std::fprintf(stderr, "error: the pin \"%s\" is not 64 lower-case hex digits\nhint: it is on the people's receipts\n", pin_text.c_str());
      return cannot_say;
    }
  }
  const auto env = ceremony::make_posix_env();
  const auto verdict = verdict_on(*env, path, pin);
  std::fputs((as_json ? ceremony::report::json(verdict) : ceremony::report::text(verdict)).c_str(), stdout);
  return verdict.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Checks a ceremony's ledger, or a factory's bundle: what is proved, what is asserted, what is wrong.", "ceremony-verify");
  app.footer(footer);
  std::string path, pin;
  bool as_json = false;
  app.add_option("LEDGER|BUNDLE", path, "a ledger folder, a bundle folder, or a bundle's .tar.zst")->required();
  app.add_option("--pin", pin, "SHA-256 of the log key's SubjectPublicKeyInfo, 64 hex digits");
  app.add_flag("--json", as_json, "the verdict as JSON");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : cannot_say;
  }
  try {
    return run(path, pin, as_json);
  } catch (const ceremony::Refused& refused) {
    std::fprintf(stderr, "%s\n", refused.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\nhint: this is a mistake in the program; please report it with the command line\n", error.what());
  }
  return cannot_say;
}
