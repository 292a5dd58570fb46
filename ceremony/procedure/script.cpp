#include "ceremony/procedure/script.h"

#include <algorithm>
#include <vector>

#include "ceremony/procedure/actions_spec.h"
#include "ceremony/procedure/sheet.h"

namespace ceremony::procedure {

namespace {

using policy::Policy;
using policy::QuorumName;
using policy::Role;

template <typename Range>
std::string listed(const Range& range) {
  std::string out;
  for (const auto& each : range) out += (out.empty() ? "" : ", ") + std::string(each);
  return out;
}

std::string m_of_n(const Policy& policy, QuorumName name) {
  const policy::Quorum& quorum = policy.quorum(name);
  return std::to_string(quorum.m) + " of " + std::to_string(quorum.n());
}

/// Hours and minutes since the beginning.
std::string elapsed(int minutes) {
  const std::string rest = std::to_string(minutes % 60);
  return "+" + std::to_string(minutes / 60) + ":" + (rest.size() < 2 ? "0" : "") + rest;
}

struct ActOfStep {
  std::string_view step;
  std::string_view act;
};

/// Every act that this procedure asks people to approve, in order; which ones an approval of signatures is depends on what
/// is prepared by then.
std::vector<ActOfStep> acts_of(const Procedure& procedure) {
  std::vector<ActOfStep> out;
  bool certificates = false;
  bool crl = false;
  for (const Step& step : procedure.steps) {
    certificates = certificates || step.action == "prepare_root" || step.action == "prepare_certificates";
    crl = crl || step.action == "prepare_crl";
    for (const std::string_view act : action_named(step.action)->acts) {
      const bool wanted = act == "sign-crl"           ? crl
                          : act == "sign-certificate" ? certificates && step.arg("as") == "each"
                          : act == "sign-batch"       ? certificates && step.arg("as") == "batch"
                                                      : true;
      if (wanted) out.push_back({step.id, act});
    }
    if (step.action == "sign_prepared") certificates = crl = false;
  }
  return out;
}

/// "1. academic acid acne acquire  2. …": three rows of four, as the screen shows them.
std::string rows_of(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i % 4 == 0) out += (i == 0 ? "" : "\n") + std::to_string(i / 4 + 1) + ".";
    out += " " + std::string(words[i]);
  }
  return out;
}

void digests(Sheet& sheet, const ScriptDetails& details) {
  sheet.heading("Digests");
  sheet.prose(
      "SHA-256 of the exact bytes of each file. When the screen shows one, one person reads its first four and its last four characters "
      "and its twelve words aloud from the screen, and everybody follows on paper. One character that differs is another file: stop.");
  std::vector<std::vector<std::string>> rows;
  for (const Checked& each : details.checked) {
    const std::string text = hex(each.digest);
    rows.push_back({each.what, text.substr(0, 4) + " … " + text.substr(text.size() - 4), text + "\n" + rows_of(each.words), ""});
  }
  sheet.table({"File", "First and last four", "SHA-256 and words", "Compared (initials)"}, rows);
}

/// What the ceremony goes on from, to be laid beside the receipts that people took home.
void previous(Sheet& sheet, const Procedure& procedure, const ScriptDetails& details) {
  if (procedure.kind == Kind::genesis && !details.previous) return;
  sheet.heading("Previous checkpoint");
  sheet.prose(
      "Two people compare these lines with the receipts they took home from the last ceremony, before anything else. The screen shows them "
      "again when the ceremony is opened.");
  const std::string size = details.previous ? std::to_string(details.previous->size) + " records" : "";
  sheet.table({"", ""}, {{"Size", size}, {"Words", details.previous ? rows_of(details.previous->words) : ""}, {"Compared with a receipt (two initials)", ""}});
}

void head(Sheet& sheet, const Procedure& procedure, const Policy& policy, const ScriptDetails& details) {
  sheet.title(procedure.title + ": " + policy.name);
  sheet.table({"", ""}, {{"Ceremony", details.ceremony},
                         {"Date", details.date},
                         {"Place", details.place},
                         {"Log origin", policy.origin},
                         {"Procedure", procedure.id + " (" + std::string(name_of(procedure.kind)) + ")"},
                         {"Printed by, and run with", details.software},
                         {"Expected time", elapsed(procedure.minutes()).substr(1) + " hours, without breaks"},
                         {"This copy belongs to", ""}});
  sheet.heading("Purpose");
  sheet.prose(procedure.purpose);
  sheet.heading("How to use this script");
  sheet.prose(
      "Follow along step by step; do not run ahead. Write the UTC time from the appliance's screen when a step begins and when it is "
      "done, and your initials when you saw it done as written. The id in brackets stands on the screen and in the transcript too. "
      "What goes otherwise than written goes onto the page of deviations, at once. Never write a passphrase or a word of a share "
      "onto this script.");
}

