#include "ceremony/conductor.h"

#include <algorithm>
#include <set>

#include "ceremony/actions/action.h"
#include "ceremony/procedure/actions_spec.h"
#include "ceremony/report/verdict.h"
#include "ceremony/shares/words.h"
#include "ceremony/state/fields.h"

namespace ceremony {
namespace {

std::vector<std::string> words_of(const actions::Run& run, const std::vector<ledger::Repair>& repairs) {
  std::vector<std::string> out;
  for (const auto& r : repairs) {
    std::string text(ledger::name_of(r.kind));
    text += " on " + Path(run.ledger_name(r.folder)).filename().string();
    if (r.count > 0) text += ", from record " + std::to_string(r.first) + ", " + std::to_string(r.count);
    if (!r.what.empty()) text += ", " + r.what;
    out.push_back(text);
  }
  // A record holds 8 KiB; more than this many repairs are counted, not listed.
  if (out.size() > 20) {
    const auto more = out.size() - 20;
    out.resize(20);
    out.push_back("and " + std::to_string(more) + " more");
  }
  return out;
}

std::size_t where_to_resume(const procedure::Procedure& procedure, const std::string& step) {
  const auto found = std::ranges::find(procedure.steps, step, &procedure::Step::id);
  if (found == procedure.steps.end())
    throw Refused(actions::ActionRefusal::not_now, "the open ceremony stands at step \"" + step + "\", which this procedure does not have", procedure.file, "run the procedure that the ceremony was begun with");
  return procedure.begins_again_at(static_cast<std::size_t>(found - procedure.steps.begin()));
}

/// A signature that was asked for and not recorded may exist: its serial is revoked by the next CRL.
void reconcile(actions::Run& run) {
  for (const auto& id : run.state().open_intents()) {
    const auto intent = state::Intent(run.state().open->intents.at(id));
    for (const auto& tbs : intent.lines) {
      if (intent.results.contains(tbs) || intent.reconciled.contains(tbs)) continue;
      if (intent.act == "sign-certificate" || intent.act == "sign-batch") {
        // A batch's list names each serial: the bytes of a line that has no result yet went with the power.
        const auto serial = state::serial_of(intent, tbs, run.artifacts());
        if (!serial)
          throw Refused(actions::ActionRefusal::absent, "the artifact " + hex(intent.tbs) + " that names a serial is on neither ledger", "ledger", "insert the ledger media of this CA; if both lack it, stop and call the security officer");
        run.record("reconcile", {}, {{"id", id}, {"outcome", "maybe-issued"}, {"tbs", tbs}, {"found", *serial}});
      } else if (intent.act == "sign-crl") {
        run.record("reconcile", {}, {{"id", id}, {"outcome", "undone"}, {"tbs", tbs}, {"found", "a CRL that may have been signed never left"}});
      } else if (intent.act == "init-token") {
        run.record("reconcile", {}, {{"id", id}, {"outcome", "undone"}, {"tbs", tbs}, {"found", "a token that was being initialised; it holds no key"}});
      }
      // generate-key: the token has to be active to be asked for the key; its step does that.
    }
  }
}

void resume(actions::Run& run, const std::vector<ledger::Repair>& repairs, bool tested_again) {
  const std::string token = run.state().active ? run.state().active->token : "";
  run.record("resume", {}, {{"at", run.step}, {"repairs", words_of(run, repairs)}});
  if (!token.empty()) run.record("deactivate", {}, {{"token", token}, {"reason_for", "resume"}});
  reconcile(run);
  actions::record_unrecorded(run);
  if (!tested_again) return;
  ledger::Value results;
  for (const auto& [test, result] : run.selftest) results.set(test, result);
  run.record("selftest", {}, {{"results", results}});
}

/// What stands at the desk while something is asked: looked up anew each time, since the log grows under it.
class RunDesk final : public Desk {
 public:
  RunDesk(actions::Run& run, const procedure::Procedure& procedure) : m_run(run), m_procedure(procedure) { m_run.w.op.attend(this); }
  ~RunDesk() override { m_run.w.op.attend(nullptr); }
  RunDesk(const RunDesk&) = delete;
  RunDesk& operator=(const RunDesk&) = delete;

  void at(std::size_t step) {
    m_at = step;
    m_size_at_step = m_run.journal().size();
    m_run.quorum_view.reset();
    m_run.leaving = "failure";
  }
  /// Whether the step before can be shown again: neither of the two leaves anything behind.
  [[nodiscard]] bool may_go_to_previous() const { return m_at > 0 && !m_run.state().open && !m_run.state().active; }

  Time now() override { return m_run.now(); }

