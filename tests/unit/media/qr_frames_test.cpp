#include "media/qr_frames.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "ceremony/ground/refused.h"
#include "tests/unit/media/temp_folder.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::media {
namespace {

Bytes some_bytes(std::size_t size, unsigned seed = 1) {
  std::mt19937 gen(seed);
  Bytes out(size);
  for (auto& byte : out) byte = static_cast<std::uint8_t>(gen());
  return out;
}

constexpr auto every_kind = {PayloadKind::share, PayloadKind::checkpoint, PayloadKind::proof, PayloadKind::certificate,
                             PayloadKind::crl, PayloadKind::csr, PayloadKind::manifest, PayloadKind::digest};

/// The n-th code block of the page behind `heading`.
std::string block_of_page(const std::string& heading, int number) {
  std::ifstream file(CEREMONY_SOURCE "/media/FORMAT.md");
  std::stringstream all;
  all << file.rdbuf();
  const std::string page = all.str();
  auto at = page.find(heading);
  REQUIRE(at != std::string::npos);
  for (int i = 0; i < 2 * number - 1; ++i) at = page.find("\n```", at + 1);
  REQUIRE(at != std::string::npos);
  at = page.find('\n', at + 1) + 1;
  return page.substr(at, page.find("\n```", at) + 1 - at);
}

}  // namespace

TEST_CASE("a payload of every kind and many sizes comes back from its frames, however they are shuffled") {
  std::mt19937 gen(7);
  for (const PayloadKind kind : every_kind) {
    CHECK(kind_from(letter_of(kind)) == kind);
    for (const std::size_t size : {1U, 2U, 3U, 4U, 5U, 6U, 31U, 32U, 33U, 500U, 1999U}) {
      for (const std::size_t length : {77U, 154U, 600U, 4096U, 100000U}) {
        const Bytes payload = some_bytes(size);
        auto lines = frames(kind, payload, length);
        CHECK(lines.size() == frame_count(payload, length));
        std::ranges::shuffle(lines, gen);
        FrameCollector collector(kind);
        for (const auto& line : lines) {
          CHECK(line.size() <= length);
          CHECK_FALSE(collector.complete());
          CHECK_FALSE(collector.take(line).repeated);
        }
        REQUIRE(collector.complete());
        CHECK(collector.payload() == payload);
        CHECK(collector.kind() == kind);
      }
    }
  }
}

TEST_CASE("frames have the letters of the format, one length and only the characters that every layout has") {
  std::string letters;
  std::set<std::string_view> names;
  for (const PayloadKind kind : every_kind) {
    letters += letter_of(kind);
    names.insert(text_of(kind));
  }
  CHECK(letters == "STPCRQMD");
  CHECK(names.size() == 8);
  CHECK(kind_from('A') == std::nullopt);
  const auto lines = frames(PayloadKind::crl, some_bytes(400), 154);
  REQUIRE(lines.size() == 5);
  for (const auto& line : lines) {
    CHECK(line.size() == 150);
    CHECK(line.starts_with("KCYZ1R"));
    CHECK(line.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == std::string::npos);
  }
  CHECK(lines.front().substr(14, 4) == "0105");
  CHECK(lines.back().substr(14, 4) == "0505");
}

TEST_CASE("64 frames are the most, to the byte") {
  // 23 characters leave one character of base32 in a frame: 64 of them are 40 bytes.
  CHECK(frames(PayloadKind::digest, some_bytes(40), 23).size() == 64);
  CHECK(test::fate([] { (void)frames(PayloadKind::digest, some_bytes(41), 23); }) == "qr/too-long");
  const std::size_t most = most_frames * (longest_frame - frame_overhead) * 5 / 8;
  const auto lines = frames(PayloadKind::manifest, some_bytes(most), longest_frame);
  CHECK(lines.size() == 64);
  FrameCollector collector;
  for (const auto& line : lines) (void)collector.take(line);
  CHECK(collector.payload() == some_bytes(most));
  CHECK(test::fate([&] { (void)frames(PayloadKind::manifest, some_bytes(most + 1), longest_frame + 1); }) == "qr/too-long");
}

