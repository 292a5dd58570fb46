// A small ceremony on two ledgers, as verbs: what the journal's tests read like.
#pragma once

#include <string>
#include <vector>

#include "ceremony/ledger/journal.h"
#include "tests/unit/ledger/memory_env.h"

namespace ceremony::testing {

inline const std::vector<Path> both{"/a", "/b"};

inline ledger::Record make_record(std::uint64_t n, std::string ceremony, std::string event, ledger::Value fields = {}) {
  ledger::Record r;
  r.n = n;
  r.t = Time(std::chrono::seconds(1795348800 + static_cast<std::int64_t>(n)));
  r.c = std::move(ceremony);
  r.ev = std::move(event);
  r.step = "step-" + std::to_string(n);
  r.who = {"ca1"};
  r.d = std::move(fields);
  return r;
}

inline void write(ledger::Journal& journal, const std::string& ceremony, const std::string& event, ledger::Value fields = {}) {
  journal.append(make_record(journal.size(), ceremony, event, std::move(fields)));
}

/// An artifact and the record that names it; a private text and the record that names it; then a record that names none.
inline void some_work(ledger::Journal& journal, const std::string& ceremony) {
  const auto artifact = journal.put_artifact(as_view("artifact of " + ceremony));
  write(journal, ceremony, "intent", ledger::Value{{"tbs", artifact}});
  constexpr std::array<std::uint8_t, 16> salt{1, 2, 3};
  const auto name = journal.put_private("Ada of " + ceremony, salt);
  write(journal, ceremony, "enrol", ledger::Value{{"name", name}});
  write(journal, ceremony, "clock");
}

inline void whole_ceremony(ledger::Journal& journal, const std::string& ceremony) {
  write(journal, ceremony, "open");
  some_work(journal, ceremony);
  write(journal, ceremony, "close");
}

}  // namespace ceremony::testing
