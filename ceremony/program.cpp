#include "ceremony/program.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>

#include "ceremony/actions/action.h"
#include "ceremony/conductor.h"
#include "ceremony/procedure/script.h"
#include "ceremony/report/verdict.h"
#include "ceremony/shares/words.h"
#include "ceremony/source_files.h"
#include "hsm/pkcs11_module.h"
#include "media/folder_volume.h"
#include "tui/plain_operator.h"
#include "tui/tui_operator.h"

namespace ceremony {
namespace {

enum class ProgramRefusal { arguments, not_here };
constexpr std::string_view name_of(ProgramRefusal code) { return code == ProgramRefusal::arguments ? "program/arguments" : "program/not-here"; }

constexpr auto software = "ceremony " CEREMONY_VERSION;

struct Options {
  std::string procedure, policy, hsm, procedures = CEREMONY_PROCEDURES, answers, format = "markdown", place, date;
  std::vector<std::string> ledgers, backups, media, files;
  bool plain = false, tui = false;
  unsigned idle = 300;
};

/// People at a terminal get screens; those who pipe, and those who ask for them, get lines.
std::unique_ptr<Operator> make_people_operator(const Options& o) {
  const std::chrono::seconds idle(o.idle);
  const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  if (o.tui || (terminal && !o.plain)) return tui::make_tui_operator(tui::make_curses_terminal(idle));
  return tui::make_plain_operator(STDIN_FILENO, STDOUT_FILENO, idle);
}

/// SHA-256 of the program that runs: what the screen shows as words, and what `open` records beside the version.
Digest own_digest(Env& env) {
  return sha256(env.read(std::filesystem::read_symlink("/proc/self/exe"), std::size_t{1} << 30));
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
  // Whoever reads what we write may go away; reading their answers says so, and nothing dies half-way.
  ::signal(SIGPIPE, SIG_IGN);
  const auto env = make_posix_env();
  std::vector<Finding> mistakes;
  if (o.ledgers.size() != 2) mistakes.push_back({std::to_string(o.ledgers.size()) + " ledgers are named", "--ledger", "name the two ledger media: --ledger A --ledger B"});
  // Everything is read and checked, all files and all their mistakes, before a token or a medium is touched.
  SourceFiles files = read_sources(*env, {o.policy, o.hsm, o.procedure, o.procedures}, std::move(mistakes));
  if (files.policy.environment == policy::Environment::production) {
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
  const auto module = hsm::open_pkcs11(files.binding->module);
  actions::Zlint zlint;
  const Scripted scripted = o.answers.empty() ? Scripted{} : make_scripted(*env, o.answers);
  const auto people = o.answers.empty() ? make_people_operator(o) : nullptr;
  Operator& op = scripted.op ? *scripted.op : *people;

  const std::vector<Path> ledgers(o.ledgers.begin(), o.ledgers.end());
  std::vector<ledger::Repair> repairs;
  auto journal = ledger::Journal::has_records(*env, ledgers) ? ledger::Journal::open(*env, ledgers, repairs) : ledger::Journal::create(*env, ledgers);
  const auto digest = own_digest(*env);
  actions::Run run({*env, op, *module, volumes, zlint, files.policy, *files.binding, files.policy_file, *files.binding_file, files.procedure_file,
                    files.procedure.id, files.procedure_files, files.profile_files, files.profiles, std::string(software) + ", SHA-256 " + hex(digest), digest},
                   journal);
  const auto outcome = conduct(run, files.procedure, repairs);
  op.finished(outcome == Outcome::complete  ? "The ceremony is closed and signed. The log has " + std::to_string(run.journal().size()) + " records."
              : outcome == Outcome::stopped ? "Stopped. Nothing is lost: run the same command again and the ceremony goes on."
                                            : "Aborted: the ceremony is closed on the record.");
  if (scripted.all_used && outcome == Outcome::complete) scripted.all_used();
  return outcome == Outcome::complete ? 0 : outcome == Outcome::aborted ? 1 : 2;
}

/// What kind of file it is stands in its `format` line; profiles and the others are told apart by it.
void check_file(Env& env, const std::string& name) {
  const auto file = read_source(env, name);
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

procedure::Checked checked(std::string what, const Digest& digest) { return {std::move(what), digest, shares::words_of(digest)}; }

/// Where the log stands that the ceremony will go on from; it must be the policy's.
procedure::ScriptDetails::Previous previous_of(Env& env, const std::string& folder, const policy::Policy& policy) {
  const auto log = ledger::load_ledger(env, folder);
  const state::ArtifactSource artifacts = [&](const Digest& d) { return log.artifact(d); };
  state::CaState state;
  for (std::size_t i = 0; i < log.records.size(); ++i) state = state::fold(std::move(state), log.records[i], log.tree.leaf(i), artifacts);
  if (state.origin != policy.origin)
    throw Refused(ProgramRefusal::arguments, "the ledger is that of " + state.origin + ", the policy is that of " + policy.origin, folder, "give the ledger of this CA");
  const auto size = state.last_closed_size();
  const Digest root = log.tree.root_at(size);
  return {size, shares::words_of(root)};
}

int script(const Options& o) {
  const auto env = make_posix_env();
  const SourceFiles files = read_sources(*env, {o.policy, o.hsm, o.procedure, o.procedures});
  procedure::ScriptDetails details{"", o.date, o.place, software, {}, {}};
  details.checked.push_back(checked("policy", files.policy_file.digest()));
  details.checked.push_back(checked("procedure", files.procedure_file.digest()));
  if (files.binding_file) details.checked.push_back(checked("binding", files.binding_file->digest()));
  for (const auto& [id, file] : files.profile_files) details.checked.push_back(checked("profile " + id, file.digest()));
  for (const auto& [id, file] : files.procedure_files) details.checked.push_back(checked("admitted procedure " + id, file.digest()));
  if (!o.ledgers.empty()) details.previous = previous_of(*env, o.ledgers.front(), files.policy);
  const auto& make = o.format == "html" ? procedure::script_html : procedure::script_markdown;
  std::fputs(make(files.procedure, files.policy, details).c_str(), stdout);
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
  run_command->add_flag("--tui", o.tui, "screens, even where standard input is no terminal (then it is refused)");
  run_command->add_flag("--plain", o.plain, "lines of text instead of screens: for speech, braille, serial lines and pipes")->excludes("--tui");
  run_command->add_option("--idle", o.idle, "seconds without a key after which the token is deactivated and people unlock again")->check(CLI::Range(1, 300));
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
  script_command->add_option("--hsm", o.hsm, "binding to the HSM, so that its digest is printed");
  script_command->add_option("--ledger", o.ledgers, "ledger the ceremony goes on from, so that its checkpoint is printed")->expected(1);
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
