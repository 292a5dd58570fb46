// One run of a procedure: what every action works with. The transcript is the state: an action looks at state() for what
// is done already and does the rest, so running a step again after a cut is safe.
//
// Invariants: no record is appended that breaks a rule (`require` is asked before any effect it speaks of); a secret
// lives in this object only between the steps that need it and is wiped with it; the token is logged in only while an
// ActiveToken lives. Time, randomness, people, tokens and media come in through Wiring.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ceremony/actions/entropy.h"
#include "ceremony/actions/zlint.h"
#include "ceremony/ground/env.h"
#include "ceremony/ledger/journal.h"
#include "ceremony/operator.h"
#include "ceremony/pki/lint.h"
#include "ceremony/pki/profile.h"
#include "ceremony/policy/binding.h"
#include "ceremony/policy/policy.h"
#include "ceremony/shares/credential.h"
#include "ceremony/shares/share_file.h"
#include "ceremony/shares/slip39.h"
#include "ceremony/state/state.h"
#include "ceremony/state/token_list.h"
#include "hsm/token.h"
#include "hsm/tpm.h"
#include "media/files.h"
#include "media/volume.h"

namespace ceremony::actions {

using ceremony::text_of;  // beside the linter's own

enum class ActionRefusal { rule, not_now, credential, share, absent, mistaken, stopped, aborted, incomplete };
[[nodiscard]] constexpr std::string_view name_of(ActionRefusal code) {
  switch (code) {
    case ActionRefusal::rule: return "ceremony/rule";
    case ActionRefusal::not_now: return "ceremony/not-now";
    case ActionRefusal::credential: return "ceremony/credential";
    case ActionRefusal::share: return "ceremony/share";
    case ActionRefusal::absent: return "ceremony/absent";
    case ActionRefusal::mistaken: return "ceremony/mistaken";
    case ActionRefusal::stopped: return "ceremony/stopped";
    case ActionRefusal::aborted: return "ceremony/aborted";
    case ActionRefusal::incomplete: return "ceremony/incomplete";
  }
  return "ceremony/?";
}

/// A reviewed file, read once: what was checked is what is used.
struct SourceFile {
  std::string name;
  std::string text;
  [[nodiscard]] Digest digest() const { return sha256(text); }
};

/// What the program gives a run. Everything outlives it.
struct Wiring {
  Env& env;
  Operator& op;
  hsm::Module& hsm;
  media::Volumes& volumes;
  ExternalLint& lint;
  const policy::Policy& policy;
  const policy::Binding& binding;
  SourceFile policy_file, binding_file, procedure_file;
  std::string procedure_id;
  std::map<std::string, SourceFile> procedures;     ///< every procedure that the policy admits, by id
  std::map<std::string, SourceFile> profile_files;  ///< every profile that the policy names, by id
  std::map<std::string, pki::Profile> profiles;
  std::string software;  ///< name and version of this program, and its SHA-256
  Digest software_digest;  ///< whose words stand on the screen: of the boot image; at a desk, of the program that runs
  std::map<Path, std::string> ledger_names{};  ///< what people call the ledgers, where it is not their folders
  std::function<std::string(const Path&)> ledger_fault{};  ///< why a ledger failed, where its medium knows better than the file
  std::string image = "none", uki = "none";  ///< what the machine was started from (ceremony/boot.h)
  hsm::Tpm* tpm = nullptr;  ///< of the machine; null where there is none, and at a desk
  Path system = "/";        ///< where the files are that the image's MANIFEST names
};

/// Something linted that waits for its approvals and its signature.
struct Prepared {
  std::variant<pki::LintedCertificate, pki::LintedCrl> tbs;
  state::KeyId key;  ///< of the issuer
  std::string profile;
  std::optional<Digest> csr;
  [[nodiscard]] const pki::LintedTbs& linted() const {
    return std::visit([](const auto& t) -> const pki::LintedTbs& { return t; }, tbs);
  }
  [[nodiscard]] const pki::LintedCertificate* certificate() const { return std::get_if<pki::LintedCertificate>(&tbs); }
};

/// What the log says, every record asked of every rule: one that breaks a rule is nothing to build on. Throws
/// Refused{ActionRefusal::rule} naming each.
[[nodiscard]] state::CaState replay(const ledger::Journal& journal);

class Run final {
 public:
  Run(Wiring wiring, ledger::Journal& journal);

  Wiring w;
  EntropyPool rng;               ///< everything random that a run makes is drawn here
  std::string step;              ///< id of the step that runs
  std::string ceremony;          ///< id of the ceremony; empty before `open`
  std::map<std::string, std::string, std::less<>> args;  ///< of the step

