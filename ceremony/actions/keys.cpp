// Keys of a new CA: generate root and log key, back the root key up, prove that the backup restores, lock it.
#include <algorithm>
#include <array>

#include "ceremony/actions/action.h"
#include "ceremony/actions/bundle_files.h"
#include "ceremony/ledger/approval.h"
#include "ceremony/pki/agreement.h"
#include "ceremony/pki/key.h"

namespace ceremony::actions {
namespace {

constexpr std::size_t id_bytes = 8;

struct Planned {
  hsm::KeyPlan plan;
  std::string purpose;    ///< ca, log
  std::string algorithm;  ///< pki's name
};

std::string challenge(Run& run, const std::string& key, const std::string& label) {
  return ledger::challenge_text(run.state().origin, run.ceremony, run.state().open->leaf, key, label);
}

std::string backup_file(const state::KeyId& key, std::string_view set) { return "backup/" + key + "-" + std::string(set) + ".kwp"; }

std::string recovery_set(Run& run) { return run.state().share_set("recovery")->id; }

/// The exact key that the approved act artifact plans, unless an earlier attempt made it.
void generate(Run& run, hsm::Token& token, const Planned& planned, const Digest& act) {
  const std::string key = hex(planned.plan.id);
  if (run.state().keys.contains(key)) return;
  const std::string id = "generate-" + planned.purpose + "-" + std::to_string(run.journal().size());
  run.record("intent", run.witness_of("generate-key", act), {{"id", id}, {"act", "generate-key"}, {"key", key}, {"tbs", act}});
  run.w.op.progress("the token generates the " + planned.purpose + " key (" + planned.algorithm + ")");
  std::unique_ptr<hsm::Key> made;
  hsm::ObjectInfo seen;
  const auto scheme = pki::scheme_for(planned.algorithm);
  const auto text = challenge(run, key, planned.plan.label);
  Bytes proof;
  run.attempt("keygen", {}, {{"key", key}, {"label", planned.plan.label}, {"purpose", planned.purpose}}, "token", [&] {
    made = token.generate_key(planned.plan);
    seen = made->attributes();
    proof = made->sign(as_view(text), hsm_scheme(scheme));
  });
  pki::verify_by_both(made->spki(), as_view(text), proof, scheme);
  const auto info = pki::inspect_key(made->spki());
  run.record("keygen", {},
             {{"key", key}, {"label", planned.plan.label}, {"purpose", planned.purpose}, {"alg", info.algorithm}, {"token", token.identity().serial},
              {"spki", base64(made->spki())}, {"spki_sha256", info.spki_sha256}, {"local", seen.local.value_or(false)},
              {"sensitive", seen.sensitive.value_or(false)}, {"extractable", seen.extractable.value_or(true)}, {"scheme", scheme}, {"proof", base64(proof)}});
  run.record("result", {}, {{"id", id}, {"tbs", act}, {"out", "none"}, {"verified", both_libraries()}});
  if (planned.purpose == "log") run.journal().write_key("log", {run.state().origin, made->spki()});
}

/// A key that was asked for and not recorded is found by its planned id and destroyed: nothing depends on it.
void reconcile_keys(Run& run, hsm::Token& token) {
  for (const auto& id : run.state().open_intents()) {
    const auto intent = state::Intent(run.state().open->intents.at(id));
    if (intent.act != "generate-key") continue;
    std::string outcome = "undone";
    if (run.state().keys.contains(intent.key)) {
      outcome = "adopted";
    } else {
      const auto objects = token.objects();
      if (std::ranges::any_of(objects, [&](const auto& o) { return o.id == intent.key; })) {
        token.destroy(*unhex(intent.key));
        outcome = "destroyed";
      }
    }
    run.record("reconcile", {}, {{"id", id}, {"outcome", outcome}, {"tbs", intent.tbs}, {"found", outcome == "undone" ? "no key of that id on the token" : "the key of that id"}});
  }
}

void wrap(Run& run, hsm::Token& token, const state::KeyId& key, const MasterSecret& recovery) {
  run.attempt("export", {}, {{"kind", "backup"}, {"key", key}}, "token", [&] { run.wrapped[key] = token.wrap(*unhex(key), shares::derive_kek(recovery)); });
}

const state::Key* key_for(Run& run, std::string_view purpose) {
  for (const auto& [id, key] : run.state().keys)
    if (key.purpose == purpose && !key.destroyed) return &key;
  return nullptr;
}

}  // namespace

void generate_keys(Run& run) {
  if (key_for(run, "ca") != nullptr && key_for(run, "log") != nullptr && run.state().open_intents().empty()) return;
  const auto serial = run.main_token()->identity().serial;
  // Ids are planned before the token is asked, so that a key is found again after a power cut.
  std::array<Planned, 2> plans;
  std::array<std::uint8_t, id_bytes> random{};
  const auto fill = [&](Planned& p, const std::string& purpose, const std::string& label, const std::string& algorithm, bool extractable) {
    run.rng.randomize(random);
    const auto* made = key_for(run, purpose);
    p = {{hsm_algorithm(algorithm), label, made != nullptr ? *unhex(made->id) : Bytes(random.begin(), random.end()), extractable}, purpose, algorithm};
  };
  fill(plans[0], "ca", "root", run.w.policy.root.algorithm, true);
  fill(plans[1], "log", "log", run.w.policy.log_algorithm, false);
  const auto act = ledger::act_artifact({{"token", serial},
                                         {"root.algorithm", plans[0].algorithm}, {"root.id", hex(plans[0].plan.id)}, {"root.label", plans[0].plan.label},
                                         {"log.algorithm", plans[1].algorithm}, {"log.id", hex(plans[1].plan.id)}, {"log.label", plans[1].plan.label}});
  const auto digest = run.put(act);
  run.approve("generate-key", digest, act);
  MasterSecret activation = run.collect(policy::QuorumName::activation, "activate");
  const MasterSecret recovery = run.collect(policy::QuorumName::recovery, "wrap");
  ActiveToken active(run, std::move(activation), "generate", true, [&](hsm::Token& token) { reconcile_keys(run, token); });
  for (const auto& planned : plans) generate(run, active.token(), planned, digest);
  wrap(run, active.token(), hex(plans[0].plan.id), recovery);
  active.done();
}

void back_up_key(Run& run) {
  const auto key = state::Key(run.ca_key());
  if (!key.backups.empty()) return;
  if (!run.wrapped.contains(key.id)) {
    // The wrapped key was in memory only when the power went: wrap it again, under the same two quorums.
    MasterSecret activation = run.collect(policy::QuorumName::activation, "activate");
    const MasterSecret recovery = run.collect(policy::QuorumName::recovery, "wrap");
    ActiveToken active(run, std::move(activation), "generate");
    wrap(run, active.token(), key.id, recovery);
    active.done();
  }
  const Bytes& blob = run.wrapped.at(key.id);
  const auto media = run.w.volumes.names("backup");
  if (media.size() < run.w.policy.backup_media)
    throw Refused(ActionRefusal::absent, std::to_string(media.size()) + " backup media are here, the policy wants " + std::to_string(run.w.policy.backup_media), "backup",
                  "insert the missing ones and name them with --backup");
  const auto file = backup_file(key.id, recovery_set(run));
  for (const auto& name : media) {
    run.register_medium(name, "backup");
    export_to(run, name, "", {{file, blob}});
    run.w.op.progress("backup of the root key is on medium \"" + name + "\", read back equal");
  }
  run.record("export", {},
             {{"kind", "backup"}, {"name", file}, {"media", media}, {"sha256", sha256(blob)}, {"files", 1}, {"recipient", "backup"},
              {"read_back", true}, {"key", key.id}, {"set", recovery_set(run)}, {"length", blob.size()}});
  run.wrapped.erase(key.id);
}

void prove_restore(Run& run) {
  const auto key = state::Key(run.ca_key());
  if (std::ranges::any_of(key.restores, [](const auto& r) { return r.erased || r.disposition == "standby"; })) return;
  const auto& bound = run.w.binding.restore_token;
  if (!bound) throw Refused(ActionRefusal::absent, "no second token is named", run.w.binding_file.name, "add a [restore_token] to the binding file");
  const auto disposition = run.args.contains("then") ? run.args.at("then") : std::string("erase");
  std::unique_ptr<hsm::Token> token;
  run.attempt("init", {}, {{"role", "restore"}}, "token", [&] { token = bound->serial ? run.w.hsm.by_serial(*bound->serial) : run.w.hsm.blank(); });
  const auto before = token->identity();
  const std::string serial = before.serial.empty() ? "blank" : before.serial;
  const auto act = ledger::act_artifact({{"token", serial}, {"model", before.model}, {"label", bound->label}, {"role", "restore"}, {"then", disposition == "erase" ? "erase" : "keep"}});
  const auto digest = run.put(act);
  run.approve("init-token", digest, act);
  const auto set = recovery_set(run);
  const Kek kek = shares::derive_kek(run.collect(policy::QuorumName::recovery, "restore"));

  // From the medium, not from memory: what is proven is what lies there.
  const auto& backup = key.backups.back();
  Bytes blob;
  run.attempt("restore", {}, {{"key", key.id}, {"set", set}}, "medium \"" + backup.media.front() + "\"", [&] {
    auto& volume = run.w.volumes.named(backup.media.front());
    run.check_medium(volume);
    blob = volume.read(backup_file(key.id, set), 65536);
    if (sha256(blob) != backup.blob)
      throw Refused(ActionRefusal::incomplete, "the backup on medium \"" + backup.media.front() + "\" is not the one on the log", backup.media.front(), "abort, and begin again with new media");
  });

  const auto intent = [&](const std::string& what) {
    const std::string id = what + "-" + std::to_string(run.journal().size());
    run.record("intent", run.witness_of("init-token", digest), {{"id", id}, {"act", "init-token"}, {"key", "none"}, {"tbs", digest}});
    return id;
  };
  const auto result = [&](const std::string& id) { run.record("result", {}, {{"id", id}, {"tbs", digest}, {"out", "none"}, {"verified", ledger::Value::Array{}}}); };
  const auto random_pin = [&] {
    Botan::secure_vector<std::uint8_t> pin(32);
    run.rng.randomize(pin);
    for (auto& c : pin) c = static_cast<std::uint8_t>('A' + (c & 15U));
    return Pin(std::move(pin));
  };
  auto id = intent("init-restore");
  run.w.op.progress("initialising the second token \"" + bound->label + "\"");
  const Pin so = random_pin();
  const Pin user = random_pin();
  hsm::TokenIdentity after;
  run.attempt("init", {}, {{"before", serial}, {"label", bound->label}, {"role", "restore"}, {"purpose", "restore-test"}}, "token", [&] {
    token->initialise(so, bound->label);
    token->init_user_pin(so, user);
    after = token->identity();
  });
  // Its PINs die with this step: it is erased, or given its own shares by the ceremony that makes it a standby.
  run.record("init", {},
             {{"token", after.serial}, {"before", serial}, {"model", after.model}, {"label", after.label}, {"role", "restore"}, {"purpose", "restore-test"},
              {"pin_form", "throw-away"}, {"throwaway_refused", false}});
  result(id);
  {
    const hsm::Login login(*token, user);
    std::unique_ptr<hsm::Key> restored;
    const auto text = challenge(run, key.id, key.label);
    Bytes proof;
    hsm::ObjectInfo seen;
    run.attempt("restore", {}, {{"key", key.id}, {"set", set}}, "token", [&] {
      restored = token->unwrap(blob, kek, {hsm_algorithm(run.w.policy.root.algorithm), key.label, *unhex(key.id), false}, key.spki);
      proof = restored->sign(as_view(text), hsm_scheme(key.scheme));
      pki::verify_by_both(key.spki, as_view(text), proof, key.scheme);
      seen = restored->attributes();
    });
    run.record("restore", {},
               {{"key", key.id}, {"token", after.serial}, {"set", set}, {"blob", backup.blob}, {"spki_sha256", sha256(restored->spki())},
                {"local", seen.local.value_or(true)}, {"extractable", seen.extractable.value_or(true)}, {"scheme", key.scheme}, {"proof", base64(proof)},
                {"disposition", disposition}});
  }
  if (disposition != "erase") return;
  id = intent("erase-restore");
  token->erase(so, bound->label);
  run.record("init", {},
             {{"token", token->identity().serial}, {"before", after.serial}, {"model", after.model}, {"label", bound->label}, {"role", "restore"}, {"purpose", "erase"},
              {"pin_form", "throw-away"}, {"throwaway_refused", false}});
  result(id);
  run.w.op.progress("the backup restores: the second token signed under the root's public key; it was erased and holds nothing");
}

void lock_key(Run& run) {
  const auto key = state::Key(run.ca_key());
  if (key.locked) return;
  const auto id = *unhex(key.id);
  const auto lock = [&](hsm::Token& token) {
    token.lock(id);  // also shows that one more wrap is refused
    run.record("lock", {},
               {{"key", key.id}, {"token", token.identity().serial}, {"extractable", token.find_by_id(id)->attributes().extractable.value_or(true)},
                {"wrap_refused", true}});
  };
  // Locked before a power cut and not recorded: put on the record before the token is compared with the log.
  ActiveToken active(run, run.collect(policy::QuorumName::activation, "activate"), "lock", true, [&](hsm::Token& token) {
    if (!token.find_by_id(id)->attributes().extractable.value_or(true)) lock(token);
  });
  if (!run.state().keys.at(key.id).locked) lock(active.token());
  active.done();
  run.w.op.progress("one more attempt to take the root key out was refused: it can leave the token no more");
}

}  // namespace ceremony::actions
