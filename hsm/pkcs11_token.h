// The token and key of token.h on PKCS#11. PINs, identity and data: pkcs11_token.cpp; keys: pkcs11_keys.cpp; backup
// and end of a key: pkcs11_backup.cpp. Used by pkcs11_*.cpp only.
#pragma once

#include "hsm/pkcs11_session.h"

namespace ceremony::hsm::pkcs11 {

/// A private key and its one public object, seen together.
struct Pair {
  CK_OBJECT_HANDLE private_key = 0;
  CK_OBJECT_HANDLE public_key = 0;
  KeyAlgorithm algorithm{};
  std::string label;
  Bytes id;
  Bytes spki;
};

class Pkcs11Key final : public Key {
 public:
  Pkcs11Key(std::shared_ptr<Seat> seat, Pair pair)
      : m_seat(std::move(seat)), m_pair(std::move(pair)), m_epoch(m_seat->epoch()) {}
  [[nodiscard]] Bytes id() const override { return m_pair.id; }
  [[nodiscard]] std::string label() const override { return m_pair.label; }
  [[nodiscard]] KeyAlgorithm algorithm() const override { return m_pair.algorithm; }
  [[nodiscard]] Bytes spki() const override { return m_pair.spki; }
  [[nodiscard]] ObjectInfo attributes() override;
  [[nodiscard]] Bytes sign(View message, SignatureScheme scheme) override;

 private:
  void find_again();
  std::shared_ptr<Seat> m_seat;
  Pair m_pair;
  unsigned m_epoch;
};

class Pkcs11Token final : public Token {
 public:
  explicit Pkcs11Token(std::shared_ptr<Seat> seat) : m_seat(std::move(seat)) {}

  [[nodiscard]] TokenIdentity identity() override;
  [[nodiscard]] std::vector<Mechanism> mechanisms() override;
  [[nodiscard]] PinStates pin_state() override;
  void initialise(const Pin& throwaway_so, std::string_view label) override;
  void erase(const Pin& so, std::string_view label) override;
  void set_so_pin(const Pin& current, const Pin& fresh) override;
  void init_user_pin(const Pin& so, const Pin& user) override;
  [[nodiscard]] bool refuses_so_pin(const Pin& pin) override;
  void login(const Pin& user) override;
  void logout() override;
  [[nodiscard]] bool logged_in() override { return m_seat->user_logged_in(); }
  [[nodiscard]] Bytes random(std::size_t count) override { return m_seat->random(count); }

  [[nodiscard]] std::vector<ObjectInfo> objects() override;
  [[nodiscard]] std::unique_ptr<Key> generate_key(const KeyPlan& plan) override;
  [[nodiscard]] std::unique_ptr<Key> find(std::string_view label) override;
  [[nodiscard]] std::unique_ptr<Key> find_by_id(View id) override;

  [[nodiscard]] Bytes wrap(View id, const Kek& kek) override;
  [[nodiscard]] std::unique_ptr<Key> unwrap(View blob, const Kek& kek, const KeyPlan& plan, View spki) override;
  void lock(View id) override;
  void destroy(View id) override;

  void put_data(std::string_view label, View value) override;
  [[nodiscard]] Bytes get_data(std::string_view label) override;
  [[nodiscard]] std::vector<std::string> data_labels() override;
  void remove_data(std::string_view label) override;

 private:
  void init_token(const Pin& so, std::string_view label, std::string_view doing);
  void login_as(CK_USER_TYPE who, const Pin& pin, std::string_view doing);
  [[noreturn]] void refuse_pin(CK_RV rv, CK_USER_TYPE who, std::string_view doing);
  void need_pin_form(const Pin& fresh, std::string_view doing);
  [[nodiscard]] CK_OBJECT_HANDLE one_data(std::string_view label, std::string_view doing);

  std::shared_ptr<Seat> m_seat;
};

// Shared by keys and backup.
[[nodiscard]] std::vector<CK_OBJECT_HANDLE> keys_of(Seat& seat, CK_OBJECT_CLASS cls, CK_ATTRIBUTE_TYPE by,
                                                    View value);
/// The one pair of this id: `key_absent`, `key_ambiguous`.
[[nodiscard]] Pair pair_of_id(Seat& seat, View id, std::string_view doing);
[[nodiscard]] std::optional<KeyAlgorithm> algorithm_of(Seat& seat, CK_OBJECT_HANDLE key);
[[nodiscard]] std::optional<Bytes> spki_of(Seat& seat, CK_OBJECT_HANDLE public_key);
[[nodiscard]] ObjectInfo info_of(Seat& seat, CK_OBJECT_HANDLE object);
/// Refuses a label or id that is malformed or that any key of the token has.
void need_free_name(Seat& seat, const KeyPlan& plan, std::string_view doing);
/// Reads the pair back against its plan; throws `attribute_wrong` naming each attribute that differs.
[[nodiscard]] Pair checked_pair(Seat& seat, const KeyPlan& plan, bool generated, std::string_view doing);
/// Has the key sign a fresh challenge and verifies it under `spki`.
[[nodiscard]] bool answers_challenge(const std::shared_ptr<Seat>& seat, const Pair& pair, View spki);

}  // namespace ceremony::hsm::pkcs11
