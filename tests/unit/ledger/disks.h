// Two ledgers with one closed ceremony and one that is open, to be spoilt.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

#include "ceremony/ledger/note.h"
#include "tests/unit/ledger/openssl.h"
#include "tests/unit/ledger/refusing.h"
#include "tests/unit/ledger/story.h"

namespace ceremony::testing {

inline const std::string origin = "ca.example.com/root";

inline std::string signed_head(const ledger::Journal& journal, bool with_person = false) {
  ledger::Note note{ledger::body(journal.head(origin)), {}};
  ledger::add_signature(note, origin, log_key().spki(), log_key().sign(note.text));
  if (with_person) ledger::add_signature(note, origin + "/ca1", person_key().spki(), person_key().sign(note.text));
  return ledger::write_note(note);
}

/// One closed ceremony with its checkpoint, and a second that is open.
struct Disks {
  MemoryEnv env;
  Disks() {
    ledger::Journal journal = ledger::Journal::create(env, both);
    whole_ceremony(journal, "first");
    journal.write_key("log", {origin, log_key().spki()});
    journal.write_checkpoint(signed_head(journal));
    journal.write_sums();
    write(journal, "second", "open");
    some_work(journal, "second");
  }
  Bytes& log(const Path& folder) { return env.at(folder / "transcript.log"); }
  ledger::Journal open(std::vector<ledger::Repair>& repairs) { return ledger::Journal::open(env, both, repairs); }
  std::string refusal_on_open() {
    const MemoryEnv before = env;
    std::vector<ledger::Repair> repairs;
    const std::string said = refusal([&] { (void)open(repairs); });
    MemoryEnv untouched = before;
    CHECK(env.files("/a") == untouched.files("/a"));
    CHECK(env.files("/b") == untouched.files("/b"));
    return said;
  }
  void equal() { CHECK(env.files("/a") == env.files("/b")); }
  void cut_last_lines(const Path& folder, int lines) {
    std::string text = as_text(log(folder));
    for (int i = 0; i < lines; ++i) text.resize(text.rfind('\n', text.size() - 2) + 1);
    log(folder) = as_bytes(text);
  }
  void change(const Path& folder, std::string_view from, std::string_view to) {
    std::string text = as_text(log(folder));
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    log(folder) = as_bytes(text.replace(at, from.size(), to));
  }
};

}  // namespace ceremony::testing
