#include "ceremony/program.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>

#include "ceremony/actions/action.h"
#include "ceremony/conductor.h"
#include "ceremony/procedure/script.h"
#include "ceremony/report/verdict.h"
#include "hsm/pkcs11_module.h"
#include "media/folder_volume.h"
#include "tui/plain_operator.h"

namespace ceremony {
namespace {

enum class ProgramRefusal { arguments, not_here };
constexpr std::string_view name_of(ProgramRefusal code) { return code == ProgramRefusal::arguments ? "program/arguments" : "program/not-here"; }

constexpr std::size_t file_limit = 1 << 20;
constexpr auto software = "ceremony " CEREMONY_VERSION;

struct Options {
  std::string procedure, policy, hsm, procedures = CEREMONY_PROCEDURES, answers, format = "markdown", place, date;
  std::vector<std::string> ledgers, backups, media, files;
};

actions::SourceFile read_file(Env& env, const std::string& name) { return {name, as_text(env.read(name, file_limit))}; }

/// A path, or the id of a procedure in the procedures' folder.
std::string procedure_path(const Options& o) {
  return o.procedure.find('/') != std::string::npos || o.procedure.ends_with(".toml") ? o.procedure : o.procedures + "/" + o.procedure + ".toml";
}

/// Secrets must not reach a disk: no core dumps, no other process of this user looking in, pages locked where allowed.
void protect_memory() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
#ifndef __SANITIZE_ADDRESS__
  // Botan locks the pages of secrets by itself; this adds the rest of the process where the limits allow it.
  (void)::mlockall(MCL_CURRENT | MCL_FUTURE);
#endif
}

int run(const Options& o, const MakeScripted& make_scripted) {
  const auto env = make_posix_env();
  // Everything is read and checked, all files and all their mistakes, before a token or a medium is touched.
  auto policy_file = read_file(*env, o.policy);
  auto binding_file = read_file(*env, o.hsm);
  auto procedure_file = read_file(*env, procedure_path(o));
  std::vector<Finding> mistakes;
  const auto gather = [&](auto read) -> std::optional<decltype(read())> {
    try {
      return read();
    } catch (const Refused& refusal) {
      mistakes.insert(mistakes.end(), refusal.findings().begin(), refusal.findings().end());
      return std::nullopt;
    }
  };
  const auto policy = gather([&] { return policy::read_policy(policy_file.name, policy_file.text); });
  const auto binding = gather([&] { return policy::read_binding(binding_file.name, binding_file.text); });
  const auto procedure = gather([&] { return procedure::read_procedure(procedure_file.name, procedure_file.text); });
  std::map<std::string, actions::SourceFile> profile_files, procedures;
  std::map<std::string, pki::Profile> profiles;
  if (policy) {
    std::vector<std::string> ids = policy->issuing.profiles;
    ids.push_back(policy->root.profile);
    for (const auto& id : ids)
      (void)gather([&] {
        auto file = read_file(*env, o.procedures + "/profiles/" + id + ".toml");
        auto profile = pki::read_profile(file.name, file.text);
        profile_files.emplace(id, std::move(file));
        profiles.insert_or_assign(id, std::move(profile));
        return 0;
      });
    for (const auto& admitted : policy->procedures)
      (void)gather([&] {
        auto file = admitted.id == (procedure ? procedure->id : "") ? procedure_file : read_file(*env, o.procedures + "/" + admitted.id + ".toml");
        procedures.emplace(admitted.id, std::move(file));
        return 0;
      });
  }
  if (policy && procedure) (void)gather([&] { procedure::check(*procedure, *policy); return 0; });
  if (o.ledgers.size() != 2) mistakes.push_back({std::to_string(o.ledgers.size()) + " ledgers are named", "--ledger", "name the two ledger media: --ledger A --ledger B"});
  if (!mistakes.empty()) throw Refused(ProgramRefusal::arguments, std::move(mistakes));
  if (policy->environment == policy::Environment::production) {
    if (!o.answers.empty())
      throw Refused(ProgramRefusal::not_here, "a production policy takes no answers file", o.answers, "people answer in production; leave --answers out");
    throw Refused(ProgramRefusal::not_here, "a production policy takes no folders as media", o.policy,
                  "production runs on the appliance image with removable disks; use a rehearsal policy here");
  }
  if (!o.answers.empty() && !make_scripted)
    throw Refused(ProgramRefusal::not_here, "this program has no scripted operator", o.answers, "use ceremony-rehearsal");

  media::FolderVolumes volumes;
  for (std::size_t i = 0; i < o.backups.size(); ++i) {
    const auto name = "backup-" + std::to_string(i + 1);
    volumes.add("backup", std::make_unique<media::FolderVolume>(*env, name, o.backups[i]));
  }
  for (const auto& medium : o.media) {
    const auto equals = medium.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Refused(ProgramRefusal::arguments, "\"" + medium + "\" is not NAME=FOLDER", "--media", "write --media c1=/path/of/folder");
    volumes.add("media", std::make_unique<media::FolderVolume>(*env, medium.substr(0, equals), medium.substr(equals + 1)));
  }
  const auto module = hsm::open_pkcs11(binding->module);
  actions::Zlint zlint;
  const Scripted scripted = o.answers.empty() ? Scripted{} : make_scripted(*env, o.answers);
  const auto plain = o.answers.empty() ? tui::make_plain_operator(stdin, stdout) : nullptr;
  Operator& op = scripted.op ? *scripted.op : *plain;

  const std::vector<Path> ledgers(o.ledgers.begin(), o.ledgers.end());
  std::vector<ledger::Repair> repairs;
  auto journal = ledger::Journal::has_records(*env, ledgers) ? ledger::Journal::open(*env, ledgers, repairs) : ledger::Journal::create(*env, ledgers);
  actions::Run run({*env, op, *module, volumes, zlint, *policy, *binding, std::move(policy_file), std::move(binding_file), std::move(procedure_file),
                    procedure->id, std::move(procedures), std::move(profile_files), std::move(profiles), software},
                   journal);
  const auto outcome = conduct(run, *procedure, repairs);
  op.finished(outcome == Outcome::complete  ? "The ceremony is closed and signed. The log has " + std::to_string(run.journal().size()) + " records."
              : outcome == Outcome::stopped ? "Stopped. Nothing is lost: run the same command again and the ceremony goes on."
                                            : "Aborted: the ceremony is closed on the record.");
  if (scripted.all_used && outcome == Outcome::complete) scripted.all_used();
  return outcome == Outcome::complete ? 0 : outcome == Outcome::aborted ? 1 : 2;
}

/// What kind of file it is stands in its `format` line; profiles and the others are told apart by it.
void check_file(Env& env, const std::string& name) {
  const auto file = read_file(env, name);
  const auto has = [&](std::string_view format) { return file.text.find(format) != std::string::npos; };
  if (has("\"ceremony-policy/")) {
    const auto p = policy::read_policy(name, file.text);
    std::printf("%s: policy of %s, %s, fine; SHA-256 %s\n", name.c_str(), p.name.c_str(), std::string(policy::name_of(p.environment)).c_str(), hex(p.digest).c_str());
  } else if (has("\"ceremony-hsm/")) {
    const auto b = policy::read_binding(name, file.text);
    std::printf("%s: binding to the module %s, fine; SHA-256 %s\n", name.c_str(), b.module.c_str(), hex(b.digest).c_str());
  } else if (has("\"ceremony-procedure/")) {
    const auto p = procedure::read_procedure(name, file.text);
    std::printf("%s: procedure %s, %zu steps, %d minutes, fine; SHA-256 %s\n", name.c_str(), p.id.c_str(), p.steps.size(), p.minutes(), hex(p.digest).c_str());
  } else if (has("\"ceremony-profile/")) {
    const auto p = pki::read_profile(name, file.text);
    std::printf("%s: certificate profile %s, fine; SHA-256 %s\n", name.c_str(), p.id.c_str(), hex(p.digest).c_str());
  } else {
    throw Refused(ProgramRefusal::arguments, "it has no `format` line of ours", name, "begin the file with format = \"ceremony-policy/v1\", -hsm/v1, -procedure/v1 or -profile/v1");
  }
}

int check(const Options& o) {
  const auto env = make_posix_env();
  bool good = true;
  for (const auto& name : o.files) {
    try {
      check_file(*env, name);
    } catch (const Refused& refusal) {
      good = false;
      std::fprintf(stderr, "%s\n", refusal.what());
    }
  }
  return good ? 0 : 1;
}

int status(const Options& o) {
  const auto env = make_posix_env();
  const auto log = ledger::load_ledger(*env, o.ledgers.at(0));
  const state::ArtifactSource artifacts = [&](const Digest& d) { return log.artifact(d); };
  state::CaState state;
  for (std::size_t i = 0; i < log.records.size(); ++i) state = state::fold(std::move(state), log.records[i], log.tree.leaf(i), artifacts);
  std::fputs(report::status_text(state, env->now()).c_str(), stdout);
  return 0;
}

int script(const Options& o) {
  const auto env = make_posix_env();
  const auto policy_file = read_file(*env, o.policy);
  const auto procedure_file = read_file(*env, procedure_path(o));
  const auto policy = policy::read_policy(policy_file.name, policy_file.text);
  const auto procedure = procedure::read_procedure(procedure_file.name, procedure_file.text);
  procedure::check(procedure, policy);
  const procedure::ScriptDetails details{"", o.date, o.place, software};
  std::fputs((o.format == "html" ? procedure::script_html(procedure, policy, details) : procedure::script_markdown(procedure, policy, details)).c_str(), stdout);
  return 0;
}

}  // namespace

