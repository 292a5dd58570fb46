#include "media/bundle.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "ceremony/ground/refused.h"
#include "tests/unit/media/temp_folder.h"

namespace ceremony::media {
namespace {

const Time ceremony_time = *time_from_text("2026-11-22T14:07:31Z");

Files factory_bundle() {
  Files files{{"README.txt", as_bytes("what this is\n")},
              {"certs/issuing.der", Bytes(700, 0x30)},
              {"certs/root.der", Bytes(512, 0x31)},
              {"crl/00ff.crl", Bytes(1, 0)},
              {"log/checkpoint", as_bytes("origin\n")},
              {"log/keys/k1.pem", as_bytes("key\n")},
              {"MANIFEST.tlog-proof", as_bytes("proof\n")},
              {"empty", {}}};
  files["MANIFEST"] = as_bytes(manifest(files));
  return files;
}

bool refused_name(const std::string& name) {
  try {
    check_names({{name, {}}});
  } catch (const Refused& refused) {
    return refused.is(BundleRefusal::name);
  }
  return false;
}

bool refused_manifest(std::string_view text) {
  try {
    (void)parse_manifest(text);
  } catch (const Refused& refused) {
    return refused.is(BundleRefusal::manifest);
  }
  return false;
}

}  // namespace

TEST_CASE("names that every medium and every shell takes are taken, all others are refused") {
  for (const auto* name : {"a", "MANIFEST", "a/b/c/d", "A_b-c.9", "a.tar.zst"}) CHECK_FALSE(refused_name(name));
  CHECK_FALSE(refused_name(std::string(100, 'a')));
  for (const auto* name : {"", "/", "/a", "a/", "a//b", "..", "a/../b", "../a", ".", "./a", "a/.b", "-rf", "a/-b", "a b", "a\\b",
                           "a:b", "a\n", "\xc3\xa9", "a.", "a/b/c/d/e", "a*"})
    CHECK(refused_name(name));
  CHECK(refused_name(std::string(101, 'a')));
  CHECK(refused_name(std::string("a\0b", 3)));
}

TEST_CASE("names that would fall together on vfat are refused") {
  for (const Files& files : {Files{{"a", {}}, {"A", {}}}, Files{{"a", {}}, {"a/b", {}}}, Files{{"x/b", {}}, {"X/c", {}}},
                             Files{{"q/r/s", {}}, {"Q/R", {}}}}) {
    try {
      check_names(files);
      FAIL("taken");
    } catch (const Refused& refused) {
      CHECK(refused.is(BundleRefusal::duplicate));
    }
  }
  CHECK_NOTHROW(check_names({{"x/b", {}}, {"x/c", {}}, {"x.b", {}}}));
}

TEST_CASE("a MANIFEST lists every payload file, sorted, and neither itself nor what comes after the checkpoint") {
  const Files files{{"b", as_bytes("abc")}, {"a/c", {}}, {"log/x", {}}, {"MANIFEST", {}}, {"a/c.tlog-proof", {}}};
  CHECK(manifest(files) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a/c\n"
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n");
  CHECK(parse_manifest(manifest(files)) == std::map<std::string, Digest>{{"a/c", sha256("")}, {"b", sha256("abc")}});
  CHECK_THROWS_AS(manifest({{"log/x", {}}}), Refused);
}

TEST_CASE("a MANIFEST is read in its one form only") {
  const std::string one = hex(sha256("a"));
  const auto line = [&](const std::string& name) { return one + "  " + name + "\n"; };
  CHECK_FALSE(refused_manifest(line("a") + line("b")));
  CHECK(refused_manifest(""));
  CHECK(refused_manifest("\n"));
  CHECK(refused_manifest(one + "  a"));
  CHECK(refused_manifest(one + " *a\n"));
  CHECK(refused_manifest(one + " a\n"));
  CHECK(refused_manifest(one + "  \n"));
  CHECK(refused_manifest("\\" + line("a")));
  CHECK(refused_manifest(line("a\r")));
  CHECK(refused_manifest(line("../a")));
  CHECK(refused_manifest(line("b") + line("a")));
  CHECK(refused_manifest(line("a") + line("a")));
  CHECK(refused_manifest(line("a") + "\n"));
  CHECK(refused_manifest(line("MANIFEST")));
  CHECK(refused_manifest(line("log/a")));
  CHECK(refused_manifest(line("a.tlog-proof")));
  std::string upper = line("a");
  upper[upper.find_first_of("abcdef")] = 'A';
  CHECK(refused_manifest(upper));
}

TEST_CASE("every difference between files and MANIFEST is named") {
  Files files = factory_bundle();
  CHECK(check_manifest(files).empty());
  files["log/later"] = {1};
  files["certs/issuing.tlog-proof"] = {1};
  CHECK(check_manifest(files).empty());
  files["certs/root.der"][0] ^= 1;
  files["certs/extra.der"] = {};
  files.erase("README.txt");
  CHECK(check_manifest(files) == std::vector<std::string>{"\"README.txt\" is listed but not there",
                                                          "\"certs/root.der\" is not the file that was listed",
                                                          "\"certs/extra.der\" is there but not listed"});
  files["MANIFEST"].pop_back();
  CHECK(check_manifest(files) == std::vector<std::string>{"MANIFEST:5: the last line has no line feed"});
  files.erase("MANIFEST");
  CHECK(check_manifest(files) == std::vector<std::string>{"there is no MANIFEST"});
}

TEST_CASE("the same files and time make the same archive, and it unpacks equal") {
  const Files files = factory_bundle();
  const Bytes archive = pack(files, ceremony_time);
  CHECK(pack(factory_bundle(), ceremony_time) == archive);
  CHECK(pack(files, ceremony_time + std::chrono::seconds(1)) != archive);
  CHECK(unpack(archive) == files);
  Files large{{"zeros", Bytes(std::size_t{9} << 20)}, {"more", Bytes(std::size_t{9} << 20, 7)}};
  CHECK(unpack(pack(large, ceremony_time)) == large);
  CHECK_THROWS_AS(pack({}, ceremony_time), Refused);
  CHECK_THROWS_AS(pack({{"../a", {}}}, ceremony_time), Refused);
  CHECK_THROWS_AS(pack(files, Time(std::chrono::seconds(-1))), Refused);
  CHECK_THROWS_AS(pack({{"a", Bytes((std::size_t{16} << 20) + 1)}}, ceremony_time), Refused);
}

TEST_CASE("tar, zstd and sha256sum read what we write") {
  const Files files = factory_bundle();
  const TempFolder folder;
  folder.put("b.tar.zst", pack(files, ceremony_time));
  folder.put("plain/x", {});
  const std::string listing = folder.says("TZ=UTC tar --zstd -tvf b.tar.zst --numeric-owner --full-time");
  CHECK(listing.starts_with("-rw-r--r-- 0/0 "));
  CHECK(listing.find(" 2026-11-22 14:07:31 MANIFEST\n") != std::string::npos);
  CHECK(static_cast<std::size_t>(std::ranges::count(listing, '\n')) == files.size());
  folder.runs("zstd -qt b.tar.zst && mkdir out && tar --zstd -xf b.tar.zst -C out");
  CHECK(folder.says("cd out && sha256sum --strict -c MANIFEST").find("certs/root.der: OK\n") != std::string::npos);
  for (const auto& [name, content] : files) folder.put("in/" + name, content);
  folder.runs("diff -r in out");
}

TEST_CASE("the worked example of FORMAT.md has the bytes it says") {
  Files files{{"a.txt", as_bytes("hello\n")}, {"b/c", as_bytes("x\n")}};
  files["MANIFEST"] = as_bytes(manifest(files));
  CHECK(as_text(files["MANIFEST"]) ==
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  a.txt\n"
        "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac  b/c\n");
  const TempFolder folder;
  folder.put("b.tar.zst", pack(files, ceremony_time));
  CHECK(folder.says("zstd -qdc b.tar.zst | sha256sum") == "cf3de5e1a95b3ba10861c56067a760faa4cac7cdda0ccf8966fe5068cbe61e2a  -\n");
  // Holds as long as the program and the library are of one version, as in the build root.
  folder.runs("zstd -qd b.tar.zst -o x.tar && zstd -q -19 x.tar && cmp x.tar.zst b.tar.zst");
}

TEST_CASE("an archive that GNU tar and zstd made of plain files is taken") {
  const TempFolder folder;
  folder.put("a.txt", as_view("one"));
  folder.put("b/c.txt", as_view("two"));
  folder.runs("tar --format=ustar --zstd -cf x.tar.zst b/c.txt a.txt");
  std::string raw = folder.says("cat x.tar.zst");
  CHECK(unpack(as_view(raw)) == Files{{"a.txt", as_bytes("one")}, {"b/c.txt", as_bytes("two")}});
}

}  // namespace ceremony::media
