// Archives that mean harm. Each is made by hand, so that it has one fault only.
#include <zstd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstring>

#include "ceremony/ground/refused.h"
#include "media/bundle.h"

namespace ceremony::media {
namespace {

/// A tar archive written header by header.
class Tar final {
 public:
  Tar& entry(const std::string& name, View content = {}, char type = '0', const std::string& link = "") {
    header(name, content.size(), type, link);
    m_bytes.insert(m_bytes.end(), content.begin(), content.end());
    m_bytes.resize((m_bytes.size() + 511) / 512 * 512);
    return *this;
  }
  Tar& header(const std::string& name, std::size_t size, char type, const std::string& link = "",
              std::string_view magic = std::string_view("ustar\00000", 8)) {
    Bytes block(512);
    const auto put = [&](std::size_t at, std::string_view text) { std::memcpy(&block[at], text.data(), text.size()); };
    const auto octal = [](std::size_t value, int width) {
      std::array<char, 32> text{};
      std::snprintf(text.data(), text.size(), "%0*zo", width, value);
      return std::string(text.data());
    };
    put(0, std::string_view(name).substr(0, 100));
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, octal(size, 11));
    put(136, octal(1, 11));
    put(148, "        ");
    block[156] = static_cast<std::uint8_t>(type);
    put(157, link);
    put(257, magic);
    std::size_t sum = 0;
    for (const auto b : block) sum += b;
    put(148, octal(sum, 6));
    block[154] = 0;
    m_bytes.insert(m_bytes.end(), block.begin(), block.end());
    return *this;
  }
  Tar& raw(const Bytes& bytes) {
    m_bytes.insert(m_bytes.end(), bytes.begin(), bytes.end());
    return *this;
  }
  [[nodiscard]] Bytes ended() const {
    Bytes out = m_bytes;
    out.resize(out.size() + 1024);
    return out;
  }
  [[nodiscard]] const Bytes& bytes() const { return m_bytes; }

 private:
  Bytes m_bytes;
};

Bytes zstd(View bytes, int level = 1, int window_log = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  Bytes out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(context);
  return out;
}

/// What became of it: the refusal's code, or "taken".
std::string fate(View archive, const Limits& limits = {}) {
  try {
    (void)unpack(archive, limits);
  } catch (const Refused& refused) {
    INFO(refused.what());
    CHECK_FALSE(refused.findings().front().hint.empty());
    return std::string(refused.code());
  }
  return "taken";
}
std::string fate(const Tar& tar) { return fate(zstd(tar.ended())); }

const Bytes some = as_bytes("some bytes");

}  // namespace

TEST_CASE("the archives of these tests are taken when nothing is wrong with them") {
  CHECK(fate(Tar().entry("a", some).entry("b/c", some)) == "taken");
  CHECK(fate(Tar().entry("b", some).entry("a")) == "taken");
}

TEST_CASE("names that leave the archive's own place are refused") {
  for (const auto* name : {"../a", "a/../../b", "/etc/passwd", "a//b", "./a", "a\\b", ".a", "\xff\xfe", "a\x1b[2J"})
    CHECK(fate(Tar().entry("fine", some).entry(name, some)) == "bundle/name");
  // ustar's prefix field is part of the name.
  Bytes bytes = Tar().entry("a", some).ended();
  std::memcpy(&bytes[345], "/etc", 4);
  for (std::size_t at = 0, sum = 0; at < 512; ++at) {
    sum += at >= 148 && at < 156 ? ' ' : bytes[at];
    if (at == 511) std::snprintf(reinterpret_cast<char*>(&bytes[148]), 7, "%06zo", sum);
  }
  CHECK(fate(zstd(bytes)) == "bundle/name");
}