int run_program(int argc, char** argv, const MakeScripted& make_scripted) {
  protect_memory();
  CLI::App app{"Root and intermediate key ceremonies under an M-of-N quorum, with a signed transcript.\n"
               "Exit codes: 0 good, 1 the answer is no, 2 could not be done."};
  app.set_version_flag("--version", software);
  app.require_subcommand(1);
  Options o;
  auto* const run_command = app.add_subcommand("run", "Run a procedure, or go on with the one that was interrupted.\n"
      "Example: ceremony run root-genesis --policy policy.toml --hsm hsm.toml --ledger A --ledger B --backup C --backup D\n"
      "                  --media c1=FOLDER … (one a person), intake=, public=, and one a factory");
  run_command->add_option("procedure", o.procedure, "id (root-genesis, issue-intermediates) or file of the procedure")->required();
  run_command->add_option("--policy", o.policy, "the reviewed policy file")->required();
  run_command->add_option("--hsm", o.hsm, "binding to the HSM: module and token labels")->required();
  run_command->add_option("--ledger", o.ledgers, "ledger medium; give it twice")->required()->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  run_command->add_option("--backup", o.backups, "backup medium; at least two for a genesis")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  run_command->add_option("--media", o.media, "NAME=FOLDER, a medium by the name people call it")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  run_command->add_option("--procedures", o.procedures, "folder of procedures, with profiles/ in it");
  run_command->add_option("--answers", o.answers, "file of answers that stand for the people (rehearsals only)");
  auto* const check_command = app.add_subcommand("check", "Read policy, binding, procedure and profile files and list every mistake with its place.");
  check_command->add_option("files", o.files, "files to check")->required();
  auto* const status_command = app.add_subcommand("status", "What the log says: keys, certificates, CRL, people, shares, what is due.");
  status_command->add_option("--ledger", o.ledgers, "ledger medium")->required()->expected(1);
  auto* const script_command = app.add_subcommand("script", "Print a procedure as the script people follow on paper.");
  script_command->add_option("procedure", o.procedure, "id or file of the procedure")->required();
  script_command->add_option("--policy", o.policy, "the reviewed policy file")->required();
  script_command->add_option("--procedures", o.procedures, "folder of procedures");
  script_command->add_option("--format", o.format, "markdown or html")->check(CLI::IsMember({"markdown", "html"}));
  script_command->add_option("--place", o.place, "place of the ceremony, for the title page");
  script_command->add_option("--date", o.date, "date of the ceremony, for the title page");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    if (run_command->parsed()) return run(o, make_scripted);
    if (check_command->parsed()) return check(o);
    if (status_command->parsed()) return status(o);
    return script(o);
  } catch (const Refused& refusal) {
    std::fprintf(stderr, "%s\n", refusal.what());
    return 2;
  }
}

}  // namespace ceremony