TEST_CASE("people are told what is still missing") {
  const auto lines = frames(PayloadKind::proof, some_bytes(60), 36);
  REQUIRE(lines.size() == 7);
  FrameCollector collector;
  CHECK(collector.progress() == "no frame has been read");
  CHECK(collector.take(lines[6]).says == "frame 7 of 7 is read; frames 1 to 6 of 7 are missing");
  CHECK(collector.take(lines[0]).says == "frame 1 of 7 is read; frames 2 to 6 of 7 are missing");
  CHECK(collector.take(lines[3]).says == "frame 4 of 7 is read; frames 2, 3, 5 and 6 of 7 are missing");
  CHECK(collector.take(lines[5]).says == "frame 6 of 7 is read; frames 2, 3 and 5 of 7 are missing");
  CHECK(collector.take(lines[1]).says == "frame 2 of 7 is read; frames 3 and 5 of 7 are missing");
  const auto again = collector.take(lines[1]);
  CHECK(again.repeated);
  CHECK(again.index == 2);
  CHECK(again.says == "frame 2 of 7 was read before; frames 3 and 5 of 7 are missing");
  CHECK(collector.take(lines[4]).says == "frame 5 of 7 is read; frame 3 of 7 is missing");
  CHECK_FALSE(collector.complete());
  CHECK(collector.take(lines[2]).says == "frame 3 of 7 is read; all 7 frames are here");
  CHECK(collector.take(lines[2]).says == "frame 3 of 7 was read before; all 7 frames are here");
  CHECK(collector.complete());
  FrameCollector single;
  CHECK(single.take(frames(PayloadKind::digest, some_bytes(32), 77).at(0)).says == "frame 1 of 1 is read; the one frame is here");
}

TEST_CASE("white space around a frame does not matter") {
  const auto lines = frames(PayloadKind::csr, some_bytes(60), 77);
  REQUIRE(lines.size() == 2);
  FrameCollector collector;
  (void)collector.take(" \t" + lines[0] + "\r\n");
  (void)collector.take(lines[1] + " ");
  CHECK(collector.payload() == some_bytes(60));
}

TEST_CASE("a refused frame changes nothing of what was read before") {
  const auto lines = frames(PayloadKind::csr, some_bytes(60), 77);
  const auto other = frames(PayloadKind::csr, some_bytes(60, 2), 77);
  FrameCollector collector;
  (void)collector.take(lines[0]);
  for (const std::string& bad : {std::string("hello"), other[0], other[1], lines[1].substr(0, 40), lines[1] + "A"})
    CHECK(test::fate([&] { (void)collector.take(bad); }).starts_with("qr/"));
  CHECK(collector.progress() == "frame 2 of 2 is missing");
  (void)collector.take(lines[1]);
  CHECK(collector.payload() == some_bytes(60));
  collector.start_anew();
  CHECK_FALSE(collector.complete());
  for (const auto& line : other) (void)collector.take(line);
  CHECK(collector.payload() == some_bytes(60, 2));
}

TEST_CASE("any one changed, lost or added character is refused") {
  const std::string frame = frames(PayloadKind::digest, some_bytes(32), 77).at(0);
  const auto refused = [](const std::string& line) {
    FrameCollector collector;
    return test::fate([&] { (void)collector.take(line); }) != "done";
  };
  REQUIRE_FALSE(refused(frame));
  for (std::size_t at = 0; at < frame.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string line = frame;
      line[at] = static_cast<char>(c);
      if (line != frame && !refused(line)) FAIL_CHECK("character " << at << " changed to " << c << " is taken");
    }
    std::string shorter = frame;
    CHECK(refused(shorter.erase(at, 1)));
    std::string longer = frame;
    CHECK(refused(longer.insert(at, "A")));
  }
}

