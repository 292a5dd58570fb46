#include "ceremony/conductor.h"

#include <algorithm>

#include "ceremony/actions/action.h"
#include "ceremony/state/fields.h"

namespace ceremony {
namespace {

std::vector<std::string> words_of(const std::vector<ledger::Repair>& repairs) {
  std::vector<std::string> out;
  for (const auto& r : repairs) {
    std::string text(ledger::name_of(r.kind));
    text += " on " + r.folder.filename().string();
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

void resume(actions::Run& run, const std::vector<ledger::Repair>& repairs) {
  const std::string token = run.state().active ? run.state().active->token : "";
  run.record("resume", {}, {{"at", run.step}, {"repairs", words_of(repairs)}});
  if (!token.empty()) run.record("deactivate", {}, {{"token", token}, {"reason_for", "resume"}});
  reconcile(run);
  actions::record_unrecorded(run);
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
    run.selftest.clear();
    actions::self_test(run);
  }
  bool announce = resumed || !repairs.empty();
  for (; at < procedure.steps.size(); ++at) {
    const auto& step = procedure.steps[at];
    run.step = step.id;
    run.args = step.args;
    op.begin_step({at + 1, procedure.steps.size(), step.id, step.title, step.says, step.who_text()}, banner(run));
    while (true) {
      try {
        if (announce && run.state().open) {
          resume(run, repairs);
          announce = false;
        }
        const auto action = actions::find_action(step.action);
        if (action == nullptr)
          throw Refused(actions::ActionRefusal::mistaken, "there is no action \"" + step.action + "\"", step.where, "name one of the actions that ceremony/procedure/FORMAT.md lists");
        action(run);
        break;
      } catch (const Refused& refusal) {
        if (refusal.code().starts_with("operator/")) throw;
        auto next = Next::stop;
        // Chosen inside the step already: not asked twice.
        if (refusal.is(actions::ActionRefusal::aborted)) next = Next::abort;
        else if (!refusal.is(actions::ActionRefusal::stopped)) next = op.refused({"step." + step.id + ".refused", "administrator", "The step was not finished. Try again, stop (the ceremony can be resumed), or abort?"}, refusal);
        if (next == Next::again) continue;
        if (next == Next::stop) return Outcome::stopped;
        if (run.state().open) actions::abort(run);
        return Outcome::aborted;
      }
    }
  }
  return Outcome::complete;
}

}  // namespace ceremony
