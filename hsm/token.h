// What a ceremony asks of an HSM: a module holds tokens, a token holds keys and small data objects. The interface
// only: no PKCS#11 type, no library behind it, so that a test can hold it and fail any call.
//
// Who may call: the actions, between `activate` and `deactivate`; intake of foreign bytes never runs with a token
// open. Invariants: a key that comes back from here has been read back and checked, attribute by attribute. A label
// or an id means one key or is refused. A token is addressed by its serial (slots move) and is found again by every
// call. One token, its keys and its session belong to one thread; a second thread opens its own from the same module,
// which is safe, also while the first one works. Logging in and out counts for the whole process (PKCS #11
// v2.40, 2.6). Keys and tokens may be dropped in any order and outlive the Module object they came from. Never: ask a
// person, write a record, read a file, keep a PIN or a KEK after the call that brought it, or print one. Throws:
// Refused{HsmRefusal, …} and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/refused.h"
#include "ceremony/ground/secret.h"

namespace ceremony::hsm {

enum class HsmRefusal {
  module_missing,   ///< no such library on this machine
  module_failed,    ///< the library is there but does not load or start
  token_absent,     ///< no token of that serial or label, or no blank one
  token_ambiguous,  ///< several tokens answer to it
  token_not_blank,  ///< initialise() on a token that is initialised already
  token_blank,      ///< anything else on a token that is not initialised yet
  token_removed,    ///< it was there and is gone
  token_full,       ///< no room for one more object, or too many sessions
  token_read_only,  ///< write protected
  pin_wrong,        ///< the message says what is known of the tries that are left
  pin_locked,       ///< too many wrong PINs
  pin_format,       ///< length, characters, or expired
  pin_not_set,      ///< the token has no user PIN yet
  not_logged_in,
  session_in_use,  ///< somebody of the other kind (user, security officer) is logged in or holds a session
  key_absent,
  key_ambiguous,  ///< two keys under one label or id
  label_taken,
  id_taken,
  mechanism_missing,  ///< the module does not do this, or not with this key
  attribute_wrong,    ///< read back, an attribute is not what was asked
  wrap_refused,       ///< the key may not be wrapped
  unwrap_failed,      ///< wrong KEK, damaged blob, or not the key it should be
  data_absent,
  data_ambiguous,
  signature_wrong,  ///< what the token signed does not verify under its own public key
  device_error,     ///< everything a person cannot cause
};

[[nodiscard]] constexpr std::string_view name_of(HsmRefusal code) {
  switch (code) {
    case HsmRefusal::module_missing:
      return "hsm/module-missing";
    case HsmRefusal::module_failed:
      return "hsm/module-failed";
    case HsmRefusal::token_absent:
      return "hsm/token-absent";
    case HsmRefusal::token_ambiguous:
      return "hsm/token-ambiguous";
    case HsmRefusal::token_not_blank:
      return "hsm/token-not-blank";
    case HsmRefusal::token_blank:
      return "hsm/token-blank";
    case HsmRefusal::token_removed:
      return "hsm/token-removed";
    case HsmRefusal::token_full:
      return "hsm/token-full";
    case HsmRefusal::token_read_only:
      return "hsm/token-read-only";
    case HsmRefusal::pin_wrong:
      return "hsm/pin-wrong";
    case HsmRefusal::pin_locked:
      return "hsm/pin-locked";
    case HsmRefusal::pin_format:
      return "hsm/pin-format";
    case HsmRefusal::pin_not_set:
      return "hsm/pin-not-set";
    case HsmRefusal::not_logged_in:
      return "hsm/not-logged-in";
    case HsmRefusal::session_in_use:
      return "hsm/session-in-use";
    case HsmRefusal::key_absent:
      return "hsm/key-absent";
    case HsmRefusal::key_ambiguous:
      return "hsm/key-ambiguous";
    case HsmRefusal::label_taken:
      return "hsm/label-taken";
    case HsmRefusal::id_taken:
      return "hsm/id-taken";
    case HsmRefusal::mechanism_missing:
      return "hsm/mechanism-missing";
    case HsmRefusal::attribute_wrong:
      return "hsm/attribute-wrong";
    case HsmRefusal::wrap_refused:
      return "hsm/wrap-refused";
    case HsmRefusal::unwrap_failed:
      return "hsm/unwrap-failed";
    case HsmRefusal::data_absent:
      return "hsm/data-absent";
    case HsmRefusal::data_ambiguous:
      return "hsm/data-ambiguous";
    case HsmRefusal::signature_wrong:
      return "hsm/signature-wrong";
    case HsmRefusal::device_error:
      return "hsm/device-error";
  }
  return "hsm/?";
}

enum class KeyAlgorithm { rsa3072, rsa4096, p256, p384 };
[[nodiscard]] constexpr std::string_view name_of(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::rsa3072:
      return "rsa3072";
    case KeyAlgorithm::rsa4096:
      return "rsa4096";
    case KeyAlgorithm::p256:
      return "p256";
    case KeyAlgorithm::p384:
      return "p384";
  }
  return "?";
}

