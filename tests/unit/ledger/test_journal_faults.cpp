// The transcript cut at every byte, the power cut at every effect, every call failing once: whatever happens, what was
// acknowledged is there afterwards, on both ledgers, and the ceremony goes on.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>

#include "tests/unit/ledger/failing_env.h"
#include "tests/unit/ledger/refusing.h"
#include "tests/unit/ledger/story.h"

using namespace ceremony::ledger;
using namespace ceremony::testing;
using ceremony::as_text;
using ceremony::as_view;
using ceremony::Bytes;
using ceremony::Env;
using ceremony::Path;

namespace {

Journal open_or_create(Env& env, std::vector<Repair>& repairs) {
  return Journal::has_records(env, both) ? Journal::open(env, both, repairs) : Journal::create(env, both);
}

/// Two ceremonies, each step taken only if the log has not seen it; counts what was acknowledged.
void tell_story(Journal& journal, std::size_t& acknowledged) {
  while (journal.size() < 10) {
    const auto n = journal.size();
    const std::string ceremony = n < 5 ? "first" : "second";
    const char* const events[] = {"open", "intent", "enrol", "clock", "close"};
    Value fields;
    if (n % 5 == 1) fields = Value{{"tbs", journal.put_artifact(as_view("artifact of " + ceremony))}};
    if (n % 5 == 2) fields = Value{{"name", journal.put_private("Ada of " + ceremony, std::array<std::uint8_t, 16>{7})}};
    write(journal, ceremony, events[n % 5], fields);
    acknowledged = journal.size();
  }
  journal.write_sums();
}

MemoryEnv told() {
  MemoryEnv env;
  std::vector<Repair> repairs;
  Journal journal = Journal::create(env, both);
  std::size_t acknowledged = 0;
  tell_story(journal, acknowledged);
  return env;
}

/// A closed ceremony and an open one in few bytes, for tests that open it once for each of them.
MemoryEnv short_log() {
  MemoryEnv env;
  Journal journal = Journal::create(env, both);
  const auto brief = [&](const char* ceremony, const char* event, Value fields = {}) {
    Record r = make_record(journal.size(), ceremony, event, std::move(fields));
    r.step.clear();
    r.who.clear();
    journal.append(r);
  };
  brief("1", "open");
  brief("1", "close");
  brief("2", "open");
  brief("2", "intent", Value{{"tbs", journal.put_artifact(as_view("artifact"))}});
  brief("2", "clock");
  return env;
}

/// After whatever happened: opens, finishes the story, and both ledgers are as if nothing had happened.
void resume_and_finish(MemoryEnv& disks, std::size_t acknowledged) {
  std::vector<Repair> repairs;
  Journal journal = open_or_create(disks, repairs);
  CHECK(journal.size() >= acknowledged);
  tell_story(journal, acknowledged);
  static const auto expected = told().files("/a");
  CHECK(disks.files("/a") == expected);
  CHECK(disks.files("/b") == expected);
}

}  // namespace

TEST_CASE("the transcript of one ledger cut at every byte of its open ceremony is repaired from the other") {
  MemoryEnv whole = short_log();
  const Bytes log = whole.at("/a/transcript.log");
  const auto closed = as_text(log).find("\"ev\":\"close\"");
  const auto begin = as_text(log).find('\n', closed) + 1;
  for (std::size_t size = 0; size <= log.size(); ++size) {
    MemoryEnv disks = whole;
    disks.truncate("/b/transcript.log", size);
    std::vector<Repair> repairs;
    INFO("cut at byte " << size << " of " << log.size());
    const std::string said = refusal([&] { (void)Journal::open(disks, both, repairs); });
    if (size >= begin) {
      CHECK(said.empty());
      CHECK(repairs.empty() == (size == log.size()));
      CHECK(disks.files("/a") == disks.files("/b"));
    } else {
      CHECK(said.starts_with("ledger/behind "));
      CHECK(disks.at("/b/transcript.log").size() == size);
    }
  }
}

TEST_CASE("both transcripts cut at the same byte open as what is left") {
  MemoryEnv whole = short_log();
  const Bytes log = whole.at("/a/transcript.log");
  for (std::size_t size = 0; size <= log.size(); ++size) {
    MemoryEnv disks = whole;
    for (const Path& folder : both) disks.truncate(folder / "transcript.log", size);
    std::vector<Repair> repairs;
    INFO("cut at byte " << size << " of " << log.size());
    const auto lines = static_cast<std::size_t>(std::ranges::count(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(size), '\n'));
    CHECK(Journal::open(disks, both, repairs).size() == lines);
    CHECK(std::ranges::all_of(repairs, [](const Repair& r) { return r.kind == Repair::Kind::torn_line; }));
  }
}

