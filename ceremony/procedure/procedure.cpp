#include "ceremony/procedure/procedure.h"

#include <algorithm>
#include <cassert>
#include <ranges>
#include <set>

#include "ceremony/procedure/actions_spec.h"

namespace ceremony::procedure {

namespace {

using policy::Role;
using toml_file::Document;
using toml_file::quoted;
using toml_file::Table;

constexpr std::size_t longest_says = 4000;

template <typename Range>
std::string listed(const Range& range) {
  std::string out;
  for (const auto& each : range) out += (out.empty() ? "" : ", ") + std::string(each);
  return out;
}

std::string without_blank_ends(std::string_view text) {
  const auto first = text.find_first_not_of(" \n\t");
  const auto last = text.find_last_not_of(" \n\t");
  return first == std::string_view::npos ? std::string() : std::string(text.substr(first, last - first + 1));
}

std::string read_prose(const Table& table, std::string_view key) {
  std::string text = without_blank_ends(table.text(key));
  if (text.empty() || text.size() > longest_says) {
    table.note(key, quoted(key) + (text.empty() ? " is empty" : " is longer than " + std::to_string(longest_says) + " bytes"),
               "write what people need at this moment, and no more");
  }
  return text;
}

std::string read_line(const Table& table, std::string_view key) {
  std::string text = table.text(key);
  if (text.empty() || text.size() > 80 || text.find_first_of("\n\t") != std::string::npos) {
    table.note(key, quoted(key) + (text.empty() ? " is empty" : text.size() > 80 ? " is longer than 80 bytes" : " is more than one line"), "write one line of 1 to 80 bytes");
  }
  return text;
}

std::string read_id(const Table& table, std::string_view what) {
  std::string id = table.text("id");
  if (!policy::is_plain_id(id)) {
    table.note("id", quoted(id) + " is no " + std::string(what) + " id", "write 1 to 40 of a-z, 0-9, - and ., beginning with a letter or digit");
  }
  return id;
}

std::vector<Role> read_who(const Table& table) {
  const std::vector<std::string> names = table.texts("who");
  if (names == std::vector<std::string>{"everyone"}) return {policy::all_roles.begin(), policy::all_roles.end()};
  std::vector<Role> out;
  for (const std::string& name : names) {
    const auto role = policy::role_from(name);
    if (!role) {
      table.note("who", "there is no role " + quoted(name),
                 "write [\"everyone\"], or some of " + listed(policy::all_roles | std::views::transform([](Role r) { return policy::name_of(r); })));
    } else if (std::ranges::find(out, *role) != out.end()) {
      table.note("who", "the role " + quoted(name) + " stands there twice", "name each role once");
    } else {
      out.push_back(*role);
    }
  }
  if (names.empty()) table.note("who", "nobody acts in this step", "name a role, or write [\"everyone\"]");
  return out;
}

bool is_line(std::string_view text) { return !text.empty() && text.size() <= 80 && text.find_first_of("\n\t") == std::string_view::npos; }

bool is_name_of_thing(std::string_view text) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return !text.empty() && text.size() <= 40 && letters.find(text.front()) != std::string_view::npos && text.back() != ' ' &&
         text.find_first_not_of(std::string(letters) + " .-") == std::string_view::npos;
}

void read_arg(const Table& table, const ArgSpec& spec, Step& step) {
  const std::string value = table.text_or(spec.name, spec.fallback);
  step.args[std::string(spec.name)] = value;
  if (spec.kind == ArgKind::line && value.empty()) return;
  const bool one = spec.kind == ArgKind::choice || spec.kind == ArgKind::line;
  std::set<std::string> seen;
  for (const std::string_view part : one ? std::vector<std::string_view>{value} : parts_of(value)) {
    const bool fits = spec.kind == ArgKind::line ? is_line(part) : spec.kind == ArgKind::names ? is_name_of_thing(part) : std::ranges::find(spec.choices, part) != spec.choices.end();
    if (fits && seen.insert(thing_id(part)).second) continue;
    const std::string_view hint = spec.kind == ArgKind::choice  ? "write one of "
                                  : spec.kind == ArgKind::list  ? "write some of, each once and parted by a comma and a space: "
                                  : spec.kind == ArgKind::names ? "write what people call each thing, each once and parted by a comma and a space: 1 to 40 of A-Z, a-z, 0-9, space, - and ."
                                                                : "write one line of 1 to 80 characters, or leave it out";
    if (table.has(spec.name) || !spec.needed) table.note(spec.name, quoted(step.action) + " does not take " + std::string(spec.name) + " = " + quoted(value), std::string(hint) + listed(spec.choices));
    return;
  }
}

/// Arguments that have no fallback, and were left out.
void need_args(const Table& table, const ActionSpec& spec, const std::optional<Table>& args) {
  for (const ArgSpec& arg : spec.args)
    if (arg.needed && !(args && args->has(arg.name)))
      table.note("action", quoted(spec.name) + " needs " + std::string(arg.name) + ": " + std::string(arg.says), "write it into args = { " + std::string(arg.name) + " = \"…\" }");
}

/// Action, arguments and who must act in it.
void read_action(const Table& table, Step& step) {
  step.action = table.text("action");
  const ActionSpec* spec = action_named(step.action);
  const auto args = table.table_if("args");
  if (spec == nullptr) {
    table.note("action", "there is no action " + quoted(step.action),
               "the actions are " + listed(actions() | std::views::transform([](const ActionSpec& each) { return each.name; })));
    if (args) (void)args->keys();
    return;
  }
  need_args(table, *spec, args);
  for (const ArgSpec& arg : spec->args) {
    if (args) {
      read_arg(*args, arg, step);
    } else {
      step.args[std::string(arg.name)] = arg.fallback;
    }
  }
  const bool everyone = step.who.size() == policy::all_roles.size();
  if (spec->everyone && !everyone && !step.who.empty()) {
    table.note("who", quoted(step.action) + " is an action of everyone, this step names " + step.who_text(), "write who = [\"everyone\"]");
  }
  for (const Role role : spec->roles) {
    if (!step.who.empty() && !step.acts(role)) {
      table.note("who", quoted(step.action) + " needs the role " + quoted(policy::name_of(role)) + ", this step names " + step.who_text(),
                 "add the role to who");
    }
  }
}

Step read_step(const Table& table, std::set<std::string>& ids) {
  Step step;
  step.where = table.where();
  step.id = read_id(table, "step");
  if (!ids.insert(step.id).second) {
    table.note("id", "there are two steps " + quoted(step.id), "give each step an id of its own: it stands in every record of the step");
  }
  step.title = read_line(table, "title");
  step.says = read_prose(table, "says");
  if (table.has("help")) step.help = read_prose(table, "help");
  step.who = read_who(table);
  step.minutes = static_cast<int>(table.integer("minutes", 1, 480));
  read_action(table, step);
  return step;
}

std::vector<std::string> read_list(const Table& root, std::string_view key) {
  std::vector<std::string> lines = root.texts(key);
  for (std::string& line : lines) {
    line = without_blank_ends(line);
    if (line.empty() || line.size() > 300 || line.find_first_of("\n\t") != std::string::npos) {
      root.note(key, quoted(key) + " holds an entry that is empty, longer than 300 bytes, or more than a line", "write one line for each entry");
    }
  }
  if (lines.empty()) root.note(key, quoted(key) + " is empty", "the printed script has this list: write at least one line");
  return lines;
}

/// Runs the steps on facts instead of on a token. One finding a mistake: what was found lacking is taken as given from there
/// on, and the late step that would have given it is not blamed a second time.
class SymbolicRun final {
 public:
  explicit SymbolicRun(Kind kind) : m_goals(goals(kind)) {
    for (const Fact fact : facts_before(kind)) m_facts.insert(fact);
  }

