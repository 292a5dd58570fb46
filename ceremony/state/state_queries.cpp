#include <algorithm>

#include "ceremony/policy/policy.h"
#include "ceremony/state/fields.h"
#include "ceremony/state/state.h"

namespace ceremony::state {

const Share* ShareSet::of(std::string_view holder) const {
  const auto found = std::ranges::find_if(shares, [&](const auto& entry) { return entry.second.holder == holder; });
  return found == shares.end() ? nullptr : &found->second;
}

bool ShareSet::all_read_back() const {
  return shares.size() == count && std::ranges::all_of(shares, [](const auto& entry) { return entry.second.read_back; });
}

bool Intent::settled() const {
  return !lines.empty() && std::ranges::all_of(lines, [&](const Digest& line) { return results.contains(line) || reconciled.contains(line); });
}

const policy::Policy* CaState::rules_of_people() const { return policy ? policy.get() : proposed.get(); }

std::uint64_t CaState::next_nth(std::string_view purpose) const {
  if (!open || purpose == "read-back") return 1;
  const auto found = open->rounds.find(std::string(purpose));
  return found == open->rounds.end() ? 1 : found->second + 1;
}

bool CaState::may_hand_in(std::string_view purpose, std::uint64_t nth) const {
  const auto due = next_nth(purpose);
  return nth == due || (purpose != "read-back" && nth == due + 1 && !handed_in(purpose).empty());
}

std::vector<HandIn> CaState::handed_in(std::string_view purpose) const {
  if (!open) return {};
  const auto found = open->hand_ins.find({std::string(purpose), next_nth(purpose)});
  return found == open->hand_ins.end() ? std::vector<HandIn>{} : found->second;
}

std::set<PersonId> CaState::approved(std::string_view act, const Digest& digest) const {
  std::set<PersonId> people;
  if (!open) return people;
  const auto of_act = open->approvals.find(std::string(act));
  if (of_act == open->approvals.end()) return people;
  const auto of_digest = of_act->second.find(digest);
  if (of_digest == of_act->second.end()) return people;
  for (const auto& [person, n] : of_digest->second) people.insert(person);
  return people;
}

std::vector<std::string> CaState::open_intents() const {
  std::vector<std::string> ids;
  if (open)
    for (const auto& [id, intent] : open->intents)
      if (!intent.settled()) ids.push_back(id);
  return ids;
}

const Key* CaState::log_key() const {
  const Key* newest = nullptr;
  for (const auto& [id, key] : keys)
    if (key.purpose == "log" && !key.retired && !key.destroyed && (newest == nullptr || key.n > newest->n)) newest = &key;
  return newest;
}

const Certificate* CaState::certificate_of(const KeyId& key) const {
  const auto found = keys.find(key);
  if (found == keys.end()) return nullptr;
  const Certificate* newest = nullptr;
  for (const auto& [digest, certificate] : certificates)
    if (certificate.spki_sha256 == found->second.spki_sha256 && (newest == nullptr || certificate.n > newest->n)) newest = &certificate;
  return newest;
}

std::uint64_t CaState::last_closed_size() const { return closed.empty() ? 0 : closed.back().size(); }

bool CaState::has_checkpoint() const {
  return std::ranges::any_of(closed, [](const Closed& c) { return !c.signers.empty() || c.log_signature == "yes"; });
}

const ShareSet* CaState::share_set(std::string_view quorum) const {
  const ShareSet* newest = nullptr;
  RecordNumber newest_at = 0;
  for (const auto& [id, set] : share_sets) {
    if (set.quorum != quorum || set.shares.empty()) continue;
    const RecordNumber at = set.shares.begin()->second.n;
    if (newest == nullptr || at > newest_at) newest = &set, newest_at = at;
  }
  return newest;
}

const Token* CaState::main_token() const {
  const Token* newest = nullptr;
  for (const auto& [serial, token] : tokens)
    if (token.role == "main" && (newest == nullptr || token.n >= newest->n)) newest = &token;
  return newest;
}

bool CaState::both_sets_read_back() const {
  const auto *activation = share_set("activation"), *recovery = share_set("recovery");
  return activation != nullptr && activation->all_read_back() && recovery != nullptr && recovery->all_read_back();
}

}  // namespace ceremony::state
