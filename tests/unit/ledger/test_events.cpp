// The closed table of events: EVENTS.md says the same as the code, and what is not in the table does not exist.
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>

#include "ceremony/ledger/events.h"

namespace ceremony::ledger {
namespace {

Record clock_record() {
  Record r;
  r.ev = "clock";
  r.d = Value{{"shown", "2026-11-22T14:07:31Z"}};
  return r;
}

TEST_CASE("EVENTS.md ends with exactly the table of the code") {
  std::ifstream file(CEREMONY_SOURCE "/ceremony/ledger/EVENTS.md");
  const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  INFO("what the code says:\n" << events_page());
  CHECK(page.ends_with("\n" + events_page()));
}

TEST_CASE("a record with exactly its event's fields is fine") { CHECK(check_fields(clock_record()).empty()); }

TEST_CASE("an event that is not in the table does not exist") {
  auto r = clock_record();
  r.ev = "clocks";
  CHECK(check_fields(r) == std::vector<std::string>{"there is no event \"clocks\""});
}

TEST_CASE("a missing, an additional and an ill-typed field are each named") {
  auto r = clock_record();
  r.d = Value{{"show", "2026-11-22T14:07:31Z"}};
  CHECK(check_fields(r) == std::vector<std::string>{"clock lacks the field \"shown\"", "clock has no field \"show\""});
  r.d = Value{{"shown", "2026-02-30T14:07:31Z"}};
  CHECK(check_fields(r) == std::vector<std::string>{"clock's field \"shown\" is not of type time"});
}

TEST_CASE("a failure needs a reason and may leave out the rest; a success has no reason") {
  auto r = clock_record();
  r.d.set("reason", "it was late");
  CHECK(check_fields(r) == std::vector<std::string>{"clock has no field \"reason\""});
  r.ok = false;
  CHECK(check_fields(r).empty());
  r.d = Value{};
  CHECK(check_fields(r) == std::vector<std::string>{"a failed clock lacks its reason"});
}

TEST_CASE("a choice is one of its values, a list of people names nobody twice") {
  Record r;
  r.ev = "medium";
  r.d = Value{{"medium", "c1"}, {"kind", "shares"}, {"ident", "x"}, {"label", "none"}};
  CHECK(check_fields(r).size() == 1);
  r.d.set("kind", "share");
  CHECK(check_fields(r).empty());
  Record s;
  s.ev = "enrol";
  s.d = Value{{"seen_by", std::vector<std::string>{"c1", "c1"}}};
  bool named = false;
  for (const auto& wrong : check_fields(s)) named = named || wrong.find("\"seen_by\"") != std::string::npos;
  CHECK(named);
}

}  // namespace
}  // namespace ceremony::ledger