  void take(const Table& table, const Step& step) {
    const ActionSpec* spec = action_named(step.action);
    if (spec == nullptr) return;
    const bool late = std::ranges::any_of(spec->provides, [&](Fact fact) { return m_assumed.contains(fact); });
    const bool clean = late || good(table, step, *spec);
    for (const Turn& turn : spec->turns) {
      if (m_facts.erase(turn.from) != 0) provide(turn.to, clean);
    }
    for (const Fact fact : spec->removes) m_facts.erase(fact);
    for (const Fact fact : spec->provides) provide(fact, clean);
  }

  void end(const Table& last) {
    m_goals.push_back(Fact::closed);
    for (const Fact goal : m_goals) {
      if (!m_facts.contains(goal) && !m_excused.contains(goal)) {
        last.note({}, "the procedure ends here, and " + std::string(spec_of(goal).lacking), hint_for(goal) + " at the end");
      }
    }
  }

 private:
  static std::string hint_for(Fact fact) {
    std::string makers;
    for (const ActionSpec& each : actions()) {
      if (std::ranges::find(each.provides, fact) != each.provides.end()) makers += (makers.empty() ? "" : " or ") + quoted(each.name);
    }
    if (!makers.empty()) return "put a step with the action " + makers;
    for (const ActionSpec& each : actions()) {
      for (const Turn& turn : each.turns) {
        if (turn.to != fact) continue;
        const auto maker = std::ranges::find_if(actions(), [&](const ActionSpec& a) { return std::ranges::find(a.provides, turn.from) != a.provides.end(); });
        return "put steps with the actions " + quoted(maker->name) + ", \"approve_signatures\" and " + quoted(each.name);
      }
    }
    return "";
  }

