#include <algorithm>

#include "ceremony/ledger/text.h"
#include "ceremony/policy/policy.h"
#include "ceremony/report/dashboard.h"
#include "ceremony/report/verdict.h"

namespace ceremony::report {
namespace {

using ledger::shown;
using state::CaState;

std::string day(Time time) { return text_of(time).substr(0, 10); }

std::string joined(const std::vector<std::string>& parts, std::string_view with = ", ") {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : std::string(with)) + part;
  return out;
}

void add_keys(const CaState& s, std::string& out) {
  out += "Keys\n";
  for (const auto& [id, key] : s.keys) {
    out += "  " + key.label + "  " + key.purpose + ", " + key.alg + ", on token " + key.token + (key.destroyed ? ", destroyed" : key.retired ? ", retired" : "") +
           (key.extractable ? ", can still be wrapped" : ", cannot be wrapped") + "\n    public key " + hex(key.spki_sha256) + "\n";
    for (const state::Backup& backup : key.backups) out += "    backup " + hex(backup.blob).substr(0, 16) + "… under " + backup.set + " on " + joined(backup.media) + "\n";
    for (const state::Restored& restored : key.restores)
      out += "    restored on token " + restored.token + (restored.erased ? ", erased since" : ", " + restored.disposition) + "\n";
  }
  if (s.keys.empty()) out += "  none yet\n";
}

void add_certificates(const CaState& s, std::string& out) {
  out += "Certificates\n";
  for (const auto& [digest, c] : s.certificates)
    out += "  " + c.subject + "\n    serial " + c.serial + ", " + day(c.not_before) + " to " + day(c.not_after) + ", " + c.profile +
           (c.revoked ? ", revoked " + day(c.revoked->date) + " (" + c.revoked->why + ")" : "") + "\n    " + hex(digest) + "\n";
  if (s.certificates.empty()) out += "  none yet\n";
  for (const auto& [issuer, crl] : s.crls) {
    const auto key = s.keys.find(issuer);
    out += "CRL\n  of " + (key == s.keys.end() ? issuer : key->second.label) + ": number " + std::to_string(crl.number) + ", " + std::to_string(crl.entries.size()) +
           " entries, next update " + day(crl.next_update) + "\n";
  }
}

void add_people(const CaState& s, std::string& out) {
  out += "Shares\n";
  for (const auto& [id, set] : s.share_sets) {
    std::vector<std::string> holders;
    for (const auto& [index, share] : set.shares) holders.push_back(share.holder + (share.is_void ? " (void)" : share.read_back ? "" : " (not read back)"));
    out += "  " + id + ": " + std::to_string(set.threshold) + " of " + std::to_string(set.count) + ": " + joined(holders) + "\n";
  }
  if (s.share_sets.empty()) out += "  none yet\n";
  out += "People\n";
  for (const auto& [id, person] : s.people) out += "  " + id + "  " + joined(person.roles) + ", key " + hex(person.key).substr(0, 16) + "…\n";
  if (s.people.empty()) out += "  nobody is enrolled\n";
}

void add_images(const CaState& s, std::string& out) {
  const bool listed = s.policy && s.policy->images;
  if (!listed && s.images.empty()) return;
  out += "Boot images\n";
  if (listed) out += "  by policy: manifests " + std::to_string(s.policy->images->manifests.size()) + ", kernel images " + std::to_string(s.policy->images->ukis.size()) + "\n";
  for (const state::AdmittedImage& image : s.images) {
    out += "  " + image.version + ", admitted by " + image.ceremony + "\n    manifest " + hex(image.manifest) + "\n    uki      " + hex(image.uki) + "\n";
    if (image.pcr4 && image.pcr11) out += "    PCR 4    " + hex(*image.pcr4) + "\n    PCR 11   " + hex(*image.pcr11) + "\n";
  }
}

std::string due_lines(const CaState& s, Time now) {
  std::string out;
  for (const Due& one : due(s, now)) out += "  " + one.text + "\n";
  return out.empty() ? "  nothing\n" : out;
}

}  // namespace

std::string status_text(const CaState& s, Time now) {
  if (s.tree.size() == 0) return "The log is empty: no ceremony has begun.\n";
  std::string out = s.origin + (s.environment == "rehearsal" ? " (a rehearsal)" : "") + ": " + std::to_string(s.tree.size()) + " records, " + std::to_string(s.closed.size()) +
                    " closed " + (s.closed.size() == 1 ? "ceremony" : "ceremonies") + ", last record " + text_of(s.last_time) + "\n";
  if (s.open) {
    out += "The ceremony " + shown(s.open->id) + " (" + s.open->kind + ") is open since " + text_of(s.open->opened) + ": " + std::to_string(s.tree.size() - s.open->n) +
           " records, " + std::to_string(s.open->failures) + " failed attempts" + (s.active ? ", the token is active to " + s.active->purpose : "") + ".\n";
  } else {
    out += "No ceremony is open.\n";
  }
  add_keys(s, out);
  add_certificates(s, out);
  add_people(s, out);
  add_images(s, out);
  return out + "Due\n" + due_lines(s, now);
}

std::string transcript_line(const ledger::Record& r) {
  std::string line = std::to_string(r.n) + "  " + text_of(r.t) + "  " + r.ev + (r.ok ? "" : " FAILED");
  for (const auto& person : r.who) line += " " + person;
  for (const auto* field : {"act", "person", "key", "subject", "kind", "name", "version", "purpose", "text", "reason"})
    if (const auto value = r.d.text(field); !value.empty()) line += "  " + std::string(field) + ": " + std::string(value);
  return line;
}

}  // namespace ceremony::report