TEST_CASE("the power cut at every effect, before, within and after it, loses nothing that was acknowledged") {
  MemoryEnv counting;
  FailingEnv counter(counting);
  std::vector<Repair> repairs;
  std::size_t acknowledged = 0;
  {
    Journal journal = open_or_create(counter, repairs);
    tell_story(journal, acknowledged);
  }
  CHECK(counter.effects() > 50);
  for (const Cut cut : {Cut::before, Cut::half, Cut::after}) {
    for (std::size_t n = 1; n <= counter.effects(); ++n) {
      MemoryEnv disks;
      FailingEnv env(disks);
      env.cut_power_at(n, cut);
      acknowledged = 0;
      INFO("cut " << static_cast<int>(cut) << " at effect " << n);
      bool was_cut = false;
      try {
        Journal journal = open_or_create(env, repairs);
        tell_story(journal, acknowledged);
      } catch (const PowerCut&) {
        was_cut = true;
      }
      CHECK(was_cut);
      resume_and_finish(disks, acknowledged);
    }
  }
}

TEST_CASE("the power cut again at every effect of the repair is repaired all the same") {
  MemoryEnv torn;
  {
    FailingEnv env(torn);
    Journal journal = Journal::create(env, both);
    whole_ceremony(journal, "first");
    write(journal, "second", "open");
    torn.copy_folder("/b", "/keep");
    (void)journal.put_artifact(as_view("artifact of second"));
    write(journal, "second", "intent", Value{{"tbs", ceremony::sha256("artifact of second")}});
    write(journal, "second", "clock");
    for (const auto& [name, bytes] : torn.files("/b")) torn.remove("/b/" + name);
    torn.copy_folder("/keep", "/b");
    for (const char c : {'{', '"'}) torn.at("/b/transcript.log").push_back(static_cast<std::uint8_t>(c));
  }
  std::vector<Repair> repairs;
  MemoryEnv counting = torn;
  FailingEnv counter(counting);
  (void)Journal::open(counter, both, repairs);
  CHECK(repairs.size() == 3);
  const auto expected = counting.files("/a");
  CHECK(counting.files("/b") == expected);
  for (const Cut cut : {Cut::before, Cut::half, Cut::after}) {
    for (std::size_t n = 1; n <= counter.effects(); ++n) {
      MemoryEnv disks = torn;
      FailingEnv env(disks);
      env.cut_power_at(n, cut);
      CHECK_THROWS_AS(Journal::open(env, both, repairs), PowerCut);
      CHECK(Journal::open(disks, both, repairs).size() == 8);
      CHECK(disks.files("/a") == expected);
      CHECK(disks.files("/b") == expected);
    }
  }
}

TEST_CASE("any one call that fails costs a medium at most, and nothing that was acknowledged") {
  MemoryEnv counting;
  FailingEnv counter(counting);
  std::vector<Repair> repairs;
  std::size_t acknowledged = 0;
  {
    Journal journal = open_or_create(counter, repairs);
    tell_story(journal, acknowledged);
  }
  for (std::size_t n = 1; n <= counter.calls(); ++n) {
    MemoryEnv disks;
    FailingEnv env(disks);
    env.fail_at(n);
    acknowledged = 0;
    INFO("call " << n);
    try {
      Journal journal = open_or_create(env, repairs);
      tell_story(journal, acknowledged);
      const auto failures = journal.take_failures();
      CHECK(failures.size() == 1);
      CHECK(journal.working().size() == 1);
      journal.write_sums();
      // The ceremony is closed; a medium that failed before its close comes back only as a copy of the other.
      MemoryEnv replaced = disks;
      FailingEnv again(replaced);
      std::vector<Repair> mended;
      journal = Journal::open(again, journal.working(), mended);
      journal.rejoin("/c", mended);
      journal.write_sums();
      CHECK(replaced.files("/c") == replaced.files(journal.working().front()));
    } catch (const ceremony::Refused& refused) {
      CHECK(acknowledged == 0);  // only where there is no journal yet
      resume_and_finish(disks, acknowledged);
    }
  }
}

TEST_CASE("any one call that fails while opening leaves ledgers that open") {
  MemoryEnv whole;
  {
    Journal journal = Journal::create(whole, both);
    whole_ceremony(journal, "first");
    write(journal, "second", "open");
    some_work(journal, "second");
  }
  std::vector<Repair> repairs;
  MemoryEnv counting = whole;
  counting.truncate("/b/transcript.log", counting.at("/b/transcript.log").size() - 200);
  const MemoryEnv behind = counting;
  FailingEnv counter(counting);
  (void)Journal::open(counter, both, repairs);
  for (std::size_t n = 1; n <= counter.calls(); ++n) {
    MemoryEnv disks = behind;
    FailingEnv env(disks);
    env.fail_at(n);
    INFO("call " << n);
    refused_with("env/failed", [&] { (void)Journal::open(env, both, repairs); });
    CHECK(Journal::open(disks, both, repairs).size() == 9);
    CHECK(disks.files("/a") == disks.files("/b"));
  }
}
