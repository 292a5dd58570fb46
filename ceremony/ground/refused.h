// The one exception for what the outside world can cause. Bugs are assertions; errors of Botan, libp11, OpenSSL, std
// and the system are turned into it in the file that calls them. Caught at the conductor's step boundary and in main.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <vector>

namespace ceremony {

/// One thing that is wrong. `what`: a lower-case fact with the offending value quoted. `where`: file:line:column, field,
/// medium or person; may be empty. `hint`: what a person does next, one sentence.
struct Finding {
  std::string what;
  std::string where;
  std::string hint;
};

/// Each folder has a closed `enum class …Refusal` and a `constexpr std::string_view name_of(…Refusal)` beside it
/// ("ledger/forked"), so that a test asserts which layer said no.
template <typename E>
concept RefusalCode = std::is_enum_v<E> && requires(E e) { { name_of(e) } -> std::convertible_to<std::string_view>; };

class Refused final : public std::exception {
 public:
  template <RefusalCode E>
  Refused(E code, std::string what, std::string where, std::string hint)
      : Refused(code, std::vector<Finding>{{std::move(what), std::move(where), std::move(hint)}}) {}
  /// Several mistakes of one file, all at once; at least one.
  template <RefusalCode E>
  Refused(E code, std::vector<Finding> findings)
      : m_type(typeid(E)), m_value(static_cast<int>(code)), m_name(name_of(code)), m_findings(std::move(findings)) {
    make_text();
  }

  template <RefusalCode E>
  [[nodiscard]] bool is(E code) const { return m_type == typeid(E) && m_value == static_cast<int>(code); }
  [[nodiscard]] std::string_view code() const { return m_name; }
  [[nodiscard]] const std::vector<Finding>& findings() const { return m_findings; }
  /// All findings: `error: [where: ]what` and `hint: …` lines, without a final LF.
  [[nodiscard]] const char* what() const noexcept override { return m_text.c_str(); }

 private:
  void make_text();

  std::type_index m_type;
  int m_value;
  std::string m_name;
  std::vector<Finding> m_findings;
  std::string m_text;
};

}  // namespace ceremony
