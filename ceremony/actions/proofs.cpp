// What is written after the checkpoint: the log's proofs beside each bundle, and the bundle as one archive. They prove
// themselves, so they need no record.
#include "ceremony/actions/action.h"
#include "ceremony/actions/bundle_files.h"
#include "ceremony/ledger/note.h"
#include "ceremony/report/verdict.h"
#include "media/bundle.h"

namespace ceremony::actions {
namespace {

/// The index of the ceremony's record of that event for which `is_it` holds.
template <typename IsIt>
std::optional<std::uint64_t> find_record(Run& run, const state::Closed& closed, std::string_view event, IsIt is_it) {
  for (auto n = closed.first; n <= closed.last; ++n) {
    const auto& r = run.journal().records()[n];
    if (r.ok && r.ev == event && is_it(r)) return n;
  }
  return std::nullopt;
}

media::Files log_files(Run& run, const state::Closed& closed, const ledger::Record& exported) {
  const auto& checkpoint = run.journal().checkpoint();
  const auto manifest = digest_from_hex(exported.d.text("sha256"));
  const auto certificate = digest_from_hex(exported.d.text("certificate"));
  media::Files files;
  files["log/checkpoint"] = as_bytes(checkpoint);
  files["log/policy.toml"] = run.artifact(*run.state().policy_digest);
  files["log/keys/log.pem"] = as_bytes(ledger::write_public_pem(run.log_key().spki));
  for (const auto& [id, person] : run.state().people) files["log/keys/" + id + ".pem"] = as_bytes(ledger::write_public_pem(person.spki));
  files["log/records.jsonl"] = as_bytes(report::write_bundle_records(
      run.journal().lines(), run.journal().tree(), checkpoint, report::records_for_bundle(run.journal().records(), {*certificate}, *manifest)));
  files["MANIFEST.tlog-proof"] = as_bytes(run.journal().proof(exported.n, checkpoint));
  if (const auto issued = find_record(run, closed, "issue", [&](const auto& r) { return r.d.text("certificate") == hex(*certificate); })) {
    files["certs/issuing.tlog-proof"] = as_bytes(run.journal().proof(*issued, checkpoint));
    // What was approved of a batch is its list; without it nobody could tell that this certificate is on it.
    const std::string intent(run.journal().records()[*issued].d.text("intent"));
    const auto intended = find_record(run, closed, "intent", [&](const auto& r) { return r.d.text("id") == intent; });
    if (intended && run.journal().records()[*intended].d.text("act") == "sign-batch")
      files["log/batch.txt"] = run.artifact(*digest_from_hex(run.journal().records()[*intended].d.text("tbs")));
  }
  return files;
}

}  // namespace

void write_proofs(Run& run) {
  const auto closed = state::Closed(run.state().closed.back());
  for (auto n = closed.first; n <= closed.last; ++n) {
    const auto record = ledger::Record(run.journal().records()[n]);
    if (!record.ok || record.ev != "export" || record.d.text("kind") != "bundle") continue;
    const auto certificate = run.state().certificates.find(*digest_from_hex(record.d.text("certificate")));
    const std::string medium = record.d.texts("media").at(0);
    const std::string folder(record.d.text("name"));
    const auto proofs = log_files(run, closed, record);
    auto all = bundle_files(run, certificate->second, std::string(record.d.text("recipient")));
    try {
      export_to(run, medium, folder, proofs, all);
      all.insert(proofs.begin(), proofs.end());
      export_to(run, medium, "", {{folder + ".tar.zst", media::pack(all, closed.at)}});
    } catch (const Refused& refusal) {
      // A medium that is gone for good must not keep the ceremony from being finished: people may do without its proofs.
      if (!refusal.is(ActionRefusal::aborted)) throw;
      run.w.op.progress("without its proofs: " + folder + " on medium \"" + medium + "\"; the ledger has all that they are made from");
      continue;
    }
    run.w.op.progress("proofs and archive of " + folder + " are on medium \"" + medium + "\"");
  }
}

}  // namespace ceremony::actions
