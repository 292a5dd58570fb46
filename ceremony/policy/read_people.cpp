#include "ceremony/policy/read_people.h"

#include <algorithm>

namespace ceremony::policy {

using toml_file::quoted;
using toml_file::Table;

namespace {

std::string role_names() {
  std::string out;
  for (const Role role : all_roles) out += (out.empty() ? "" : ", ") + std::string(name_of(role));
  return out;
}

}  // namespace

std::vector<Role> roles_in(const Table& table, std::string_view key, const std::string& whose) {
  std::vector<Role> out;
  const std::vector<std::string> names = table.texts(key);
  for (const std::string& text : names) {
    const auto role = role_from(text);
    if (!role) {
      table.note(key, whose + " names the role " + quoted(text) + ", which does not exist", "the roles are " + role_names());
    } else if (std::ranges::find(out, *role) != out.end()) {
      table.note(key, whose + " names the role " + quoted(text) + " twice", "name each role once");
    } else {
      out.push_back(*role);
    }
  }
  if (names.empty()) table.note(key, whose + " names no role", "name at least one of " + role_names());
  return out;
}

std::set<std::string> read_people(const Table& people, Policy& policy) {
  std::set<std::string> doubtful;
  for (const std::string& id : people.keys()) {
    if (!is_person_id(id)) {
      people.note(id, "the person " + quoted(id) + " has no proper id", "write 1 to 16 of a-z, 0-9 and -");
    }
    policy.people[id] = {id, roles_in(people, id, quoted(id))};
    if (!people.good(id) || policy.people[id].roles.size() != people.texts(id).size()) doubtful.insert(id);
  }
  if (people.keys().empty()) people.note({}, "there is nobody in [people]", "write a line like c1 = [\"custodian\"]");
  return doubtful;
}

void read_exclusive(const Table& table, const Table& people, Policy& policy) {
  for (const std::string& name : table.keys()) {
    const auto one = role_from(name);
    if (!one) {
      table.note(name, "[exclusive] names the role " + quoted(name) + ", which does not exist", "the roles are " + role_names());
      (void)table.texts(name);
      continue;
    }
    for (const Role other : roles_in(table, name, "[exclusive] " + quoted(name))) {
      if (other == *one) {
        table.note(name, "the role " + quoted(name) + " excludes itself", "take it out of its own list");
        continue;
      }
      const auto pair = std::minmax(*one, other);
      if (std::ranges::find(policy.exclusive, std::pair<Role, Role>(pair)) == policy.exclusive.end()) {
        policy.exclusive.emplace_back(pair);
      }
    }
  }
  for (const auto& [id, person] : policy.people) {
    for (const auto& [one, other] : policy.exclusive) {
      if (person.holds(one) && person.holds(other)) {
        people.note(id, quoted(id) + " holds the roles " + quoted(name_of(one)) + " and " + quoted(name_of(other)) + ", which exclude each other",
                    "give one of the two roles to somebody else");
      }
    }
  }
}

namespace {

Quorum read_quorum(const Table& quorums, QuorumName which, Role role, const Policy& policy, const std::set<std::string>& doubtful) {
  const std::string name(name_of(which));
  const Table table = quorums.table(name);
  Quorum quorum;
  quorum.m = static_cast<std::size_t>(table.integer("m", 2, 16));
  quorum.members = table.texts("members");
  std::set<std::string> seen;
  for (const std::string& id : quorum.members) {
    if (!seen.insert(id).second) {
      table.note("members", "the quorum " + quoted(name) + " names " + quoted(id) + " twice", "one member, one share: name each person once");
    } else if (policy.people.empty()) {
      continue;  // which is a finding already
    } else if (policy.person(id) == nullptr) {
      table.note("members", "the quorum " + quoted(name) + " names " + quoted(id) + ", who is not in [people]",
                 "add the person to [people], or correct the id");
    } else if (!policy.holds(id, role) && !doubtful.contains(id)) {
      table.note("members", "the quorum " + quoted(name) + " names " + quoted(id) + ", who does not hold the role " + quoted(name_of(role)),
                 "give " + id + " that role in [people], or name somebody who holds it");
    }
  }
  if (quorum.n() > 16) {
    table.note("members", "the quorum " + quoted(name) + " has " + std::to_string(quorum.n()) + " members, more than 16",
               "SLIP-0039 makes at most 16 shares: name 16 people or fewer");
  }
  if (quorum.m > quorum.n()) {
    table.note(quorum.members.empty() ? "members" : "m",
               "the quorum " + quoted(name) + " asks for " + std::to_string(quorum.m) + " of " + std::to_string(quorum.n()) + " members",
               quorum.n() < 2 ? "name at least two members" : "write a number from 2 to " + std::to_string(quorum.n()) + ", or name more members");
  }
  return quorum;
}

}  // namespace

void read_quorums(const Table& quorums, Policy& policy, const std::set<std::string>& doubtful) {
  policy.governance = read_quorum(quorums, QuorumName::governance, Role::governance, policy, doubtful);
  policy.activation = read_quorum(quorums, QuorumName::activation, Role::custodian, policy, doubtful);
  policy.recovery = read_quorum(quorums, QuorumName::recovery, Role::custodian, policy, doubtful);
  if (policy.recovery.m < policy.activation.m) {
    quorums.table("recovery").note("m",
                                   "recovery asks for " + std::to_string(policy.recovery.m) + " people, activation for " +
                                       std::to_string(policy.activation.m),
                                   "recovery gives the SO PIN, which resets the user PIN: its m must be at least activation's");
  }
}

void read_approvals(const Table& table, Policy& policy) {
  for (const std::string& act : table.keys()) {
    const auto m = static_cast<std::size_t>(table.integer(act, 2, 16));
    const auto quorum = quorum_of_act(act);
    if (!quorum) {
      table.note(act, "there is no act " + quoted(act) + " that a quorum approves", "the acts are " + listed(approved_acts()));
      continue;
    }
    const Quorum& own = policy.quorum(*quorum);
    if (m < own.m || m > own.n()) {
      table.note(act, quoted(act) + " asks for " + std::to_string(m) + " approvals; its quorum " + quoted(name_of(*quorum)) + " is " +
                          std::to_string(own.m) + " of " + std::to_string(own.n()),
                 "a policy may raise what an act needs, up to the number of members, never lower it");
    }
    policy.raised[act] = m;
  }
}

namespace {

/// What is wrong with wanting a witness of that act: nobody holds the role, or whoever does is needed to approve.
std::string without_witness(const Policy& policy, const std::string& act) {
  const auto witnesses = policy.people_with(Role::witness);
  if (witnesses.empty()) return quoted(act) + " wants a witness, and nobody holds the role \"witness\"";
  const Needed needed = *policy.approval_for(act);
  const Quorum& quorum = policy.quorum(needed.quorum);
  const bool one_is_free = std::ranges::any_of(witnesses, [&](const std::string& id) { return !quorum.has(id) || quorum.n() > needed.m; });
  return one_is_free ? "" : quoted(act) + " wants a witness, and everybody who holds that role is needed to approve it";
}

}  // namespace

void read_witness(const Table& table, Policy& policy, const std::set<std::string>& doubtful) {
  const std::vector<std::string> acts = table.texts("acts");
  const auto intended = intended_acts();
  for (const std::string& act : acts) {
    if (policy.wants_witness(act)) {
      table.note("acts", "[witness] names the act " + quoted(act) + " twice", "name each act once");
    } else if (std::ranges::find(intended, act) != intended.end()) {
      const std::string wrong = policy.people.empty() || !doubtful.empty() ? "" : without_witness(policy, act);
      if (!wrong.empty()) table.note("acts", wrong, "give the role \"witness\" to somebody who does not have to approve");
      policy.witnessed.push_back(act);
    } else if (quorum_of_act(act)) {
      table.note("acts", "[witness] names the act " + quoted(act) + ", after which nothing is asked of the token", "a witness is wanted for acts that the token carries out: " + listed(intended));
    } else {
      table.note("acts", "[witness] names the act " + quoted(act) + ", which does not exist", "the acts are " + listed(intended));
    }
  }
  if (acts.empty()) table.note("acts", "[witness] names no act", "name at least one of " + listed(intended) + ", or leave [witness] out");
}

}  // namespace ceremony::policy
