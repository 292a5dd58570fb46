#include "ceremony/ledger/value.h"

namespace ceremony::ledger {
namespace {
const Value::Array no_array;
const Value::Object no_object;
}  // namespace

const Value* Value::find(std::string_view key) const {
  const Object* fields = if_object();
  if (fields == nullptr) return nullptr;
  const auto at = fields->find(key);
  return at == fields->end() ? nullptr : &at->second;
}

std::string_view Value::text(std::string_view key) const {
  const Value* value = find(key);
  const std::string* text = value == nullptr ? nullptr : value->if_text();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::int64_t Value::number(std::string_view key, std::int64_t fallback) const {
  const Value* value = find(key);
  const std::int64_t* number = value == nullptr ? nullptr : value->if_number();
  return number == nullptr ? fallback : *number;
}

bool Value::boolean(std::string_view key, bool fallback) const {
  const Value* value = find(key);
  const bool* flag = value == nullptr ? nullptr : value->if_boolean();
  return flag == nullptr ? fallback : *flag;
}

std::vector<std::string> Value::texts(std::string_view key) const {
  std::vector<std::string> out;
  for (const Value& value : array(key)) {
    const std::string* text = value.if_text();
    if (text == nullptr) return {};
    out.push_back(*text);
  }
  return out;
}

const Value::Array& Value::array(std::string_view key) const {
  const Value* value = find(key);
  return value == nullptr ? no_array : value->array();
}

const Value::Object& Value::object(std::string_view key) const {
  const Value* value = find(key);
  return value == nullptr ? no_object : value->object();
}

const Value::Array& Value::array() const { return if_array() == nullptr ? no_array : *if_array(); }
const Value::Object& Value::object() const { return if_object() == nullptr ? no_object : *if_object(); }

Value& Value::set(std::string key, Value value) {
  Object* fields = std::get_if<Object>(&m_value);
  assert(fields != nullptr);
  fields->insert_or_assign(std::move(key), std::move(value));
  return *this;
}

}  // namespace ceremony::ledger
