#include "ceremony/console.h"

#include "ceremony/preflight.h"
#include "ceremony/report/verdict.h"
#include "ceremony/run_command.h"
#include "ceremony/shares/words.h"
#include "hsm/pkcs11_module.h"

namespace ceremony {
namespace {

constexpr auto help_text =
    "No ceremony runs. The dashboard says what is due, how the two ledgers are, how the last ceremony ended, and which procedures can be "
    "started, with who is needed and how long each takes.\n\n"
    "Choose a procedure: its pre-flight shows ledgers, token, people, clock, entropy, media and the machine, each as ok, look (read it; you may begin) or "
    "missing (there is no beginning without it). Nothing is written by looking. What is missing is put right at the machine; then look again.\n\n"
    "Begin starts the procedure, or goes on with the one that is open. \"leave\" ends the program.\n";

/// What stands at the desk while no ceremony runs.
class ConsoleDesk final : public Desk {
 public:
  explicit ConsoleDesk(Table& table) : m_table(table) { m_table.op().attend(this); }
  ~ConsoleDesk() override { m_table.op().attend(nullptr); }
  ConsoleDesk(const ConsoleDesk&) = delete;
  ConsoleDesk& operator=(const ConsoleDesk&) = delete;

  void look() { m_seen = look_at_ledgers(m_table.env(), m_table.ledgers(), policy(), m_table.ledger_names()); }
  [[nodiscard]] const LedgersSeen& ledgers() const { return m_seen; }
  /// Whether Esc leads back to the dashboard.
  bool away = false;

  Time now() override { return m_table.env().now(); }
  FrameView frame() override {
    FrameView view{policy().name, policy().environment == policy::Environment::rehearsal, {}, {}, 0, {}, false};
    for (const auto word : shares::words_of(m_table.software_digest())) view.image.emplace_back(word);
    view.image.resize(3);
    return view;
  }
  std::string who_is(const std::string& who) override { return policy::described(policy(), who); }
  std::string help() override { return help_text; }
  std::vector<std::string> transcript() override {
    std::vector<std::string> out;
    for (const auto& r : m_seen.records) out.push_back(report::transcript_line(r));
    return out;
  }
  std::string state() override { return report::status_text(m_seen.state, now()); }
  std::string stopping() override { return "No ceremony runs. To stop or to abort here leaves the program; nothing is changed."; }
  bool may_go_back() override { return away; }
  std::vector<std::string> people() override {
    std::vector<std::string> out;
    for (const auto& [id, person] : policy().people) out.push_back(id);
    return out;
  }
  std::string note_deviation(const std::string&, const std::string&) override { return "No ceremony runs, so there is no record that could take it. Note it once one has begun."; }
  void leaving(OperatorRefusal) override {}

 private:
  [[nodiscard]] const policy::Policy& policy() const { return m_table.files().policy; }

  Table& m_table;
  LedgersSeen m_seen;
};

class Console final {
 public:
  explicit Console(Table& table) : m_table(table), m_desk(table) {
    for (const auto& [id, file] : table.files().procedure_files) m_procedures.push_back(procedure::read_procedure(file.name, file.text));
    // A CA begins with its genesis, whatever the files are called.
    std::ranges::stable_sort(m_procedures, {}, &procedure::Procedure::kind);
  }

  /// The procedure people want begun; null where they leave.
  const procedure::Procedure* choose() {
    while (true) {
      try {
        look();
        // What can be started stands first, where the choice begins.
        std::ranges::stable_partition(m_procedures, [this](const auto& p) { return make_board_of(p).why_not.empty(); });
        const auto board = make_board();
        const auto at = choose_at(board);
        if (at == m_procedures.size()) continue;
        if (at > m_procedures.size()) return nullptr;
        if (begins(m_procedures[at], board.procedures[at])) return &m_procedures[at];
      } catch (const Refused& refusal) {
        if (refusal.is(OperatorRefusal::stop) || refusal.is(OperatorRefusal::abort)) return nullptr;
        // After a silence the dashboard is looked up anew; there is nothing to lock.
        if (!refusal.is(OperatorRefusal::back) && !refusal.is(OperatorRefusal::idle)) throw;
      }
    }
  }