TEST_CASE("links, devices, folders and extended headers are refused") {
  CHECK(fate(Tar().entry("a", {}, '2', "/etc/passwd")) == "bundle/kind");  // symbolic link
  CHECK(fate(Tar().entry("b", some).entry("a", {}, '1', "b")) == "bundle/kind");  // hard link
  CHECK(fate(Tar().entry("b", some).entry("a", some, '1', "b")) == "bundle/kind");  // hard link with content
  CHECK(fate(Tar().entry("a", {}, '3')) == "bundle/kind");  // character device
  CHECK(fate(Tar().entry("a", {}, '4')) == "bundle/kind");  // block device
  CHECK(fate(Tar().entry("a", {}, '5')) == "bundle/kind");  // folder
  CHECK(fate(Tar().entry("a", {}, '6')) == "bundle/kind");  // fifo
  CHECK(fate(Tar().entry("a/")) == "bundle/kind");  // folder, as tar before ustar said it
  for (const char type : {'7', '\0'}) CHECK(fate(Tar().entry("a", some, type)) == "bundle/kind");
  for (const char type : {'A', 'S', 'V', 'D', 'M', 'N'}) CHECK(fate(Tar().entry("a", some, type)) != "taken");  // others' own
  CHECK(fate(Tar().entry("x", as_bytes("19 path=../../evil\n"), 'x').entry("a", some)) == "bundle/kind");
  CHECK(fate(Tar().entry("x", as_bytes("19 path=../../evil\n"), 'g').entry("a", some)) != "taken");
  CHECK(fate(Tar().entry("././@LongLink", as_bytes("../../evil"), 'L').entry("a", some)) != "taken");
  CHECK(fate(Tar().entry("././@LongLink", as_bytes("../../evil"), 'K').entry("a", some)) != "taken");
  CHECK(fate(Tar().header("a", 0, '0', "", std::string_view("ustar  \0", 8))) == "bundle/kind");  // GNU
  CHECK(fate(Tar().header("a", 0, '0', "", std::string_view("\0\0\0\0\0\0\0\0", 8))) == "bundle/kind");  // before ustar
}

TEST_CASE("a name that is there twice is refused, in other letters too") {
  CHECK(fate(Tar().entry("a", some).entry("a", some)) == "bundle/duplicate");
  CHECK(fate(Tar().entry("a", some).entry("A", some)) == "bundle/duplicate");
  CHECK(fate(Tar().entry("a", some).entry("a/b", some)) == "bundle/duplicate");
}

TEST_CASE("nothing hides between, inside or behind the entries") {
  const Bytes plain = Tar().entry("a", some).ended();
  Bytes padding = plain;
  padding[512 + 100] = 1;
  CHECK(fate(zstd(padding)) == "bundle/archive");
  Bytes behind = plain;
  behind.back() = 1;
  CHECK(fate(zstd(behind)) == "bundle/archive");
  Bytes second = plain;
  second.insert(second.end(), plain.begin(), plain.end());
  CHECK(fate(zstd(second)) == "bundle/archive");
  Bytes odd = plain;
  odd.push_back(0);
  CHECK(fate(zstd(odd)) == "bundle/archive");
  CHECK(fate(zstd(Tar().entry("a", some).bytes())) == "bundle/archive");  // no end
  CHECK(fate(Tar().entry("a", some).raw(Bytes(512)).entry("b", some)) == "bundle/archive");
  CHECK(fate(Tar()) == "bundle/archive");
  CHECK(fate(zstd(View())) == "bundle/archive");
  CHECK(fate(zstd(Bytes(10240, 'x'))) == "bundle/archive");
  Bytes checksum = plain;
  checksum[0] = 'b';
  CHECK(fate(zstd(checksum)) == "bundle/archive");
  CHECK(fate(Tar().header("a", 100000, '0').raw(some)) == "bundle/archive");
}

TEST_CASE("more files or bytes than the limits are refused") {
  const Limits small{.max_total = 30, .max_files = 3, .max_file = 20};
  const auto tar = [](int files, std::size_t size) {
    Tar out;
    for (int i = 0; i < files; ++i) out.entry("f" + std::to_string(i), Bytes(size, 'x'));
    return zstd(out.ended());
  };
  CHECK(fate(tar(3, 10), small) == "taken");
  CHECK(fate(tar(4, 1), small) == "bundle/too-large");
  CHECK(fate(tar(3, 11), small) == "bundle/too-large");
  CHECK(fate(tar(1, 20), small) == "taken");
  CHECK(fate(tar(1, 21), small) == "bundle/too-large");
  // A size that is only claimed costs no memory.
  CHECK(fate(Tar().header("a", (std::size_t{8} << 30) - 1, '0')) == "bundle/too-large");
}