void people(Sheet& sheet, const Procedure& procedure, const Policy& policy) {
  sheet.heading("Roles");
  std::vector<std::vector<std::string>> rows;
  for (const auto& [id, person] : policy.people) {
    std::string roles;
    for (const Role role : person.roles) roles += (roles.empty() ? "" : ", ") + std::string(name_of(role));
    rows.push_back({id, roles, "", "", ""});
  }
  sheet.table({"Id", "Roles", "Name (by hand)", "Arrived (UTC)", "Initials"}, rows);
  sheet.heading("Quorums");
  rows.clear();
  for (const QuorumName name : {QuorumName::governance, QuorumName::activation, QuorumName::recovery}) {
    rows.push_back({std::string(name_of(name)), m_of_n(policy, name), listed(policy.quorum(name).members)});
  }
  sheet.table({"Quorum", "Needed", "Members"}, rows);

  sheet.heading("Approvals");
  rows.clear();
  for (const auto& [step, act] : acts_of(procedure)) {
    const auto needed = policy.approval_for(act);
    rows.push_back({std::string(step), std::string(act), needed ? std::string(name_of(needed->quorum)) : "each holder, for their own share",
                    needed ? std::to_string(needed->m) : "-", policy.wants_witness(act) ? "types two words" : "-"});
  }
  sheet.table({"Step", "Act", "Quorum", "At least", "Witness"}, rows);
}

/// What a step asks people to write down besides its times.
void places_to_write(Sheet& sheet, const Step& step, const Policy& policy) {
  if (step.action == "record_custody") {
    std::vector<std::vector<std::string>> rows;
    for (const std::string_view item : parts_of(step.arg("items"))) rows.push_back({std::string(item), "", step.arg("from"), step.arg("to"), ""});
    sheet.table({"What is " + step.arg("act"), "Number of the seal", "From", "To", "Initials (two)"}, rows);
  }
  if (step.action == "admit_image") {
    std::vector<std::vector<std::string>> rows{{"EFI/BOOT/BOOTX64.EFI, hashed by the witness", "", ""}, {"MANIFEST, from its first maker", "", ""}, {"MANIFEST, from its second maker", "", ""}};
    if (policy.tpm) rows.insert(rows.end(), {{"PCR 4, of a machine that was started from it", "", ""}, {"PCR 11, as scripts/image printed it", "", ""}});
    sheet.table({"New boot image", "First and last four of the SHA-256", "By whom, on which machine"}, rows);
  }
  if (step.action == "record_waiver") {
    sheet.aside("May be waived", policy.waivable.empty() ? "no rule; the policy lists none" : listed(policy.waivable));
    sheet.table({"Rule", "Event", "Reason", "Until (UTC)", "Approved by"}, {{"", "", "", "", ""}, {"", "", "", "", ""}});
  }
}

/// What a witness does in a step, and a place for each act to say who it was; nothing where policy wants none.
void place_for_witness(Sheet& sheet, const std::vector<ActOfStep>& acts, const Step& step, const Policy& policy) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [id, act] : acts)
    if (id == step.id && policy.wants_witness(act)) rows.push_back({std::string(act), listed(policy.people_with(Role::witness)), "", ""});
  if (rows.empty()) return;
  sheet.aside("Witness", "When the last custodian has approved, the witness, who is none of them, types two other words of the same digest.");
  sheet.table({"Act", "Witness (one of)", "Words typed (UTC)", "Initials"}, rows);
}

