// A record has one spelling, and every other is refused.
#include <catch2/catch_test_macros.hpp>

#include "ceremony/ledger/record.h"
#include "tests/unit/ledger/refusing.h"

using ceremony::Digest;
using ceremony::sha256;
using ceremony::Time;
using ceremony::time_from_text;
using ceremony::ledger::line;
using ceremony::ledger::parse_record;
using ceremony::ledger::Record;
using ceremony::ledger::Value;
using ceremony::testing::refused_with;

namespace {

const std::string plain =
    R"({"c":"2026-genesis","d":{"a":1},"ev":"clock","n":3,"res":"ok","step":"clock-1","t":"2026-11-22T14:07:31Z","who":["ca1","so"]})";

Record sample() {
  Record r;
  r.n = 3;
  r.t = *time_from_text("2026-11-22T14:07:31Z");
  r.c = "2026-genesis";
  r.ev = "clock";
  r.step = "clock-1";
  r.who = {"ca1", "so"};
  r.d = Value{{"a", 1}};
  return r;
}

std::string with(const std::string& from, const std::string& to) {
  std::string out = plain;
  const auto at = out.find(from);
  REQUIRE(at != std::string::npos);
  return out.replace(at, from.size(), to);
}

std::string with_d(const std::string& d) { return with(R"({"a":1})", d); }

}  // namespace

TEST_CASE("a record is one line of JSON with sorted keys and no white space") {
  CHECK(line(sample()) == plain);
  CHECK(parse_record(plain, "here") == sample());
}

