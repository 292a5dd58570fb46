#include "ceremony/program.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "ceremony/actions/measuring.h"
#include "ceremony/console.h"
#include "ceremony/ledger/ledger.h"
#include "ceremony/options.h"
#include "ceremony/procedure/script.h"
#include "ceremony/report/verdict.h"
#include "ceremony/run_command.h"
#include "ceremony/shares/words.h"
#include "ceremony/source_files.h"
#include "hsm/tpm_device.h"

namespace ceremony {
namespace {

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

/// What kind of file it is stands in its `format` line; profiles and the others are told apart by it.
void check_file(Env& env, const std::string& name) {
  const auto file = read_source(env, name);
  const auto has = [&](std::string_view format) { return file.text.find(format) != std::string::npos; };
  if (has("\"ceremony-policy/")) {
    const auto p = read_reviewed_policy(name, file.text);
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

/// What people compare: the digest of a file of any size, and its words.
int words(const Options& o) {
  const auto env = make_posix_env();
  for (const auto& name : o.files) {
    const auto digest = sha256(env->read(name, std::size_t{1} << 30));
    std::string line;
    for (const auto word : shares::words_of(digest)) line += " " + std::string(word);
    std::printf("%s  %s\n  %s\n", hex(digest).c_str(), name.c_str(), line.c_str());
  }
  return 0;
}

/// What whoever writes a policy takes over from the machine that is meant.
int machine() {
  const auto tpm = hsm::find_tpm();
  if (!tpm) throw Refused(ProgramRefusal::not_here, "this machine has no TPM", hsm::tpm_device, "switch the TPM 2.0 on in the firmware's menu; without one leave [tpm] out of the policy");
  const auto quote = actions::quote_of(*tpm, {});
  std::printf("[tpm]\nkeys = [\"%s\"]\npcr4 = [\"%s\"]\npcr7 = [\"%s\"]\npcr11 = [\"%s\"]\n", hex(sha256(quote.key)).c_str(), hex(quote.pcr4).c_str(), hex(quote.pcr7).c_str(), hex(quote.pcr11).c_str());
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

void add_table_options(CLI::App& command, Options& o) {
  command.add_option("--policy", o.policy, "the reviewed policy file");
  command.add_option("--hsm", o.hsm, "binding to the HSM: module and token labels");
  command.add_flag("--files", o.files_disk, "policy, binding and the names of the media are on a removable disk, which is asked for (on the appliance)");
  command.add_option("--ledger", o.ledgers, "ledger medium; give it twice")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--backup", o.backups, "backup medium; at least two for a genesis")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--media", o.media, "NAME=FOLDER, a medium by the name people call it")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_flag("--disks", o.disks, "--ledger, --backup and --media are names of removable disks, which are asked for; started by ceremony-mounter");
  command.add_option("--procedures", o.procedures, "folder of procedures, with profiles/ in it");
  command.add_flag("--tui", o.tui, "screens, even where standard input is no terminal (then it is refused)");
  command.add_flag("--plain", o.plain, "lines of text instead of screens: for speech, braille, serial lines and pipes")->excludes("--tui");
  command.add_option("--idle", o.idle, "seconds without a key after which the token is deactivated and people unlock again")->check(CLI::Range(1, 300));
  command.add_option("--answers", o.answers, "file of answers that stand for the people (rehearsals only)");
}

/// What the appliance asks people for is named on the command line elsewhere.
void must_name_files(const Options& o) {
  if (o.files_disk) return;
  std::vector<Finding> missing;
  for (const auto& [option, given] : {std::pair{"--policy", !o.policy.empty()}, std::pair{"--hsm", !o.hsm.empty()}, std::pair{"--ledger", !o.ledgers.empty()}})
    if (!given) missing.push_back({std::string(option) + " is required", "", "ceremony run --help lists what a ceremony is run with"});
  if (!missing.empty()) throw Refused(ProgramRefusal::arguments, std::move(missing));
}

}  // namespace

int run_program(int argc, char** argv, const MakeScripted& make_scripted) {
  protect_memory();
  CLI::App app{"Root and intermediate key ceremonies under an M-of-N quorum, with a signed transcript.\n"
               "Exit codes: 0 good, 1 the answer is no, 2 could not be done."};
  app.set_version_flag("--version", software);
  app.require_subcommand(1);
  Options o;
  auto* const run = app.add_subcommand("run", "Run a procedure, or go on with the one that was interrupted; without a procedure, the console.\n"
      "Example: ceremony run root-genesis --policy policy.toml --hsm hsm.toml --ledger A --ledger B --backup C --backup D\n"
      "                  --media c1=FOLDER … (one a person), intake=, public=, and one a factory");
  run->add_option("procedure", o.procedure, "id (root-genesis, issue-intermediates, admit-image) or file of the procedure");
  add_table_options(*run, o);
  auto* const console = app.add_subcommand("console", "The dashboard: what is due, what can be started and what is missing to start it; then Begin. Options of `run`.");
  add_table_options(*console, o);
  auto* const check_command = app.add_subcommand("check", "Read policy, binding, procedure and profile files and list every mistake with its place.");
  check_command->add_option("files", o.files, "files to check")->required();
  auto* const status_command = app.add_subcommand("status", "What the log says: keys, certificates, CRL, people, shares, what is due.");
  status_command->add_option("--ledger", o.ledgers, "ledger medium")->required()->expected(1);
  auto* const words_command = app.add_subcommand("words", "SHA-256 of files, as hex and as the twelve words that people compare.");
  words_command->add_option("files", o.files, "files")->required();
  auto* const machine_command = app.add_subcommand("machine", "What this machine's TPM says of how it was started, as the policy's table [tpm].");
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
    if (run->parsed() || console->parsed()) must_name_files(o);
    if (run->parsed() && !o.procedure.empty()) return run_command(o, make_scripted);
    if (run->parsed() || console->parsed()) return console_command(o, make_scripted);
    if (check_command->parsed()) return check(o);
    if (words_command->parsed()) return words(o);
    if (status_command->parsed()) return status(o);
    if (machine_command->parsed()) return machine();
    return script(o);
  } catch (const Refused& refusal) {
    std::fprintf(stderr, "%s\n", refusal.what());
    return 2;
  }
}

}  // namespace ceremony
