// Bundles, their manifests and archives, and labels of media that are not taken: the exact text people read.
#include <catch2/catch_test_macros.hpp>

#include "ceremony/ground/refused.h"
#include "media/bundle.h"
#include "media/volume.h"
#include "tests/unit/media/temp_folder.h"
#include "tests/unit/shared/refusal_table.h"

namespace ceremony::media {
namespace {

using Act = std::function<void()>;
const Time ceremony_time = *time_from_text("2026-11-22T14:07:31Z");
const Files plain{{"README.txt", as_bytes("what this is\n")}, {"certs/root.der", Bytes(300, 0x30)}};

/// Whole files with their manifest, changed, and compared with it: the lines of the verifier's report.
Act checked(const std::function<void(Files&)>& change) {
  return [change] {
    Files files = plain;
    files["MANIFEST"] = as_bytes(manifest(files));
    change(files);
    std::string lines;
    for (const std::string& each : check_manifest(files)) lines += each + "\n";
    throw test::Said{lines};
  };
}
Act listed(std::string text) {
  return [text = std::move(text)] { (void)parse_manifest(text); };
}
Act named(std::string name) {
  return [name = std::move(name)] { check_names({{name, {}}}); };
}
Act unpacked(Bytes archive, Limits limits = {}) {
  return [archive = std::move(archive), limits] { (void)unpack(archive, limits); };
}
/// What a shell makes in a folder with `a` and `b/c` in it, as x.tar.zst.
Act made(const std::string& command) {
  return [command] {
    const TempFolder folder;
    folder.put("a", as_view("one"));
    folder.put("b/c", as_view("two"));
    folder.runs(command);
    (void)unpack(as_view(folder.says("cat x.tar.zst")));
  };
}
Act labelled(std::string text) {
  return [text = std::move(text)] { (void)parse_label(text); };
}

}  // namespace

TEST_CASE("every bad bundle is refused with the text of the table") {
  const test::RefusalTable table("bundles", "media/bundle.refusals");
  const std::string digest = hex(sha256("a"));
  const auto line = [&](const std::string& name) { return digest + "  " + name + "\n"; };
  std::string upper = line("a");
  upper[upper.find_first_of("abcdef")] = 'A';
  const Bytes archive = pack(plain, ceremony_time);
  Bytes damaged = archive;
  damaged[damaged.size() / 2] ^= 1U;
  Bytes followed = archive;
  followed.push_back(0);
  table.check_acts({
      {"a file changed", checked([](Files& files) { files["certs/root.der"][0] ^= 1U; })},
      {"a file missing", checked([](Files& files) { files.erase("README.txt"); })},
      {"a file too many", checked([](Files& files) { files["certs/evil.der"] = {1}; })},
      {"no manifest", checked([](Files& files) { files.erase("MANIFEST"); })},
      {"an empty manifest", checked([](Files& files) { files["MANIFEST"].clear(); })},
      {"the manifest's last line torn", checked([](Files& files) { files["MANIFEST"].pop_back(); })},
      {"three differences at once", checked([](Files& files) {
         files["certs/root.der"][0] ^= 1U;
         files["certs/evil.der"] = {1};
         files.erase("README.txt");
       })},
      {"a binary star in the manifest", listed(digest + " *a\n")},
      {"one space in the manifest", listed(digest + " a\n")},
      {"a digest in upper case", listed(upper)},
      {"a digest of SHA-1", listed(std::string(40, 'a') + "  a\n")},
      {"a path that climbs, in the manifest", listed(line("../a"))},
      {"an absolute path in the manifest", listed(line("/etc/passwd"))},
      {"a name with CR in the manifest", listed(line("a\r"))},
      {"the manifest out of order", listed(line("b") + line("a"))},
      {"a name twice in the manifest", listed(line("a") + line("a"))},
      {"the manifest lists itself", listed(line("MANIFEST"))},
      {"the manifest lists the log", listed(line("log/checkpoint"))},
      {"an empty line in the manifest", listed(line("a") + "\n")},
      {"a name that climbs", named("a/../b")},
      {"a hidden name", named("a/.b")},
      {"a name that looks like an option", named("-rf")},
      {"a name with a space", named("a b")},
      {"a name that a terminal would obey", named("a\x1b[2J")},
      {"an umlaut in a name", named("\xc3\xa9")},
      {"a name of 101 letters", named(std::string(101, 'a'))},
      {"names that fall together without case", [] { check_names({{"a", {}}, {"A", {}}}); }},
      {"a file that is a folder too", [] { check_names({{"a", {}}, {"a/b", {}}}); }},
      {"an empty archive", unpacked({})},
      {"not an archive", unpacked(as_bytes("hello\n"))},
      {"a gzip archive", made("tar --format=ustar -czf x.tar.zst a b/c")},
      {"a plain tar", made("tar --format=ustar -cf x.tar.zst a b/c")},
      {"the archive cut off", unpacked(Bytes(archive.begin(), archive.end() - 10))},
      {"the archive damaged", unpacked(damaged)},
      {"something after the archive", unpacked(followed)},
      {"packed with a window that is too large", made("head -c 40000000 /dev/zero > a && tar --format=ustar -cf x.tar a && zstd -q --ultra -22 --long=27 x.tar -o x.tar.zst")},
      {"compressed, but no tar", made("zstd -q a -o x.tar.zst")},
      {"an archive without a file", made("tar --format=ustar --zstd -cf x.tar.zst -T /dev/null")},
      {"a folder in the archive", made("tar --format=ustar --zstd -cf x.tar.zst b")},
      {"a symbolic link in the archive", made("ln -s /etc/passwd l && tar --format=ustar --zstd -cf x.tar.zst a l")},
      {"a hard link in the archive", made("ln a l && tar --format=ustar --zstd -cf x.tar.zst a l")},
      {"a pipe in the archive", made("mkfifo p && tar --format=ustar --zstd -cf x.tar.zst a p")},
      {"a path that climbs, in the archive", made("tar --format=ustar --zstd -P -cf x.tar.zst --transform 's,^a,../a,' a")},
      {"a name twice in the archive", made("tar --format=ustar --zstd -cf x.tar.zst a a --hard-dereference")},
      {"a pax header", made("tar --format=pax --zstd -cf x.tar.zst a")},
      {"more files than a bundle has", unpacked(archive, {.max_total = 1000, .max_files = 1, .max_file = 1000})},
      {"a file larger than a bundle's", unpacked(archive, {.max_total = 1000, .max_files = 10, .max_file = 100})},
      {"files larger together than a bundle", unpacked(archive, {.max_total = 305, .max_files = 10, .max_file = 300})},
  });
  table.print_count();
}

TEST_CASE("every bad label of a medium is refused with the text of the table") {
  const test::RefusalTable table("labels of media", "media/label.refusals");
  const std::string good = text_of(Label{"rehearsal.ca.example.com/g1", "factory-a", std::string(32, 'a')});
  REQUIRE_NOTHROW((void)parse_label(good));
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    return labelled(text.replace(text.find(from), from.size(), to));
  };
  table.check_acts({
      {"empty", labelled("")},
      {"cut off", labelled(good.substr(0, good.size() - 1))},
      {"another version", changed("/v1", "/v2")},
      {"no origin", changed("origin: rehearsal.ca.example.com/g1\n", "")},
      {"a space in the origin", changed("rehearsal.ca", "rehearsal ca")},
      {"a space in the name", changed("factory-a", "factory a")},
      {"a path as the name", changed("factory-a", "../a")},
      {"an id in upper case", changed("aaaa", "AAAA")},
      {"an id that is too long", changed("aaaa", "aaaaaa")},
      {"a line more", labelled(good + "more\n")},
      {"a letter instead of a label", labelled("Dear Sir\n")},
  });
  table.print_count();
}

}  // namespace ceremony::media
