// Strict TOML: a reader that takes what it knows and reports everything else. All mistakes of a file come back at once,
// each with file:line:column (of TOML syntax errors the first, which is all the library knows).
//
// Use: open the text, take every key you know from each Table, then call done(). Getters never throw for bad input; they
// note a finding and return a harmless default. done() notes every key that nobody asked for, and throws if anything was
// noted. `note` adds a finding of the caller's own at the place of a key.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"

namespace ceremony::toml_file {

enum class TomlRefusal { syntax, mistakes };
[[nodiscard]] constexpr std::string_view name_of(TomlRefusal code) {
  return code == TomlRefusal::syntax ? "toml/syntax" : "toml/mistakes";
}

/// `text` in quotes for a terminal: never more than a line of it, never a control byte.
[[nodiscard]] std::string quoted(std::string_view text);

class Document;

/// A view of one table of a Document, valid while the Document lives. Cheap to copy.
class Table final {
 public:
  /// Required values: an absent key or a wrong type is a finding, and the default comes back.
  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  [[nodiscard]] Table table(std::string_view key) const;
  [[nodiscard]] std::vector<Table> tables(std::string_view key) const;  ///< [[key]]
  /// Optional values: absent is the fallback, a wrong type is a finding.
  [[nodiscard]] std::string text_or(std::string_view key, std::string_view fallback) const;
  [[nodiscard]] std::int64_t integer_or(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t fallback) const;
  [[nodiscard]] bool boolean_or(std::string_view key, bool fallback) const;
  [[nodiscard]] std::vector<std::string> texts_or(std::string_view key, std::vector<std::string> fallback) const;
  [[nodiscard]] std::optional<Table> table_if(std::string_view key) const;
  [[nodiscard]] std::vector<Table> tables_if(std::string_view key) const;  ///< none where the key is absent

  [[nodiscard]] bool has(std::string_view key) const;
  /// Whether the key is there and the getter that asked for it noted nothing: for checks that need two keys.
  [[nodiscard]] bool good(std::string_view key) const;
  /// Keys of this table in the order of the file, for tables whose keys are names (people, quorums). Marks them known.
  [[nodiscard]] std::vector<std::string> keys() const;
  /// file:line:column of a key, or of the table where the key is absent or empty.
  [[nodiscard]] std::string where(std::string_view key = {}) const;
  /// A finding of the caller's own at that place; dropped where a getter already noted one at this key, or the table is
  /// absent (which is a finding already): one mistake, one finding.
  void note(std::string_view key, std::string what, std::string hint) const;

 private:
  friend class Document;
  friend struct Reading;
  Table(Document* document, const void* node, std::string path) : m_document(document), m_node(node), m_path(std::move(path)) {}
  Document* m_document;
  const void* m_node;  ///< toml++'s table, or null for the empty stand-in of an absent one
  std::string m_path;  ///< dotted, for findings
};

class Document final {
 public:
  /// Throws Refused{TomlRefusal::syntax} with file:line:column. `name` is how findings call the file. At most 1 MiB.
  Document(std::string name, std::string_view text);
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  [[nodiscard]] Table root();
  /// For files whose first words are format = "…/v1": where another format stands there, this is another kind of file, and the
  /// rest of it is not looked at. `kind` is how people call the file: "policy". Throws Refused{TomlRefusal::mistakes}.
  void require_format(std::string_view kind, std::string_view format);
  /// Throws Refused{TomlRefusal::mistakes} with every finding in the order of the file; fine if there is none.
  void done();
  [[nodiscard]] bool clean() const;

 private:
  friend class Table;
  friend struct Reading;
  struct Inside;
  std::unique_ptr<Inside> m_inside;
};

}  // namespace ceremony::toml_file
