// Procedure files that are not taken: steps in a wrong order and all other mistakes, and the exact text people read.
#include <catch2/catch_test_macros.hpp>
#include <stdexcept>

#include "ceremony/procedure/procedure.h"
#include "tests/unit/policy/one_mistake.h"
#include "tests/unit/shared/refusal_table.h"

using ceremony::procedure::Procedure;
using ceremony::procedure::read_procedure;
using ceremony::test::Change;
using ceremony::test::RefusalTable;
using ceremony::test::shipped;
using ceremony::test::with;

namespace {

/// A procedure as head and steps, so that a test can take a step out or move it.
class Steps {
 public:
  explicit Steps(std::string text) {
    for (auto at = text.find("[[step]]"); at != std::string::npos; at = text.find("[[step]]")) {
      m_parts.push_back(text.substr(0, at));
      text.erase(0, at);
      text.replace(0, 8, "[[_step]]");
    }
    m_parts.push_back(text);
    for (std::string& part : m_parts) {
      if (part.starts_with("[[_step]]")) part.replace(0, 9, "[[step]]");
    }
  }
  Steps& without(const std::string& id) {
    m_parts.erase(m_parts.begin() + at(id));
    return *this;
  }
  Steps& swap(const std::string& one, const std::string& other) {
    std::swap(m_parts[static_cast<std::size_t>(at(one))], m_parts[static_cast<std::size_t>(at(other))]);
    return *this;
  }
  Steps& again(const std::string& id) {
    const std::string copy = with(m_parts[static_cast<std::size_t>(at(id))], "id = \"" + id, "id = \"again-" + id);
    m_parts.insert(m_parts.begin() + at(id) + 1, copy);
    return *this;
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const std::string& part : m_parts) out += part;
    return out;
  }

 private:
  [[nodiscard]] std::ptrdiff_t at(const std::string& id) const {
    for (std::size_t i = 1; i < m_parts.size(); ++i) {
      if (m_parts[i].find("\nid = \"" + id + "\"\n") != std::string::npos) return static_cast<std::ptrdiff_t>(i);
    }
    throw std::out_of_range(id);
  }
  std::vector<std::string> m_parts;
};

/// "without sign-root", "swap sign-root approve-root", "again open" of any steps the two procedures have.
std::map<std::string, Change> changes_of_order() {
  std::map<std::string, Change> out = ceremony::test::changes_of_any_text();
  for (const char* const name : {"root-genesis.toml", "issue-intermediates.toml"}) {
    const Procedure procedure = read_procedure(name, shipped(name));
    for (const auto& step : procedure.steps) {
      const std::string& id = step.id;
      out["without " + id] = [id](std::string text) { return Steps(std::move(text)).without(id).text(); };
      out["again " + id] = [id](std::string text) { return Steps(std::move(text)).again(id).text(); };
      for (const auto& other : procedure.steps) {
        out["swap " + id + " " + other.id] = [id, other_id = other.id](std::string text) { return Steps(std::move(text)).swap(id, other_id).text(); };
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("every bad procedure is refused with the text of the table") {
  const RefusalTable table("procedure files", "procedure/procedure.refusals");
  const std::string genesis = shipped("root-genesis.toml");
  table.check_texts({{"genesis", genesis},
                     {"issuance", shipped("issue-intermediates.toml")},
                     {"head", genesis.substr(0, genesis.find("[[step]]"))},
                     {"policy", shipped("policy-rehearsal.toml")}},
                    [](const std::string& text) { (void)read_procedure("p.toml", text); }, changes_of_order());
  table.print_count();
}
