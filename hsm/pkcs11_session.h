// What every PKCS#11 call stands on: the loaded module, one token's seat in it (serial, slot, one session), attribute
// templates and reading back. Used by pkcs11_*.cpp only; token.h is what others see.
#pragma once

#include <p11-kit/pkcs11.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hsm/in_use.h"
#include "hsm/pkcs11_errors.h"
#include "hsm/token.h"

namespace ceremony::hsm::pkcs11 {

/// A module, started; finalised when the last token and key made from it let go of it. Safe to share between threads.
class Library final {
 public:
  explicit Library(const std::string& path);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  [[nodiscard]] const CK_FUNCTION_LIST& calls() const { return *m_calls; }
  [[nodiscard]] const ModuleInfo& info() const { return m_info; }
  [[nodiscard]] std::vector<CK_SLOT_ID> slots() const;
  /// Nothing if there is no token in the slot, or none the module recognises or can read.
  [[nodiscard]] std::optional<CK_TOKEN_INFO> token_in(CK_SLOT_ID slot) const;
  /// What is to be said of the slots without a token: `the slot "…" is empty`. Empty where there is none.
  [[nodiscard]] std::string empty_readers() const;

 private:
  struct Loaded;
  std::unique_ptr<Loaded> m_loaded;
  const CK_FUNCTION_LIST* m_calls = nullptr;
  ModuleInfo m_info;
};

/// A fixed-width field, trailing blanks and NULs cut.
[[nodiscard]] std::string field(View blank_padded);
[[nodiscard]] TokenIdentity identity_of(const CK_TOKEN_INFO& info);

/// Attributes for one call. What is added is copied, except a secret, which must outlive the template.
class Template final {
 public:
  Template& flag(CK_ATTRIBUTE_TYPE type, bool value);
  Template& number(CK_ATTRIBUTE_TYPE type, unsigned long value);
  Template& bytes(CK_ATTRIBUTE_TYPE type, View value);
  Template& text(CK_ATTRIBUTE_TYPE type, std::string_view value) { return bytes(type, as_view(value)); }
  Template& secret(CK_ATTRIBUTE_TYPE type, View value);
  [[nodiscard]] CK_ATTRIBUTE* data() { return m_attributes.data(); }
  [[nodiscard]] unsigned long size() const { return m_attributes.size(); }

 private:
  std::deque<Bytes> m_values;
  std::vector<CK_ATTRIBUTE> m_attributes;
};

/// Where one token sits: as long as this lives the token is in use. Belongs to one thread. The session is opened when first needed and, should it be lost,
/// opened again (the login is lost with it, which the next call says).
class Seat final {
 public:
  Seat(std::shared_ptr<const Library> library, CK_SLOT_ID slot, const CK_TOKEN_INFO& info);
  ~Seat();
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  [[nodiscard]] const Library& library() const { return *m_library; }
  [[nodiscard]] const CK_FUNCTION_LIST& calls() const { return m_library->calls(); }
  /// `token "label" (serial 0123)`, for messages.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] const std::string& serial() const { return m_serial; }

  /// The slot the token is in now.
  [[nodiscard]] CK_SLOT_ID slot();
  [[nodiscard]] CK_TOKEN_INFO info();
  [[nodiscard]] CK_SESSION_HANDLE session();
  void close();
  /// Logs out whoever is in, and closes the session. Never throws.
  void leave();
  [[nodiscard]] bool user_logged_in();
  void need_login(std::string_view doing);
  /// Rises with each login: private objects' handles from before do not hold.
  [[nodiscard]] unsigned epoch() const { return m_epoch; }
  void logged_in_anew() { ++m_epoch; }
  /// After C_InitToken: serial and slot are new.
  void sits_now(CK_SLOT_ID slot, const CK_TOKEN_INFO& info);

  [[nodiscard]] bool has_mechanism(CK_MECHANISM_TYPE type);
  void need_mechanism(CK_MECHANISM_TYPE type, std::string_view doing);

  // Objects on the token.
  [[nodiscard]] std::vector<CK_OBJECT_HANDLE> find(Template& wanted);
  [[nodiscard]] std::optional<Bytes> bytes(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  [[nodiscard]] std::optional<bool> flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  [[nodiscard]] std::optional<unsigned long> number(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  void destroy_object(CK_OBJECT_HANDLE object, std::string_view doing);

  [[nodiscard]] Bytes random(std::size_t count);

 private:
  InUse m_in_use;
  std::shared_ptr<const Library> m_library;
  CK_SLOT_ID m_slot;
  std::string m_serial;
  std::string m_label;
  std::optional<CK_SESSION_HANDLE> m_session;
  unsigned m_epoch = 0;
};

/// `"text"` for messages, with anything unprintable as ?.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace ceremony::hsm::pkcs11
