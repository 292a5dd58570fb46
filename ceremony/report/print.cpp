#include <nlohmann/json.hpp>

#include "ceremony/report/verdict.h"

namespace ceremony::report {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

/// Words in lines of at most 100 columns, each indented by two.
std::string wrapped(const std::vector<std::string>& words) {
  constexpr std::size_t width = 100;
  std::string out, line;
  for (const std::string& word : words) {
    if (!line.empty() && line.size() + word.size() + 2 > width) out += "  " + line + "\n", line.clear();
    line += (line.empty() ? "" : " ") + word;
  }
  return line.empty() ? "  none\n" : out + "  " + line + "\n";
}

std::string section(std::string_view title, const std::vector<std::string>& lines) {
  std::string out = std::string(title) + "\n";
  for (const std::string& line : lines) out += "  " + line + "\n";
  if (lines.empty()) out += "  none\n";
  return out;
}

std::vector<std::string> of(const std::vector<state::Violation>& violations) {
  std::vector<std::string> lines;
  for (const state::Violation& v : violations) lines.push_back(v.rule + " at record " + std::to_string(v.n) + ": " + v.what);
  return lines;
}

std::string headline(const Verdict& v) {
  if (!v.consistent) return "NOT CONSISTENT: " + std::to_string(v.violations.size()) + " violation" + (v.violations.size() == 1 ? "" : "s");
  if (v.pinned == false) return "FOREIGN LOG KEY: consistent in itself, and not the log you pinned";
  if (v.pinned == true) return "VERIFIED under the pinned log key";
  return "CONSISTENT, NOT PINNED: nobody has said whose log this is";
}

std::string rests_on(const Verdict& v) {
  std::string out = "  the log key " + (v.log_key ? hex(*v.log_key) : "(there is none)") + "\n";
  if (!v.pinned) out += "  no pin was given: compare that key with the people's receipts and give it as --pin\n";
  if (v.pinned == true) out += "  it is the one you pinned\n";
  if (v.pinned == false) out += "  it is NOT the one you pinned\n";
  return out;
}

nlohmann::json json_of(const std::vector<state::Violation>& violations) {
  auto out = nlohmann::json::array();
  for (const state::Violation& v : violations) out.push_back({{"rule", v.rule}, {"record", v.n}, {"what", v.what}});
  return out;
}

}  // namespace

std::string text(const Verdict& v) {
  std::string out = headline(v) + "\n" + (v.is_bundle ? "Bundle of " : "Log of ") + (v.origin.empty() ? "?" : v.origin) +
                    (v.environment == "rehearsal" ? ", a REHEARSAL: nothing here has any value" : "") + "\n\n";
  if (!v.violations.empty()) out += section("Violations", of(v.violations)) + "\n";
  out += "What this rests on\n" + rests_on(v);
  out += "Proved (by signatures and digests on the log)\n" + wrapped(v.proved);
  out += "Asserted (the appliance's word: key attributes, restore, read-back, clock, self-test)\n" + wrapped(v.asserted);
  std::vector<std::string> lines;
  for (const Span& span : v.people_only)
    lines.push_back("records " + std::to_string(span.first) + " to " + std::to_string(span.last) + ", ceremony " + span.ceremony + " (" + span.why + ")");
  out += section("Vouched for by people only, without the log key", lines);
  out += section("Waivers", of(v.waived));
  out += section("Not checked", v.not_checked);
  lines.clear();
  for (const Approved& a : v.approvals) lines.push_back(a.act + " " + a.what + ": " + joined(a.people));
  out += section("Who approved", lines);
  lines.clear();
  for (const Count& count : v.counts) lines.push_back(std::to_string(count.count) + " " + count.what);
  out += "Counts\n" + std::string("  ") + joined(lines) + "\n";
  if (!v.notes.empty()) out += section("Notes", v.notes);
  return out;
}

std::string json(const Verdict& v) {
  nlohmann::json out;
  out["kind"] = v.is_bundle ? "bundle" : "ledger";
  out["origin"] = v.origin;
  out["environment"] = v.environment;
  out["consistent"] = v.consistent;
  out["pin"] = !v.pinned ? "none" : *v.pinned ? "match" : "foreign";
  out["log_key"] = v.log_key ? nlohmann::json(hex(*v.log_key)) : nlohmann::json();
  out["exit"] = v.exit_code();
  out["violations"] = json_of(v.violations);
  out["waived"] = json_of(v.waived);
  out["proved"] = v.proved;
  out["asserted"] = v.asserted;
  out["not_checked"] = v.not_checked;
  out["notes"] = v.notes;
  out["people_only"] = nlohmann::json::array();
  for (const Span& s : v.people_only) out["people_only"].push_back({{"ceremony", s.ceremony}, {"first", s.first}, {"last", s.last}, {"why", s.why}});
  out["approvals"] = nlohmann::json::array();
  for (const Approved& a : v.approvals)
    out["approvals"].push_back({{"ceremony", a.ceremony}, {"act", a.act}, {"what", a.what}, {"sha256", hex(a.digest)}, {"people", a.people}});
  for (const Count& count : v.counts) out["counts"][count.what] = count.count;
  return out.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ceremony::report
