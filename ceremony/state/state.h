// What a log says of a CA: a pure fold over its records. There is no other database; resuming, verifying and printing are
// this fold. It believes what it reads: whether a record may stand on a log is said by the rules (rules.h), which look at
// the state before it. A failed record moves the log's position and the failure count, nothing else.
//
// Invariants: fold(s, r) depends on its arguments only; folding the same records gives the same state; a signature is never
// made or checked here. Never holds a secret, a name or a contact of a person.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"
#include "ceremony/ledger/merkle.h"
#include "ceremony/ledger/record.h"

namespace ceremony::policy {
struct Policy;
}
namespace ceremony::pki {
struct Profile;
}

namespace ceremony::state {

/// The artifact with that digest, or nothing. Whoever gives it has checked the digest.
using ArtifactSource = std::function<std::optional<Bytes>(const Digest&)>;

using PersonId = std::string;
using KeyId = std::string;   ///< lower-case hex of CKA_ID
using RecordNumber = std::uint64_t;

struct Person {
  PersonId id;
  std::vector<std::string> roles;
  Digest key;  ///< SHA-256 of `spki`
  Bytes spki;  ///< P-256 SubjectPublicKeyInfo, DER
  std::string age;  ///< age recipient
  std::string credential;  ///< software, card
  std::vector<PersonId> seen_by;
  RecordNumber n = 0;
};

struct Share {
  unsigned index = 0;
  PersonId holder;
  Digest commitment;
  std::string kcv;
  std::string form, medium;
  std::optional<Digest> file;  ///< none of a share that was shown as words
  bool is_void = false;
  bool read_back = false;
  RecordNumber n = 0;
};

struct ShareSet {
  std::string id;      ///< "activation-1"
  std::string quorum;  ///< activation, recovery
  unsigned threshold = 0;
  unsigned count = 0;
  std::map<unsigned, Share> shares;  ///< by index
  std::string ceremony;
  bool is_void = false;  ///< as a whole
  [[nodiscard]] const Share* of(std::string_view holder) const;
  /// All `count` shares are on the log and each was read back.
  [[nodiscard]] bool all_read_back() const;
};

struct Token {
  std::string serial, manufacturer, model, firmware, label;
  std::string role;     ///< main, restore
  std::string purpose;  ///< of its last init: create, restore-test, erase; empty if never initialised by us
  std::string pin;      ///< normal, low, final, locked; as last read
  std::optional<Digest> list;  ///< artifact of the last list
  std::string list_purpose;    ///< admit, activation, deactivation
  std::uint64_t checkpoint_size = 0;
  RecordNumber n = 0;  ///< of the last record about it
};

struct Backup {
  std::string set;  ///< recovery set whose KEK wraps it
  Digest blob;
  std::uint64_t length = 0;
  std::vector<std::string> media;
  bool destroyed = false;
  RecordNumber n = 0;
};

struct Restored {
  std::string token, set, disposition;  ///< erase, standby
  bool extractable = false;
  bool erased = false;
  RecordNumber n = 0;
};

struct Key {
  KeyId id;
  std::string label;
  std::string purpose;  ///< ca, log
  std::string alg;      ///< as the record has it: p384
  std::string scheme;   ///< of its proof
  Bytes spki;
  Digest spki_sha256;
  std::string token;  ///< serial of the token it was generated on
  bool local = false, sensitive = false;
  bool extractable = false;  ///< as last read back on that token
  bool locked = false;
  std::vector<Backup> backups;
  std::vector<Restored> restores;
  bool retired = false, destroyed = false;
  RecordNumber n = 0;
  std::string ceremony;
};

struct Certificate {
  Digest digest, tbs, spki_sha256;
  std::string serial;   ///< hex
  std::string subject;  ///< pki::text
  std::string profile;
  KeyId issuer;
  Bytes skid;
  std::optional<Digest> csr;
  Time not_before{}, not_after{};
  struct Revocation { std::string why; Time date{}; RecordNumber n = 0; };
  std::optional<Revocation> revoked;
  RecordNumber n = 0;
  std::string ceremony;
};

struct CrlEntrySeen {
  Time date{};
  std::string reason;  ///< empty where the entry has none
};

struct CrlState {
  std::uint64_t number = 0;
  Time this_update{}, next_update{};
  Digest digest;
  std::map<std::string, CrlEntrySeen> entries;  ///< serial hex →
  RecordNumber n = 0;
};

struct Intent {
  std::string id, act, key;  ///< key: id, or "none"
  Digest tbs;  ///< the TBS, act or batch artifact
  std::vector<PersonId> who;  ///< who compared the words as a witness, where policy wants one
  std::set<Digest> lines;    ///< what it covers: `tbs` alone, or each line of the batch
  struct Done { std::string out; std::vector<std::string> verified; RecordNumber n = 0; };
  std::map<Digest, Done> results;      ///< by TBS
  std::map<Digest, std::string> reconciled;  ///< by TBS → outcome
  std::set<Digest> recorded;  ///< certificates and CRLs (digest) that an `issue` or `crl` recorded from it
  RecordNumber n = 0;
  /// Every line has a result or a reconciliation.
  [[nodiscard]] bool settled() const;
};

struct HandIn {
  std::string set;
  unsigned index = 0;
  PersonId holder;
  Digest commitment;
  RecordNumber n = 0;
};

struct Activation {
  std::string token, purpose, set;  ///< purpose: generate, restore, lock, sign, checkpoint
  std::vector<PersonId> holders;
  std::uint64_t nth = 0;
  bool listed = false;          ///< a token record of purpose activation has followed
  bool listed_at_end = false;   ///< … of purpose deactivation, and nothing was recorded after it
  RecordNumber n = 0;
};

struct ClockConfirmation { std::vector<PersonId> who; Time shown{}; Time t{}; };
struct Medium { std::string name, kind, ident, label; };
struct Evidence { std::string kind, reference; std::optional<Digest> sha256; std::vector<PersonId> who; };
struct Deviation { std::string text, source; std::vector<PersonId> who; Time t{}; };  ///< source: person, appliance
/// What last happened to a thing's seal: sealed, opened; `seal` is the digest of its number, or "none".
struct Seal { std::string act, seal; RecordNumber n = 0; };
struct Import { Digest csr, spki_sha256; std::string subject, recipient, profile, medium; std::vector<std::string> dropped; RecordNumber n = 0; };
struct Export { std::string kind, name, recipient; std::vector<std::string> media; Digest sha256; bool read_back = false; std::optional<Digest> certificate; RecordNumber n = 0; };
struct Waiver { std::string rule, why; Time until{}; Digest act; RecordNumber n = 0; };
/// A boot image that governance admitted, besides those of the policy; where that has [tpm], with what a machine's TPM says that was started from it.
struct AdmittedImage { Digest manifest, uki; std::string version, ceremony; RecordNumber n = 0; std::optional<Digest> pcr4{}, pcr11{}; };
struct Signoff { Digest summary; std::map<std::string, std::string> remarks; std::uint64_t deviations = 0; std::vector<PersonId> people; RecordNumber n = 0; };

/// The ceremony that is open.
struct Ceremony {
  std::string id, kind, environment, origin;  ///< environment: rehearsal, production
  RecordNumber n = 0;  ///< of its `open`
  Digest leaf;         ///< of its `open`
  Time opened{};
  Digest procedure, policy, binding;
  std::string software, image, uki, tpm, op;  ///< op: tui, plain, scripted
  std::map<std::string, std::string> selftest;
  std::uint64_t previous_size = 0;
  Digest previous_root;
  std::string previous_checkpoint;  ///< digest, or "none"
  std::vector<PersonId> compared;