  FrameView frame() override {
    FrameView view{m_run.w.policy.name, m_run.rehearsal(), {}, {}, m_at, m_run.quorum_view, m_run.state().active.has_value()};
    for (const auto word : shares::words_of(m_run.w.software_digest)) view.image.emplace_back(word);
    view.image.resize(3);
    std::set<std::string> deviated;
    for (const auto& r : m_run.journal().records())
      if (r.c == m_run.ceremony && r.ev == "deviation" && r.ok) deviated.insert(r.step);
    for (std::size_t i = 0; i < m_procedure.steps.size(); ++i) {
      const auto& step = m_procedure.steps[i];
      view.steps.push_back({step.title, i == m_at ? Mark::here : deviated.contains(step.id) ? Mark::deviation : i < m_at ? Mark::done : Mark::to_come});
    }
    return view;
  }

  std::string who_is(const std::string& who) override { return policy::described(m_run.w.policy, who); }

  std::string help() override {
    const auto& step = m_procedure.steps[std::min(m_at, m_procedure.steps.size() - 1)];
    const auto* spec = procedure::action_named(step.action);
    std::string out = step.title + "\n\n" + step.says;
    if (spec != nullptr) out += "\n\nThe machine: " + std::string(spec->says) + "\n";
    if (!step.help.empty()) out += "\n\n" + step.help;
    return out + "\n\nThis step takes about " + std::to_string(step.minutes) + " minutes. Step " + std::to_string(m_at + 1) + " of " +
           std::to_string(m_procedure.steps.size()) + ": \"" + step.id + "\" on the paper script.\n";
  }

  std::vector<std::string> transcript() override {
    std::vector<std::string> out;
    for (const auto& r : m_run.journal().records()) out.push_back(report::transcript_line(r));
    return out;
  }

  std::string state() override { return report::status_text(m_run.state(), m_run.now()); }

  std::string stopping() override {
    if (!m_run.state().open)
      return "Nothing is on the record yet. To stop here leaves nothing behind; the ceremony begins anew next time.";
    std::string out = "To stop here keeps the ceremony open: everything recorded stays, the token is deactivated, secrets are wiped. The same command goes on at the step \"" +
                      m_run.step + "\".";
    if (m_run.activation_secret || m_run.recovery_secret)
      out += "\n\nNOT NOW if you can help it: the token's two secrets exist in this machine's memory only, until every share is handed out. After a stop here this genesis can only be aborted and begun again with a blank token.";
    if (!m_kept.empty()) {
      out += "\n\nNoted, and not on the record before its reporter is enrolled and can answer for it; a stop here loses it:";
      for (const auto& kept : m_kept) out += "\n  " + kept.person + ": " + kept.text;
    }
    return out + "\n\nTo abort closes the ceremony for good, on the record, signed by those who are here. What was signed so far stays signed; the next ceremony starts from it.";
  }

  bool may_go_back() override { return !m_run.state().active && m_run.journal().size() == m_size_at_step && !m_run.activation_secret; }

  std::vector<std::string> people() override {
    std::vector<std::string> out;
    for (const auto& [id, person] : m_run.w.policy.people) out.push_back(id);
    return out;
  }

  std::string note_deviation(const std::string& person, const std::string& text) override {
    m_kept.push_back({person, text.substr(0, 900)});
    record_kept();
    return m_kept.empty() ? "It is on the record." : "It is kept, and recorded at the end of the step in which the ceremony is open and " + person + " is enrolled.";
  }

  /// What was noted before the record could take it.
  void record_kept() {
    if (!m_run.state().open) return;
    std::erase_if(m_kept, [&](const Kept& kept) {
      if (!m_run.state().people.contains(kept.person)) return false;
      m_run.record("deviation", {kept.person}, {{"text", kept.text}, {"source", "person"}});
      return true;
    });
  }

  void leaving(OperatorRefusal why) override {
    m_run.leaving = why == OperatorRefusal::idle ? "idle" : why == OperatorRefusal::abort ? "abort" : "pause";
  }