void steps(Sheet& sheet, const Procedure& procedure, const Policy& policy) {
  const auto acts = acts_of(procedure);
  sheet.new_page();
  sheet.heading("Steps");
  int begun = 0;
  for (std::size_t i = 0; i < procedure.steps.size(); ++i) {
    const Step& step = procedure.steps[i];
    const ActionSpec& spec = *action_named(step.action);
    sheet.step(std::to_string(i + 1) + " of " + std::to_string(procedure.steps.size()), step.title, step.id,
               "Acts: " + step.who_text() + ". Begins at " + elapsed(begun) + ", takes about " + std::to_string(step.minutes) + " minutes.");
    begun += step.minutes;
    sheet.prose(step.says);
    if (!step.help.empty()) sheet.aside("If in doubt", step.help);
    std::string machine(spec.says);
    for (const QuorumName quorum : spec.shares) {
      machine += " Shares handed in: " + std::string(name_of(quorum)) + ", " + m_of_n(policy, quorum) + ".";
    }
    sheet.aside("What happens", machine);
    places_to_write(sheet, step, policy);
    place_for_witness(sheet, acts, step, policy);
    sheet.table({"Begun (UTC)", "Done (UTC)", "Administrator", "Witness", "Security officer"}, {{"", "", "", "", ""}});
    sheet.end_step();
  }
}

/// What stands on every page.
std::string banner_of(const Policy& policy) {
  return policy.environment == policy::Environment::rehearsal ? "REHEARSAL: nothing made in this ceremony has any value" : "PRODUCTION";
}

void tail(Sheet& sheet, const Procedure& procedure, const Policy& policy) {
  sheet.heading("Seals");
  std::vector<std::string> things;
  for (const Step& step : procedure.steps) {
    if (step.action != "record_custody") continue;
    for (const std::string_view item : parts_of(step.arg("items")))
      if (std::ranges::find(things, item) == things.end()) things.emplace_back(item);
  }
  things.resize(std::max<std::size_t>(8, things.size() + 2));
  std::vector<std::vector<std::string>> seals;
  for (const std::string& thing : things) seals.push_back({thing, "", "", "", "", ""});
  sheet.table({"What", "Seal on opening", "UTC", "Seal on closing", "UTC", "Initials (two)"}, seals);
  sheet.heading("Storage afterwards");
  sheet.checklist(procedure.storage);
  sheet.new_page();
  sheet.heading("Deviations");
  sheet.prose("What went otherwise than written, also small things. If there was none, write \"none\" into the first line.");
  std::vector<std::vector<std::string>> rows;
  for (int i = 1; i <= 10; ++i) rows.push_back({std::to_string(i), "", "", "", ""});
  sheet.table({"No.", "Step id", "UTC", "What happened, what was done about it", "Initials"}, rows);
  sheet.heading("Checkpoint");
  sheet.prose("The words of the new checkpoint, copied from the screen. Compare them with the transcript, and with your receipt next time.");
  rows.clear();
  for (int row = 0; row < 3; ++row) {
    std::vector<std::string> line;
    for (int i = 1; i <= 4; ++i) line.push_back(std::to_string(row * 4 + i) + ".");
    rows.push_back(line);
  }
  sheet.table({"", "", "", ""}, rows);
  sheet.new_page();
  sheet.heading("Sign-off");
  sheet.prose("I was present and saw the ceremony done as this script says, but for the deviations listed above.");
  rows.clear();
  const policy::AdmittedProcedure* admitted = policy.procedure(procedure.id);
  for (const auto& [id, person] : policy.people) {
    std::string demanded;
    for (const Role role : person.roles) {
      if (admitted != nullptr && std::ranges::find(admitted->sign_off, role) != admitted->sign_off.end()) {
        demanded += (demanded.empty() ? "" : ", ") + std::string(name_of(role));
      }
    }
    rows.push_back({id, demanded.empty() ? "if they acted" : "as " + demanded, "", "", ""});
  }
  sheet.table({"Id", "Signs", "Name", "Signature", "UTC"}, rows);
}

std::string script(Sheet&& sheet, const Procedure& procedure, const Policy& policy, const ScriptDetails& details) {
  head(sheet, procedure, policy, details);
  digests(sheet, details);
  previous(sheet, procedure, details);
  people(sheet, procedure, policy);
  sheet.heading("Hardware");
  sheet.checklist(procedure.hardware);
  sheet.heading("Physical security");
  sheet.checklist(procedure.room);
  steps(sheet, procedure, policy);
  tail(sheet, procedure, policy);
  return std::move(sheet).text();
}

}  // namespace

std::string script_markdown(const Procedure& procedure, const Policy& policy, const ScriptDetails& details) {
  return script(Sheet(Sheet::Form::markdown, procedure.title, banner_of(policy), procedure.title + " · " + policy.origin), procedure, policy, details);
}

std::string script_html(const Procedure& procedure, const Policy& policy, const ScriptDetails& details) {
  return script(Sheet(Sheet::Form::html, procedure.title, banner_of(policy), procedure.title + " · " + policy.origin), procedure, policy, details);
}

}  // namespace ceremony::procedure
