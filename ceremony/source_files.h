// The reviewed files a ceremony stands on: policy, binding, the procedure to be run, every other procedure and every profile that
// the policy admits. Read and checked together, so that all mistakes of all of them are said at once, before a token or a
// medium is touched. Called by the program only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ceremony/actions/run.h"
#include "ceremony/procedure/procedure.h"

namespace ceremony {

struct SourcePaths {
  std::string policy;
  std::string binding;     ///< empty: none is read
  std::string procedure;   ///< id or file; empty: none yet
  std::string procedures;  ///< folder of procedures, with profiles/ in it
};

struct SourceFiles {
  actions::SourceFile policy_file, procedure_file;
  std::optional<actions::SourceFile> binding_file;
  policy::Policy policy;
  procedure::Procedure procedure;
  std::optional<policy::Binding> binding;
  std::map<std::string, actions::SourceFile> procedure_files;  ///< by id, those the policy admits
  std::map<std::string, actions::SourceFile> profile_files;    ///< by id, those the policy names
  std::map<std::string, pki::Profile> profiles;
};

[[nodiscard]] actions::SourceFile read_source(Env& env, const std::string& name);
/// A policy, and that its waivers are of rules that can be waived. Throws what read_policy throws, and SourceRefusal::mistakes.
[[nodiscard]] policy::Policy read_reviewed_policy(const std::string& name, std::string_view text);

/// Throws Refused{SourceRefusal::mistakes} with every mistake of every file and, after them, `more`.
enum class SourceRefusal { mistakes };
[[nodiscard]] constexpr std::string_view name_of(SourceRefusal) { return "source/mistakes"; }
[[nodiscard]] SourceFiles read_sources(Env& env, const SourcePaths& paths, std::vector<Finding> more = {});

}  // namespace ceremony