TEST_CASE("a hundred thousand entries are refused") {
  Tar tar;
  for (int i = 0; i < 100000; ++i) tar.header("f" + std::to_string(i), 0, '0');
  CHECK(fate(zstd(tar.ended())) == "bundle/too-large");
}

TEST_CASE("a bomb is refused before it has unfolded") {
  // A gigabyte of zeros in a few kilobytes, made in one frame of repeated blocks.
  Bytes bomb;
  ZSTD_CCtx* context = ZSTD_createCCtx();
  const Bytes zeros(std::size_t{1} << 20);
  Bytes piece(ZSTD_CStreamOutSize());
  for (int i = 0; i <= 1024; ++i) {
    ZSTD_inBuffer in{zeros.data(), i == 1024 ? 0 : zeros.size(), 0};
    std::size_t left = 1;
    do {
      ZSTD_outBuffer out{piece.data(), piece.size(), 0};
      left = ZSTD_compressStream2(context, &out, &in, i == 1024 ? ZSTD_e_end : ZSTD_e_continue);
      bomb.insert(bomb.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(out.pos));
    } while (i == 1024 ? left != 0 : in.pos < in.size);
  }
  ZSTD_freeCCtx(context);
  CHECK(bomb.size() < 200000);
  CHECK(fate(bomb) == "bundle/too-large");
}

TEST_CASE("only one whole zstd frame within the window is opened") {
  const Bytes tar = Tar().entry("a", some).ended();
  CHECK(fate(View()) == "bundle/compression");
  CHECK(fate(tar) == "bundle/compression");
  CHECK(fate(as_bytes("\x1f\x8b\x08 gzip")) == "bundle/compression");
  Bytes two = zstd(tar);
  const Bytes frame = two;
  two.insert(two.end(), frame.begin(), frame.end());
  CHECK(fate(two) == "bundle/compression");
  Bytes trailing = frame;
  trailing.push_back(0);
  CHECK(fate(trailing) == "bundle/compression");
  Bytes skippable{0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 'x'};
  skippable.insert(skippable.end(), frame.begin(), frame.end());
  CHECK(fate(skippable) == "bundle/compression");
  // A frame that asks for a window of 32 MiB, filled or not.
  const Bytes wide = zstd(Tar().entry("a", Bytes(std::size_t{15} << 20, 'x')).ended(), 1, 25);
  CHECK(fate(wide) == "bundle/compression");
  CHECK(fate(wide, {.window_log = 25}) == "taken");
}

TEST_CASE("an archive cut off or changed anywhere is refused or says what it says") {
  Files files;
  for (int i = 0; i < 40; ++i) files["f" + std::to_string(i)] = to_bytes(sha256(std::to_string(i)).value);
  const Bytes whole = pack(files, Time{});
  REQUIRE(whole.size() > 1000);
  for (std::size_t size = 0; size < whole.size(); size += 64) CHECK(fate(View(whole).first(size)) == "bundle/compression");
  CHECK(fate(View(whole).first(whole.size() - 1)) == "bundle/compression");
  // Our frames carry a checksum: no bit can change unseen.
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    Bytes changed = whole;
    changed[at] ^= 0x10;
    CHECK(fate(changed) != "taken");
  }
  // The tar inside alone, cut at every 64th byte.
  Bytes tar(std::size_t{1} << 20);
  tar.resize(ZSTD_decompress(tar.data(), tar.size(), whole.data(), whole.size()));
  const std::size_t end = files.size() * 1024;
  for (std::size_t size = 0; size < end + 1024; size += 64) CHECK(fate(zstd(View(tar).first(size))) != "taken");
}

}  // namespace ceremony::media