enum class SignatureScheme {
  ecdsa_sha256,
  ecdsa_sha384,
  ecdsa_sha512,
  rsa_pkcs1_sha256,
  rsa_pkcs1_sha384,
  rsa_pkcs1_sha512,
  rsa_pss_sha256,  ///< PSS: MGF1 with the same hash, salt as long as the hash (RFC 4055, 3.1)
  rsa_pss_sha384,
  rsa_pss_sha512,
};
[[nodiscard]] constexpr std::string_view name_of(SignatureScheme scheme) {
  switch (scheme) {
    case SignatureScheme::ecdsa_sha256:
      return "ecdsa-sha256";
    case SignatureScheme::ecdsa_sha384:
      return "ecdsa-sha384";
    case SignatureScheme::ecdsa_sha512:
      return "ecdsa-sha512";
    case SignatureScheme::rsa_pkcs1_sha256:
      return "rsa-pkcs1-sha256";
    case SignatureScheme::rsa_pkcs1_sha384:
      return "rsa-pkcs1-sha384";
    case SignatureScheme::rsa_pkcs1_sha512:
      return "rsa-pkcs1-sha512";
    case SignatureScheme::rsa_pss_sha256:
      return "rsa-pss-sha256";
    case SignatureScheme::rsa_pss_sha384:
      return "rsa-pss-sha384";
    case SignatureScheme::rsa_pss_sha512:
      return "rsa-pss-sha512";
  }
  return "?";
}

/// What the token says of itself; trailing blanks cut. Nothing here is proof of anything by itself.
struct TokenIdentity {
  std::string manufacturer;
  std::string model;
  std::string serial;    ///< SoftHSM2 takes a new one at every initialisation
  std::string firmware;  ///< "2.6"
  std::string hardware;  ///< "2.6"
  std::string label;
  bool initialized = false;
  bool user_pin_set = false;
  std::size_t pin_min = 0;  ///< shortest and longest PIN in bytes, as the token says
  std::size_t pin_max = 0;
  bool operator==(const TokenIdentity&) const = default;
};

/// The lock-out flags of PKCS #11 (CKF_USER_PIN_COUNT_LOW and its sisters). No token tells a number; SoftHSM2 sets
/// `low` and never locks.
struct PinState {
  bool low = false;        ///< a wrong PIN was given since the last good one
  bool final_try = false;  ///< one more wrong PIN locks it
  bool locked = false;
  bool to_be_changed = false;  ///< still the maker's, or expired
  bool operator==(const PinState&) const = default;
};
struct PinStates {
  PinState user;
  PinState so;
  bool operator==(const PinStates&) const = default;
};
/// One sentence on the tries left, for the screen before a PIN is given: "one more wrong PIN locks the token".
[[nodiscard]] constexpr std::string_view tries_left(const PinState& state) {
  if (state.locked) return "the PIN is locked";
  if (state.final_try) return "one more wrong PIN locks it";
  if (state.low)
    return "a wrong PIN was given since the last good one, and the token does not say how many tries are left";
  return "the token warns of no lock-out";
}

struct Mechanism {
  unsigned long type = 0;     ///< CKM_… number
  std::string name;           ///< "CKM_AES_KEY_WRAP_PAD"; "0x…" where we know no name
  unsigned long min_key = 0;  ///< sizes in the unit PKCS #11 gives the mechanism (bits for RSA and EC, bytes for AES)
  unsigned long max_key = 0;
  bool hardware = false;
};

/// One object on the token, as read back. `id` is lower-case hex. What the object has no such attribute for, or the
/// module does not tell, is absent.
struct ObjectInfo {
  std::string cls;  ///< "private-key", "public-key", "secret-key", "data", "certificate", "other"
  std::string label;
  std::string id;
  std::optional<KeyAlgorithm> algorithm;
  std::optional<bool> local;  ///< generated here; false in an unwrapped key
  std::optional<bool> sensitive;
  std::optional<bool> extractable;
  std::optional<bool> always_sensitive;
  std::optional<bool> never_extractable;
  std::optional<bool> private_object;  ///< invisible without the user PIN
  std::optional<bool> modifiable;
  std::optional<bool> sign;
  std::optional<bool> decrypt;
  std::optional<bool> wrap;
  std::optional<bool> unwrap;
  std::optional<bool> derive;
  std::optional<Digest>
      public_key;        ///< SHA-256 of the SubjectPublicKeyInfo DER; of a private key, its public object's
  std::size_t size = 0;  ///< bytes of a data object or certificate
  bool operator==(const ObjectInfo&) const = default;
};

struct KeyPlan {
  KeyAlgorithm algorithm = KeyAlgorithm::p384;
  std::string label;
  Bytes id;
  bool extractable = false;  ///< true only for a key that is backed up and then locked
};