 private:
  struct Kept {
    std::string person, text;
  };
  actions::Run& m_run;
  const procedure::Procedure& m_procedure;
  std::size_t m_at = 0;
  std::uint64_t m_size_at_step = 0;
  std::vector<Kept> m_kept;
};

/// What happened at the machine's sockets: on the record once there are people on it.
void record_notes(actions::Run& run) {
  if (!run.state().open || run.state().people.empty()) return;
  for (const auto& note : run.w.volumes.take_notes()) run.record("deviation", {}, {{"text", note}, {"source", "appliance"}});
}

/// After a long silence the machine was left alone: somebody who is known to it has to come back. Secrets that exist nowhere
/// else yet (between `initialise_token` and `split_secrets`) stay: wiping them would end the genesis.
void unlock_after_idle(actions::Run& run) {
  auto& op = run.w.op;
  while (true) {
    try {
      op.locked({"locked", "", "Nobody touched a key for a long time. The token is deactivated and secrets are wiped. Whoever acts now unlocks with their own credential."});
      std::vector<std::string> enrolled;
      for (const auto& [id, person] : run.state().people) enrolled.push_back(id);
      if (enrolled.empty() || !run.state().open) return;
      const auto person = run.choose_people("unlock", "Who is back and goes on?", enrolled, 1);
      (void)run.unlock(person.front(), "go on after the silence", "resume");
      return;
    } catch (const Refused& refusal) {
      // Who has not unlocked may end the program, which loses nothing, and not the ceremony.
      if (!refusal.is(OperatorRefusal::idle) && !refusal.is(OperatorRefusal::back) && !refusal.is(OperatorRefusal::abort)) throw;
    }
  }
}

/// People may also leave, or fall silent, while they are asked this.
Next ask_what_next(Operator& op, const procedure::Step& step, const Refused& refusal) {
  while (true) {
    try {
      return op.refused({"step." + step.id + ".refused", "administrator", "The step was not finished. Try again, stop (the ceremony can be resumed), or abort?"}, refusal);
    } catch (const Refused& chosen) {
      if (chosen.is(OperatorRefusal::stop)) return Next::stop;
      if (chosen.is(OperatorRefusal::abort)) return Next::abort;
      if (!chosen.is(OperatorRefusal::idle) && !chosen.is(OperatorRefusal::back)) throw;
    }
  }
}

/// Closes what is open as aborted. People who fall silent, or want to go back, while it asks find it asking again.
void close_aborted(actions::Run& run) {
  bool locked = false;
  while (run.state().open || (!run.state().closed.empty() && actions::needs_finishing(run))) {
    try {
      if (locked) unlock_after_idle(run);
      locked = false;
      if (run.state().open) actions::abort(run);
      else actions::finish_closed(run);
      return;
    } catch (const Refused& refusal) {
      locked = refusal.is(OperatorRefusal::idle);
      if (!locked && !refusal.is(OperatorRefusal::back) && !refusal.is(OperatorRefusal::abort)) throw;
    }
  }
}

std::string banner(const actions::Run& run) {
  return run.w.policy.name + (run.rehearsal() ? "   *** REHEARSAL ***" : "");
}

}  // namespace

Outcome conduct(actions::Run& run, const procedure::Procedure& procedure, const std::vector<ledger::Repair>& repairs) {
  auto& op = run.w.op;
  actions::need_own_ledgers(run);
  if (actions::needs_finishing(run)) {
    op.progress("the last ceremony is closed, but a signature or a proof is missing; that is finished first");
    run.step = "close";
    actions::finish_closed(run);
    return Outcome::complete;
  }
  actions::need_media(run, procedure);
  std::size_t at = 0;
  const bool resumed = run.state().open.has_value();
  if (resumed) {
    if (run.state().open->kind != procedure.id)
      throw Refused(actions::ActionRefusal::not_now, "a ceremony of the procedure \"" + run.state().open->kind + "\" is open", run.state().open->id, "finish or abort it with its own procedure first");
    at = where_to_resume(procedure, run.journal().records().back().step);
    run.step = procedure.steps[at].id;
    op.progress("the ceremony " + run.ceremony + " goes on at step \"" + run.step + "\"");
    actions::self_test(run);
  }
  bool announce = resumed || !repairs.empty();
  RunDesk desk(run, procedure);
  bool locked = false;
  while (at < procedure.steps.size()) {
    const auto& step = procedure.steps[at];
    run.step = step.id;
    run.args = step.args;
    desk.at(at);
    op.begin_step({at + 1, procedure.steps.size(), step.id, step.title, step.says, step.who_text()}, banner(run));
    try {
      if (locked) unlock_after_idle(run);
      locked = false;
      if (announce && run.state().open) {
        resume(run, repairs, resumed);
        announce = false;
      }
      desk.record_kept();
      record_notes(run);
      const auto action = actions::find_action(step.action);
      if (action == nullptr)
        throw Refused(actions::ActionRefusal::mistaken, "there is no action \"" + step.action + "\"", step.where, "name one of the actions that ceremony/procedure/FORMAT.md lists");
      action(run);
      if (run.state().open) desk.record_kept();
      ++at;
    } catch (const Refused& refusal) {
      desk.record_kept();  // the program may end here
      auto next = Next::stop;
      // Chosen inside the step already: not asked twice.
      if (refusal.is(OperatorRefusal::back)) {
        if (desk.may_go_to_previous()) --at;
        continue;
      }
      if (refusal.is(OperatorRefusal::idle)) {
        locked = true;
        continue;
      }
      if (refusal.is(OperatorRefusal::stop)) return Outcome::stopped;
      if (refusal.is(actions::ActionRefusal::aborted) || refusal.is(OperatorRefusal::abort)) next = Next::abort;
      else if (refusal.code().starts_with("operator/")) throw;
      else if (!refusal.is(actions::ActionRefusal::stopped)) next = ask_what_next(op, step, refusal);
      if (next == Next::again) continue;
      if (next == Next::stop) return Outcome::stopped;
      close_aborted(run);
      return Outcome::aborted;
    }
  }
  desk.at(at);  // every step is done: the last screen says so
  return Outcome::complete;
}

}  // namespace ceremony
