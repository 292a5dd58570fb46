// The policy file: what was decided and reviewed before anybody meets. Who is who, which roles exclude each other, the
// three quorums, algorithms, limits, tokens and procedures that may be used, and which world (rehearsal or production)
// this is. Format: FORMAT.md beside this file.
//
// Invariants of a Policy that loaded: every rule of FORMAT.md holds (2 ≤ M ≤ N ≤ 16, recovery M ≥ activation M, members
// exist and hold the role of their quorum, nobody holds two roles that exclude each other, environment, origin, tokens and
// organisation name belong to one world). A Policy is public: it never holds a name of a person, a secret or a PIN, and
// nothing here can be switched off by an option; an exception is a waiver on the record.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/pki/name.h"
#include "ceremony/toml/reader.h"

namespace ceremony::policy {

enum class Environment { rehearsal, production };
[[nodiscard]] std::string_view name_of(Environment environment);  ///< "rehearsal", "production"

/// The closed list of roles.
enum class Role { administrator, custodian, security_officer, witness, auditor, governance };
inline constexpr std::array<Role, 6> all_roles{Role::administrator, Role::custodian, Role::security_officer,
                                               Role::witness,       Role::auditor,   Role::governance};
[[nodiscard]] std::string_view name_of(Role role);  ///< "administrator", …, "security-officer", …
[[nodiscard]] std::optional<Role> role_from(std::string_view name);

/// `[a-z0-9-]{1,16}`, the spelling of people's ids everywhere.
[[nodiscard]] bool is_person_id(std::string_view id);
/// `[a-z0-9.-]{1,40}` beginning with a letter or digit: ids of procedures, steps and profiles.
[[nodiscard]] bool is_plain_id(std::string_view id);

struct Person {
  std::string id;
  std::vector<Role> roles;  ///< in the order of the file, at least one, none twice
  [[nodiscard]] bool holds(Role role) const;
};

enum class QuorumName { governance, activation, recovery };
[[nodiscard]] std::string_view name_of(QuorumName quorum);
[[nodiscard]] std::optional<QuorumName> quorum_from(std::string_view name);

/// M of the members.
struct Quorum {
  std::size_t m = 0;
  std::vector<std::string> members;  ///< ids in the order of the file; none twice
  [[nodiscard]] std::size_t n() const { return members.size(); }
  [[nodiscard]] bool has(std::string_view id) const;
  /// Place among the members from 1: the number of this member's share. 0 for anybody else.
  [[nodiscard]] std::size_t place_of(std::string_view id) const;
};

/// Key algorithms by their names in every file and record: "p256", "p384", "rsa3072", "rsa4096".
[[nodiscard]] bool is_key_algorithm(std::string_view name);

struct Root {
  std::string algorithm;     ///< key algorithm of the root key
  pki::Name subject;         ///< has at least a CN and an O; pki::text(subject) is how it is shown
  std::string organization;  ///< the subject's O
  std::string profile;       ///< profile id
  int years = 0;             ///< validity
};

struct Issuing {
  std::vector<std::string> profiles;    ///< profile ids that may be used for intermediates
  std::vector<std::string> algorithms;  ///< key algorithms a subject may have
  int years_max = 0;                    ///< longest validity
};

struct AdmittedProcedure {
  std::string id;
  std::optional<Digest> digest;  ///< of the file, where the policy pins it; else governance adopts it in the ceremony
  std::vector<Role> sign_off;    ///< each of these roles signs the checkpoint of such a ceremony
};

/// Boot images that may run this CA's ceremonies, by the SHA-256 of their manifests and of their unified kernel images.
struct Images {
  std::vector<Digest> manifests;  ///< none twice, at least one
  std::vector<Digest> ukis;       ///< the same
};

/// What the machine's TPM has to say at `open` (rule POL-5). In each none twice, at least one.
struct Tpm {
  std::vector<Digest> keys;                ///< SHA-256 of the SubjectPublicKeyInfo of the attestation keys that governance enrols
  std::vector<Digest> pcr4, pcr7, pcr11;  ///< values of the SHA-256 bank, one of which each has to have
};

/// What an act needs: that many distinct members of that quorum.
struct Needed {
  QuorumName quorum;
  std::size_t m;
};

struct Policy {
  Digest digest;         ///< SHA-256 of the file's exact bytes: what governance approves
  std::string name;      ///< how screens and scripts call this CA
  std::string origin;    ///< of the log; a rehearsal's begins with "rehearsal."
  Environment environment = Environment::rehearsal;
  std::map<std::string, Person> people;
  std::vector<std::pair<Role, Role>> exclusive;
  Quorum governance;
  Quorum activation;
  Quorum recovery;
  std::map<std::string, std::size_t> raised;  ///< act → M, only where the policy asks for more than the quorum's own
  std::vector<std::string> witnessed;         ///< acts before whose intent a witness compares the words too
  Root root;
  std::string log_algorithm;  ///< always "p256" in this format
  Issuing issuing;
  int crl_next_update_days = 0;
  int longest_gap_days = 0;           ///< an `open` later than this after the last record needs governance (LOG-3)
  std::size_t batch_max = 0;          ///< most certificates in one batch
  int scrypt_log_n = 0;               ///< work factor of passphrase-encrypted files, 14 to 20
  bool proposed_passphrases = true;   ///< only passphrases the appliance proposed are accepted
  bool recovery_as_words = false;     ///< recovery shares leave as words on paper, not as files
  std::size_t backup_media = 2;       ///< media each wrapped key is written to
  std::vector<std::string> token_models;   ///< CK_TOKEN_INFO model, exactly
  std::vector<std::string> token_serials;  ///< production only
  std::vector<AdmittedProcedure> procedures;
  std::optional<Images> images;       ///< nothing: a rehearsal takes any, production none (rule POL-4)
  std::optional<Tpm> tpm;             ///< nothing: what a TPM says is recorded, and a machine without one is taken
  std::vector<std::string> waivable;  ///< rule ids; that none is absolute is checked where the rules are (state)

