// The actions a procedure may name, by name. What each requires and provides is declared in procedure/, where a
// procedure is checked without running it.
#pragma once

#include <string_view>

#include "ceremony/actions/run.h"
#include "ceremony/procedure/procedure.h"

namespace ceremony::actions {

using Action = void (*)(Run& run);

/// The action of that name, or null.
[[nodiscard]] Action find_action(std::string_view name);

// In the order of a genesis.
void self_test(Run& run);
void agree_clock(Run& run);
void open(Run& run);
void enrol_people(Run& run);
void adopt_policy(Run& run);
void record_waiver(Run& run);
void record_custody(Run& run);
void record_deviation(Run& run);
void record_evidence(Run& run);
void dry_lint_root(Run& run);
void gather_entropy(Run& run);
void initialise_token(Run& run);
void split_secrets(Run& run);
void generate_keys(Run& run);
void back_up_key(Run& run);
void prove_restore(Run& run);
void lock_key(Run& run);
void prepare_root(Run& run);
void prepare_crl(Run& run);
void take_csrs(Run& run);
void prepare_certificates(Run& run);
void approve_signatures(Run& run);
void sign_prepared(Run& run);
void export_payload(Run& run);
void export_bundles(Run& run);
void admit_image(Run& run);
void confirm_deviations(Run& run);
void sign_off(Run& run);
void close(Run& run);

/// Refuses ledgers of another CA than the policy's, by name.
void need_own_ledgers(const Run& run);
/// Refuses, before anything has begun, to run a procedure whose media are not all named: an absent one must not be found
/// when the keys are made.
void need_media(Run& run, const procedure::Procedure& procedure);
/// What of them is not named.
[[nodiscard]] std::vector<Finding> missing_media(const media::Volumes& volumes, const policy::Policy& policy, const procedure::Procedure& procedure);
/// What was signed, verified and has its result on the record, but not its `issue` or `crl`: the power went in between.
void record_unrecorded(Run& run);
/// Everything that comes after a `close` record: signatures on the checkpoint, the token's own copy, keys, sums, proofs,
/// bundles' log. Also finishes a ceremony that was cut right after its `close`.
void finish_closed(Run& run);
/// True if the last ceremony is closed but its checkpoint lacks a signature it should have, or the end of it all, the sums.
[[nodiscard]] bool needs_finishing(const state::CaState& state, const ledger::Journal& journal);
[[nodiscard]] bool needs_finishing(const Run& run);
/// What was opened in this ceremony and not sealed since is sealed again on the record, or said to stay open.
void seal_what_is_open(Run& run);
/// Closes the open ceremony at once, as aborted.
void abort(Run& run);

}  // namespace ceremony::actions
