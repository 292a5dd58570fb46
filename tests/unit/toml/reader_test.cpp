// The strict reader: everything wrong with a file is said at once, and where.
#include "ceremony/toml/reader.h"

#include <algorithm>

#include <catch2/catch_test_macros.hpp>

using ceremony::Refused;
using ceremony::toml_file::Document;
using ceremony::toml_file::TomlRefusal;

namespace {

/// where: what, a line each
std::string findings_of(Document& document) {
  try {
    document.done();
    return "";
  } catch (const Refused& refused) {
    CHECK(refused.is(TomlRefusal::mistakes));
    std::string out;
    for (const auto& each : refused.findings()) {
      out += each.where + ": " + each.what + "\n";
      CHECK_FALSE(each.hint.empty());
    }
    return out;
  }
}

}  // namespace

TEST_CASE("a file in which every key is known and right has no findings") {
  Document file("a.toml", "name = 'x'\nn = 7\nyes = true\nlist = ['a', 'b']\n[in]\nx = 1\n[[many]]\nv = 1\n[[many]]\nv = 2\n");
  const auto root = file.root();
  CHECK(root.text("name") == "x");
  CHECK(root.integer("n", 0, 10) == 7);
  CHECK(root.boolean("yes"));
  CHECK(root.texts("list") == std::vector<std::string>{"a", "b"});
  CHECK(root.table("in").integer("x", 1, 1) == 1);
  const auto many = root.tables("many");
  REQUIRE(many.size() == 2);
  CHECK(many[1].integer("v", 0, 9) == 2);
  CHECK(many[0].integer("v", 0, 9) == 1);
  CHECK(root.where("n") == "a.toml:2:1");
  CHECK(many[1].where() == "a.toml:9:1");
  CHECK(file.clean());
  CHECK(findings_of(file).empty());
}

TEST_CASE("every mistake comes back at once, in the order of the file, one finding a mistake") {
  Document file("bad.toml",
                "name = 5\n"
                "extra = 1\n"
                "n = 99\n"
                "list = ['a', 3]\n"
                "flag = 'no'\n"
                "[in]\n"
                "stray.deep = 1\n"
                "[[many]]\n"
                "w = 2.5\n"
                "[unheard]\n"
                "of = 1\n");
  const auto root = file.root();
  CHECK(root.text("name").empty());
  root.note("name", "the name is empty", "never said: the finding above is enough");
  CHECK(root.integer("n", 1, 9) == 1);
  CHECK(root.texts("list").empty());
  CHECK_FALSE(root.boolean("flag"));
  CHECK(root.table("in").text("missing").empty());
  const auto many = root.tables("many");
  REQUIRE(many.size() == 1);
  CHECK(many[0].integer("w", 0, 9) == 0);
  many[0].note({}, "a finding of the caller's own", "do it");
  CHECK(root.table("absent").text("inside").empty());
  root.table("absent").note("inside", "never said", "");
  CHECK_FALSE(file.clean());
  CHECK(findings_of(file) ==
        "bad.toml:1:1: \"name\" is a whole number, not a text in quotes\n"
        "bad.toml:1:1: \"absent\" is missing\n"
        "bad.toml:2:1: unknown key \"extra\"\n"
        "bad.toml:3:1: \"n\" is 99, outside 1 to 9\n"
        "bad.toml:4:14: \"list\" holds a whole number, not a text\n"
        "bad.toml:5:1: \"flag\" is a text, not true or false\n"
        "bad.toml:6:1: \"in.missing\" is missing\n"
        "bad.toml:7:1: unknown table \"in.stray\"\n"
        "bad.toml:8:1: a finding of the caller's own\n"
        "bad.toml:9:1: \"many[1].w\" is a number with a fraction, not a whole number\n"
        "bad.toml:10:2: unknown table \"unheard\"\n");
}

TEST_CASE("optional keys may be absent but not of the wrong type") {
  Document file("o.toml", "a = 1\nb = 'x'\nc = 'x'\nd = [1]\ne = 1\nf = 1\n");
  const auto root = file.root();
  CHECK(root.text_or("none", "fallback") == "fallback");
  CHECK(root.integer_or("none", 0, 9, 4) == 4);
  CHECK(root.boolean_or("none", true));
  CHECK(root.texts_or("none", {"z"}) == std::vector<std::string>{"z"});
  CHECK_FALSE(root.table_if("none"));
  CHECK(root.tables_if("none").empty());
  CHECK_FALSE(root.has("none"));
  CHECK(root.has("a"));
  CHECK(root.text_or("a", "fallback").empty());
  CHECK(root.integer_or("b", 0, 9, 4) == 0);
  CHECK_FALSE(root.boolean_or("c", true));
  CHECK(root.texts_or("d", {}).empty());
  CHECK_FALSE(root.table_if("e"));
  CHECK(root.tables_if("f").empty());
  CHECK(findings_of(file) ==
        "o.toml:1:1: \"a\" is a whole number, not a text in quotes\n"
        "o.toml:2:1: \"b\" is a text, not a whole number\n"
        "o.toml:3:1: \"c\" is a text, not true or false\n"
        "o.toml:4:6: \"d\" holds a whole number, not a text\n"
        "o.toml:5:1: \"e\" is a whole number, not a table [e]\n"
        "o.toml:6:1: \"f\" is a whole number, not a list of tables ([[f]])\n");
}

TEST_CASE("names as keys come in the order of the file") {
  Document file("k.toml", "[people]\nzoe = 1\nadam = 2\nmia = 3\n");
  const auto people = file.root().table("people");
  CHECK(people.keys() == std::vector<std::string>{"zoe", "adam", "mia"});
  CHECK(findings_of(file).empty());
}

TEST_CASE("a syntax error is said with its place, and so is what is no text at all") {
  const auto refusal_of = [](std::string_view text) {
    try {
      const Document file("s.toml", text);
      return std::string("accepted");
    } catch (const Refused& refused) {
      CHECK(refused.is(TomlRefusal::syntax));
      return refused.findings().at(0).where;
    }
  };
  CHECK(refusal_of("a = 1\nb = = 2\n") == "s.toml:2:5");
  CHECK(refusal_of("a = 1\na = 2\n") == "s.toml:2:5");
  CHECK(refusal_of("[#") == "s.toml:1:2");
  CHECK(refusal_of(std::string_view("a\0b", 3)) == "s.toml");
  CHECK(refusal_of(std::string((1U << 20U) + 1, ' ')) == "s.toml");
  CHECK(refusal_of("a = " + std::string(5000, '[')).starts_with("s.toml:1:"));
}

TEST_CASE("text that a screen would not show as it is stored is refused") {
  for (const std::string_view bad : {"\\u001b[2J", "\\u0000", "\\u202e", "\\u2066", "\\u200b", "\\u0085", "\\u007f"}) {
    Document file("c.toml", "t = \"x" + std::string(bad) + "\"\n");
    CHECK(file.root().text("t").empty());
    CHECK(findings_of(file) == "c.toml:1:1: \"t\" holds a control or invisible character\n");
  }
  Document file("c.toml", "t = \"\"\"Zürich – 東京\n\tline\"\"\"\n");
  CHECK(file.root().text("t") == "Zürich – 東京\n\tline");
}

TEST_CASE("a flood of mistakes is cut after a hundred, and says so") {
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += "k" + std::to_string(i) + " = 1\n";
  }
  Document file("f.toml", text);
  const std::string all = findings_of(file);
  CHECK(std::ranges::count(all, '\n') == 101);
  CHECK(all.ends_with("f.toml: 400 more mistakes in this file\n"));
}
