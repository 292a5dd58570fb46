// What the mounter and the program say to each other: exact, bounded, both ways.
#include "media/mounter_protocol.h"

#include <catch2/catch_test_macros.hpp>

#include "ceremony/ground/refused.h"
#include "tests/unit/shared/fate.h"
#include "tests/unit/shared/refusal_table.h"

namespace ceremony::media {
namespace {

using ceremony::test::fate;

const MediumSeen stick{"sdb1", 12, 37748736, false, {FilesystemKind::fat32, "fat-1234abcd", "CEREMONY", ""}, "Cruzer \"Blade\"", "C1\x1b[2J", "1-4"};
const MediumSeen odd{"sr0", 13, 5, true, {FilesystemKind::damaged, "", "", "it begins like FAT32, but it has no volume id"}, "", "", ""};

const UsbNews keyboard{UsbState::off, "1-4.2", 7, "keyboard", "the second keyboard stays off"};
constexpr std::string_view news_text = "ceremony-mounter/v1\nnews 2\nusb off 1-4.2 7 \"keyboard\" \"the second keyboard stays off\"\nusb gone 1-4.2 7 \"keyboard\" \"\"\n";

constexpr std::string_view listed_text =
    "ceremony-mounter/v1\nmedia 2\n"
    "medium sdb1 12 37748736 free fat32 \"fat-1234abcd\" \"CEREMONY\" \"\" \"Cruzer \\x22Blade\\x22\" \"C1\\x1b[2J\" \"1-4\"\n"
    "medium sr0 13 5 protected damaged \"\" \"\" \"it begins like FAT32, but it has no volume id\" \"\" \"\" \"\"\n";

}  // namespace

TEST_CASE("messages are these bytes") {
  CHECK(text_of(Request{ListRequest{}}) == "ceremony-mounter/v1\nlist 0\n");
  CHECK(text_of(Request{ListRequest{std::chrono::milliseconds(2500)}}) == "ceremony-mounter/v1\nlist 2500\n");
  CHECK(text_of(Request{MountRequest{"sdb1", 12, Access::read_only}}) == "ceremony-mounter/v1\nmount sdb1 12 ro\n");
  CHECK(text_of(Request{MountRequest{"sda", 3, Access::writable}}) == "ceremony-mounter/v1\nmount sda 3 rw\n");
  CHECK(text_of(Request{UnmountRequest{4}}) == "ceremony-mounter/v1\nunmount 4\n");
  CHECK(text_of(Request{UsbRequest{}}) == "ceremony-mounter/v1\nusb\n");
  CHECK(text_of(Request{ApproveRequest{"1-4.2", 7}}) == "ceremony-mounter/v1\napprove 1-4.2 7\n");
  CHECK(text_of(Answer{UsbTold{{keyboard, {UsbState::gone, "1-4.2", 7, "keyboard", ""}}}}) == news_text);
  CHECK(text_of(Answer{Approved{}}) == "ceremony-mounter/v1\napproved\n");
  CHECK(text_of(Answer{Listed{{stick, odd}}}) == listed_text);
  CHECK(text_of(Answer{Mounted{0}}) == "ceremony-mounter/v1\nmounted 0\n");
  CHECK(text_of(Answer{Unmounted{}}) == "ceremony-mounter/v1\nunmounted\n");
  CHECK(text_of(Answer{NotDone{VolumeRefusal::read_only, "the disk is write-protected", "slide its switch"}}) ==
        "ceremony-mounter/v1\nno media/read-only \"the disk is write-protected\" \"slide its switch\"\n");
}

TEST_CASE("messages are read as they were meant") {
  const auto mount = std::get<MountRequest>(parse_request("ceremony-mounter/v1\nmount sdb1 12 rw\n"));
  CHECK((mount.node == "sdb1" && mount.sequence == 12 && mount.access == Access::writable));
  CHECK(std::get<ListRequest>(parse_request("ceremony-mounter/v1\nlist 10000\n")).wait == longest_wait);
  CHECK(std::get<UnmountRequest>(parse_request("ceremony-mounter/v1\nunmount 999\n")).place == 999);
  CHECK(std::holds_alternative<UsbRequest>(parse_request("ceremony-mounter/v1\nusb\n")));
  const auto approve = std::get<ApproveRequest>(parse_request("ceremony-mounter/v1\napprove 2-1 999\n"));
  CHECK((approve.port == "2-1" && approve.number == 999));
  const auto told = std::get<UsbTold>(parse_answer(news_text));
  CHECK((told.news.size() == 2 && told.news[0] == keyboard && told.news[1].state == UsbState::gone));
  CHECK(std::holds_alternative<Approved>(parse_answer("ceremony-mounter/v1\napproved\n")));
  const auto listed = std::get<Listed>(parse_answer(listed_text));
  CHECK((listed.media.size() == 2 && listed.media[0] == stick && listed.media[1] == odd));
  CHECK(listed.media[0].serial == "C1\x1b[2J");
  CHECK(std::get<Mounted>(parse_answer("ceremony-mounter/v1\nmounted 7\n")).place == 7);
  CHECK(std::get<NotDone>(parse_answer("ceremony-mounter/v1\nno media/out \"w\" \"h\"\n")).code == VolumeRefusal::out);
  for (int i = 0; i <= static_cast<int>(VolumeRefusal::failed); ++i) {
    const auto code = static_cast<VolumeRefusal>(i);
    CHECK(std::get<NotDone>(parse_answer(text_of(Answer{NotDone{code, "w", "h"}}))).code == code);
  }
}

TEST_CASE("whatever is cut off or added is no message") {
  for (const auto* text : {"ceremony-mounter/v1\nmount sdb1 12 rw\n", "ceremony-mounter/v1\nlist 0\n", "ceremony-mounter/v1\nunmount 4\n", "ceremony-mounter/v1\nusb\n", "ceremony-mounter/v1\napprove 1-4.2 7\n"}) {
    const std::string whole(text);
    for (std::size_t at = 0; at < whole.size(); ++at) CHECK(fate([&] { (void)parse_request(whole.substr(0, at)); }) == "mounter/malformed");
    CHECK(fate([&] { (void)parse_request(whole + "\n"); }) == "mounter/malformed");
    CHECK(fate([&] { (void)parse_request(whole + std::string(1, '\0')); }) == "mounter/malformed");
  }
  for (std::size_t at = 0; at < listed_text.size(); ++at) CHECK(fate([&] { (void)parse_answer(listed_text.substr(0, at)); }) == "mounter/malformed");
  for (std::size_t at = 0; at < news_text.size(); ++at) CHECK(fate([&] { (void)parse_answer(news_text.substr(0, at)); }) == "mounter/malformed");
  CHECK(fate([] { (void)parse_request(std::string(longest_message + 1, 'x')); }) == "mounter/too-large");
}

TEST_CASE("the longest list that devices can cause is a message still") {
  MediumSeen loud{"abcdefgh1234", ~0ULL, ~0ULL, true, {FilesystemKind::damaged, std::string(500, '\xff'), std::string(500, '\xff'), std::string(500, '\xff')}, std::string(500, '\xff'),
                  std::string(500, '\xff'), std::string(500, '\xff')};
  const auto text = text_of(Answer{Listed{std::vector<MediumSeen>(200, loud)}});
  CHECK(text.size() <= longest_message);
  CHECK(std::get<Listed>(parse_answer(text)).media.size() == most_media);
  const auto news = text_of(Answer{UsbTold{std::vector<UsbNews>(200, UsbNews{UsbState::asked, std::string(31, '1'), 999, std::string(500, '\xff'), std::string(500, '\xff')})}});
  CHECK(news.size() <= longest_message);
  CHECK(std::get<UsbTold>(parse_answer(news)).news.size() == most_news);
}

TEST_CASE("every bad message is refused with the text of the table") {
  const ceremony::test::RefusalTable table("messages of the mounter", "disks/messages.refusals");
  const auto request = [](std::string body) { return [body = std::move(body)] { (void)parse_request("ceremony-mounter/v1\n" + body); }; };
  const auto answer = [](std::string body) { return [body = std::move(body)] { (void)parse_answer("ceremony-mounter/v1\n" + body); }; };
  table.check_acts({
      {"nothing", [] { (void)parse_request(""); }},
      {"another version", [] { (void)parse_request("ceremony-mounter/v2\nlist 0\n"); }},
      {"an unknown request", request("format sda\n")},
      {"a path instead of a disk", request("mount ../sda 1 ro\n")},
      {"a device by another name", request("mount disk/by-id/x 1 ro\n")},
      {"mounting without a number", request("mount sda ro\n")},
      {"an option too many", request("mount sda 1 ro exec\n")},
      {"neither to read nor to write", request("mount sda 1 rx\n")},
      {"a number with a zero before it", request("mount sda 01 ro\n")},
      {"a number that is too large", request("mount sda 99999999999999999999 ro\n")},
      {"a place there is not", request("unmount 1000\n")},
      {"a place below none", request("unmount -1\n")},
      {"waiting for ever", request("list 10001\n")},
      {"a port that is a path", request("approve ../1-1 2\n")},
      {"a device with too high a number", request("approve 1-1 1000\n")},
      {"more news than a message holds", answer("news 33\n")},
      {"a device that became nothing known", answer("news 1\nusb lost 1-1 2 \"disk\" \"\"\n")},
      {"more media than a list holds", answer("media 25\n")},
      {"fewer media than it says", answer("media 1\n")},
      {"a text without its end", answer("no media/out \"w\n")},
      {"an escape that need not be", answer("no media/out \"\\x41\" \"h\"\n")},
      {"an escape that is none", answer("no media/out \"\\xg0\" \"h\"\n")},
      {"bytes that are not escaped", answer("no media/out \"\x1b[2J\" \"h\"\n")},
      {"a refusal there is not", answer("no media/lost \"w\" \"h\"\n")},
      {"a filesystem there is not", answer("media 1\nmedium sda 1 1 free ext4 \"\" \"\" \"\" \"\" \"\" \"\"\n")},
      {"a sentence that is too long", answer("no media/out \"" + std::string(301, 'w') + "\" \"h\"\n")},
  });
  table.print_count();
}

}  // namespace ceremony::media