  // Held between steps, wiped with the run.
  std::optional<MasterSecret> activation_secret, recovery_secret;  ///< from initialise_token to split_secrets
  std::map<state::KeyId, Bytes> wrapped;                           ///< from generate_keys to back_up_key
  std::map<std::string, std::string> selftest;                     ///< until `open`, or what follows a `resume`, records them
  std::set<std::string> tokens_tested;                             ///< serials: their random sources, in this run
  std::vector<std::string> clock_confirmed_by;
  Time clock_shown{};
  std::vector<Prepared> prepared;
  std::optional<QuorumView> quorum_view;  ///< of what is being approved or handed in
  std::string leaving = "failure";        ///< why a token that is active is left: failure, idle, pause, abort

  [[nodiscard]] const state::CaState& state() const { return m_state; }
  [[nodiscard]] ledger::Journal& journal() { return m_journal; }
  [[nodiscard]] const ledger::Journal& journal() const { return m_journal; }
  [[nodiscard]] state::ArtifactSource artifacts() const;
  [[nodiscard]] bool rehearsal() const { return w.policy.environment == policy::Environment::rehearsal; }
  [[nodiscard]] Time now() { return w.env.now(); }
  [[nodiscard]] std::string ledger_name(const Path& folder) const { return w.ledger_names.contains(folder) ? w.ledger_names.at(folder) : folder.string(); }

  // Records. `require` throws Refused{ActionRefusal::rule} naming each rule that the record would break; `demand` and
  // `record` put what was refused on the record first, as a failed one.
  [[nodiscard]] ledger::Record make(std::string_view event, std::vector<std::string> who, ledger::Value d);
  void require(const ledger::Record& record) const;
  void demand(const ledger::Record& record);
  void record(std::string_view event, std::vector<std::string> who, ledger::Value d);
  void record_failed(std::string_view event, std::vector<std::string> who, ledger::Value d, std::string_view reason);
  /// Does the work; what the outside world refuses (a token, a medium, a file) is put on the record as a failed `event`,
  /// whose reason begins with `subject`, and goes on to the caller.
  void attempt(std::string_view event, std::vector<std::string> who, const ledger::Value& d, std::string_view subject, const std::function<void()>& work);
  void append(const ledger::Record& record);
  Digest put(std::string_view text) { return m_journal.put_artifact(as_view(text)); }
  Digest put(View bytes) { return m_journal.put_artifact(bytes); }
  [[nodiscard]] Bytes artifact(const Digest& digest) const;

  // People.
  /// What people are chosen for: a refused choice is put on the record as a failed `event` with the fields `d`.
  struct Choice {
    std::string_view event;
    ledger::Value d;
    std::map<std::string, std::string> left_out;  ///< who is not among them although one might think so, and why
  };
  /// Asks which of `among` act now; at least `m` different ones. `question` is the question's id.
  [[nodiscard]] std::vector<std::string> choose_people(const std::string& question, const std::string& text,
                                                       const std::vector<std::string>& among, std::size_t m, const Choice& choice = {});
  /// Asks for the passphrase and unlocks the person's credential from their medium; a wrong one is put on the record as
  /// a failed `event` and may be tried again. The credential is the enrolled one, or it is refused.
  [[nodiscard]] shares::Credential unlock(const std::string& person, const std::string& purpose, std::string_view event);
  /// Repeats `attempt` while it is refused and people choose to try again.
  void retry(const std::string& question, const std::string& who, const std::function<void()>& attempt);

  /// Approvals of one act over the artifact with this digest until its quorum is reached; then, where policy wants one, its
  /// witness. `shown` was decoded from the very bytes.
  void approve(std::string_view act, const Digest& bytes, std::string_view shown);
  /// Who stands in the `who` of an intent to do that: its witness, where one was wanted.
  [[nodiscard]] std::vector<std::string> witness_of(std::string_view act, const Digest& bytes) const;
  /// For the frame around the questions: who of the quorum has done their part.
  void seat(const std::string& person, Seat now);
  [[nodiscard]] std::string roles_of(const std::string& person) const;  ///< "custodian, …" by the policy
  [[nodiscard]] bool is_approved(std::string_view act, const Digest& bytes) const;

  // Secrets handed in. `purpose`: activate, wrap, restore, recover. `on_record` is false only for finishing a closed
  // ceremony, whose log takes no more records.
  [[nodiscard]] MasterSecret collect(policy::QuorumName quorum, std::string_view purpose, bool on_record = true);
  /// One share, opened or typed by its holder and checked alone against its commitment.
  [[nodiscard]] ShareWords open_share(const state::ShareSet& set, const state::Share& share, const shares::Credential& credential);
  void record_hand_in(const state::ShareSet& set, const state::Share& share, const shares::Credential& credential, std::string_view purpose,
                      std::uint64_t nth);

