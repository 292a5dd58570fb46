#include "ceremony/source_files.h"

#include "ceremony/state/rules.h"

namespace ceremony {
namespace {

constexpr std::size_t file_limit = 1 << 20;

/// A path, or the id of a procedure in the procedures' folder.
std::string procedure_path(const SourcePaths& paths) {
  const std::string& given = paths.procedure;
  return given.find('/') != std::string::npos || given.ends_with(".toml") ? given : paths.procedures + "/" + given + ".toml";
}

/// The policy names a file by id; a file that calls itself something else is not the one that was reviewed under that id.
void must_be_called(const std::string& id, const std::string& found, const std::string& file) {
  if (found == id) return;
  throw Refused(SourceRefusal::mistakes, "the file of \"" + id + "\" calls itself \"" + found + "\"", file, "put the right file in its place; its name and its id are the same");
}

}  // namespace

actions::SourceFile read_source(Env& env, const std::string& name) { return {name, as_text(env.read(name, file_limit))}; }

policy::Policy read_reviewed_policy(const std::string& name, std::string_view text) {
  auto policy = policy::read_policy(name, text);
  std::string list;
  for (const auto& rule : state::rules())
    if (!rule.absolute) list += (list.empty() ? "" : ", ") + std::string(rule.id);
  std::vector<Finding> mistakes;
  for (const auto& id : policy.waivable) {
    const auto* rule = state::find_rule(id);
    if (rule == nullptr || rule->absolute)
      mistakes.push_back({"the rule \"" + id + "\" " + (rule == nullptr ? "does not exist" : "is absolute: nobody can waive it"), name + ": [waivers]", "take it out; these can be waived: " + list});
  }
  if (!mistakes.empty()) throw Refused(SourceRefusal::mistakes, std::move(mistakes));
  return policy;
}

SourceFiles read_sources(Env& env, const SourcePaths& paths, std::vector<Finding> more) {
  SourceFiles out;
  std::vector<Finding> mistakes;
  const auto gather = [&](const auto& read) {
    try {
      read();
      return true;
    } catch (const Refused& refusal) {
      mistakes.insert(mistakes.end(), refusal.findings().begin(), refusal.findings().end());
      return false;
    }
  };
  const bool policy = gather([&] {
    out.policy_file = read_source(env, paths.policy);
    out.policy = read_reviewed_policy(out.policy_file.name, out.policy_file.text);
  });
  if (!paths.binding.empty()) {
    gather([&] {
      out.binding_file = read_source(env, paths.binding);
      out.binding = policy::read_binding(out.binding_file->name, out.binding_file->text);
    });
  }
  const bool procedure = !paths.procedure.empty() && gather([&] {
    out.procedure_file = read_source(env, procedure_path(paths));
    out.procedure = procedure::read_procedure(out.procedure_file.name, out.procedure_file.text);
  });
  if (policy) {
    std::vector<std::string> ids = out.policy.issuing.profiles;
    ids.push_back(out.policy.root.profile);
    for (const auto& id : ids) {
      if (out.profile_files.contains(id)) continue;
      gather([&] {
        auto file = read_source(env, paths.procedures + "/profiles/" + id + ".toml");
        auto profile = pki::read_profile(file.name, file.text);
        must_be_called(id, profile.id, file.name);
        out.profile_files.emplace(id, std::move(file));
        out.profiles.emplace(id, std::move(profile));
      });
    }
    for (const auto& admitted : out.policy.procedures) {
      if (procedure && admitted.id == out.procedure.id) {
        out.procedure_files.emplace(admitted.id, out.procedure_file);
        continue;
      }
      gather([&] {
        auto file = read_source(env, paths.procedures + "/" + admitted.id + ".toml");
        must_be_called(admitted.id, procedure::read_procedure(file.name, file.text).id, file.name);
        out.procedure_files.emplace(admitted.id, std::move(file));
      });
    }
  }
  if (policy && procedure) gather([&] { procedure::check(out.procedure, out.policy); });
  mistakes.insert(mistakes.end(), more.begin(), more.end());
  if (!mistakes.empty()) throw Refused(SourceRefusal::mistakes, std::move(mistakes));
  return out;
}

}  // namespace ceremony
