// What a printed script is made of, in Markdown or in HTML. Everything that comes in is text: it is escaped here, so that a
// file's words cannot become markup. An empty cell is a place to write in by hand.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ceremony::procedure {

class Sheet final {
 public:
  enum class Form { markdown, html };
  /// `banner` and `line` stand on top of every page of the HTML, and on top of the Markdown and of each of its parts.
  Sheet(Form form, std::string_view name, std::string_view banner, std::string_view line);

  void title(std::string_view text);
  /// What follows begins on a page of its own.
  void new_page();
  void heading(std::string_view text);
  /// Paragraphs are parted by empty lines.
  void prose(std::string_view text);
  void aside(std::string_view label, std::string_view text);
  void checklist(const std::vector<std::string>& lines);
  /// A row has as many cells as `names`; a table whose names are all empty is printed without a head.
  void table(const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& rows);
  /// What follows, to end_step, is kept on one page where it fits.
  void step(std::string_view number, std::string_view name, std::string_view id, std::string_view line);
  void end_step();

  [[nodiscard]] std::string text() &&;

 private:
  [[nodiscard]] std::string escaped(std::string_view text) const;
  void row(const std::vector<std::string>& cells, std::string_view tag);

  Form m_form;
  std::string m_banner;
  std::string m_out;
};

}  // namespace ceremony::procedure
