#include "ceremony/state/rules.h"

#include <algorithm>

#include "ceremony/state/rule_functions.h"

namespace ceremony::state {
namespace {

using namespace std::string_view_literals;
constexpr bool absolute = true, waivable = false, proved = true, asserted = false;

// The sentences are those of the rules' document, sharpened where the code is sharper; ids never change.
constexpr Rule table[] = {
    {"LOG-1", "A record is one canonical JSON line with exactly the fields of its event.", "", absolute, proved, rule::log_1, {}},
    {"LOG-2", "n counts from 0 without gaps.", "AU-9", absolute, proved, rule::log_2, {}},
    {"LOG-3", "t never goes back; in a ceremony opened after a gap longer than policy allows the token is not activated.", "AU-8", waivable, asserted, rule::log_3, {}},
    {"LOG-4", "A ceremony is open … close; two never overlap; a ceremony id is used once; the last one is closed.", "", absolute, proved, rule::log_4, {}},
    {"LOG-5", "open names size and root of the log before it and its checkpoint; the token's own checkpoint, read at each activation, is a prefix of the log.", "AU-9, BR 5.4", absolute, proved, rule::log_5, {}},
    {"LOG-6", "A checkpoint's root is the root of the tree at its size, and each signature by an enrolled key on it verifies.", "AU-10", absolute, proved, nullptr, "the checkpoint"},
    {"LOG-7", "A closed ceremony has a checkpoint signed by everyone its records name (absentees listed with reasons) and by the log key, or close says why not, and then by two people of different roles (or all there are).", "WebTrust script", absolute, proved, rule::log_7, "the checkpoint"},
    {"LOG-8", "Every public artifact a record names is there with that digest, and no other is.", "", absolute, proved, rule::log_8, "the artifacts folder"},
    {"LOG-9", "Every intent has exactly one result or one reconciliation for each thing it covers before close, and what came of a signature is recorded.", "", absolute, asserted, rule::log_9, {}},
    {"LOG-10", "open names software version, image manifest and UKI digests (in production), self-test results that say ok, binding-file digest, operator kind and, where there is a TPM, the quote.", "SI-7", waivable, asserted, rule::log_10, {}},
    {"ENV-1", "The environment and origin of open, policy and log are one and the same; a token is admitted by policy; no scripted operator in production.", "", absolute, asserted, rule::env_1, {}},
    {"ENV-2", "Every certificate of a rehearsal carries REHEARSAL in its organisation name, and none of production does.", "", absolute, proved, rule::env_2, {}},
    {"POL-1", "The policy in force was approved by the governance quorum of the policy before it; the first, by the governance people enrolled with it.", "CM-3", absolute, proved, rule::pol_1, {}},
    {"POL-2", "The procedure's digest is one that policy admits.", "CM-3", waivable, asserted, rule::pol_2, {}},
    {"POL-3", "Algorithms, sizes, curves, validities are within policy.", "SC-12, SC-13", waivable, proved, rule::pol_3, {}},
    {"POL-4", "The image is one that policy lists or governance admitted: in production always, in a rehearsal if the policy lists images; what governance admits, somebody independent hashed on another machine.", "SI-7, CM-14", waivable, asserted, rule::pol_4, {}},
    {"POL-5", "The quote of the machine's TPM that open carries verifies and is over this log's last root; where policy has [tpm], it is there, by an enrolled key, and says the values of policy or of the admitted image that open names.", "SI-7, AC-3", waivable, proved, rule::pol_5, {}},
    {"ROLE-1", "Whoever acts is enrolled and holds the roles that policy gives; before the first enrol of a genesis there is only open, self-test, clock and media.", "AC-3, AC-6", absolute, proved, rule::role_1, {}},
    {"ROLE-2", "Nobody holds two roles that policy keeps apart.", "AC-5", waivable, proved, rule::role_2, {}},
    {"ROLE-3", "Two different people confirmed the clock before the first signature, and signed the checkpoint.", "AU-8", waivable, asserted, rule::role_3, "the checkpoint"},
    {"ROLE-4", "Sign-off has every role policy demands for this kind of ceremony; a root ceremony has the security officer and someone independent.", "ETSI EN 319 411-1", waivable, proved, rule::role_4, {}},
    {"ROLE-5", "At open two people compared the previous checkpoint with what they took home, or the token is not activated.", "AU-9", waivable, asserted, rule::role_5, {}},
    {"ENROL-1", "A credential's statement is signed by its new key; after genesis it is enrolled or replaced only with governance approval of that statement; a person has one live key.", "IA-5", absolute, proved, rule::enrol_1, {}},
    {"ENROL-2", "Every enrolment names two people who saw the holder's identity document.", "IA-4", waivable, asserted, rule::enrol_2, {}},
    {"CRED-1", "A credential key belongs to one person.", "IA-2", absolute, proved, rule::cred_1, {}},
    {"QUORUM-1", "Before the intent to sign a certificate or CRL or to generate a key at least M distinct members of the act's quorum approved the digest of exactly these bytes, or of a batch or act that names them, in this ceremony.", "AC-3(2), BR 4.3.1.1", absolute, proved, rule::quorum_1, {}},
    {"QUORUM-2", "An approval counts for its act, ceremony and open record only.", "", absolute, proved, rule::quorum_2, {}},
    {"QUORUM-3", "The token is activated only by shares of M distinct members, each equal to its commitment, each hand-in signed by its holder; a key is backed up or restored only by recovery shares handed in the same way.", "AC-3(2)", absolute, proved, rule::quorum_3, {}},
    {"QUORUM-4", "2 ≤ M ≤ N ≤ 16 for each, as policy says; shares go to the members.", "", absolute, proved, rule::quorum_4, {}},
    {"WITNESS-1", "Where policy wants a witness of an act, its intent names somebody who holds that role and did not approve these bytes.", "BR 6.1.1.1", waivable, asserted, rule::witness_1, {}},
    {"SHARE-1", "Every share of a set has its commitment on the log before one of them is handed in.", "", absolute, proved, rule::share_1, {}},
    {"SHARE-2", "Each of the N shares was opened and checked by its holder in the ceremony that made it, before anything depends on it.", "CP-9(1)", waivable, proved, rule::share_2, {}},
    {"SHARE-3", "A void share is not a share; a set is void only when each of its backups is recorded destroyed by two people.", "", absolute, asserted, rule::share_3, {}},
    {"SHARE-4", "One member, one share of a set.", "", absolute, proved, rule::share_4, {}},
    {"TOKEN-1", "A token is initialised only if it is blank or its keys are recorded destroyed or erased; M approve, naming its serial.", "", absolute, proved, rule::token_1, {}},
    {"TOKEN-2", "At each activation and before each deactivation the list of all its objects is on the log and equals what the log expects.", "SC-12", absolute, asserted, rule::token_2, {}},
    {"TOKEN-3", "What is activated has the manufacturer, model and serial on the log.", "", absolute, asserted, rule::token_3, {}},
    {"KEY-1", "A CA or log key was generated on its token (LOCAL, SENSITIVE read back), or unwrapped there (not extractable, read back) from a recorded backup, and signed a challenge under the same public key.", "BR 6.1.1, 6.2", absolute, asserted, rule::key_1, {}},
    {"KEY-2", "Label and id are unique on the token; the public key is new to the log, or that of the key restored.", "", absolute, asserted, rule::key_2, {}},
    {"KEY-3", "Before a CA key signs a certificate or CRL, its backup was restored on another token and signed a challenge there; that token was then erased or enrolled as standby.", "CP-9(1)", waivable, asserted, rule::key_3, {}},
    {"KEY-4", "Before a CA key signs a certificate or CRL, no private key on its token is extractable.", "BR 6.2", absolute, asserted, rule::key_4, {}},
    {"KEY-5", "A CA key signs certificates, CRLs and challenges only; the log key signs checkpoints and challenges only.", "BR 6.1.7", absolute, asserted, rule::key_5, {}},
    {"KEY-6", "A retired key signs CRLs only; a destroyed key signs nothing. A key is destroyed only when all it issued has expired or is on a last CRL, with governance approval and a witness, naming every token and backup.", "BR 5.4.1, 4.9.7", absolute, proved, rule::key_6, {}},
    {"KEY-7", "A wrapped key is on the media the log names and nowhere else.", "CP-9(8), SC-28", absolute, asserted, rule::key_7, {}},
    {"KEY-8", "Between activate and deactivate only approved signatures and their checks happen, and signatures nowhere else.", "", absolute, asserted, rule::key_8, {}},
    {"CERT-1", "What was signed is byte for byte what was linted and approved.", "BR 4.3.1.2", absolute, proved, rule::cert_1, {}},
    {"CERT-2", "The signature was verified by two libraries before the certificate left memory, and verifies.", "", absolute, proved, rule::cert_2, {}},
    {"CERT-3", "The certificate is what its profile says, no more and no less.", "SC-17, BR 7.1", waivable, proved, rule::cert_3, {}},
    {"CERT-4", "Its validity lies within its issuer's and within policy.", "", absolute, proved, rule::cert_4, {}},
    {"CERT-5", "Its serial is positive, under 2^159, has room for 64 random bits, and is new.", "BR 7.1", absolute, proved, rule::cert_5, {}},
    {"CERT-6", "Its public key is strong (size, curve point, known weak keys, ROCA, close primes) and no other live subject's on this log.", "BR 6.1.6", absolute, proved, rule::cert_6, {}},
    {"CERT-7", "Where it came from a CSR, its self-signature verified; otherwise possession was shown by a challenge.", "", absolute, proved, rule::cert_7, {}},
    {"CERT-8", "SKID is RFC 5280 method 1, AKID is its issuer's SKID.", "", absolute, proved, rule::cert_8, {}},
    {"CRL-1", "Its number is above every earlier one of its issuer; thisUpdate is within a day of signing.", "BR 7.2", absolute, proved, rule::crl_1, {}},
    {"CRL-2", "Every earlier revocation is in it until one CRL later than that certificate's notAfter has carried it; for ever where the profile signs code.", "RFC 5280 3.3", absolute, proved, rule::crl_2, {}},
    {"CRL-3", "It lists only certificates this CA issued on this log, certificates taken in as found, or serials recorded maybe-issued.", "", absolute, proved, rule::crl_3, {}},
    {"CRL-4", "thisUpdate < nextUpdate ≤ thisUpdate + the limit.", "BR 4.9.7", waivable, proved, rule::crl_4, {}},
    {"CRL-5", "Every entry has a reason and a date not after thisUpdate.", "BR 7.2.2", waivable, proved, rule::crl_5, {}},
    {"EXPORT-1", "Whatever left was read back equal, and its digest and medium are on the log.", "MP-5", waivable, asserted, rule::export_1, {}},
    {"EXPORT-2", "A secret leaves only to its holder: as an age file in the form of its quorum, or, where policy has recovery shares leave so, as words that the holder alone is shown.", "SC-28", absolute, asserted, rule::export_2, {}},
    {"EVID-1", "A root genesis names a video or an auditor, the room's access log and the module's certificate.", "BR 6.1.1.1, 6.2.7", waivable, asserted, rule::evid_1, {}},
    {"EVID-2", "A seal number on opening equals the one last closed, and nothing is opened that was not sealed since it was last opened.", "PE-3", waivable, asserted, rule::evid_2, {}},
    {"WAIVER-1", "A waiver names a rule that is not absolute, a reason, an end to come, and has governance approval; it covers one act.", "", absolute, proved, rule::waiver_1, {}},
    {"DEV-1", "Every deviation has a text, a time and a person (none if the appliance itself noted it), and the list was confirmed before sign-off (empty is an answer).", "WebTrust script", waivable, asserted, rule::dev_1, {}},
};

bool is_form(std::string_view id) { return id == "LOG-1" || id == "LOG-2" || id == "LOG-4"; }

}  // namespace

std::span<const Rule> rules() { return table; }

const Rule* find_rule(std::string_view id) {
  const auto* found = std::ranges::find(table, id, &Rule::id);
  return found == std::end(table) ? nullptr : found;
}

bool is_waived(const CaState& before, std::string_view rule, std::string_view event, Time at, const ArtifactSource& artifacts) {
  if (!before.open) return false;
  return std::ranges::any_of(before.open->waivers, [&](const Waiver& waiver) {
    const auto act = act_in(waiver.act, artifacts);
    const auto covered = act ? act->find("event") : ledger::Act::const_iterator{};
    return waiver.rule == rule && at <= waiver.until && act && covered != act->end() && covered->second == event;
  });
}

std::vector<Violation> check(const CaState& before, const ledger::Record& record, const ArtifactSource& artifacts, std::string_view without) {
  const Planned planned = rule::plan_of(before, record, artifacts);
  const Question q{before, record, artifacts, planned};
  std::vector<Violation> violations;
  const auto ask = [&](const Rule& rule) {
    if (rule.function == nullptr || rule.id == without) return;
    std::vector<std::string> broken;
    rule.function(q, broken);
    for (std::string& what : broken)
      violations.push_back({std::string(rule.id), record.n, std::move(what), !rule.absolute && is_waived(before, rule.id, record.ev, record.t, artifacts)});
  };
  // A record without the form of one, or outside every ceremony, can be asked nothing else.
  for (const Rule& rule : table)
    if (is_form(rule.id)) ask(rule);
  if (!violations.empty() || (!before.open && record.ev != "open")) return violations;
  for (const Rule& rule : table)
    if (!is_form(rule.id)) ask(rule);
  return violations;
}

std::vector<Violation> unwaived(std::vector<Violation> violations) {
  std::erase_if(violations, [](const Violation& v) { return v.waived; });
  return violations;
}

std::vector<Violation> check_artifacts(const CaState& state, std::span<const Digest> in_folder, std::string_view without) {
  std::vector<Violation> violations;
  if (without == "LOG-8") return violations;
  const std::uint64_t at = state.tree.size() == 0 ? 0 : state.tree.size() - 1;
  for (const Digest& digest : in_folder)
    if (!state.named.contains(digest) && !state.mentioned.contains(digest)) violations.push_back({"LOG-8", at, "the artifact " + hex(digest) + " is in the folder and no record names it", false});
  return violations;
}

}  // namespace ceremony::state
