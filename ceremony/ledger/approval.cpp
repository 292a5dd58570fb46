#include "ceremony/ledger/approval.h"

#include <algorithm>
#include <set>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/text.h"

namespace ceremony::ledger {
namespace {

constexpr std::size_t text_limit = 65536;
constexpr std::size_t batch_limit = std::size_t{16} << 20;
constexpr std::string_view act_head = "ceremony-act/v1\n";
constexpr std::string_view batch_head = "ceremony-batch/v1\n";
constexpr std::size_t digest_digits = 64;

[[noreturn]] void bad_text(std::string what, std::string_view where) {
  throw Refused(LedgerRefusal::text, std::move(what), std::string(where), "correct the value, or take the file from another copy of the ledger");
}

/// The value as a line's content: what goes in comes out again as one line, and not as an empty one.
std::string in_line(std::string_view value, std::string_view field) {
  if (value.empty()) bad_text("the value is empty", field);
  if (!is_line(value)) bad_text("the value " + shown(value) + " holds a control character or is not UTF-8", field);
  return std::string(value);
}

bool is_act_key(std::string_view key) {
  return !key.empty() && key.size() <= 64 &&
         std::ranges::all_of(key, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

bool is_serial(std::string_view text) {
  return !text.empty() && text.size() <= digest_digits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// The lines of `text` after `head`; each must end with LF.
template <typename EachLine>
void for_lines(std::string_view text, std::string_view head, std::size_t limit, std::string_view where, EachLine each_line) {
  if (text.size() > limit) bad_text("the text is larger than " + std::to_string(limit) + " bytes", where);
  if (!text.starts_with(head)) bad_text("the first line is not " + std::string(head.substr(0, head.size() - 1)), where);
  std::string_view rest = text.substr(head.size());
  while (const auto line = take_line(rest)) each_line(*line);
  if (!rest.empty()) bad_text("the last line does not end with a line feed", where);
}

}  // namespace

std::string approval_message(std::string_view origin, std::string_view ceremony, const Digest& open_leaf, std::string_view act, const Digest& of_bytes) {
  return "ceremony-approval/v1\n" + in_line(origin, "origin") + "\n" + in_line(ceremony, "ceremony") + "\n" + hex(open_leaf) + "\n" + in_line(act, "act") + "\n" +
         hex(of_bytes) + "\n";
}

std::string enrolment_statement(std::string_view origin, std::string_view ceremony, const Digest& open_leaf, const Enrolment& enrolment) {
  const std::set<std::string> roles(enrolment.roles.begin(), enrolment.roles.end());
  std::string role_list;
  for (const std::string& role : roles) {
    if (!is_act_key(role)) bad_text("the role " + shown(role) + " is not of a-z, 0-9 and -", "roles");
    role_list += (role_list.empty() ? "" : ",") + role;
  }
  auto or_none = [](const std::string& text) { return text.empty() ? std::string("none") : text; };
  return "ceremony-enrolment/v1\norigin: " + in_line(origin, "origin") + "\nceremony: " + in_line(ceremony, "ceremony") + "\nopen: " + hex(open_leaf) +
         "\nperson: " + in_line(enrolment.person, "person") + "\nroles: " + in_line(role_list, "roles") + "\nkey: " + hex(enrolment.key) +
         "\nage: " + in_line(or_none(enrolment.age_recipient), "age") + "\nreplaces: " + in_line(or_none(enrolment.replaces), "replaces") + "\n";
}

std::string challenge_text(std::string_view origin, std::string_view ceremony, const Digest& open_leaf, std::string_view key_id, std::string_view label) {
  return "ceremony-proof/v1\n" + in_line(origin, "origin") + "\n" + in_line(ceremony, "ceremony") + "\n" + hex(open_leaf) + "\n" + in_line(key_id, "key id") + "\n" +
         in_line(label, "label") + "\n";
}

std::string act_artifact(const Act& act) {
  if (act.empty()) bad_text("an act has no field", "act");
  std::string out(act_head);
  for (const auto& [key, value] : act) {
    if (!is_act_key(key)) bad_text("the field name " + shown(key) + " is not of a-z, 0-9 and -", "act");
    out += key + ": " + in_line(value, key) + "\n";
  }
  if (out.size() > text_limit) bad_text("the act is larger than " + std::to_string(text_limit) + " bytes", "act");
  return out;
}

Act parse_act(std::string_view text, std::string_view where) {
  Act out;
  for_lines(text, act_head, text_limit, where, [&](std::string_view line) {
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) bad_text("a line is not \"key: value\": " + shown(line), where);
    if (!out.emplace(line.substr(0, colon), line.substr(colon + 2)).second) bad_text("a field stands twice: " + shown(line), where);
  });
  if (act_artifact(out) != text) bad_text("the act's lines are not sorted by field", where);
  return out;
}

std::string batch_artifact(std::vector<BatchLine> lines) {
  if (lines.empty()) bad_text("a batch has no line", "batch");
  std::ranges::sort(lines);
  std::set<std::string_view> serials;
  std::string out(batch_head);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const BatchLine& line = lines[i];
    if (!is_serial(line.serial)) bad_text("the serial " + shown(line.serial) + " is not lower-case hex", "batch");
    if (!serials.insert(line.serial).second) bad_text("the serial " + shown(line.serial) + " stands twice", "batch");
    if (i > 0 && line.tbs == lines[i - 1].tbs) bad_text("the certificate " + hex(line.tbs) + " stands twice", "batch");
    out += hex(line.tbs) + "  " + line.serial + "  " + in_line(line.subject, "subject") + "\n";
  }
  if (out.size() > batch_limit) bad_text("the batch is larger than " + std::to_string(batch_limit) + " bytes", "batch");
  return out;
}

std::vector<BatchLine> parse_batch(std::string_view text, std::string_view where) {
  std::vector<BatchLine> out;
  for_lines(text, batch_head, batch_limit, where, [&](std::string_view line) {
    const auto digest = digest_from_hex(line.substr(0, digest_digits));
    const auto serial_end = line.find("  ", std::min(line.size(), digest_digits + 2));
    if (!digest || line.substr(digest_digits, 2) != "  " || serial_end == std::string_view::npos)
      bad_text("a line is not digest, serial, subject: " + shown(line), where);
    out.push_back({*digest, std::string(line.substr(digest_digits + 2, serial_end - digest_digits - 2)), std::string(line.substr(serial_end + 2))});
  });
  if (batch_artifact(out) != text) bad_text("the batch's lines are not sorted", where);
  return out;
}

}  // namespace ceremony::ledger
