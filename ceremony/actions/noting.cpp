// Steps that any procedure may take and that do nothing to a key: a rule waived, a seal read, a deviation noted.
#include <algorithm>
#include <array>
#include <chrono>
#include <ranges>

#include "ceremony/actions/action.h"
#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/events.h"
#include "ceremony/procedure/actions_spec.h"
#include "ceremony/state/rules.h"

namespace ceremony::actions {
namespace {

// --- waivers --------------------------------------------------------------------------------------------------------

/// The event at which a rule is asked, where there is one that people will mean.
std::string usual_event(std::string_view rule) {
  static const std::map<std::string_view, std::string_view> events{
      {"LOG-3", "activate"}, {"ROLE-2", "enrol"},  {"ROLE-4", "close"},   {"ROLE-5", "activate"}, {"ENROL-2", "enrol"}, {"WITNESS-1", "intent"}, {"KEY-3", "intent"}, {"CERT-3", "intent"},
      {"CRL-4", "intent"},   {"CRL-5", "intent"},  {"EXPORT-1", "export"}, {"EVID-1", "close"},    {"EVID-2", "custody"}, {"DEV-1", "close"}};
  const auto found = events.find(rule);
  return found == events.end() ? "" : std::string(found->second);
}

/// What was typed may be a day or a whole time.
std::optional<Time> until_from(const std::string& typed) { return time_from_text(typed.size() == 10 ? typed + "T23:59:59Z" : typed); }

std::string waivable_list(const Run& run) {
  std::string list;
  for (const auto& id : run.w.policy.waivable) list += (list.empty() ? "" : ", ") + id;
  return list.empty() ? "none" : list;
}

/// Before anybody signs for it. What is no rule is not quoted on the record: it may be something typed into the wrong field.
void need_waivable(Run& run, const std::string& rule) {
  const auto refuse = [&](const std::string& what, const std::string& hint, bool known) {
    run.record_failed("waiver", {}, known ? ledger::Value{{"rule", rule}} : ledger::Value{}, known ? what : "what was typed is no rule");
    throw Refused(ActionRefusal::rule, what, "waiver", hint);
  };
  const auto& waivable = run.w.policy.waivable;
  const auto list = waivable_list(run);
  const auto* known = state::find_rule(rule);
  if (known == nullptr) refuse("there is no rule \"" + rule + "\"", "the policy lets these be waived: " + list, false);
  if (known->absolute) refuse("\"" + rule + "\" is absolute: nobody can waive it", "the policy lets these be waived: " + list, true);
  if (std::ranges::find(waivable, rule) == waivable.end())
    refuse("the policy does not let \"" + rule + "\" be waived", "it lists under [waivers]: " + list + "; another list is another policy, which governance adopts first", true);
}

/// True if a waiver was granted; false if nothing was typed.
bool waive_one(Run& run) {
  auto& op = run.w.op;
  std::string list;
  for (const auto& waiver : run.state().open->waivers) list += "  - " + waiver.rule + ": " + waiver.why + "\n";
  const auto rule = op.type({"waiver", "governance", "Rules waived so far:\n" + (list.empty() ? "  none\n" : list) + "The policy lets these be waived: " + waivable_list(run) +
                                                        ".\nType the id of one to set aside, or nothing to go on."}, "");
  if (rule.empty()) return false;
  need_waivable(run, rule);
  const auto mistaken = [](const std::string& what, const std::string& hint) { throw Refused(ActionRefusal::mistaken, what, "waiver", hint); };
  op.progress(rule + ": " + std::string(state::find_rule(rule)->sentence));
  const auto event = op.type({"waiver.event", "governance", "Which event does it cover? The page of the rules says at which each is asked."}, usual_event(rule));
  if (ledger::find_event(event) == nullptr) mistaken("there is no event \"" + event + "\"", "type the event at which the rule is asked, like \"activate\" or \"close\"");
  const auto reason = op.type({"waiver.reason", "governance", "Why? The reason is published with the log."}, "");
  if (reason.empty()) mistaken("no reason was given", "type why the rule is set aside, so that a stranger understands it in ten years");
  const auto typed = op.type({"waiver.until", "governance", "Until when (UTC)? It ends with this ceremony at the latest."}, text_of(run.now() + std::chrono::days(1)));
  const auto until = until_from(typed);
  if (!until || *until < run.now()) mistaken("\"" + typed + "\" is no time to come", "type it like 2026-12-01 or 2026-12-01T18:00:00Z");
  const auto act = ledger::act_artifact({{"rule", rule}, {"event", event}, {"reason", reason}, {"end", text_of(*until)}});
  const auto digest = run.put(act);
  run.approve("waive", digest, act);
  run.record("waiver", {}, {{"rule", rule}, {"why", reason}, {"until", text_of(*until)}, {"act", digest}});
  op.progress("waived: " + rule + " at " + event + ", until " + text_of(*until));
  return true;
}

// --- custody --------------------------------------------------------------------------------------------------------

std::vector<std::string> enrolled(const Run& run) {
  std::vector<std::string> all;
  for (const auto& [id, person] : run.state().people) all.push_back(id);
  return all;
}

/// Done by this very step before a cut.
bool is_done(const Run& run, const std::string& item) {
  const auto& records = run.journal().records();
  return std::any_of(records.begin() + static_cast<std::ptrdiff_t>(run.state().open->n), records.end(), [&](const auto& r) {
    return r.ok && r.ev == "custody" && r.step == run.step && r.d.text("item") == item;
  });
}

/// The digest that stands for a seal's number: that of the last sealing where it is the same number, else one with a salt of its own.
std::string seal_digest(Run& run, const std::string& item, const std::string& act, const std::string& number) {
  const std::string text = "seal: " + number + "\n";
  const auto last = run.state().seals.find(item);
  if (act != "sealed" && last != run.state().seals.end() && last->second.act == "sealed") {
    const auto before = digest_from_hex(last->second.seal);
    const auto written = before ? run.journal().private_text(*before) : std::nullopt;
    if (!written)
      throw Refused(ActionRefusal::absent, "the number of the last seal of \"" + item + "\" is on neither ledger, so nothing can be compared", "ledger",
                    "insert a ledger medium with its folder \"private\"; a published copy lacks it");
    if (*written == text) return last->second.seal;
  }
  std::array<std::uint8_t, 16> salt{};
  run.rng.randomize(salt);
  return hex(run.journal().put_private(text, salt));
}

struct Handling {
  std::string act, from, to;
  bool may_stay_open = false;  ///< at the end of an aborted ceremony nobody is held up
};

/// One thing. Nothing typed where a seal is asked for means that there is none, or that it cannot be read.
void note_custody(Run& run, const std::vector<std::string>& people, const std::string& item, const Handling& how) {
  auto& op = run.w.op;
  const auto id = procedure::thing_id(item);
  static const std::map<std::string_view, std::string_view> asked{{"opened", "Number on the seal that is opened, of: "},
                                                                  {"sealed", "Number on the new seal of: "},
                                                                  {"handed", "Number on the seal, which stays closed, of: "}};
  const std::string_view nothing = how.may_stay_open ? ". Nothing if it stays open." : how.act == "sealed" ? "." : ". Nothing if there is none.";
  const auto place = [&](const std::string& side, const std::string& given, const std::string& text) {
    const auto typed = given.empty() ? op.type({side + "." + id, "security-officer", text}, "") : given;
    if (typed.empty()) throw Refused(ActionRefusal::mistaken, "nothing was typed", item, "type a place, or a role; names of people are not put on the record");
    return typed;
  };
  const auto from = place("from", how.from, "Where does it come from, or who gives it: " + item + "?");
  const auto to = place("to", how.to, "Where does it go, or who takes it: " + item + "?");
  const auto number = op.type({"seal." + id, "security-officer", std::string(asked.at(how.act)) + item + std::string(nothing)}, "");
  if (number.size() > 64 || std::ranges::any_of(number, [](char c) { return c < ' ' || c > '~'; }))
    throw Refused(ActionRefusal::mistaken, "the number of a seal is 1 to 64 printable characters", item, "type what is printed on the seal");
  if (number.empty() && how.may_stay_open) {
    op.progress(item + " stays open; it is opened again only after governance has waived EVID-2");
    return;
  }
  if (number.empty() && how.act == "sealed") throw Refused(ActionRefusal::mistaken, "no number was given", item, "type the number on the seal; without one nobody can tell it from another");
  run.record("custody", people,
             {{"item", item}, {"act", how.act}, {"seal", number.empty() ? "none" : seal_digest(run, item, how.act, number)}, {"from", from}, {"to", to}});
  op.progress(item + ": " + how.act);
}

std::vector<std::string> who_looks(Run& run, const std::string& text) { return run.choose_people("custody-by", text, enrolled(run), 2, {"custody", {}, {}}); }

}  // namespace

void record_waiver(Run& run) {
  for (bool more = true; more;) run.retry("waiver.refused", "governance", [&] { more = waive_one(run); });
}

void record_custody(Run& run) {
  std::vector<std::string> items;
  for (const auto part : procedure::parts_of(run.args.at("items")))
    if (!is_done(run, std::string(part))) items.emplace_back(part);
  if (items.empty()) return;
  const auto people = who_looks(run, "Which two people look at the seals together?");
  for (const auto& item : items)
    run.retry("seal." + procedure::thing_id(item) + ".refused", "security-officer", [&] { note_custody(run, people, item, {run.args.at("act"), run.args.at("from"), run.args.at("to")}); });
}

void seal_what_is_open(Run& run) {
  std::vector<std::string> items;
  for (const auto& [item, seal] : run.state().seals)
    if (seal.act == "opened" && seal.n >= run.state().open->n) items.push_back(item);
  if (items.empty()) return;
  const auto people = who_looks(run, "What was opened is sealed again. Which two people look at the seals together?");
  for (const auto& item : items) {
    run.retry("seal." + procedure::thing_id(item) + ".refused", "security-officer", [&] { note_custody(run, people, item, {"sealed", "the ceremony", "storage", true}); });
  }
}

void record_deviation(Run& run) {
  while (true) {
    std::string list;
    for (const auto& d : run.state().open->deviations) list += "  - " + d.text + "\n";
    const auto text = run.w.op.type({"deviation", "security-officer", "Deviations so far:\n" + (list.empty() ? "  none\n" : list) + "Type one more, or nothing if the list is complete."}, "");
    if (text.empty()) return;
    std::vector<std::string> all = enrolled(run);
    if (all.empty())  // before anybody is enrolled
      for (const auto& [id, person] : run.w.policy.people) all.push_back(id);
    run.record("deviation", run.choose_people("deviation-by", "Who reports it?", all, 1), {{"text", text}, {"source", "person"}});
  }
}

void confirm_deviations(Run& run) { record_deviation(run); }

}  // namespace ceremony::actions