TEST_CASE("text beyond ASCII is written with lower-case escapes, control characters too") {
  Record r = sample();
  r.d = Value{{"text", "Zoë\n\t\x01\x7f \"\\/ \xF0\x9D\x84\x9E"}};
  const std::string text = line(r);
  CHECK(text.find(R"("text":"Zo\u00eb\n\t\u0001\u007f \"\\/ \ud834\udd1e")") != std::string::npos);
  CHECK(parse_record(text, "here") == r);
}

TEST_CASE("values keep their kind through a line") {
  Record r = sample();
  r.ok = false;
  r.who = {};
  r.step = "";
  const Value::Array mixed{Value(1), Value(true), Value("x"), Value(Value::Array{}), Value()};
  r.d = Value{{"big", std::int64_t{1} << 53}, {"small", -(std::int64_t{1} << 53)}, {"flag", false}, {"digest", sha256("x")},
              {"people", std::vector<std::string>{"b", "a"}}, {"mixed", mixed}, {"inner", Value{{"k", "v"}}}};
  const Record back = parse_record(line(r), "here");
  CHECK(back == r);
  CHECK(back.d.number("big") == std::int64_t{1} << 53);
  CHECK(back.d.number("absent", 7) == 7);
  CHECK(back.d.number("flag", 7) == 7);
  CHECK(back.d.texts("people") == std::vector<std::string>{"b", "a"});
  CHECK(back.d.texts("mixed").empty());
  CHECK(back.d.text("big").empty());
  CHECK(back.d.boolean("flag", true) == false);
  CHECK(back.d.find("inner")->text("k") == "v");
  CHECK(back.d.object("people").empty());
  CHECK(back.d.array("mixed").size() == 5);
}

TEST_CASE("a record that has no line is refused before it is written") {
  Record r = sample();
  SECTION("over 8 KiB") { r.d = Value{{"a", std::string(8192, 'x')}}; }
  SECTION("a number beyond 2^53") { r.d = Value{{"a", (std::int64_t{1} << 53) + 1}}; }
  SECTION("text that is not UTF-8") { r.d = Value{{"a", "\xFF"}}; }
  SECTION("a key that is not UTF-8") { r.d = Value{{"\xC3", 1}}; }
  SECTION("fields that are no object") { r.d = Value(1); }
  SECTION("a year that RFC 3339 has not") { r.t = Time(std::chrono::sys_days(std::chrono::year(10000) / 1 / 1)); }
  SECTION("nested without end") {
    Value deep(1);
    for (int i = 0; i < 20; ++i) deep = Value(Value::Array{deep});
    r.d = Value{{"a", deep}};
  }
  refused_with("ledger/record", [&] { (void)line(r); });
}

TEST_CASE("a line of exactly 8 KiB is a record, one byte more is none") {
  Record r = sample();
  r.d = Value{{"a", ""}};
  r.d = Value{{"a", std::string(8192 - line(r).size(), 'x')}};
  CHECK(line(r).size() == 8192);
  CHECK(parse_record(line(r), "here") == r);
  r.d = Value{{"a", std::string(r.d.text("a").size() + 1, 'x')}};
  refused_with("ledger/record", [&] { (void)line(r); });
}

TEST_CASE("another spelling of a record is not that record") {
  const std::vector<std::string> spellings = {
      " " + plain, plain + " ", plain + "\r", plain + std::string(1, '\0'), with(":3,", ": 3,"), with(R"("c":"2026-genesis",)", "").insert(plain.size() - 21, ""),
      with(R"("ok")", R"("\u006fk")"), with_d(R"({"a":1,"a":1})"), with_d(R"({"a":2,"a":1})"), with_d(R"({"b":1,"a":1})"),
      with_d(R"({"a":-0})"), with_d(R"({"a":"\/"})"), with_d(R"({"a":"\u00EB"})"), with_d("{\"a\":\"\xC3\xAB\"}"), with_d("{\"a\":\"\x7f\"}"),
      with_d(R"({"a":"\u000a"})"), with(R"("who":["ca1","so"])", R"("who":["ca1","so"],"who":["ca1","so"])")};
  for (const std::string& spelling : spellings) {
    INFO(spelling);
    const std::string said = ceremony::testing::refusal([&] { (void)parse_record(spelling, "transcript.log:4"); });
    CHECK((said.starts_with("ledger/canonical ") || said.starts_with("ledger/record ")));
    CHECK(said.find("transcript.log:4") != std::string::npos);
  }
  refused_with("ledger/canonical", [&] { (void)parse_record(" " + plain, ""); });
  refused_with("ledger/canonical", [&] { (void)parse_record(with_d(R"({"a":1,"a":1})"), ""); });
}

TEST_CASE("what is no record is refused") {
  const std::vector<std::string> lines = {
      "", "x", "null", "[]", "{}", plain.substr(0, plain.size() - 1), plain + plain, with_d("null"), with_d("[]"), with_d(R"({"a":null})"), with_d(R"({"a":1.5})"),
      with_d(R"({"a":1e2})"), with_d(R"({"a":9007199254740993})"), with_d(R"({"a":-9007199254740993})"), with_d(R"({"a":18446744073709551616})"),
      with_d("{\"a\":\"\xFF\"}"), with_d(R"({"a":"\ud800"})"), with("\"n\":3", "\"n\":-1"), with("\"n\":3", "\"n\":\"3\""), with("\"n\":3", "\"m\":3"),
      with("\"ok\"", "\"OK\""), with("\"ok\"", "true"), with("[\"ca1\",\"so\"]", "\"ca1\""), with("[\"ca1\",\"so\"]", "[1]"), with("31Z", "31z"), with("31Z", "61Z"),
      with("31Z", "31.0Z"), with("11-22", "02-30"), with("\"ev\"", "\"ew\""), with("\"step\":\"clock-1\",", ""), with(R"("d":)", R"("b":1,"d":)"),
      with_d(R"({"a":)" + std::string(17, '[') + std::string(17, ']') + "}"), with_d(R"({"a":)" + std::string(4000, '[') + std::string(4000, ']') + "}"),
      with_d(R"({"a":")" + std::string(8192, 'x') + "\"}")};
  for (const std::string& text : lines) {
    INFO(text);
    refused_with("ledger/record", [&] { (void)parse_record(text, "here"); });
  }
}

TEST_CASE("every single bit of a line matters") {
  std::size_t same_leaf = 0;
  for (std::size_t bit = 0; bit < plain.size() * 8; ++bit) {
    std::string changed = plain;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    try {
      if (parse_record(changed, "") == sample()) ++same_leaf;
    } catch (const ceremony::Refused&) {
    }
  }
  CHECK(same_leaf == 0);
}

TEST_CASE("a record names the digests that stand in its fields, at any depth") {
  Record r = sample();
  const Digest a = sha256("a");
  const Digest b = sha256("b");
  const Digest c = sha256("c");
  r.d = Value{{"tbs", a}, {"list", Value::Array{b, "no digest"}}, {"map", Value{{"x", c}}}, {"upper", std::string(64, 'A')}};
  CHECK(named_digests(r) == std::set<Digest>{a, b, c});
}
