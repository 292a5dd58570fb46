#include "hsm/pkcs11_session.h"

#include <dlfcn.h>
#include <libp11.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <format>

namespace ceremony::hsm::pkcs11 {

// libp11 starts the module and finalises it; the second handle of ours only reaches its function list, which libp11
// keeps to itself. Both handles are of one library, loaded once.
struct Library::Loaded {
  PKCS11_CTX* context = nullptr;
  void* handle = nullptr;
  bool started = false;
  ~Loaded() {
    if (started) ::PKCS11_CTX_unload(context);
    if (context != nullptr) ::PKCS11_CTX_free(context);
    if (handle != nullptr) ::dlclose(handle);
    // What libp11 left in this thread's error queue is ours, and nobody else's clue.
    ::ERR_clear_error();
  }
};

Library::Library(const std::string& path) : m_loaded(std::make_unique<Loaded>()) {
  const auto failed = [&](HsmRefusal code, const std::string& what, std::string_view hint) {
    return Refused(code, what, path, std::string(hint));
  };
  constexpr std::string_view other_file =
      "name a PKCS#11 module of this machine's architecture in the HSM binding file";
  // A readers' service that is just being started anew has no readers yet.
  const InUse settled;
  m_loaded->handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (m_loaded->handle == nullptr) {
    const char* why = ::dlerror();
    throw failed(HsmRefusal::module_failed,
                 std::format("the module does not load: {}", why ? why : "no reason given"), other_file);
  }
  const auto list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(m_loaded->handle, "C_GetFunctionList"));
  CK_FUNCTION_LIST* calls = nullptr;
  if (list == nullptr || list(&calls) != CKR_OK || calls == nullptr)
    throw failed(HsmRefusal::module_failed, "the library is no PKCS#11 module: it has no function list", other_file);
  m_calls = calls;

  // libp11 takes "already started" for its own start, and would then finalise the module under the other one's feet.
  CK_INFO info{};
  if (m_calls->C_GetInfo(&info) == CKR_OK)
    throw failed(HsmRefusal::module_failed, "the module is already open in this process",
                 "close the first one before opening it again");
  m_loaded->context = ::PKCS11_CTX_new();
  if (m_loaded->context == nullptr)
    throw failed(HsmRefusal::module_failed, "libp11 does not start", "start the program again");
  if (::PKCS11_CTX_load(m_loaded->context, path.c_str()) != 0) {
    CK_RV rv = CKR_GENERAL_ERROR;
    while (const unsigned long error = ::ERR_get_error())
      if (ERR_GET_LIB(error) == ::ERR_get_CKR_code()) rv = static_cast<CK_RV>(ERR_GET_REASON(error));
    throw failed(
        HsmRefusal::module_failed, std::format("the module does not start ({})", name_of_rv(rv)),
        "check the module's own configuration (SoftHSM2: the file SOFTHSM2_CONF names, and its token folder)");
  }
  m_loaded->started = true;
  check(m_calls->C_GetInfo(&info), "ask the module for its name", path);
  m_info = {path, field(info.manufacturerID), field(info.libraryDescription),
            std::format("{}.{}", info.libraryVersion.major, info.libraryVersion.minor)};
}

Library::~Library() = default;

std::vector<CK_SLOT_ID> Library::slots() const {
  // The call without a buffer also makes modules look for what was plugged in or initialised since.
  for (;;) {
    unsigned long count = 0;
    check(m_calls->C_GetSlotList(CK_TRUE, nullptr, &count), "list the slots", m_info.path);
    std::vector<CK_SLOT_ID> slots(count);
    if (count == 0) return slots;
    const CK_RV rv = m_calls->C_GetSlotList(CK_TRUE, slots.data(), &count);
    if (rv == CKR_BUFFER_TOO_SMALL) continue;
    check(rv, "list the slots", m_info.path);
    slots.resize(count);
    return slots;
  }
}

std::optional<CK_TOKEN_INFO> Library::token_in(CK_SLOT_ID slot) const {
  CK_TOKEN_INFO info{};
  const CK_RV rv = m_calls->C_GetTokenInfo(slot, &info);
  // One faulty token in its slot must not hide the others; who asked for this one hears that it is not there.
  constexpr std::array no_token{CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED, CKR_SLOT_ID_INVALID,
                                CKR_DEVICE_REMOVED,    CKR_DEVICE_ERROR,         CKR_GENERAL_ERROR,
                                CKR_FUNCTION_FAILED};
  if (std::ranges::contains(no_token, rv)) return std::nullopt;
  check(rv, "ask the token for its name", std::format("slot {}", slot));
  return info;
}

