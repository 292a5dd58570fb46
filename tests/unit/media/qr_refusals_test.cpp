// QR frames that are not taken, and what cannot be shown: the exact text people read.
#include <catch2/catch_test_macros.hpp>

#include "ceremony/ground/refused.h"
#include "media/qr_frames.h"
#include "media/qr_matrix.h"
#include "tests/unit/shared/refusal_table.h"

namespace ceremony::media {
namespace {

using Act = std::function<void()>;
using Lines = std::vector<std::string>;

/// Read one after the other; the last of them is the one that is refused.
Act read(Lines lines, std::optional<PayloadKind> wanted = std::nullopt) {
  return [lines = std::move(lines), wanted] {
    FrameCollector collector(wanted);
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) REQUIRE_NOTHROW(collector.take(lines[i]));
    (void)collector.take(lines.back());
  };
}

std::string body(const std::string& frame) { return frame.substr(0, frame.size() - 4); }
/// With other characters at a place, and the CHK of that.
std::string forged(const std::string& frame, std::size_t at, const std::string& to) { return with_check(body(frame).replace(at, to.size(), to)); }
/// With other characters at a place, and the CHK of before.
std::string damaged(std::string frame, std::size_t at, const std::string& to) { return frame.replace(at, to.size(), to); }

}  // namespace

TEST_CASE("every bad QR frame is refused with the text of the table") {
  const test::RefusalTable table("QR frames", "media/qr.refusals");
  const Lines good = frames(PayloadKind::csr, as_view("a request that is somewhat longer than one frame"), 64);
  REQUIRE(good.size() == 2);
  const Lines other = frames(PayloadKind::csr, as_view("another one, also longer than one frame can hold"), 64);
  const std::string& one = good[0];
  table.check_acts({
      {"an empty line", read({""})},
      {"something else", read({"HTTPS://EXAMPLE.COM/AN-ADDRESS-ON-A-POSTER"})},
      {"a serial number on a box", read({"4006381333931"})},
      {"Y and Z swapped", read({damaged(one, 0, "KCZY1")})},
      {"Y and Z swapped, in lower case", read({"kczy1" + one.substr(5)})},
      {"in lower case", read({"kcyz1" + one.substr(5)})},
      {"digits of a French keyboard", read({"KCYZ&" + one.substr(5)})},
      {"another version of the format", read({damaged(one, 4, "2")})},
      {"the beginning only", read({one.substr(0, 12)})},
      {"without data", read({with_check(one.substr(0, 18))})},
      {"longer than any frame", read({one + std::string(5000, 'A')})},
      {"a lower-case letter inside", read({damaged(one, 30, "q")})},
      {"a space inside", read({damaged(one, 30, " ")})},
      {"a 0 for an O", read({damaged(one, 30, "0")})},
      {"padding", read({with_check(body(one) + "====")})},
      {"a letter in the numbers", read({damaged(one, 14, "O")})},
      {"a digit as the kind", read({damaged(one, 5, "1")})},
      {"what a terminal would obey", read({damaged(one, 30, "\x1b")})},
      {"an umlaut", read({damaged(one, 30, "\xc3\xa9")})},
      {"two frames on one line", read({one + good[1]})},
      {"damaged", read({damaged(one, 30, one[30] == 'A' ? "B" : "A")})},
      {"cut off", read({one.substr(0, one.size() - 3)})},
      {"a kind that is not known", read({forged(one, 5, "A")})},
      {"another kind than wanted", read({one}, PayloadKind::crl)},
      {"number 0", read({forged(one, 14, "00")})},
      {"number 3 of 2", read({forged(one, 14, "03")})},
      {"1 of 65", read({forged(one, 16, "65")})},
      {"1 of 0", read({forged(one, 16, "00")})},
      {"a frame of another payload", read({one, other[1]})},
      {"the same name, another kind", read({one, forged(good[1], 5, "C")})},
      {"the same name, another total", read({one, forged(good[1], 16, "03")})},
      {"the same number, other data", read({one, forged(one, 18, one[18] == 'A' ? "B" : "A")})},
      {"another payload after the whole one", read({one, good[1], other[0]})},
      {"together another payload", read({one, forged(good[1], 18, good[1][18] == 'A' ? "B" : "A")})},
      {"together not whole bytes", read({one, with_check(body(good[1]) + "A")})},
      {"nothing to show", [] { (void)frames(PayloadKind::share, {}, 100); }},
      {"frames too short for data", [] { (void)frames(PayloadKind::share, as_view("a"), 22); }},
      {"more than 64 frames", [] { (void)frames(PayloadKind::certificate, Bytes(3000), 77); }},
      {"more than 64 codes", [] { (void)paginate(PayloadKind::certificate, Bytes(3000), 80, 20); }},
      {"an area without room for a code", [] { (void)fit(80, 14); }},
      {"an area that is too narrow", [] { (void)fit(28, 50); }},
      {"a frame longer than its code", [&] { (void)matrix(one, 1, Level::medium); }},
      {"no frame in the code", [] { (void)matrix("", 3, Level::low); }},
      {"a code of what no frame has", [] { (void)matrix("KCYZ1 hello", 3, Level::low); }},
  });
  table.print_count();
}

}  // namespace ceremony::media
