#include "ceremony/procedure/actions_spec.h"

#include <algorithm>
#include <cassert>

namespace ceremony::procedure {

namespace {

using enum Fact;
using policy::QuorumName;
using policy::Role;

constexpr FactSpec facts[] = {
    {self_tested, "self-tested", "the appliance was not tested", "the appliance was tested already"},
    {clock_agreed, "clock-agreed", "nobody agreed the clock", "the clock is agreed already"},
    {opened, "opened", "the ceremony is not open", "the ceremony is open already"},
    {enrolled, "enrolled", "nobody is enrolled", "the people are enrolled already"},
    {policy_in_force, "policy-in-force", "no policy is in force", "a policy is in force already"},
    {evidence_recorded, "evidence-recorded", "no evidence was recorded", "the evidence is recorded already"},
    {root_linted, "root-linted", "the root certificate was not linted in a dry run", "the dry run is done already"},
    {token_initialised, "token-initialised", "the token is not initialised", "the token is initialised already"},
    {shares_read_back, "shares-read-back", "no share was handed out and read back", "the shares are handed out already"},
    {keys_generated, "keys-generated", "there is no key", "the keys are generated already"},
    {backed_up, "backed-up", "the key is not backed up", "the key is backed up already"},
    {restore_proven, "restore-proven", "no restore was proven", "the restore is proven already"},
    {locked, "locked", "the key is not locked", "the key is locked already"},
    {csrs_taken, "csrs-taken", "no certification request was taken in", "the requests are taken in already"},
    {root_prepared, "root-prepared", "no root certificate is prepared", "a prepared root certificate waits for its signature"},
    {certificates_prepared, "certificates-prepared", "no certificate is prepared", "prepared certificates wait for their signatures"},
    {crl_prepared, "crl-prepared", "no CRL is prepared", "a prepared CRL waits for its signature"},
    {approved, "approved", "what is prepared is not approved", "everything that is prepared is approved already"},
    {root_signed, "root-signed", "there is no root certificate", "the root certificate exists already"},
    {certificates_signed, "certificates-signed", "no certificate was signed and verified", "the certificates are signed already"},
    {crl_signed, "crl-signed", "no CRL was signed and verified", "the CRL is signed already"},
    {exported, "exported", "what was signed has not left and was not read back", "everything is exported already"},
    {image_admitted, "image-admitted", "no boot image is admitted", "a boot image is admitted already"},
    {deviations_confirmed, "deviations-confirmed", "nobody confirmed the list of deviations", "the list of deviations is confirmed already"},
    {signed_off, "signed-off", "nobody signed off", "the ceremony is signed off already"},
    {closed, "closed", "the ceremony is not closed", "the ceremony is closed already"},
};

// The order of a happy path; what it means for the log is in the format document.
// From `opened` to `signed_off` each action needs the one and forbids the other; that is added by `act`.
ActionSpec act(ActionSpec spec) {
  spec.needs.insert(spec.needs.begin(), opened);
  spec.forbids.push_back(signed_off);
  return spec;
}

std::vector<ActionSpec> all_actions() {
  return {
      {.name = "self_test",
       .says = "The appliance tests its cryptography, its random sources, its clock, its memory and its own files, and shows the results.",
       .forbids = {opened},
       .provides = {self_tested}},
      {.name = "agree_clock",
       .says = "Two people compare the appliance's clock (UTC) with sources of their own.",
       .forbids = {opened},
       .provides = {clock_agreed}},
      {.name = "open",
       .says = "The ceremony is opened on both ledgers; where there is an earlier checkpoint, people compare it with theirs.",
       .needs = {self_tested, clock_agreed},
       .forbids = {opened},
       .provides = {opened},
       .roles = {Role::administrator}},
      act({.name = "enrol_people",
           .says = "Each person gets a credential, proves it, and two others confirm the identity document they saw.",
           .forbids = {enrolled},
           .provides = {enrolled},
           .everyone = true}),
      act({.name = "adopt_policy",
           .says = "Governance approves policy, profiles and procedures by digest.",
           .needs = {enrolled},
           .forbids = {policy_in_force},
           .provides = {policy_in_force},
           .roles = {Role::governance},
           .acts = {"adopt-policy", "adopt-procedure"}}),
      act({.name = "record_waiver",
           .says = "Governance sets a rule aside for one event of this ceremony, with a reason and an end; typing nothing goes on.",
           .needs = {policy_in_force},
           .roles = {Role::governance},
           .acts = {"waive"}}),
      act({.name = "record_custody",
           .says = "Two people look at the seal of each thing and read its number; the record keeps the number secret, and knows it again.",
           .needs = {enrolled},
           .args = {{"act", ArgKind::choice, "", {"opened", "sealed", "handed"}, "what is done with each", true},
                    {"items", ArgKind::names, "", {}, "the things, in the same words in each procedure", true},
                    {"from", ArgKind::line, "", {}, "where they come from, or who gives them; people are asked if it is left out"},
                    {"to", ArgKind::line, "", {}, "where they go, or who takes them; people are asked if it is left out"}}}),
      act({.name = "record_deviation",
           .says = "What went otherwise than written is put on the record with who reports it; typing nothing goes on."}),
      act({.name = "record_evidence",
           .says = "What vouches for the ceremony from outside is put on the record.",
           .needs = {policy_in_force},
           .provides = {evidence_recorded},
           .args = {{"kinds", ArgKind::list, "video, access-log, module-certificate",
                     {"video", "auditor", "access-log", "module-certificate", "medium-hash", "seal", "other"},
                     "what is asked for, in this order"}}}),
      act({.name = "dry_lint_root",
           .says = "The whole root certificate and its CRL are built and linted with throwaway software keys; nothing is kept.",
           .needs = {policy_in_force},
           .provides = {root_linted}}),
      act({.name = "gather_entropy",
           .says = "Dice, for those who want them, are mixed into everything random that is made from here on; typing nothing goes on.",
           .forbids = {token_initialised}}),
      act({.name = "initialise_token",
           .says = "The token is shown, approved and initialised; its PINs come from the two secrets and are never seen.",
           .needs = {policy_in_force, evidence_recorded, root_linted},
           .forbids = {token_initialised},
           .provides = {token_initialised},
           .roles = {Role::custodian},
           .acts = {"init-token"}}),
      act({.name = "split_secrets",
           .says = "Both secrets are split; every member takes a share away and opens it once again from the medium.",
           .needs = {token_initialised},
           .forbids = {shares_read_back},
           .provides = {shares_read_back},
           .roles = {Role::custodian},
           .acts = {"hand-in-share"}}),
      act({.name = "generate_keys",
           .says = "The root key and the log key are approved and generated on the token; the root key is wrapped for its backup.",
           .needs = {shares_read_back, root_linted},
           .forbids = {keys_generated},
           .provides = {keys_generated},
           .roles = {Role::custodian},
           .acts = {"generate-key", "hand-in-share"},
           .shares = {QuorumName::activation, QuorumName::recovery}}),
      act({.name = "back_up_key",
           .says = "The wrapped root key is written to each backup medium, taken out, put back and compared.",
           .needs = {keys_generated},
           .provides = {backed_up}}),
      act({.name = "prove_restore",
           .says = "The backup is restored on a second token, signs a challenge there, and that token is erased or kept as standby.",
           .needs = {backed_up},
           .provides = {restore_proven},
           .roles = {Role::custodian},
           .acts = {"init-token", "hand-in-share"},
           .shares = {QuorumName::recovery},
           .args = {{"then", ArgKind::choice, "erase", {"erase", "standby"}, "what becomes of the second token"}}}),
      act({.name = "lock_key",
           .says = "The root key is made unextractable for ever, and every object on the token is listed.",
           .needs = {restore_proven},
           .forbids = {locked},
           .provides = {locked},
           .roles = {Role::custodian},
           .acts = {"hand-in-share"},
           .shares = {QuorumName::activation}}),
      act({.name = "take_csrs",
           .says = "Certification requests are read from their media, checked and shown.",
           .needs = {policy_in_force},
           .provides = {csrs_taken}}),
      act({.name = "prepare_root",
           .says = "The final root certificate is built, shown and linted, with a throwaway signature.",
           .needs = {keys_generated, root_linted},
           .forbids = {root_signed},
           .provides = {root_prepared},
           .removes = {approved}}),
      act({.name = "prepare_certificates",
           .says = "A certificate is built from its profile for each request, shown and linted, with a throwaway signature.",
           .needs = {csrs_taken, root_signed},
           .provides = {certificates_prepared},
           .removes = {approved}}),
      act({.name = "prepare_crl",
           .says = "The next CRL is built, shown and linted, with a throwaway signature.",
           .needs = {root_signed},
           .provides = {crl_prepared},
           .removes = {approved}}),
      act({.name = "approve_signatures",
           .says = "M custodians approve exactly the bytes that are prepared, each with their own credential; where policy wants a witness, the witness types words of them too.",
           .needs_one_of = {root_prepared, certificates_prepared, crl_prepared},
           .provides = {approved},
           .roles = {Role::custodian},
           .acts = {"sign-certificate", "sign-crl", "sign-batch"},
           .args = {{"as", ArgKind::choice, "each", {"each", "batch"}, "one approval for each certificate, or one for all"}}}),
      act({.name = "sign_prepared",
           .says = "The token is activated, its objects and its checkpoint are checked, it signs, and two libraries verify.",
           .needs = {approved, locked, restore_proven},
           .removes = {approved, exported},
           .turns = {{root_prepared, root_signed}, {certificates_prepared, certificates_signed}, {crl_prepared, crl_signed}},
           .roles = {Role::custodian},
           .acts = {"hand-in-share"},
           .shares = {QuorumName::activation}}),
      act({.name = "export_payload",
           .says = "Root certificate and CRL are written to the export medium, taken out, put back and compared.",
           .needs = {root_signed, crl_signed},
           .forbids = {root_prepared, certificates_prepared, crl_prepared},
           .provides = {exported}}),
      act({.name = "export_bundles",
           .says = "Each factory's bundle is written to its medium, taken out, put back and compared.",
           .needs = {certificates_signed, crl_signed},
           .forbids = {root_prepared, certificates_prepared, crl_prepared},
           .provides = {exported}}),
      act({.name = "admit_image",
           .says = "A witness types what they found as the SHA-256 of the new boot medium on another machine; governance approves the image of that digest.",
           .needs = {policy_in_force},
           .forbids = {image_admitted},
           .provides = {image_admitted},
           .roles = {Role::governance, Role::witness},
           .acts = {"admit-image"}}),
      act({.name = "confirm_deviations",
           .says = "Everybody confirms the list of what went otherwise than written; an empty list is an answer.",
           .provides = {deviations_confirmed}}),
      {.name = "sign_off",
       .says = "Each person reads the summary, adds a remark or none, and agrees to sign the checkpoint.",
       .needs = {opened, exported, deviations_confirmed},
       .forbids = {root_prepared, certificates_prepared, crl_prepared, signed_off},
       .provides = {signed_off},
       .everyone = true},
      {.name = "close",
       .says = "The ceremony is closed; the log key and the people sign the checkpoint; proofs are written.",
       .needs = {signed_off},
       .forbids = {closed},
       .provides = {closed},
       .roles = {Role::custodian},
       .acts = {"hand-in-share"},
       .shares = {QuorumName::activation}},
  };
}

}  // namespace

const FactSpec& spec_of(Fact fact) {
  const auto* found = std::ranges::find(facts, fact, &FactSpec::fact);
  assert(found != std::end(facts));
  return *found;
}

std::vector<std::string_view> parts_of(std::string_view value) {
  std::vector<std::string_view> parts;
  for (auto at = value.find(", "); at != std::string_view::npos; at = value.find(", ")) {
    parts.push_back(value.substr(0, at));
    value.remove_prefix(at + 2);
  }
  parts.push_back(value);
  return parts;
}

std::span<const ActionSpec> actions() {
  static const std::vector<ActionSpec> table = all_actions();
  return table;
}

const ActionSpec* action_named(std::string_view name) {
  const auto found = std::ranges::find(actions(), name, &ActionSpec::name);
  return found == actions().end() ? nullptr : &*found;
}

std::vector<Fact> facts_before(Kind kind) {
  if (kind == Kind::genesis) return {};
  std::vector<Fact> out{enrolled,      policy_in_force, root_linted,    evidence_recorded, token_initialised, shares_read_back,
                        keys_generated, backed_up,      restore_proven, locked,            root_signed};
  if (kind == Kind::admission) out.push_back(exported);  // nothing is signed
  return out;
}

std::vector<Fact> goals(Kind kind) {
  if (kind == Kind::genesis) return {root_signed, crl_signed};
  if (kind == Kind::admission) return {image_admitted};
  return {certificates_signed, crl_signed};
}

}  // namespace ceremony::procedure