  /// Of the last look.
  [[nodiscard]] std::unique_ptr<hsm::Module> take_module() { return std::move(m_module); }

 private:
  report::Startable make_board_of(const procedure::Procedure& p) {
    return report::dashboard(m_desk.ledgers().state, m_table.env().now(), m_table.files().policy, std::span(&p, 1)).procedures.front();
  }

  report::Dashboard make_board() {
    auto board = report::dashboard(m_desk.ledgers().state, m_table.env().now(), m_table.files().policy, m_procedures);
    if (m_desk.ledgers().readable) return board;
    // An empty state is not that of an empty log.
    board.last = "not known";
    board.due = {{"not known", false}};
    for (auto& p : board.procedures) p.why_not = "the ledgers cannot be read";
    return board;
  }

  void look() {
    m_desk.away = false;
    m_desk.look();
    m_table.volumes().look_at_sockets();
    // A module sees the tokens that were there when it was opened.
    m_module.reset();
    try {
      m_module = hsm::open_pkcs11(m_table.files().binding->module);
    } catch (const Refused& refusal) {
      m_module_refusal = refusal.findings().front().what + "; " + refusal.findings().front().hint;
    }
  }

  std::size_t choose_at(const report::Dashboard& board) {
    const auto& policy = m_table.files().policy;
    m_table.op().begin_step({0, 0, "console", "No ceremony runs", "", "everyone"}, policy.name + (policy.environment == policy::Environment::rehearsal ? "   *** REHEARSAL ***" : ""));
    std::vector<std::string> options;
    for (const auto& p : m_procedures) options.push_back(p.id);
    options.emplace_back("look again");
    options.emplace_back("leave");
    const auto& check = m_desk.ledgers().check;
    const auto health = (check.ready == Ready::ok ? "" : std::string(name_of(check.ready)) + ": ") + check.says;
    return m_table.op().choose({"dashboard", "", report::text(board, health)}, options);
  }

  bool begins(const procedure::Procedure& p, const report::Startable& startable) {
    m_desk.away = true;
    Surroundings around{m_table.env(), m_table.volumes(), m_module.get(), m_module_refusal, m_table.files().policy, *m_table.files().binding, m_table.tpm(), m_table.started()};
    const auto checks = preflight(m_desk.ledgers(), p, startable, around);
    const bool may = may_begin(checks);
    auto page = text(checks) + (may ? "" : "\nIt cannot begin: put right what is missing, and look again.\n");
    m_table.op().show({"preflight." + p.id, "everyone", "Before " + p.id + " (" + p.title + ", about " + report::duration(p.minutes()) + "):"}, Page{std::move(page), {}});
    return may && m_table.op().confirm({"begin", "administrator", (startable.goes_on ? "Go on with " : "Begin ") + p.id + " (" + p.title + ")?"});
  }

  Table& m_table;
  ConsoleDesk m_desk;
  std::vector<procedure::Procedure> m_procedures;
  std::unique_ptr<hsm::Module> m_module;
  std::string m_module_refusal;
};

}  // namespace

int console_command(const Options& o, const MakeScripted& make_scripted) {
  Table table(o, make_scripted);
  std::unique_ptr<hsm::Module> module;
  Options chosen = table.options();
  {
    Console console(table);
    const auto* procedure = console.choose();
    if (procedure == nullptr) {
      table.finished("No ceremony was begun.");
      table.all_used();
      return 0;
    }
    chosen.procedure = procedure->file;
    module = console.take_module();
  }
  // Read once more and together, as `run` reads them: what is checked is what is run.
  const SourceFiles files = read_sources(table.env(), paths_of(chosen));
  return table.perform(files, *module);
}

}  // namespace ceremony
