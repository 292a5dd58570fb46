// The values a record's `d` can hold: integers up to 2^53, booleans, text, lists and objects. No null, no fractions.
// Knows nothing of JSON; record.cpp alone turns it into a line and back. Reading never throws: a field that is absent or
// of another type reads as empty, and whether it had to be there is the event table's business.
#pragma once

#include <cassert>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony::ledger {

class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::map<std::string, Value, std::less<>>;

  Value() : m_value(Object{}) {}
  Value(bool flag) : m_value(flag) {}
  template <std::integral T>
    requires(!std::same_as<T, bool> && !std::same_as<T, char>)
  Value(T number) : m_value(static_cast<std::int64_t>(number)) {
    assert(std::in_range<std::int64_t>(number));
  }
  Value(const char* text) : m_value(std::string(text)) {}
  Value(std::string text) : m_value(std::move(text)) {}
  Value(std::string_view text) : m_value(std::string(text)) {}
  Value(const Digest& digest) : m_value(hex(digest)) {}
  Value(const std::vector<std::string>& texts) : m_value(Array(texts.begin(), texts.end())) {}
  Value(Array list) : m_value(std::move(list)) {}
  Value(Object object) : m_value(std::move(object)) {}
  /// `Value{{"key", "root"}, {"size", 384}}` is an object; the later of two equal keys is an error of ours.
  Value(std::initializer_list<std::pair<const std::string, Value>> fields) : m_value(Object(fields)) {
    assert(object().size() == fields.size());
  }

  bool operator==(const Value&) const = default;

  [[nodiscard]] const std::int64_t* if_number() const { return std::get_if<std::int64_t>(&m_value); }
  [[nodiscard]] const bool* if_boolean() const { return std::get_if<bool>(&m_value); }
  [[nodiscard]] const std::string* if_text() const { return std::get_if<std::string>(&m_value); }
  [[nodiscard]] const Array* if_array() const { return std::get_if<Array>(&m_value); }
  [[nodiscard]] const Object* if_object() const { return std::get_if<Object>(&m_value); }

  /// The field `key` of an object, or nullptr.
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] std::string_view text(std::string_view key) const;
  [[nodiscard]] std::int64_t number(std::string_view key, std::int64_t fallback = 0) const;
  [[nodiscard]] bool boolean(std::string_view key, bool fallback = false) const;
  /// The texts of a list of texts; a list with anything else in it reads as empty.
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  [[nodiscard]] const Array& array(std::string_view key) const;
  [[nodiscard]] const Object& object(std::string_view key) const;
  /// This value's own list or object; empty if it is something else.
  [[nodiscard]] const Array& array() const;
  [[nodiscard]] const Object& object() const;

  /// Sets a field of an object (asserts that this is one); returns this, to be chained.
  Value& set(std::string key, Value value);

 private:
  std::variant<std::int64_t, bool, std::string, Array, Object> m_value;
};

}  // namespace ceremony::ledger
