// The boot image's files against its MANIFEST, in a folder that stands for the system.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>

#include "ceremony/actions/image_manifest.h"
#include "tests/unit/media/temp_folder.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::actions {
namespace {

const std::string zeros(64, '0');
const std::string head = "ceremony-image/v1\nversion 0.1.0\nkind rehearsal\nsource 74648-changed\nkernel " + zeros + " 6.12\ncommand-line panic=60 loglevel=6\n";

std::string code_of(const std::string& text) { return test::fate([&] { (void)parse_image_manifest(text); }); }

using Faults = std::vector<std::string>;

/// A system of three files and a link.
class System {
 public:
  System() {
    write("etc/start", "start\n", 0644);
    write("init", std::string(100000, 'i'), 0755);
    write("usr/bin/ceremony", "program", 0755);
    std::filesystem::create_symlink("usr/bin", root() / "bin");
    m_manifest = head + "link usr/bin /bin\n" + file("etc/start", "0644") + file("init", "0755") + file("usr/bin/ceremony", "0755");
    write("MANIFEST", m_manifest, 0644);
  }
  [[nodiscard]] Path root() const { return m_folder.path(); }
  [[nodiscard]] Digest image() const { return sha256(m_manifest); }
  void write(const std::string& name, const std::string& content, unsigned mode) const {
    std::filesystem::create_directories((root() / name).parent_path());
    std::ofstream(root() / name, std::ios::trunc) << content;
    std::filesystem::permissions(root() / name, static_cast<std::filesystem::perms>(mode));
  }
  Faults faults() {
    said.clear();
    return image_faults(*m_env, root(), image(), [&](std::string_view text) { said.emplace_back(text); });
  }
  std::vector<std::string> said;

 private:
  [[nodiscard]] std::string file(const std::string& name, const std::string& mode) const {
    return "file " + hex(sha256(m_env->read(root() / name, 1 << 20))) + " " + mode + " ceremony /" + name + "\n";
  }
  TempFolder m_folder;
  std::unique_ptr<Env> m_env = make_posix_env();
  std::string m_manifest;
};

std::string digits(std::string_view content) { return hex(sha256(content)).substr(0, 16); }

}  // namespace

TEST_CASE("MANIFEST is read as it was written, and only so", "[image]") {
  const auto text = head + "link usr/bin /bin\nfile " + zeros + " 0755 libc6=2.41-12 /usr/lib/a b.so\n";
  const auto manifest = parse_image_manifest(text);
  CHECK(text_of(manifest) == text);
  CHECK(manifest.command_line == "panic=60 loglevel=6");
  REQUIRE(manifest.entries.size() == 2);
  CHECK(manifest.entries[0].target == "usr/bin");
  CHECK(manifest.entries[1].path == "/usr/lib/a b.so");
  CHECK(manifest.entries[1].mode == 0755);
  for (std::size_t at = 0; at < text.size(); ++at)
    if (at != head.size() + std::string("link usr/bin /bin\n").size()) CHECK(code_of(text.substr(0, at)) == "image/malformed");
  for (const auto& line : std::vector<std::string>{"file " + zeros + " 755 x /a", "file " + zeros + " 1755 x /a", "file " + zeros + " 0785 x /a", "file " + zeros + " 0755  /a", "file " + zeros + " 0755 x a",
                           "file " + zeros + " 0755 x /a/../b", "file " + zeros + " 0755 x /a//b", "file " + zeros + " 0755 x /a/", "file " + zeros + " 0755 x /a/.", "file " + zeros + " 0755 x /..",
                           "file " + zeros.substr(1) + " 0755 x /a", "file " + zeros + " 0755 x /MANIFEST", "link  /a", "link x", "dir 0755 /a", std::string(), std::string("link \x7f /a"), "file " + zeros + " 0755 x /"})
    CHECK(code_of(head + line + "\n") == "image/malformed");
  CHECK(code_of(head) == "image/malformed");
  CHECK(code_of(head + "link x /b\nlink x /a\n") == "image/malformed");
  CHECK(code_of(head + "link x /a\nlink x /a\n") == "image/malformed");
}

TEST_CASE("a system that is the image's has no fault", "[image]") {
  System system;
  CHECK(system.faults().empty());
  REQUIRE(system.said.size() == 2);
  CHECK(system.said.front() == "reading the 4 files of the boot image");
}

TEST_CASE("everything that is missing or different is named, all at once", "[image]") {
  System system;
  const auto before = digits(std::string(100000, 'i'));
  system.write("init", std::string(99999, 'i') + "j", 0755);
  std::filesystem::remove(system.root() / "etc/start");
  std::filesystem::permissions(system.root() / "usr/bin/ceremony", std::filesystem::perms(04755));
  std::filesystem::remove(system.root() / "bin");
  std::filesystem::create_symlink("/tmp", system.root() / "bin");
  CHECK(system.faults() == Faults{"/bin points to \"/tmp\", not to \"usr/bin\"", "/etc/start is missing",
                                  "/init is different: its SHA-256 is " + digits(std::string(99999, 'i') + "j") + "…, not " + before + "…", "/usr/bin/ceremony has the mode 4755, not 0755"});
}

TEST_CASE("a file that became a link, and a link that became a file, are found", "[image]") {
  System system;
  std::filesystem::rename(system.root() / "init", system.root() / "init-2");
  std::filesystem::create_symlink("init-2", system.root() / "init");
  std::filesystem::remove(system.root() / "bin");
  system.write("bin", "", 0755);
  CHECK(system.faults() == Faults{"/bin is missing, or is no link", "/init cannot be read: a symbolic link is not followed"});
}

TEST_CASE("another MANIFEST than the one that was started with is named", "[image]") {
  System system;
  system.write("MANIFEST", "ceremony-image/v1\n", 0644);
  CHECK(system.faults() == Faults{"/MANIFEST is not the one that the machine was started with: its SHA-256 is " + digits("ceremony-image/v1\n") + "…, not " + hex(system.image()).substr(0, 16) + "…"});
  std::filesystem::remove(system.root() / "MANIFEST");
  CHECK(system.faults() == Faults{"/MANIFEST cannot be read: there is no such file or folder"});
}

}  // namespace ceremony::actions
