#include "ceremony/policy/policy.h"

#include <algorithm>
#include <cassert>

namespace ceremony::policy {

namespace {

struct ActRow {
  std::string_view act;
  QuorumName quorum;
  bool intended = false;  ///< an intent follows: the token is asked for something
};

// The table of acts in the format document; hand-in-share is approved by the share's holder alone.
constexpr ActRow acts[] = {
    {"adopt-policy", QuorumName::governance},     {"adopt-procedure", QuorumName::governance},
    {"enrol", QuorumName::governance},            {"change-quorum", QuorumName::governance},
    {"waive", QuorumName::governance},            {"retire-key", QuorumName::governance},
    {"destroy-key", QuorumName::governance},      {"admit-image", QuorumName::governance},
    {"init-token", QuorumName::activation, true}, {"generate-key", QuorumName::activation, true},
    {"sign-certificate", QuorumName::activation, true},
    {"sign-crl", QuorumName::activation, true},   {"sign-batch", QuorumName::activation, true},
    {"recover-key", QuorumName::recovery},        {"rewrap-key", QuorumName::recovery},
};

constexpr std::string_view algorithms[] = {"p256", "p384", "rsa3072", "rsa4096"};

bool all_of_form(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string_view name_of(Environment environment) {
  return environment == Environment::rehearsal ? "rehearsal" : "production";
}

std::string_view name_of(Role role) {
  switch (role) {
    case Role::administrator: return "administrator";
    case Role::custodian: return "custodian";
    case Role::security_officer: return "security-officer";
    case Role::witness: return "witness";
    case Role::auditor: return "auditor";
    case Role::governance: return "governance";
  }
  return "?";
}

std::optional<Role> role_from(std::string_view name) {
  const auto found = std::ranges::find(all_roles, name, [](Role role) { return name_of(role); });
  return found == all_roles.end() ? std::nullopt : std::optional(*found);
}

std::string_view name_of(QuorumName quorum) {
  switch (quorum) {
    case QuorumName::governance: return "governance";
    case QuorumName::activation: return "activation";
    case QuorumName::recovery: return "recovery";
  }
  return "?";
}

std::optional<QuorumName> quorum_from(std::string_view name) {
  for (const QuorumName quorum : {QuorumName::governance, QuorumName::activation, QuorumName::recovery}) {
    if (name_of(quorum) == name) return quorum;
  }
  return std::nullopt;
}

bool is_person_id(std::string_view id) { return !id.empty() && id.size() <= 16 && all_of_form(id, "-"); }

bool is_plain_id(std::string_view id) {
  return !id.empty() && id.size() <= 40 && id.front() != '.' && id.front() != '-' && all_of_form(id, ".-");
}

bool is_key_algorithm(std::string_view name) {
  return std::ranges::contains(algorithms, name);
}

bool Person::holds(Role role) const { return std::ranges::find(roles, role) != roles.end(); }

bool Quorum::has(std::string_view id) const { return place_of(id) != 0; }

std::size_t Quorum::place_of(std::string_view id) const {
  const auto found = std::ranges::find(members, id);
  return found == members.end() ? 0 : static_cast<std::size_t>(found - members.begin()) + 1;
}

const Quorum& Policy::quorum(QuorumName name) const {
  switch (name) {
    case QuorumName::governance: return governance;
    case QuorumName::activation: return activation;
    case QuorumName::recovery: break;
  }
  return recovery;
}

const Person* Policy::person(std::string_view id) const {
  const auto found = people.find(std::string(id));
  return found == people.end() ? nullptr : &found->second;
}

bool Policy::holds(std::string_view id, Role role) const {
  const Person* found = person(id);
  return found != nullptr && found->holds(role);
}

std::vector<std::string> Policy::people_with(Role role) const {
  std::vector<std::string> out;
  for (const auto& [id, each] : people) {
    if (each.holds(role)) out.push_back(id);
  }
  return out;
}

std::string described(const Policy& policy, const std::string& who) {
  std::string more;
  if (const auto* person = policy.person(who)) {
    for (const auto role : person->roles) more += (more.empty() ? "" : ", ") + std::string(name_of(role));
  } else if (const auto role = role_from(who)) {
    for (const auto& id : policy.people_with(*role)) more += (more.empty() ? "" : ", ") + id;
  }
  return more.empty() ? who : who + " (" + more + ")";
}

const AdmittedProcedure* Policy::procedure(std::string_view id) const {
  const auto found = std::ranges::find(procedures, id, &AdmittedProcedure::id);
  return found == procedures.end() ? nullptr : &*found;
}

std::optional<QuorumName> quorum_of_act(std::string_view act) {
  const auto* found = std::ranges::find(acts, act, &ActRow::act);
  return found == std::end(acts) ? std::nullopt : std::optional(found->quorum);
}

std::vector<std::string_view> approved_acts() {
  std::vector<std::string_view> out;
  for (const ActRow& row : acts) out.push_back(row.act);
  return out;
}

std::vector<std::string_view> intended_acts() {
  std::vector<std::string_view> out;
  for (const ActRow& row : acts)
    if (row.intended) out.push_back(row.act);
  return out;
}

bool Policy::wants_witness(std::string_view act) const { return std::ranges::find(witnessed, act) != witnessed.end(); }

std::optional<Needed> Policy::approval_for(std::string_view act) const {
  const auto name = quorum_of_act(act);
  if (!name) return std::nullopt;
  const auto more = raised.find(std::string(act));
  return Needed{*name, more == raised.end() ? quorum(*name).m : more->second};
}

bool Policy::admits_token(std::string_view model, std::string_view serial) const {
  const bool known_model = std::ranges::find(token_models, model) != token_models.end();
  if (environment == Environment::rehearsal) return known_model;
  return known_model && std::ranges::find(token_serials, serial) != token_serials.end();
}

}  // namespace ceremony::policy