std::string Library::empty_readers() const {
  unsigned long count = 0;
  if (m_calls->C_GetSlotList(CK_FALSE, nullptr, &count) != CKR_OK || count == 0) return {};
  std::vector<CK_SLOT_ID> slots(count);
  if (m_calls->C_GetSlotList(CK_FALSE, slots.data(), &count) != CKR_OK) return {};
  slots.resize(count);
  std::string all;
  for (const CK_SLOT_ID slot : slots) {
    CK_SLOT_INFO info{};
    if (m_calls->C_GetSlotInfo(slot, &info) != CKR_OK || token_in(slot)) continue;
    const bool holds = (info.flags & CKF_TOKEN_PRESENT) != 0;
    all += std::format("{}the slot {} {}", all.empty() ? "" : ", ", in_quotes(field(info.slotDescription)),
                       holds ? "holds a card that the module does not know" : "is empty");
  }
  return all;
}

std::string field(View padded) {
  std::string text = as_text(padded);
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos) text.resize(nul);
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

TokenIdentity identity_of(const CK_TOKEN_INFO& info) {
  const auto version = [](const CK_VERSION& v) { return std::format("{}.{}", v.major, v.minor); };
  TokenIdentity id;
  id.manufacturer = field(info.manufacturerID);
  id.model = field(info.model);
  id.serial = field(info.serialNumber);
  id.firmware = version(info.firmwareVersion);
  id.hardware = version(info.hardwareVersion);
  id.label = field(info.label);
  id.initialized = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
  id.user_pin_set = (info.flags & CKF_USER_PIN_INITIALIZED) != 0;
  id.pin_min = info.ulMinPinLen;
  id.pin_max = info.ulMaxPinLen;
  return id;
}

Template& Template::flag(CK_ATTRIBUTE_TYPE type, bool value) {
  const CK_BBOOL byte = value ? CK_TRUE : CK_FALSE;
  return bytes(type, View(&byte, 1));
}
Template& Template::number(CK_ATTRIBUTE_TYPE type, unsigned long value) {
  return bytes(type, View(reinterpret_cast<const std::uint8_t*>(&value), sizeof value));
}
Template& Template::bytes(CK_ATTRIBUTE_TYPE type, View value) {
  m_values.emplace_back(value.begin(), value.end());
  m_attributes.push_back({type, m_values.back().data(), m_values.back().size()});
  return *this;
}
Template& Template::secret(CK_ATTRIBUTE_TYPE type, View value) {
  m_attributes.push_back({type, const_cast<std::uint8_t*>(value.data()), value.size()});
  return *this;
}

Seat::Seat(std::shared_ptr<const Library> library, CK_SLOT_ID slot, const CK_TOKEN_INFO& info)
    : m_library(std::move(library)), m_slot(slot) {
  sits_now(slot, info);
}

Seat::~Seat() { close(); }

void Seat::sits_now(CK_SLOT_ID slot, const CK_TOKEN_INFO& info) {
  m_slot = slot;
  m_serial = field(info.serialNumber);
  m_label = field(info.label);
}

std::string Seat::name() const {
  if (m_serial.empty()) return m_label.empty() ? std::string("blank token") : "token " + in_quotes(m_label);
  if (m_label.empty()) return std::format("token of serial {}", m_serial);
  return std::format("token {} (serial {})", in_quotes(m_label), m_serial);
}

CK_SLOT_ID Seat::slot() {
  const auto is_ours = [&](CK_SLOT_ID slot) {
    const std::optional<CK_TOKEN_INFO> info = m_library->token_in(slot);
    return info && field(info->serialNumber) == m_serial;
  };
  if (is_ours(m_slot)) return m_slot;
  std::vector<CK_SLOT_ID> found;
  if (!m_serial.empty())
    for (const CK_SLOT_ID slot : m_library->slots())
      if (is_ours(slot)) found.push_back(slot);
  if (found.empty())
    throw Refused(HsmRefusal::token_removed, "the token is gone", name(),
                  "plug the token in, wait for its light, then repeat the step");
  if (found.size() > 1)
    throw Refused(HsmRefusal::token_ambiguous, std::format("{} tokens have the serial {}", found.size(), m_serial),
                  name(), "unplug the one that is not meant");
  return m_slot = found.front();
}

CK_TOKEN_INFO Seat::info() {
  const std::optional<CK_TOKEN_INFO> info = m_library->token_in(slot());
  if (!info) refuse(CKR_TOKEN_NOT_PRESENT, "read the token's state", name());
  m_label = field(info->label);
  return *info;
}

