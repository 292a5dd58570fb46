#include "ceremony/procedure/sheet.h"

#include <algorithm>
#include <utility>

namespace ceremony::procedure {

namespace {

constexpr std::string_view blank = "……………";

// Legible on paper without colour; a step is not torn apart, a table's head comes again on the next page. The whole text is
// the one cell of a table whose head is the banner: browsers repeat a table's head on every page, and nothing else everywhere.
constexpr std::string_view style = R"(
@page { size: auto; margin: 14mm 16mm 18mm; @bottom-right { content: counter(page) " / " counter(pages); font: 9pt serif } }
body { font: 11pt/1.45 "DejaVu Serif", Georgia, serif; color: #000; background: #fff; max-width: 180mm; margin: 1em auto; orphans: 3; widows: 3 }
h1 { font-size: 20pt; margin: 0 0 .3em } h2 { font-size: 14pt; margin: 1.6em 0 .4em; border-bottom: 1.5pt solid #000; break-after: avoid }
h3 { font-size: 12pt; margin: 0 0 .2em; break-after: avoid } code { font: 10pt "DejaVu Sans Mono", monospace }
table.pages, table.pages td.page { border: 0; margin: 0; padding: 0 } td.page { width: 100% } .new-page { break-before: page }
.banner { border: 2.5pt solid #000; padding: .3em .6em; margin: 0; font-weight: bold; text-align: center; letter-spacing: .05em }
.running { font-size: 8.5pt; text-align: right; margin: .2em 0 1em }
.step { border: 1pt solid #000; padding: .7em .9em; margin: 0 0 1em; break-inside: avoid }
.who { font-weight: bold; margin: 0 0 .5em } .aside { font-size: 9.5pt; margin: .4em 0; padding-left: .8em; border-left: 2pt solid #000 }
p { margin: 0 0 .6em } table { border-collapse: collapse; width: 100%; margin: .5em 0 } thead { display: table-header-group }
th { font-size: 8.5pt; text-align: left } th, td { border: .6pt solid #000; padding: .2em .4em; vertical-align: top; overflow-wrap: anywhere }
td.blank { height: 2.1em; min-width: 5em } td.lines { white-space: pre-line } tr { break-inside: avoid } table.pages, table.pages tr.pages { break-inside: auto }
ul { list-style: none; padding: 0 } li { margin: .25em 0; padding-left: 1.8em; text-indent: -1.8em }
li::before { content: "☐"; font-family: "DejaVu Sans", sans-serif; display: inline-block; width: 1.8em; text-indent: 0 }
)";

std::vector<std::string_view> paragraphs(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto gap = text.find("\n\n");
    const std::string_view each = text.substr(0, gap);
    if (each.find_first_not_of("\n \t") != std::string_view::npos) out.push_back(each);
    text = gap == std::string_view::npos ? std::string_view() : text.substr(gap + 2);
  }
  return out;
}

}  // namespace

Sheet::Sheet(Form form, std::string_view name, std::string_view banner, std::string_view line) : m_form(form), m_banner(banner) {
  if (m_form == Form::html) {
    m_out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>" + escaped(name) + "</title>\n<style>" + std::string(style) +
            "</style>\n</head>\n<body>\n<table class=\"pages\">\n<thead><tr><td class=\"page\"><p class=\"banner\">" + escaped(banner) + "</p><p class=\"running\">" +
            escaped(line) + "</p></td></tr></thead>\n<tbody><tr class=\"pages\"><td class=\"page\">\n";
  } else {
    m_out = "**" + escaped(banner) + "** · " + escaped(line) + "\n\n";
  }
}

std::string Sheet::escaped(std::string_view text) const {
  std::string out;
  for (const char c : text) {
    if (m_form == Form::html) {
      switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        default: out += c;
      }
    } else {
      // CommonMark: a backslash before ASCII punctuation takes its meaning away.
      if (std::string_view("\\`*_[]<>|#&~").find(c) != std::string_view::npos) out += '\\';
      out += c == '\n' ? ' ' : c;
    }
  }
  return out;
}

void Sheet::title(std::string_view text) {
  m_out += m_form == Form::html ? "<h1>" + escaped(text) + "</h1>\n" : "# " + escaped(text) + "\n\n";
}

void Sheet::new_page() {
  m_out += m_form == Form::html ? "<div class=\"new-page\"></div>\n" : "---\n\n**" + escaped(m_banner) + "**\n\n";
}

void Sheet::heading(std::string_view text) {
  m_out += m_form == Form::html ? "<h2>" + escaped(text) + "</h2>\n" : "## " + escaped(text) + "\n\n";
}

void Sheet::prose(std::string_view text) {
  for (const std::string_view each : paragraphs(text)) {
    m_out += m_form == Form::html ? "<p>" + escaped(each) + "</p>\n" : escaped(each) + "\n\n";
  }
}

void Sheet::aside(std::string_view label, std::string_view text) {
  bool first = true;
  for (const std::string_view each : paragraphs(text)) {
    const std::string name = first ? escaped(label) + ":" : std::string();
    if (m_form == Form::html) {
      m_out += "<p class=\"aside\">" + (first ? "<strong>" + name + "</strong> " : name) + escaped(each) + "</p>\n";
    } else {
      m_out += "> " + (first ? "**" + name + "** " : name) + escaped(each) + "\n\n";
    }
    first = false;
  }
}

void Sheet::checklist(const std::vector<std::string>& lines) {
  if (m_form == Form::html) m_out += "<ul>\n";
  for (const std::string& each : lines) {
    m_out += m_form == Form::html ? "<li>" + escaped(each) + "</li>\n" : "- ☐ " + escaped(each) + "\n";
  }
  m_out += m_form == Form::html ? "</ul>\n" : "\n";
}

void Sheet::row(const std::vector<std::string>& cells, std::string_view tag) {
  if (m_form == Form::html) {
    m_out += "<tr>";
    for (const std::string& each : cells) {
      const std::string_view kind = each.empty() && tag == "td" ? " class=\"blank\"" : each.find('\n') != std::string::npos ? " class=\"lines\"" : "";
      m_out += "<" + std::string(tag) + std::string(kind) + ">" + escaped(each) + "</" + std::string(tag) + ">";
    }
    m_out += "</tr>\n";
    return;
  }
  m_out += "|";
  for (const std::string& each : cells) m_out += " " + (each.empty() && tag == "td" ? std::string(blank) : escaped(each)) + " |";
  m_out += "\n";
}

void Sheet::table(const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& rows) {
  const bool headed = std::ranges::any_of(names, [](const std::string& name) { return !name.empty(); });
  if (m_form == Form::html) m_out += "<table>\n";
  if (m_form == Form::html && headed) m_out += "<thead>\n";
  if (m_form == Form::markdown || headed) row(names, "th");
  if (m_form == Form::html && headed) m_out += "</thead>\n";
  if (m_form == Form::markdown) {
    m_out += "|";
    for (std::size_t i = 0; i < names.size(); ++i) m_out += "---|";
    m_out += "\n";
  }
  for (const auto& each : rows) row(each, "td");
  m_out += m_form == Form::html ? "</table>\n" : "\n";
}

void Sheet::step(std::string_view number, std::string_view name, std::string_view id, std::string_view line) {
  if (m_form == Form::html) {
    m_out += "<div class=\"step\">\n<h3>" + escaped(number) + " · " + escaped(name) + " <code>[" + escaped(id) + "]</code></h3>\n<p class=\"who\">" +
             escaped(line) + "</p>\n";
  } else {
    m_out += "### " + escaped(number) + " · " + escaped(name) + " `[" + std::string(id) + "]`\n\n**" + escaped(line) + "**\n\n";
  }
}

void Sheet::end_step() {
  if (m_form == Form::html) m_out += "</div>\n";
}

std::string Sheet::text() && {
  if (m_form == Form::html) m_out += "</td></tr></tbody>\n</table>\n</body>\n</html>\n";
  return std::move(m_out);
}

}  // namespace ceremony::procedure
