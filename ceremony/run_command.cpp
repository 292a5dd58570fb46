#include "ceremony/run_command.h"

#include <unistd.h>

#include <csignal>

#include "ceremony/actions/action.h"
#include "ceremony/actions/measuring.h"
#include "ceremony/conductor.h"
#include "ceremony/files_disk.h"
#include "hsm/pkcs11_module.h"
#include "hsm/tpm_device.h"
#include "media/linux_mounter.h"
#include "tui/plain_operator.h"
#include "tui/tui_operator.h"

namespace ceremony {
namespace {

/// In memory, the people's user's own (ceremony/init).
constexpr const char* files_folder = "/run/ceremony/people/files";

/// People at a terminal get screens; those who pipe, and those who ask for them, get lines.
std::unique_ptr<Operator> make_people_operator(const Options& o, media::Scanner& scanner) {
  // Whoever reads what we write may go away; reading their answers says so, and nothing dies half-way.
  ::signal(SIGPIPE, SIG_IGN);
  const std::chrono::seconds idle(o.idle);
  const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  if (o.tui || (terminal && !o.plain)) return tui::make_tui_operator(tui::make_curses_terminal(idle, &scanner));
  return tui::make_plain_operator(STDIN_FILENO, STDOUT_FILENO, idle, &scanner);
}

/// SHA-256 of the program that runs: what the screen shows as words, and what `open` records beside the version.
Digest own_digest(Env& env) {
  return sha256(env.read(std::filesystem::read_symlink("/proc/self/exe"), std::size_t{1} << 30));
}

SourceFiles read_all(Env& env, const Options& o) {
  std::vector<Finding> mistakes;
  if (o.ledgers.size() != 2) mistakes.push_back({std::to_string(o.ledgers.size()) + " ledgers are named", "--ledger", "name the two ledger media: --ledger A --ledger B"});
  // Everything is read and checked, all files and all their mistakes, before a token or a medium is touched.
  return read_sources(env, paths_of(o), std::move(mistakes));
}

void refuse_what_is_not_here(const Options& o, const policy::Policy& policy, const std::optional<Boot>& boot) {
  const bool production = policy.environment == policy::Environment::production;
  if (boot && boot->production != production)
    throw Refused(ProgramRefusal::not_here, std::string("this is the image of a ") + (boot->production ? "production" : "rehearsal") + ", the policy is one of a " + (production ? "production" : "rehearsal"), o.policy,
                  std::string("start the machine from the ") + (production ? "production" : "rehearsal") + " image, or take the policy that belongs to this one");
  if (production) {
    if (!o.answers.empty())
      throw Refused(ProgramRefusal::not_here, "a production policy takes no answers file", o.answers, "people answer in production; leave --answers out");
    if (!o.disks)
      throw Refused(ProgramRefusal::not_here, "a production policy takes no folders as media", o.policy,
                    "production runs on the appliance image with removable disks (--disks); use a rehearsal policy here");
  }
}

}  // namespace

SourcePaths paths_of(const Options& o) { return {o.policy, o.hsm, o.procedure, o.procedures}; }

Table::Table(const Options& options, const MakeScripted& make_scripted) : m_env(make_posix_env()), m_boot(read_boot(*m_env)), m_tpm(m_boot ? hsm::find_tpm() : nullptr), m_options(options) {
  const Options& o = m_options;
  if (!o.answers.empty() && !make_scripted)
    throw Refused(ProgramRefusal::not_here, "this program has no scripted operator", o.answers, "use ceremony-rehearsal");
  const auto seat_people = [&] {
    if (o.answers.empty()) m_people = make_people_operator(o, m_scanner);
    else m_scripted = make_scripted(*m_env, o.answers);
  };
  std::vector<media::UsbNews> news;
  if (o.files_disk) {
    if (!m_boot || !o.disks) throw Refused(ProgramRefusal::not_here, "--files is for the appliance and its disks", "--files", "name the files with --policy and --hsm, or start the machine from a boot medium");
    seat_people();
    media::MounterClient mounter(::dup(media::mounter_descriptor), media::mount_folder);
    news = take_files_from_disk(*m_env, mounter, op(), files_folder, actions::machine_lines(m_tpm.get()), m_options);
  }
  m_files = read_all(*m_env, o);
  refuse_what_is_not_here(o, m_files.policy, m_boot);
  m_software_digest = own_digest(*m_env);
  if (!o.disks) m_media = make_folder_media(*m_env, o);
  if (!o.files_disk) seat_people();
  if (o.disks) m_media = make_disk_media(*m_env, o, m_files.policy, op(), m_scanner, std::move(news));
}

void Table::finished(const std::string& text) {
  const auto more = m_media->put_away();
  op().finished(text + (more.empty() ? "" : " " + more));
}

int Table::perform(const SourceFiles& files, hsm::Module& module) {
  actions::Zlint zlint;
  const auto folders = ledgers();
  std::vector<ledger::Repair> repairs;
  auto journal = ledger::Journal::has_records(*m_env, folders) ? ledger::Journal::open(*m_env, folders, repairs) : ledger::Journal::create(*m_env, folders);
  actions::Run run({*m_env, op(), module, volumes(), zlint, files.policy, *files.binding, files.policy_file, *files.binding_file, files.procedure_file,
                    files.procedure.id, files.procedure_files, files.profile_files, files.profiles, std::string(software) + ", SHA-256 " + hex(m_software_digest), software_digest(),
                    ledger_names(), [this](const Path& ledger) { return m_media->fault_of(ledger); }, text_or_none(m_boot ? m_boot->image : std::nullopt), text_or_none(m_boot ? m_boot->uki : std::nullopt), m_tpm.get()},
                   journal);
  const auto outcome = conduct(run, files.procedure, repairs);
  finished(outcome == Outcome::complete  ? "The ceremony is closed and signed. The log has " + std::to_string(run.journal().size()) + " records."
           : outcome == Outcome::stopped ? "Stopped. Nothing is lost: run the same command again and the ceremony goes on."
                                         : "Aborted: the ceremony is closed on the record.");
  if (outcome == Outcome::complete) all_used();
  return outcome == Outcome::complete ? 0 : outcome == Outcome::aborted ? 1 : 2;
}

int run_command(const Options& o, const MakeScripted& make_scripted) {
  Table table(o, make_scripted);
  const auto module = hsm::open_pkcs11(table.files().binding->module);
  return table.perform(table.files(), *module);
}

}  // namespace ceremony