/// A private key on a token with its public half. Signs while its token is logged in.
class Key {
 public:
  virtual ~Key() = default;
  [[nodiscard]] virtual Bytes id() const = 0;
  [[nodiscard]] virtual std::string label() const = 0;
  [[nodiscard]] virtual KeyAlgorithm algorithm() const = 0;
  /// DER SubjectPublicKeyInfo (EC with a named curve and an uncompressed point).
  [[nodiscard]] virtual Bytes spki() const = 0;
  /// Read from the token now.
  [[nodiscard]] virtual ObjectInfo attributes() = 0;
  /// The signature as X.509 carries it (DER ECDSA-Sig-Value, or the RSA block), over the hash of `message`. Not
  /// verified here: who asked verifies it under the key it should be, not under the one the token shows (CERT-2). A
  /// scheme of another algorithm is refused with `mechanism_missing`.
  [[nodiscard]] virtual Bytes sign(View message, SignatureScheme scheme) = 0;
};

class Token {
 public:
  virtual ~Token() = default;

  [[nodiscard]] virtual TokenIdentity identity() = 0;
  [[nodiscard]] virtual std::vector<Mechanism> mechanisms() = 0;
  [[nodiscard]] virtual PinStates pin_state() = 0;

  /// C_InitToken on a token that is not initialised (else `token_not_blank`), then finds it again under its new
  /// serial. `throwaway_so` is only good until set_so_pin: a token has no random source before this.
  virtual void initialise(const Pin& throwaway_so, std::string_view label) = 0;
  /// Destroys everything on the token and names it anew; needs its SO PIN. The user PIN is gone afterwards.
  virtual void erase(const Pin& so, std::string_view label) = 0;
  virtual void set_so_pin(const Pin& current, const Pin& fresh) = 0;
  virtual void init_user_pin(const Pin& so, const Pin& user) = 0;
  /// Tries an SO PIN that should be dead. True: the token refused it. Costs one try where the token counts.
  [[nodiscard]] virtual bool refuses_so_pin(const Pin& pin) = 0;

  /// Refuses with `session_in_use` if the process is logged in on this token already: a PIN is never taken unasked.
  virtual void login(const Pin& user) = 0;
  /// Logs out, also if nobody was in.
  virtual void logout() = 0;
  [[nodiscard]] virtual bool logged_in() = 0;

  [[nodiscard]] virtual Bytes random(std::size_t count) = 0;

  /// Everything the token holds, sorted by class, label, id. Needs a login: half a list is no list.
  [[nodiscard]] virtual std::vector<ObjectInfo> objects() = 0;

  /// Makes a signing key with exactly these attributes: SENSITIVE, PRIVATE, SIGN, EXTRACTABLE as planned; no DECRYPT,
  /// WRAP, UNWRAP, DERIVE; read back, and shown to sign. A key that comes out otherwise is destroyed and refused.
  [[nodiscard]] virtual std::unique_ptr<Key> generate_key(const KeyPlan& plan) = 0;
  [[nodiscard]] virtual std::unique_ptr<Key> find(std::string_view label) = 0;
  [[nodiscard]] virtual std::unique_ptr<Key> find_by_id(View id) = 0;

  /// RFC 5649 under the KEK: `openssl enc -d -id-aes256-wrap-pad -iv A65959A6` opens it to PKCS#8.
  [[nodiscard]] virtual Bytes wrap(View id, const Kek& kek) = 0;
  /// The way back, on this token or another: never extractable again, whatever the plan says; public object made from
  /// `spki`; shown to sign under it. Leaves nothing behind when refused.
  [[nodiscard]] virtual std::unique_ptr<Key> unwrap(View blob, const Kek& kek, const KeyPlan& plan, View spki) = 0;
  /// EXTRACTABLE to false for good: read back, and one more wrap is seen refused.
  virtual void lock(View id) = 0;
  /// Destroys the private key and its public object, and sees that both are gone.
  virtual void destroy(View id) = 0;

  /// Private data objects. Their value cannot be changed in place: put the new one, then remove the old.
  virtual void put_data(std::string_view label, View value) = 0;
  [[nodiscard]] virtual Bytes get_data(std::string_view label) = 0;
  [[nodiscard]] virtual std::vector<std::string> data_labels() = 0;
  virtual void remove_data(std::string_view label) = 0;
};

/// Logged in as user as long as this lives. The token must outlive it.
class Login final {
 public:
  Login(Token& token, const Pin& user) : m_token(token) { m_token.login(user); }
  ~Login() {
    try {
      m_token.logout();
    } catch (const Refused&) {
      // The token is gone, and the login with it: PKCS #11 ends it with the last session.
    }
  }
  Login(const Login&) = delete;
  Login& operator=(const Login&) = delete;

 private:
  Token& m_token;
};

/// The library that speaks to the tokens.
struct ModuleInfo {
  std::string path;
  std::string manufacturer;
  std::string description;
  std::string version;
};

class Module {
 public:
  virtual ~Module() = default;
  [[nodiscard]] virtual ModuleInfo info() = 0;
  /// Every token in every slot, blank ones too.
  [[nodiscard]] virtual std::vector<TokenIdentity> tokens() = 0;
  [[nodiscard]] virtual std::unique_ptr<Token> by_serial(std::string_view serial) = 0;
  [[nodiscard]] virtual std::unique_ptr<Token> by_label(std::string_view label) = 0;
  /// The one token that is not initialised.
  [[nodiscard]] virtual std::unique_ptr<Token> blank() = 0;
};

}  // namespace ceremony::hsm
