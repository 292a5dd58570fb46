// The closed table of events and their fields: what is not in it does not exist (rule LOG-1). EVENTS.md is the same
// table for people, with the rules that read each field; a test keeps the two equal.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ledger/record.h"

namespace ceremony::ledger {

enum class FieldType {
  text,     ///< 1 to 1024 characters
  integer,  ///< 0 to 2^53
  boolean,
  digest,      ///< SHA-256, 64 lower-case hex characters
  hex,         ///< lower-case hex, at least one byte
  base64,      ///< canonical, padded
  time,        ///< RFC 3339 UTC, seconds
  person,      ///< [a-z0-9-]{1,16}
  people,      ///< array of persons, each once
  texts,       ///< array of text
  map,         ///< object of text
  digest_map,  ///< object of digests
  choice,      ///< one of `values`, written a|b|c
  digest_or_none,  ///< a digest, or the text "none"
};

struct Field {
  std::string_view name;
  FieldType type;
  bool required;
  std::string_view values;
};

struct Event {
  std::string_view name;
  std::span<const Field> fields;
  std::string_view meaning;
  std::string_view rules;  ///< ids of the rules that read it
};

/// All events, in the order of EVENTS.md.
[[nodiscard]] std::span<const Event> events();
[[nodiscard]] const Event* find_event(std::string_view name);
/// The word EVENTS.md uses for a type.
[[nodiscard]] std::string_view name_of(FieldType type);

/// EVENTS.md's part that is made from the table, whole.
[[nodiscard]] std::string events_page();

/// What is wrong with the record's event and fields, a sentence each; empty if nothing. A record with res `fail` may
/// leave out every field but `reason`, which is required there and not allowed elsewhere.
[[nodiscard]] std::vector<std::string> check_fields(const Record& record);

}  // namespace ceremony::ledger
