// Which records go along with a factory's bundle, and the file they go in.
#include <algorithm>
#include <set>

#include "ceremony/ledger/proof.h"
#include "ceremony/report/bundle_records.h"
#include "ceremony/report/verdict.h"

namespace ceremony::report {
namespace {

using ledger::Record;

constexpr std::string_view before_proof = "{\"proof\":\"", before_record = "\",\"record\":", after_record = "}";

bool is(const Record& r, std::string_view event) { return r.ok && r.ev == event; }

/// The intent, its results for this TBS and its approvals.
void add_signature(const std::vector<Record>& records, const std::string& ceremony, std::string_view intent, std::string_view tbs, std::set<std::uint64_t>& out) {
  std::string act, approved;
  for (const Record& r : records) {
    if (r.c != ceremony) continue;
    if (is(r, "intent") && r.d.text("id") == intent) {
      out.insert(r.n);
      act = r.d.text("act");
      approved = r.d.text("tbs");
    }
    if (is(r, "result") && r.d.text("id") == intent && r.d.text("tbs") == tbs) out.insert(r.n);
  }
  for (const Record& r : records)
    if (r.c == ceremony && is(r, "approve") && r.d.text("act") == act && r.d.text("sha256") == approved) out.insert(r.n);
}

/// The newest enrolment of everybody who approved, and the opens whose leaves those signatures bind to.
void add_people(const std::vector<Record>& records, std::set<std::uint64_t>& out) {
  std::map<std::string, std::uint64_t> enrolled;
  std::set<std::string> approvers, ceremonies;
  for (const std::uint64_t n : out) {
    const Record& r = records.at(n);
    if (is(r, "approve")) approvers.emplace(r.d.text("person"));
    ceremonies.insert(r.c);
  }
  for (const Record& r : records) {
    if (r.n > *out.rbegin()) break;
    if (is(r, "enrol")) enrolled[std::string(r.d.text("person"))] = r.n;
  }
  for (const std::string& person : approvers)
    if (const auto found = enrolled.find(person); found != enrolled.end()) {
      out.insert(found->second);
      ceremonies.insert(records.at(found->second).c);
    }
  for (const Record& r : records)
    if (is(r, "open") && ceremonies.contains(r.c)) out.insert(r.n);
}

}  // namespace

std::vector<std::uint64_t> records_for_bundle(const std::vector<Record>& records, const std::vector<Digest>& certificates, const Digest& manifest) {
  std::set<std::uint64_t> out;
  const auto exported = std::ranges::find_if(records, [&](const Record& r) { return is(r, "export") && r.d.text("kind") == "bundle" && r.d.text("sha256") == hex(manifest); });
  if (exported == records.end()) return {};
  out.insert(exported->n);
  std::uint64_t policy = records.size();
  for (const Record& r : records) {
    if (is(r, "policy") && r.n < exported->n) policy = r.n;
    const bool of_bundle = is(r, "issue") && std::ranges::find(certificates, digest_from_hex(r.d.text("certificate")).value_or(Digest{})) != certificates.end();
    if (!of_bundle && !(is(r, "crl") && r.c == exported->c)) continue;
    out.insert(r.n);
    add_signature(records, r.c, r.d.text("intent"), r.d.text("tbs"), out);
  }
  if (policy < records.size()) out.insert(policy);
  add_people(records, out);
  return {out.begin(), out.end()};
}

std::string write_bundle_records(const std::vector<std::string>& lines, const ledger::Tree& tree, std::string_view checkpoint,
                                 const std::vector<std::uint64_t>& which) {
  const std::uint64_t size = ledger::parse_checkpoint(checkpoint, "checkpoint").checkpoint.size;
  std::string out;
  for (const std::uint64_t n : which) {
    const std::string proof = ledger::write_proof({lines.at(n), n, tree.inclusion_proof(n, size), std::string(checkpoint)});
    out += std::string(before_proof) + base64(as_view(proof)) + std::string(before_record) + lines.at(n) + std::string(after_record) + "\n";
  }
  return out;
}

std::vector<ProvenRecord> read_bundle_records(std::string_view text) {
  const auto bad = [](std::size_t line, std::string what) -> Refused {
    return {ReportRefusal::records, std::move(what), "log/records.jsonl:" + std::to_string(line), "take the bundle from its medium again"};
  };
  std::vector<ProvenRecord> out;
  for (std::size_t at = 0, line_number = 1; at < text.size(); ++line_number) {
    const auto end = text.find('\n', at);
    if (end == std::string_view::npos) throw bad(line_number, "the last line has no line feed");
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const auto middle = line.find(before_record);
    if (!line.starts_with(before_proof) || middle == std::string_view::npos || !line.ends_with(after_record)) throw bad(line_number, "the line is not a proof and a record");
    const auto proof = unbase64(line.substr(before_proof.size(), middle - before_proof.size()));
    if (!proof) throw bad(line_number, "the proof is not base64");
    line = line.substr(middle + before_record.size());
    line.remove_suffix(after_record.size());
    const std::string where = "log/records.jsonl:" + std::to_string(line_number);
    out.push_back({ledger::parse_record(line, where), ledger::leaf_hash(line), ledger::parse_proof(as_text(*proof), where)});
    if (out.back().proof.line != line) throw bad(line_number, "the proof is of another record");
    if (out.size() > 4096) throw bad(line_number, "more than 4096 records");
  }
  return out;
}

}  // namespace ceremony::report