CK_SESSION_HANDLE Seat::session() {
  if (m_session) {
    CK_SESSION_INFO state{};
    const CK_RV rv = calls().C_GetSessionInfo(*m_session, &state);
    if (rv == CKR_OK) return *m_session;
    m_session.reset();
    ++m_epoch;
    if (rv != CKR_SESSION_HANDLE_INVALID && rv != CKR_SESSION_CLOSED) refuse(rv, "reach the token", name());
  }
  if ((info().flags & CKF_TOKEN_INITIALIZED) == 0)
    throw Refused(HsmRefusal::token_blank, "the token is blank: it has no PIN, no key and no random source yet",
                  name(), "initialise it first, or take the token that the binding file names");
  CK_SESSION_HANDLE session = 0;
  check(calls().C_OpenSession(slot(), CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session),
        "open a session", name());
  m_session = session;
  return session;
}

void Seat::close() {
  if (m_session) calls().C_CloseSession(*m_session);
  m_session.reset();
  ++m_epoch;
}

void Seat::leave() {
  if (m_session) calls().C_Logout(*m_session);
  close();
}

bool Seat::user_logged_in() {
  if (!m_session && (info().flags & CKF_TOKEN_INITIALIZED) == 0) return false;
  CK_SESSION_INFO state{};
  check(calls().C_GetSessionInfo(session(), &state), "read the session's state", name());
  return state.state == CKS_RW_USER_FUNCTIONS || state.state == CKS_RO_USER_FUNCTIONS;
}

void Seat::need_login(std::string_view doing) {
  if (!user_logged_in()) refuse(CKR_USER_NOT_LOGGED_IN, doing, name());
}

bool Seat::has_mechanism(CK_MECHANISM_TYPE type) {
  CK_MECHANISM_INFO info{};
  return calls().C_GetMechanismInfo(slot(), type, &info) == CKR_OK;
}

void Seat::need_mechanism(CK_MECHANISM_TYPE type, std::string_view doing) {
  if (!has_mechanism(type))
    throw Refused(HsmRefusal::mechanism_missing,
                  std::format("cannot {}: the token does not know {}", doing, name_of_mechanism(type)), name(),
                  "choose an algorithm that the token's mechanism list names, or another token");
}

std::vector<CK_OBJECT_HANDLE> Seat::find(Template& wanted) {
  const CK_SESSION_HANDLE s = session();
  check(calls().C_FindObjectsInit(s, wanted.data(), wanted.size()), "look for objects", name());
  std::vector<CK_OBJECT_HANDLE> found;
  CK_RV rv = CKR_OK;
  for (;;) {
    std::array<CK_OBJECT_HANDLE, 64> some{};
    unsigned long count = 0;
    rv = calls().C_FindObjects(s, some.data(), some.size(), &count);
    if (rv != CKR_OK || count == 0) break;
    found.insert(found.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
  }
  calls().C_FindObjectsFinal(s);
  check(rv, "look for objects", name());
  return found;
}

std::optional<Bytes> Seat::bytes(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  constexpr unsigned long limit = 1UL << 20;
  CK_ATTRIBUTE attribute{type, nullptr, 0};
  const CK_SESSION_HANDLE s = session();
  CK_RV rv = calls().C_GetAttributeValue(s, object, &attribute, 1);
  if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE) return std::nullopt;
  check(rv, "read an attribute back", name());
  if (attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION) return std::nullopt;
  if (attribute.ulValueLen > limit)
    throw Refused(HsmRefusal::device_error, std::format("an attribute of {} bytes", attribute.ulValueLen), name(),
                  "look at the token with the maker's tool");
  Bytes value(attribute.ulValueLen);
  if (value.empty()) return value;
  attribute.pValue = value.data();
  check(calls().C_GetAttributeValue(s, object, &attribute, 1), "read an attribute back", name());
  value.resize(std::min(value.size(), static_cast<std::size_t>(attribute.ulValueLen)));
  return value;
}

std::optional<bool> Seat::flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  const std::optional<Bytes> value = bytes(object, type);
  if (!value || value->size() != 1) return std::nullopt;
  return value->front() != CK_FALSE;
}

std::optional<unsigned long> Seat::number(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  const std::optional<Bytes> value = bytes(object, type);
  unsigned long number = 0;
  if (!value || value->size() != sizeof number) return std::nullopt;
  std::memcpy(&number, value->data(), sizeof number);
  return number;
}

void Seat::destroy_object(CK_OBJECT_HANDLE object, std::string_view doing) {
  check(calls().C_DestroyObject(session(), object), doing, name());
}

Bytes Seat::random(std::size_t count) {
  Bytes out(count);
  if (count != 0) check(calls().C_GenerateRandom(session(), out.data(), out.size()), "take random bytes", name());
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out + "\"";
}

}  // namespace ceremony::hsm::pkcs11
