#include "ceremony/actions/image_files.h"

#include <catch2/catch_test_macros.hpp>

#include "ceremony/ground/refused.h"

namespace ceremony::actions {
namespace {

const std::string manifest =
    "ceremony-image/v1\nversion 0.2.0\nkind production\nsource 0123456789abcdef0123456789abcdef01234567\nkernel " + std::string(64, '1') +
    " 6.12.118\ncommand-line usbcore.authorized_default=0 panic=60\nfile " + std::string(64, '2') + " 0755 ceremony /init\n";

std::string line(const Digest& digest, const std::string& name) { return hex(digest) + "  " + name + "\n"; }
const Digest plain = sha256("kernel image"), with_signature = sha256("signed kernel image");
const std::string sums = line(sha256(manifest), "MANIFEST") + line(sha256("stick"), "ceremony-0.2.0-production.img") + line(plain, "ceremony.efi") + line(with_signature, "ceremony.signed.efi");

std::string said(const std::string& about, const std::string& digests) {
  try {
    (void)read_image_files(about, digests);
    return "taken";
  } catch (const Refused& refusal) {
    CHECK_FALSE(refusal.findings().front().hint.empty());
    return std::string(refusal.code()) + ": " + refusal.findings().front().what;
  }
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  REQUIRE(text.find(from) != std::string::npos);
  return text.replace(text.find(from), from.size(), to);
}

/// Another MANIFEST, which the sums name.
std::string said_of(const std::string& other) { return said(other, line(sha256(other), "MANIFEST") + line(plain, "ceremony.efi")); }

}  // namespace

TEST_CASE("what a boot image says of itself", "[admission]") {
  const auto files = read_image_files(manifest, sums);
  CHECK(files.manifest == sha256(manifest));
  CHECK(files.version == "0.2.0");
  CHECK(files.kind == "production");
  CHECK(files.source == "0123456789abcdef0123456789abcdef01234567");
  CHECK(files.kernel_of(plain) == "ceremony.efi");
  CHECK(files.kernel_of(with_signature) == "ceremony.signed.efi");
  CHECK(files.kernel_of(sha256("stick")).empty());
}

TEST_CASE("a MANIFEST that is none is refused", "[admission]") {
  CHECK(said("", sums) == "image/malformed: the line does not end");
  CHECK(said_of(with(manifest, "version 0.2.0", "version 0.2.0 beta")) == "image/malformed: version, source and kernel's version are one word each, of letters, digits and . - _ +");
  CHECK(said_of(with(manifest, "kind production", "kind toy")) == "image/malformed: the kind is neither production nor rehearsal");
  CHECK(said_of(with(manifest, "0755", "\033[2J")) == "image/malformed: the line has control characters");
}

TEST_CASE("SHA256SUMS that do not fit are refused", "[admission]") {
  CHECK(said(manifest, "") == "image/malformed: the last line has no end");
  CHECK(said(manifest, with(sums, "  MANIFEST", " *MANIFEST")).starts_with("image/malformed: "));
  CHECK(said(manifest, sums + line(plain, "ceremony.efi")) == "image/malformed: \"ceremony.efi\" stands twice");
  CHECK(said(manifest, sums + line(plain, "../ceremony.efi")).ends_with(" is no line of sha256sum"));
  CHECK(said(manifest, with(sums, hex(plain), "ABC")).ends_with(" is no line of sha256sum"));
  CHECK(said(manifest, line(plain, "ceremony.efi")) == "image/does-not-fit: SHA256SUMS does not name the MANIFEST");
  CHECK(said(with(manifest, "0.2.0", "0.2.1"), sums).starts_with("image/does-not-fit: SHA256SUMS names another MANIFEST than this one, which is "));
  CHECK(said(manifest, line(sha256(manifest), "MANIFEST") + line(plain, "initrd.zst")) == "image/does-not-fit: SHA256SUMS names no kernel image");
}

}  // namespace ceremony::actions