  // Tokens.
  [[nodiscard]] std::unique_ptr<hsm::Token> main_token();
  /// Refuses a token that the policy does not admit to its environment.
  void admit_token(const hsm::TokenIdentity& id) const;
  /// Reads identity, objects and the token's own checkpoint onto the record.
  void record_token(hsm::Token& token, std::string_view role, std::string_view purpose);
  [[nodiscard]] shares::PinForm pin_form() const;

  // Media.
  [[nodiscard]] media::AskReinsert ask_reinsert();
  void register_medium(const std::string& name, std::string_view kind);
  /// Refuses a medium whose label names another CA, and one that is not the medium of that name in this ceremony.
  void check_medium(media::Volume& volume);

  /// The root (CA) key and its certificate, where they exist.
  [[nodiscard]] const state::Key& ca_key() const;
  [[nodiscard]] const state::Key& log_key() const;

  using Places = std::vector<std::size_t>;
  /// So many different places of `of`, from 1, in order, none of `without`; others at each call.
  [[nodiscard]] Places random_places(std::size_t of, std::size_t count, const Places& without = {});

 private:
  /// Who compares words, what they do it for, what a wrong word is recorded as, how many are asked for and where they are not.
  struct Comparison {
    std::string person, what;
    std::string_view event;
    ledger::Value d;
    std::size_t count;
    Places without;
  };
  /// The person types words of the digest at random places, which come back: what was not looked at is neither approved nor witnessed.
  Places compare_by_words(const Comparison& by, const Digest& bytes);
  /// Gives the places that the last of them was asked for; a witness is asked for others.
  Places gather_approvals(const std::string& act, const Digest& bytes);
  void gather_witness(const std::string& act, const Digest& bytes, const Places& asked);
  [[nodiscard]] bool lacks_witness(std::string_view act, const Digest& bytes);
  [[nodiscard]] std::size_t random_below(std::size_t limit);
  [[nodiscard]] ShareWords open_share_file(const state::ShareSet& set, const state::Share& share, const shares::Credential& credential);
  [[nodiscard]] ShareWords take_share_words(const state::ShareSet& set, const state::Share& share);

  ledger::Journal& m_journal;
  state::CaState m_state;
  std::map<std::pair<std::string, Digest>, std::vector<std::string>> m_witnesses;  ///< by act and digest
};

/// Tests the random source of a token that has one by now, once a run, before anything is made of it, and mixes it in. A failure is on
/// the record and goes on to the caller.
void test_token_source(Run& run, hsm::Token& token, bool on_record = true);
/// 32 more bytes of it.
void mix_token(Run& run, hsm::Token& token);

/// The token as logged in by shares: `activate` is on the record when it exists, and `deactivate` when it is gone.
class ActiveToken final {
 public:
  /// `before_listing` runs after the login and before the token's objects are compared with the log: the place to
  /// reconcile what a power cut left on the token.
  ActiveToken(Run& run, MasterSecret&& activation, std::string_view purpose, bool on_record = true,
              const std::function<void(hsm::Token&)>& before_listing = {});
  ~ActiveToken();
  ActiveToken(const ActiveToken&) = delete;
  ActiveToken& operator=(const ActiveToken&) = delete;
  [[nodiscard]] hsm::Token& token() { return *m_token; }
  /// Lists the token, logs out, records.
  void done();
  /// Logs out without a record: after `close` the log takes none.
  void done_after_close();

 private:
  /// Logs out, and says on the record that it was in failure; a token that is gone has logged out by itself.
  void give_up() noexcept;
  Run& m_run;
  std::unique_ptr<hsm::Token> m_token;
  bool m_on_record;
  bool m_active = false;
};

/// The same algorithm or scheme as hsm calls it.
[[nodiscard]] hsm::KeyAlgorithm hsm_algorithm(std::string_view policy_name);
[[nodiscard]] hsm::SignatureScheme hsm_scheme(std::string_view pki_name);

/// A digest as people compare it: 12 words of the SLIP-0039 list (120 bits) in numbered rows of four.
[[nodiscard]] std::string fingerprint(const Digest& digest);

/// What `result` says of a signature that verify_by_both accepted.
[[nodiscard]] inline std::vector<std::string> both_libraries() { return {"botan", "openssl"}; }

/// File names on a person's own medium.
[[nodiscard]] std::string credential_file();
[[nodiscard]] std::string share_file_name(std::string_view set);

}  // namespace ceremony::actions