TEST_CASE("a SID that ends like the magic, before an IDX that begins with its 1, is no second frame") {
  FrameCollector collector;
  CHECK(collector.take(with_check("KCYZ1CABCDKCYZ1012NBSWY3DP")).says == "frame 10 of 12 is read; frames 1 to 9, 11 and 12 of 12 are missing");
}

TEST_CASE("frames that lie about their payload give nothing, and reading starts anew") {
  const auto lines = frames(PayloadKind::csr, some_bytes(60), 77);
  const auto body = [](const std::string& line) { return line.substr(0, line.size() - 4); };
  std::string changed = body(lines[1]);
  changed[20] = changed[20] == 'A' ? 'B' : 'A';
  FrameCollector collector;
  (void)collector.take(lines[0]);
  CHECK(test::fate([&] { (void)collector.take(with_check(changed)); }) == "qr/payload");
  CHECK(collector.progress() == "no frame has been read");
  CHECK_FALSE(collector.complete());
  for (const auto& line : lines) (void)collector.take(line);
  CHECK(collector.payload() == some_bytes(60));
}

TEST_CASE("base32 is taken in its canonical form only") {
  // "hello" is NBSWY3DP; one byte is two characters, of which the last two bits are 0.
  const auto given = [](std::string_view payload, std::string_view data) {
    const std::string start = frames(PayloadKind::digest, as_view(payload), 100).at(0).substr(0, 18);
    FrameCollector collector;
    return test::fate([&] { (void)collector.take(with_check(start + std::string(data))); });
  };
  CHECK(given("hello", "NBSWY3DP") == "done");
  CHECK(given("h", "NA") == "done");
  CHECK(given("h", "NB") == "qr/payload");
  CHECK(given("h", "N") == "qr/payload");
  CHECK(given("h", "NAA") == "qr/payload");
  CHECK(given("hello", "NBSWY3DPA") == "qr/payload");
  CHECK(given("hello", "NBSWY3DPAAAAAA") == "qr/payload");
}

TEST_CASE("the example of the format page is what the code makes and takes") {
  const std::string manifest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  a.txt\n"
                               "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac  b/c\n";
  const std::string recipe = block_of_page("<!-- recipe: qr -->", 1);
  std::istringstream in(recipe);
  std::set<std::string> shown;
  FrameCollector collector(PayloadKind::manifest);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("KCYZ1")) continue;
    shown.insert(line);
    (void)collector.take(line);
  }
  const auto made = frames(PayloadKind::manifest, as_view(manifest), 114);
  CHECK(shown == std::set<std::string>(made.begin(), made.end()));
  CHECK(as_text(collector.payload()) == manifest);
}

TEST_CASE("the recipe of the format page joins frames with bash and coreutils alone, as printed") {
  const TempFolder folder;
  const std::string recipe = block_of_page("<!-- recipe: qr -->", 1);
  folder.put("recipe", as_view(recipe));
  CHECK(folder.says("bash -eu recipe") == block_of_page("<!-- recipe: qr -->", 2));
  // Other frames through the same lines: what comes out is what was sent.
  const auto end = recipe.find("\nEND\n");
  REQUIRE(end != std::string::npos);
  for (const std::size_t size : {1U, 32U, 700U}) {
    const Bytes payload = some_bytes(size);
    auto lines = frames(PayloadKind::crl, payload, 154);
    std::ranges::reverse(lines);
    std::string text = "cat > scanned <<'END'\n";
    for (const auto& line : lines) text += line + "\n";
    folder.put("recipe", as_view(text + recipe.substr(end + 1)));
    const std::string said = folder.says("bash -eu recipe");
    CHECK_FALSE(said.contains("damaged"));
    CHECK(as_bytes(folder.says("cat payload")) == payload);
    // One character wrong, and the recipe says so.
    text[40] = text[40] == 'A' ? 'B' : 'A';
    folder.put("recipe", as_view(text + recipe.substr(end + 1)));
    CHECK(folder.says("bash -u recipe").contains("damaged: KCYZ1R"));
  }
}

}  // namespace ceremony::media