  [[nodiscard]] const Quorum& quorum(QuorumName name) const;
  [[nodiscard]] const Person* person(std::string_view id) const;  ///< null for a stranger
  [[nodiscard]] bool holds(std::string_view id, Role role) const;
  [[nodiscard]] std::vector<std::string> people_with(Role role) const;  ///< ids, sorted
  [[nodiscard]] const AdmittedProcedure* procedure(std::string_view id) const;
  /// What approves an act of the format document's table ("sign-certificate" → activation, its M or what the policy
  /// raised it to); nothing for "hand-in-share" (its holder alone) and for an act that does not exist.
  [[nodiscard]] std::optional<Needed> approval_for(std::string_view act) const;
  /// Whether the intent of that act names a witness.
  [[nodiscard]] bool wants_witness(std::string_view act) const;
  /// Production: this model and this serial; rehearsal: this model (SoftHSM2 takes a new serial at each initialisation).
  [[nodiscard]] bool admits_token(std::string_view model, std::string_view serial) const;
};

/// Reads and checks a policy file. Throws Refused{TomlRefusal::syntax} or Refused{TomlRefusal::mistakes} with every
/// mistake of the file at once. `file_name` is how the findings call it.
[[nodiscard]] Policy read_policy(std::string file_name, std::string_view text);

/// Who that is, for people to read: a person with their roles, a role with the people who hold it, anything else as it is.
[[nodiscard]] std::string described(const Policy& policy, const std::string& who);

/// The quorum an act belongs to by the format document, policy or not; nothing for an act that has none.
[[nodiscard]] std::optional<QuorumName> quorum_of_act(std::string_view act);
/// All acts that have one, in the order of the format document.
[[nodiscard]] std::vector<std::string_view> approved_acts();
/// Those of them that an intent follows, because the token is asked for something: a witness can be wanted for these.
[[nodiscard]] std::vector<std::string_view> intended_acts();

}  // namespace ceremony::policy