  std::set<PersonId> acted;  ///< everybody a `who` named so far
  std::vector<ClockConfirmation> clock;
  std::map<std::string, std::map<Digest, std::map<PersonId, RecordNumber>>> approvals;  ///< act → digest → person → record
  std::map<std::string, Intent> intents;
  std::map<std::pair<std::string, std::uint64_t>, std::vector<HandIn>> hand_ins;  ///< (purpose, nth) →
  std::map<std::string, std::uint64_t> rounds;  ///< purpose → rounds used up
  std::uint64_t activations = 0;
  std::map<std::string, Medium> media;
  std::vector<Evidence> evidence;
  std::vector<Deviation> deviations;
  std::vector<Import> imports;
  std::vector<Export> exports;
  std::vector<Signoff> signoffs;
  std::vector<Waiver> waivers;
  std::set<Digest> certificates, crls;  ///< made in this ceremony
  std::set<Digest> named;         ///< artifacts that its records named
  std::chrono::seconds gap{0};    ///< between the last record before it and its `open`
  bool signed_anything = false;   ///< an enrolment, approval, hand-in or intent is on the log
  std::uint64_t failures = 0;
  std::uint64_t resumes = 0;
};

struct Closed {
  std::string id, kind, outcome, log_signature;
  RecordNumber first = 0, last = 0;  ///< `open`, `close`
  Time at{};
  std::vector<PersonId> signers;
  std::map<std::string, std::string> absent;
  std::set<PersonId> acted;
  std::vector<ClockConfirmation> clock;
  std::vector<Waiver> waivers;
  std::uint64_t deviations = 0;
  [[nodiscard]] std::uint64_t size() const { return last + 1; }  ///< of the log, and of its checkpoint
};

struct CaState {
  // the log
  ledger::Tree tree;        ///< of all records folded; its size is the next record's n
  Time last_time{};
  std::string origin;       ///< of the first open
  std::string environment;
  std::optional<Ceremony> open;
  std::vector<Closed> closed;
  std::set<std::string> ceremony_ids;
  std::set<Digest> named;      ///< artifacts that records named so far
  std::set<Digest> mentioned;  ///< by failed and reconciled records: may be there, need not
  std::uint64_t failures = 0;

