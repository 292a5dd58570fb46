// A complete, valid log made with software keys: a root genesis and an issue of intermediates, record for record what the
// appliance writes, and in memory. Tests take it apart: change, drop, add records, sign it again as a misbehaving appliance
// would, or do not, as an attacker without keys.
#pragma once

#include <botan/auto_rng.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/ledger.h"
#include "ceremony/ledger/quote.h"
#include "ceremony/pki/certificate.h"
#include "ceremony/pki/crl.h"
#include "ceremony/pki/lint.h"
#include "ceremony/pki/profile.h"
#include "ceremony/state/rules.h"
#include "ceremony/state/state.h"
#include "ceremony/state/token_list.h"
#include "tests/unit/ledger/memory_env.h"

namespace ceremony::testing {

using ledger::Record;
using ledger::Value;

/// What lies in a ledger folder.
struct LogImage {
  std::vector<std::string> lines;
  std::map<Digest, Bytes> artifacts;
  std::map<std::uint64_t, std::string> checkpoints;
  std::string checkpoint;  ///< the file of that name
  /// Written to a folder in memory and loaded from it. Throws what load_ledger throws.
  [[nodiscard]] ledger::Ledger load(MemoryEnv& env) const;
  void write_to(Env& env, const Path& folder) const;
};

class LogBuilder {
 public:
  static constexpr std::string_view origin = "rehearsal.ca.example.com/test";

  /// `named`: the policy names the machine in [tpm], and the genesis was held on it.
  enum class Machine { any, named };
  explicit LogBuilder(Machine machine = Machine::any);
  void genesis();
  void issue_intermediates();
  /// A third ceremony begins, from the image that the second one admitted.
  void open_on_new_image();

  [[nodiscard]] const std::vector<Record>& records() const { return m_records; }
  [[nodiscard]] const state::CaState& state() const { return m_state; }
  [[nodiscard]] state::ArtifactSource source() const;
  [[nodiscard]] std::map<Digest, Bytes> artifacts() const { return m_artifacts; }
  [[nodiscard]] const std::string& policy_text() const { return m_policy; }
  [[nodiscard]] Digest log_pin() const { return m_log_key->info().spki_sha256; }
  [[nodiscard]] const pki::ThrowawayKey& person(const std::string& id) const { return *m_people.at(id); }
  [[nodiscard]] const pki::ThrowawayKey& root() const { return *m_root; }
  [[nodiscard]] const pki::ThrowawayKey& log() const { return *m_log_key; }
  [[nodiscard]] const pki::ThrowawayKey& subject(std::size_t i) const { return *m_subjects.at(i); }
  [[nodiscard]] std::string root_id() const { return m_root_id; }

  /// Keeps the bytes as an artifact.
  Digest put(View bytes);
  Digest put(std::string_view text) { return put(as_view(text)); }

  // Signatures for records a test changes: bound to the open record that `state` has.
  [[nodiscard]] std::string signed_by(const std::string& person, std::string_view message);
  [[nodiscard]] std::string approval(const std::string& person, const state::CaState& state, std::string_view act, const Digest& digest);
  [[nodiscard]] std::string hand_in_signature(const std::string& person, const state::CaState& state, const Digest& commitment, std::string_view purpose,
                                              std::uint64_t nth);
  [[nodiscard]] std::string enrolment(const pki::ThrowawayKey& key, const state::CaState& state, const Value& d);
  [[nodiscard]] std::string challenge(const pki::ThrowawayKey& key, const state::CaState& state, std::string_view id, std::string_view label, std::string_view scheme);
  /// TBS of a certificate below the root (or the root's own) with something changed.
  [[nodiscard]] pki::CertificatePlan plan_for(std::size_t subject) const;
  [[nodiscard]] pki::CertificatePlan root_plan() const;
  [[nodiscard]] pki::CrlPlan crl_plan(std::uint64_t number) const;
  [[nodiscard]] pki::CertDer certify(const pki::CertificatePlan& plan);
  [[nodiscard]] pki::CrlDer sign_crl(const pki::CrlPlan& plan);
  [[nodiscard]] const pki::Profile& profile(const std::string& id) const { return m_profiles.at(id); }

  /// What a machine's TPM would say: a key of software stands for it. The genesis was held on a machine without one, unless policy names it.
  [[nodiscard]] const pki::ThrowawayKey& machine() const { return *m_machine; }
  [[nodiscard]] ledger::Quote quoted(const Digest& nonce, const pki::ThrowawayKey& key, std::string_view pcr4 = "pcr 4", std::string_view pcr11 = "pcr 11");

  /// The records as they are, numbered anew, with checkpoints by the log key and everybody who has to sign.
  [[nodiscard]] LogImage signed_log(std::vector<Record> records);
  [[nodiscard]] LogImage signed_log() { return signed_log(m_records); }
  [[nodiscard]] std::string checkpoint_of(const std::vector<std::string>& lines, const std::vector<std::string>& signers, const pki::ThrowawayKey* log_key);

  Botan::AutoSeeded_RNG rng;

 private:
  const Record& emit(std::string event, std::vector<std::string> who, Value d);
  void open(const std::string& id, const std::string& kind, bool on_new_image = false);
  void enrol(const std::string& id, const std::vector<std::string>& roles);
  void approve(std::string_view act, const Digest& digest, const std::vector<std::string>& people);
  void share_set(const std::string& quorum);
  void hand_in(const std::string& person, const std::string& quorum, const std::string& purpose);
  void init_token(const ledger::Act& act, const Digest& digest, const std::string& before, const std::string& after, const std::string& purpose);
  void token(const std::string& purpose);
  void activate(const std::string& purpose);
  void deactivate();
  void generate(const std::string& id, const std::string& label, const std::string& purpose, const pki::ThrowawayKey& key, const Digest& act);
  void issue(const std::string& intent, const pki::TbsDer& tbs, const std::string& profile, const std::string& csr);
  void crl(std::uint64_t number);
  void custody(const std::string& item, const std::string& act, const std::string& seal);
  void admit_image();
  void end();

  Machine m_named;
  std::vector<Record> m_records;
  std::map<std::string, std::string> m_checkpoints;  ///< made once each, so that the same log has the same checkpoint
  std::map<Digest, Bytes> m_artifacts;
  state::CaState m_state;
  Time m_now{};
  std::string m_ceremony;
  std::map<std::string, std::unique_ptr<pki::ThrowawayKey>> m_people;
  std::unique_ptr<pki::ThrowawayKey> m_root, m_log_key, m_machine;
  std::vector<std::unique_ptr<pki::ThrowawayKey>> m_subjects;
  std::map<std::string, pki::Profile> m_profiles;
  std::map<std::string, std::string> m_profile_texts;
  std::string m_root_id = "a1a1a1a1a1a1a1a1", m_log_id = "b2b2b2b2b2b2b2b2";
  std::string m_policy, m_genesis_procedure = "procedure root-genesis\n", m_issue_procedure = "procedure issue-intermediates\n";
};

/// The happy log, made once.
[[nodiscard]] LogBuilder& happy();

}  // namespace ceremony::testing