  void provide(Fact fact, bool clean) {
    m_facts.insert(fact);
    if (clean) {
      m_excused.erase(fact);
    } else {
      m_excused.insert(fact);
    }
    m_assumed.erase(fact);
  }

  void assume(Fact fact) {
    m_facts.insert(fact);
    m_assumed.insert(fact);
    m_excused.insert(fact);
    for (const ActionSpec& each : actions()) {
      for (const Turn& turn : each.turns) {
        if (turn.to == fact) m_facts.erase(turn.from);
      }
    }
  }

  bool good(const Table& table, const Step& step, const ActionSpec& spec) {
    bool clean = true;
    const auto complain = [&](std::string_view what, std::string hint) {
      clean = false;
      table.note("action", quoted(step.action) + " comes too " + std::string(what), std::move(hint));
    };
    for (const Fact fact : spec.needs) {
      if (m_facts.contains(fact)) continue;
      if (!m_excused.contains(fact)) complain("early: " + std::string(spec_of(fact).lacking), hint_for(fact) + " before it");
      assume(fact);
    }
    if (!spec.needs_one_of.empty() && std::ranges::none_of(spec.needs_one_of, [&](Fact fact) { return m_facts.contains(fact); })) {
      complain("early: nothing is prepared", "put a step that prepares a certificate or a CRL before it");
    }
    for (const Fact fact : spec.forbids) {
      if (!clean || !m_facts.contains(fact)) continue;
      const bool waits = fact == Fact::root_prepared || fact == Fact::certificates_prepared || fact == Fact::crl_prepared;
      complain((waits ? "early: " : "late: ") + std::string(spec_of(fact).already),
               waits ? "approve and sign it first, or take out the step that prepares it" : "put the step further up, or take it out");
      if (waits) m_facts.erase(fact);
    }
    return clean;
  }

  std::set<Fact> m_facts;
  std::set<Fact> m_assumed;  ///< reported as lacking, and not given since
  std::set<Fact> m_excused;  ///< their lack was reported, or they were given by a step that a finding names
  std::vector<Fact> m_goals;
};

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::genesis: return "genesis";
    case Kind::issuance: return "issuance";
    case Kind::admission: return "admission";
  }
  return "?";
}

bool Step::acts(Role role) const { return std::ranges::find(who, role) != who.end(); }

std::string Step::who_text() const {
  if (who.size() == policy::all_roles.size()) return "everyone";
  std::string out;
  for (const Role role : who) out += (out.empty() ? "" : " and ") + std::string(policy::name_of(role));
  return out;
}

std::string thing_id(std::string_view name) {
  std::string id;
  for (const char c : name) id += c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return id;
}

const std::string& Step::arg(std::string_view name) const {
  const auto found = args.find(name);
  assert(found != args.end());
  return found->second;
}

const Step* Procedure::step(std::string_view step_id) const {
  const auto found = std::ranges::find(steps, step_id, &Step::id);
  return found == steps.end() ? nullptr : &*found;
}

int Procedure::minutes() const {
  int sum = 0;
  for (const Step& each : steps) sum += each.minutes;
  return sum;
}

