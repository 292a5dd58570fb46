// The part of a policy file that says who acts: people, roles, quorums, and what acts need. Only read_policy.cpp calls it. Each
// function takes one table, notes every mistake in it and goes on.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/policy/policy.h"

namespace ceremony::policy {

template <typename Range>
std::string listed(const Range& range) {
  std::string out;
  for (const auto& each : range) out += (out.empty() ? "" : ", ") + std::string(each);
  return out;
}

/// Roles of a list; a wrong one is a finding at `key` and left out.
[[nodiscard]] std::vector<Role> roles_in(const toml_file::Table& table, std::string_view key, const std::string& whose);
/// Gives the ids whose roles were not all understood: what they may be members of is judged next time.
[[nodiscard]] std::set<std::string> read_people(const toml_file::Table& people, Policy& policy);
void read_exclusive(const toml_file::Table& table, const toml_file::Table& people, Policy& policy);
void read_quorums(const toml_file::Table& quorums, Policy& policy, const std::set<std::string>& doubtful);
void read_approvals(const toml_file::Table& table, Policy& policy);
/// Comes behind the quorums: an act whose quorum needs everybody who could be its witness has none.
void read_witness(const toml_file::Table& table, Policy& policy, const std::set<std::string>& doubtful);

}  // namespace ceremony::policy