  // people and what was decided
  std::map<PersonId, Person> people;
  std::set<Digest> credential_keys;  ///< every key that ever was a person's
  std::shared_ptr<const policy::Policy> policy;    ///< in force
  std::shared_ptr<const policy::Policy> proposed;  ///< what `open` names, until a policy is in force
  std::optional<Digest> policy_digest;
  std::map<std::string, Digest> procedures;        ///< id → digest, admitted
  std::map<std::string, Digest> profile_digests;   ///< id → digest, admitted
  std::map<std::string, std::shared_ptr<const pki::Profile>> profiles;
  std::vector<AdmittedImage> images;               ///< in the order in which they were admitted

  // secrets in people's hands, tokens, keys
  std::map<std::string, ShareSet> share_sets;
  std::map<std::string, Token> tokens;  ///< by serial
  std::optional<Activation> active;
  std::map<KeyId, Key> keys;
  std::map<std::string, Seal> seals;  ///< by item

  // what was issued
  std::map<Digest, Certificate> certificates;
  std::map<std::string, Digest> by_serial;  ///< "<issuer key id>/<serial hex>" →
  std::map<KeyId, CrlState> crls;
  std::map<KeyId, std::set<std::string>> maybe_issued;  ///< issuer → serials
  std::map<KeyId, std::set<std::string>> found;         ///< issuer → serials

  /// The policy in force, or the proposed one in a genesis; null before any `open`.
  [[nodiscard]] const policy::Policy* rules_of_people() const;
  /// The number that the next round of hand-ins for `purpose` carries (read-back: always 1).
  [[nodiscard]] std::uint64_t next_nth(std::string_view purpose) const;
  /// Whether a hand-in may carry that number: the current round's, or the next one's if the current round was begun and
  /// left unfinished.
  [[nodiscard]] bool may_hand_in(std::string_view purpose, std::uint64_t nth) const;
  /// Hand-ins of the current round of that purpose.
  [[nodiscard]] std::vector<HandIn> handed_in(std::string_view purpose) const;
  /// Who approved exactly that digest for that act in this ceremony.
  [[nodiscard]] std::set<PersonId> approved(std::string_view act, const Digest& digest) const;
  /// Intents without result or reconciliation.
  [[nodiscard]] std::vector<std::string> open_intents() const;
  [[nodiscard]] const Key* log_key() const;   ///< the newest that is neither retired nor destroyed; null before one exists
  [[nodiscard]] const Certificate* certificate_of(const KeyId& key) const;  ///< the newest with that key as its subject's
  [[nodiscard]] std::uint64_t last_closed_size() const;  ///< 0 before the first close
  /// Whether a closed ceremony left a checkpoint: not one that was aborted before anybody who could sign was enrolled.
  [[nodiscard]] bool has_checkpoint() const;
  /// The token that holds the keys: the one a record spoke of last; null before one was initialised.
  [[nodiscard]] const Token* main_token() const;
  /// Activation and recovery shares were all opened again by their holders: before that nothing may depend on the token's secrets.
  [[nodiscard]] bool both_sets_read_back() const;
  /// Newest share set of that quorum; null if none.
  [[nodiscard]] const ShareSet* share_set(std::string_view quorum) const;
};

/// The state after the record. `leaf` is the record's leaf hash. An artifact that is not there leaves what it would have
/// told unknown (a null policy, no profile): the rules name it.
[[nodiscard]] CaState fold(CaState state, const ledger::Record& record, const Digest& leaf, const ArtifactSource& artifacts);

/// Exactly the artifacts that a record names, each once (what LOG-8 compares with the folder); none of a failed one.
[[nodiscard]] std::vector<Digest> artifacts_named(const ledger::Record& record);

}  // namespace ceremony::state