std::size_t Procedure::begins_again_at(std::size_t step) const {
  std::size_t at = step;
  for (std::size_t i = 0; i < step; ++i) {
    if (steps[i].action.starts_with("prepare_")) at = std::min(at, i);
    if (steps[i].action == "sign_prepared") at = step;
  }
  return at;
}

Procedure read_procedure(std::string file_name, std::string_view text) {
  Procedure procedure;
  procedure.file = file_name;
  procedure.digest = sha256(text);
  Document document(std::move(file_name), text);
  document.require_format("procedure", "ceremony-procedure/v1");
  const Table root = document.root();
  procedure.id = read_id(root, "procedure");
  procedure.title = read_line(root, "title");
  procedure.purpose = read_prose(root, "purpose");
  const std::string kind = root.text("kind");
  const auto kinds = {Kind::genesis, Kind::issuance, Kind::admission};
  const auto* const known = std::ranges::find_if(kinds, [&](Kind each) { return name_of(each) == kind; });
  const bool kind_known = known != kinds.end();
  if (kind_known) procedure.kind = *known;
  if (!kind_known) root.note("kind", "there is no kind of ceremony " + quoted(kind), "write \"genesis\", \"issuance\" or \"admission\"");
  procedure.hardware = read_list(root, "hardware");
  procedure.room = read_list(root, "room");
  procedure.storage = read_list(root, "storage");

  const std::vector<Table> tables = root.tables("step");
  std::set<std::string> ids;
  SymbolicRun run(procedure.kind);
  bool actions_known = true;
  for (const Table& table : tables) {
    procedure.steps.push_back(read_step(table, ids));
    actions_known = actions_known && action_named(procedure.steps.back().action) != nullptr;
  }
  // Where an action or the kind is not known, what it would have given is not known either: the order is judged next time.
  if (kind_known && actions_known && !tables.empty()) {
    for (std::size_t i = 0; i < tables.size(); ++i) run.take(tables[i], procedure.steps[i]);
    run.end(tables.back());
  }
  if (tables.empty()) root.note("step", "there is no step", "write at least one [[step]]");
  document.done();
  return procedure;
}

void check(const Procedure& procedure, const policy::Policy& policy) {
  std::vector<Finding> findings;
  const policy::AdmittedProcedure* admitted = policy.procedure(procedure.id);
  if (admitted == nullptr) {
    findings.push_back({"the policy does not admit the procedure " + quoted(procedure.id), procedure.file,
                        "have governance add [procedures." + procedure.id + "] to the policy, or take another procedure"});
  } else if (admitted->digest && *admitted->digest != procedure.digest) {
    findings.push_back({"the file's SHA-256 is " + hex(procedure.digest) + ", the policy admits " + hex(*admitted->digest), procedure.file,
                        "take the file that governance reviewed"});
  }
  for (const Step& step : procedure.steps) {
    if (step.who.size() == policy::all_roles.size()) continue;
    for (const Role role : step.who) {
      if (policy.people_with(role).empty()) {
        findings.push_back({"the step " + quoted(step.id) + " needs the role " + quoted(policy::name_of(role)) + ", which nobody holds", step.where,
                            "give somebody that role in the policy's [people]"});
      }
    }
    if (step.action == "approve_signatures" && step.arg("as") == "batch" && procedure.kind == Kind::genesis) {
      findings.push_back({"the step " + quoted(step.id) + " approves a root certificate as a batch", step.where, "write as = \"each\""});
    }
    // Rule EVID-1; CA/B BR 6.1.1.1 and 6.2.7.
    if (step.action == "record_evidence" && procedure.kind == Kind::genesis) {
      const std::string& kinds = step.arg("kinds");
      const auto names = [&](std::string_view kind) { return (", " + kinds + ", ").find(", " + std::string(kind) + ", ") != std::string::npos; };
      if ((!names("video") && !names("auditor")) || !names("access-log") || !names("module-certificate")) {
        findings.push_back({"the step " + quoted(step.id) + " asks for the evidence " + quoted(kinds), step.where,
                            "a root ceremony names a video or an auditor, the room's access log and the module's certificate"});
      }
    }
  }
  if (!findings.empty()) throw Refused(ProcedureRefusal::does_not_fit, std::move(findings));
}

}  // namespace ceremony::procedure
