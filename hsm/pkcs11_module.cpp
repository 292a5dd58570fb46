#include "hsm/pkcs11_module.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <format>
#include <mutex>

#include "hsm/pkcs11_token.h"

namespace ceremony::hsm {
namespace {

namespace fs = std::filesystem;
using pkcs11::in_quotes;
using pkcs11::Library;
using pkcs11::Pkcs11Token;
using pkcs11::Seat;

struct Known {
  std::string_view name;
  std::string_view file;
};
// Debian's packages; other names are tried as <name>.so and lib<name>.so.
constexpr std::array known{
    Known{"softhsm2", "libsofthsm2.so"}, Known{"opensc", "opensc-pkcs11.so"}, Known{"yubihsm", "yubihsm_pkcs11.so"},
    Known{"tpm2", "libtpm2_pkcs11.so"},  Known{"ykcs11", "libykcs11.so"},
};

std::vector<fs::path> module_folders() {
  std::vector<fs::path> folders{"/usr/lib/softhsm", "/usr/lib/pkcs11", "/usr/lib"};
  std::vector<fs::path> multiarch;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib", ignored))
    if (entry.path().filename().string().contains("-linux-")) multiarch.push_back(entry.path());
  std::ranges::sort(multiarch);
  for (const fs::path& folder : multiarch)
    for (const fs::path& sub : {folder / "softhsm", folder / "pkcs11", folder}) folders.push_back(sub);
  return folders;
}

std::string path_of(std::string_view name) {
  const auto missing = [&](std::string what) {
    return Refused(
        HsmRefusal::module_missing, std::move(what), "",
        "install the module's package (softhsm2, opensc-pkcs11, yubihsm-pkcs11, libtpm2-pkcs11-1), or give "
        "its absolute path in the HSM binding file");
  };
  std::error_code ignored;
  if (name.starts_with('/')) {
    if (!fs::is_regular_file(name, ignored))
      throw missing(std::format("there is no PKCS#11 module {}", in_quotes(name)));
    return std::string(name);
  }
  const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
  if (!plain)
    throw missing(
        std::format("{} is neither the bare name of a PKCS#11 module nor an absolute path", in_quotes(name)));
  std::vector<std::string> files;
  for (const Known& k : known)
    if (k.name == name) files.emplace_back(k.file);
  if (files.empty()) {
    files = {std::string(name), std::format("{}.so", name), std::format("lib{}.so", name),
             std::format("{}-pkcs11.so", name), std::format("{}_pkcs11.so", name)};
    std::erase_if(files, [](const std::string& f) { return !f.ends_with(".so"); });
  }
  for (const fs::path& folder : module_folders())
    for (const std::string& file : files)
      if (fs::is_regular_file(folder / file, ignored)) return folder / file;
  throw missing(std::format("no PKCS#11 module {} is installed on this machine", in_quotes(name)));
}

class Pkcs11Module final : public Module {
 public:
  explicit Pkcs11Module(std::string path) : m_path(std::move(path)) { static_cast<void>(library()); }

  [[nodiscard]] ModuleInfo info() override {
    const std::scoped_lock lock(m_mutex);
    return library().info();
  }

  [[nodiscard]] std::vector<TokenIdentity> tokens() override {
    const std::scoped_lock lock(m_mutex);
    std::vector<TokenIdentity> all;
    for (const CK_SLOT_ID slot : library().slots())
      if (const auto info = library().token_in(slot)) all.push_back(pkcs11::identity_of(*info));
    return all;
  }

  [[nodiscard]] std::unique_ptr<Token> by_serial(std::string_view serial) override {
    return the_one(std::format("of serial {}", in_quotes(serial)),
                   [&](const TokenIdentity& id) { return !id.serial.empty() && id.serial == serial; });
  }
  [[nodiscard]] std::unique_ptr<Token> by_label(std::string_view label) override {
    return the_one(std::format("labelled {}", in_quotes(label)),
                   [&](const TokenIdentity& id) { return id.initialized && id.label == label; });
  }
  [[nodiscard]] std::unique_ptr<Token> blank() override {
    return the_one("that is blank", [](const TokenIdentity& id) { return !id.initialized; });
  }

 private:
  struct Look {
    std::vector<std::pair<CK_SLOT_ID, CK_TOKEN_INFO>> found;
    std::string there;  ///< the tokens and empty readers that there are, for messages
  };

  const Library& library() {
    if (!m_library) m_library = std::make_shared<const Library>(m_path);
    return *m_library;
  }

  template <typename Wanted>
  Look look(const Wanted& wanted) {
    Look out;
    const auto add = [&](const std::string& one) { out.there += (out.there.empty() ? "" : ", ") + one; };
    for (const CK_SLOT_ID slot : library().slots()) {
      const auto info = library().token_in(slot);
      if (!info) continue;
      const TokenIdentity id = pkcs11::identity_of(*info);
      if (wanted(id)) out.found.emplace_back(slot, *info);
      add(id.initialized ? std::format("{} (serial {})", in_quotes(id.label), id.serial) : "a blank one");
    }
    if (out.there.empty()) add("none at all");
    if (const auto readers = library().empty_readers(); !readers.empty()) add(readers);
    return out;
  }

  /// A module may know no token but those that were there when it started, or hang on to a readers' service that was
  /// started anew: where nothing made from it is left, it is started anew itself before a token is missed.
  template <typename Wanted>
  Look look_well(const Wanted& wanted) {
    const auto used = [this] { return m_library.use_count() > 1; };
    try {
      auto seen = look(wanted);
      if (!seen.found.empty() || used()) return seen;
    } catch (const Refused&) {
      if (used()) throw;
    }
    m_library.reset();
    return look(wanted);
  }

  template <typename Wanted>
  std::unique_ptr<Token> the_one(const std::string& which, const Wanted& wanted) {
    const std::scoped_lock lock(m_mutex);
    const Look seen = look_well(wanted);
    if (seen.found.size() == 1)
      return std::make_unique<Pkcs11Token>(
          std::make_shared<Seat>(m_library, seen.found.front().first, seen.found.front().second));
    if (seen.found.empty())
      throw Refused(
          HsmRefusal::token_absent, std::format("no token {} is plugged in; there is {}", which, seen.there), m_path,
          "plug in the token that the HSM binding file names, then repeat the step");
    throw Refused(HsmRefusal::token_ambiguous, std::format("{} tokens {}: {}", seen.found.size(), which, seen.there),
                  m_path, "unplug every token but the one that is meant, or name it by its serial");
  }

  std::mutex m_mutex;
  std::string m_path;
  std::shared_ptr<const Library> m_library;  ///< null where it did not start anew
};

}  // namespace

std::unique_ptr<Module> open_pkcs11(std::string_view name) {
  return std::make_unique<Pkcs11Module>(path_of(name));
}

}  // namespace ceremony::hsm
