#include "hsm/pkcs11_token.h"

#include <algorithm>
#include <array>
#include <format>
#include <set>

namespace ceremony::hsm::pkcs11 {
namespace {

// PKCS #11 takes a PIN through a pointer to non-const; no module writes there.
CK_UTF8CHAR* chars(const Pin& pin) { return const_cast<CK_UTF8CHAR*>(pin.reveal().data()); }

std::string_view whose(CK_USER_TYPE who) { return who == CKU_SO ? "SO PIN" : "user PIN"; }

PinStates pin_states(CK_FLAGS flags) {
  const auto has = [flags](CK_FLAGS flag) { return (flags & flag) != 0; };
  return {
      {has(CKF_USER_PIN_COUNT_LOW), has(CKF_USER_PIN_FINAL_TRY), has(CKF_USER_PIN_LOCKED),
       has(CKF_USER_PIN_TO_BE_CHANGED)},
      {has(CKF_SO_PIN_COUNT_LOW), has(CKF_SO_PIN_FINAL_TRY), has(CKF_SO_PIN_LOCKED), has(CKF_SO_PIN_TO_BE_CHANGED)}};
}

/// Logs the security officer out again, whatever happens in between.
class OfficerLeaves final {
 public:
  explicit OfficerLeaves(Seat& seat) : m_seat(seat) {}
  ~OfficerLeaves() { m_seat.leave(); }
  OfficerLeaves(const OfficerLeaves&) = delete;
  OfficerLeaves& operator=(const OfficerLeaves&) = delete;

 private:
  Seat& m_seat;
};

Template data_named(std::string_view label) {
  Template wanted;
  wanted.number(CKA_CLASS, CKO_DATA).flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).text(CKA_LABEL, label);
  return wanted;
}

}  // namespace

TokenIdentity Pkcs11Token::identity() { return identity_of(m_seat->info()); }

PinStates Pkcs11Token::pin_state() { return pin_states(m_seat->info().flags); }

std::vector<Mechanism> Pkcs11Token::mechanisms() {
  const CK_SLOT_ID slot = m_seat->slot();
  unsigned long count = 0;
  constexpr std::string_view doing = "list the mechanisms";
  check(m_seat->calls().C_GetMechanismList(slot, nullptr, &count), doing, m_seat->name());
  std::vector<CK_MECHANISM_TYPE> types(count);
  if (count != 0) check(m_seat->calls().C_GetMechanismList(slot, types.data(), &count), doing, m_seat->name());
  types.resize(count);
  std::ranges::sort(types);
  std::vector<Mechanism> all;
  for (const CK_MECHANISM_TYPE type : types) {
    CK_MECHANISM_INFO info{};
    check(m_seat->calls().C_GetMechanismInfo(slot, type, &info), doing, m_seat->name());
    all.push_back({type, name_of_mechanism(type), info.ulMinKeySize, info.ulMaxKeySize, (info.flags & CKF_HW) != 0});
  }
  return all;
}

void Pkcs11Token::refuse_pin(CK_RV rv, CK_USER_TYPE who, std::string_view doing) {
  if (rv != CKR_PIN_INCORRECT) refuse(rv, doing, m_seat->name());
  PinState state;
  try {
    const PinStates both = pin_state();
    state = who == CKU_SO ? both.so : both.user;
  } catch (const Refused&) {
    // Gone between the two calls: the PIN was wrong all the same, and nothing is known of the tries.
  }
  if (state.locked) refuse(CKR_PIN_LOCKED, doing, m_seat->name());
  const bool counts = state.low || state.final_try;
  throw Refused(HsmRefusal::pin_wrong,
                std::format("cannot {}: the {} is wrong; {}", doing, whose(who),
                            counts ? tries_left(state)
                                   : "the token says nothing of tries left: it does not count, or has many left"),
                m_seat->name(),
                state.final_try
                    ? "stop here: find out which shares or which token are the right ones before the last try"
                    : "check that this is the right token and the right set of shares, then try again");
}

void Pkcs11Token::need_pin_form(const Pin& fresh, std::string_view doing) {
  const CK_TOKEN_INFO info = m_seat->info();
  // A maximum of 0 is "not said" in some modules.
  if (fresh.empty() || fresh.size() < info.ulMinPinLen || (info.ulMaxPinLen != 0 && fresh.size() > info.ulMaxPinLen))
    throw Refused(HsmRefusal::pin_format,
                  std::format("cannot {}: a PIN of {} bytes, where the token takes {} to {}", doing, fresh.size(),
                              info.ulMinPinLen, info.ulMaxPinLen),
                  m_seat->name(), "choose another PIN form in the HSM binding file");
}

void Pkcs11Token::init_token(const Pin& so, std::string_view label, std::string_view doing) {
  std::array<CK_UTF8CHAR, 32> padded{};
  if (label.empty() || label.size() > padded.size() ||
      !std::ranges::all_of(label, [](char c) { return c >= 0x20 && c < 0x7f; }) || label.back() == ' ')
    throw Refused(HsmRefusal::attribute_wrong,
                  std::format("cannot {}: the label {} will not do", doing, in_quotes(label)), m_seat->name(),
                  "a token's label is 1 to 32 printable ASCII characters, the last one no blank");
  padded.fill(' ');
  std::ranges::copy(label, padded.begin());
  need_pin_form(so, doing);

  const Library& library = m_seat->library();
  std::set<std::string> known;
  for (const CK_SLOT_ID slot : library.slots())
    if (const auto info = library.token_in(slot)) known.insert(field(info->serialNumber));
  const CK_SLOT_ID before = m_seat->slot();
  m_seat->close();
  const CK_RV rv = m_seat->calls().C_InitToken(before, chars(so), so.size(), padded.data());
  if (rv != CKR_OK) refuse_pin(rv, CKU_SO, doing);

  // Serial and slot may both be new. It is the token that stayed in its slot, or the one whose serial was not here.
  std::vector<std::pair<CK_SLOT_ID, CK_TOKEN_INFO>> found;
  for (const CK_SLOT_ID slot : library.slots()) {
    const auto info = library.token_in(slot);
    if (!info || (info->flags & CKF_TOKEN_INITIALIZED) == 0 || field(info->label) != label) continue;
    const std::string serial = field(info->serialNumber);
    if (slot == before || serial == m_seat->serial() || !known.contains(serial)) found.emplace_back(slot, *info);
  }
  if (found.size() != 1)
    throw Refused(found.empty() ? HsmRefusal::token_absent : HsmRefusal::token_ambiguous,
                  std::format("the token was initialised as {}, and {} tokens now answer to that", in_quotes(label),
                              found.size()),
                  m_seat->name(), "unplug every other token, list the tokens, and initialise this one again");
  m_seat->sits_now(found.front().first, found.front().second);
}

void Pkcs11Token::initialise(const Pin& throwaway_so, std::string_view label) {
  const CK_TOKEN_INFO info = m_seat->info();
  if ((info.flags & CKF_TOKEN_INITIALIZED) != 0)
    throw Refused(HsmRefusal::token_not_blank, "the token is initialised already, and may hold keys", m_seat->name(),
                  "take a blank token; one that the log says may be used again is erased with its SO PIN");
  init_token(throwaway_so, label, "initialise the token");
}

void Pkcs11Token::erase(const Pin& so, std::string_view label) {
  if ((m_seat->info().flags & CKF_TOKEN_INITIALIZED) == 0)
    refuse(CKR_TOKEN_NOT_RECOGNIZED, "erase the token", m_seat->name());
  init_token(so, label, "erase the token");
}

void Pkcs11Token::login_as(CK_USER_TYPE who, const Pin& pin, std::string_view doing) {
  // Without a PIN some modules ask for one on a keypad of their own.
  if (pin.empty()) refuse(CKR_PIN_LEN_RANGE, doing, m_seat->name());
  const CK_RV rv = m_seat->calls().C_Login(m_seat->session(), who, chars(pin), pin.size());
  if (rv != CKR_OK) refuse_pin(rv, who, doing);
  m_seat->logged_in_anew();
}

void Pkcs11Token::set_so_pin(const Pin& current, const Pin& fresh) {
  constexpr std::string_view doing = "set the SO PIN";
  need_pin_form(fresh, doing);
  login_as(CKU_SO, current, doing);
  const OfficerLeaves leaves(*m_seat);
  const CK_RV rv =
      m_seat->calls().C_SetPIN(m_seat->session(), chars(current), current.size(), chars(fresh), fresh.size());
  if (rv != CKR_OK) refuse_pin(rv, CKU_SO, doing);
}

void Pkcs11Token::init_user_pin(const Pin& so, const Pin& user) {
  constexpr std::string_view doing = "set the user PIN";
  need_pin_form(user, doing);
  login_as(CKU_SO, so, doing);
  const OfficerLeaves leaves(*m_seat);
  check(m_seat->calls().C_InitPIN(m_seat->session(), chars(user), user.size()), doing, m_seat->name());
}

bool Pkcs11Token::refuses_so_pin(const Pin& pin) {
  try {
    login_as(CKU_SO, pin, "try the SO PIN");
  } catch (const Refused& refused) {
    if (refused.is(HsmRefusal::pin_wrong)) return true;
    throw;
  }
  m_seat->leave();
  return false;
}

void Pkcs11Token::login(const Pin& user) { login_as(CKU_USER, user, "log in"); }

void Pkcs11Token::logout() {
  if (!m_seat->user_logged_in()) return;
  const CK_RV rv = m_seat->calls().C_Logout(m_seat->session());
  if (rv != CKR_USER_NOT_LOGGED_IN) check(rv, "log out", m_seat->name());
}

void Pkcs11Token::put_data(std::string_view label, View value) {
  constexpr std::string_view doing = "store a data object";
  m_seat->need_login(doing);
  Template wanted = data_named(label);
  if (!m_seat->find(wanted).empty())
    throw Refused(HsmRefusal::label_taken, std::format("a data object {} is there already", in_quotes(label)),
                  m_seat->name(), "list the token's objects and compare them with the log");
  Template made;
  made.number(CKA_CLASS, CKO_DATA).flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).text(CKA_APPLICATION, "ceremony");
  made.text(CKA_LABEL, label).bytes(CKA_VALUE, value);
  CK_OBJECT_HANDLE object = 0;
  check(m_seat->calls().C_CreateObject(m_seat->session(), made.data(), made.size(), &object), doing, m_seat->name());
  if (m_seat->flag(object, CKA_PRIVATE) == true && m_seat->bytes(object, CKA_VALUE) == to_bytes(value)) return;
  m_seat->destroy_object(object, doing);
  throw Refused(HsmRefusal::attribute_wrong, std::format("the data object {} reads back otherwise", in_quotes(label)),
                m_seat->name(), "take a token that keeps private data objects");
}

CK_OBJECT_HANDLE Pkcs11Token::one_data(std::string_view label, std::string_view doing) {
  m_seat->need_login(doing);
  Template wanted = data_named(label);
  const std::vector<CK_OBJECT_HANDLE> found = m_seat->find(wanted);
  if (found.empty())
    throw Refused(HsmRefusal::data_absent, std::format("there is no private data object {}", in_quotes(label)),
                  m_seat->name(), "check that this is the right token; a public object of that name does not count");
  if (found.size() > 1)
    throw Refused(HsmRefusal::data_ambiguous,
                  std::format("{} data objects are named {}", found.size(), in_quotes(label)), m_seat->name(),
                  "list the token's objects and compare them with the log");
  return found.front();
}

Bytes Pkcs11Token::get_data(std::string_view label) {
  const std::optional<Bytes> value = m_seat->bytes(one_data(label, "read a data object"), CKA_VALUE);
  if (!value) refuse(CKR_ATTRIBUTE_TYPE_INVALID, "read a data object", m_seat->name());
  return *value;
}

std::vector<std::string> Pkcs11Token::data_labels() {
  m_seat->need_login("list the data objects");
  Template wanted;
  wanted.number(CKA_CLASS, CKO_DATA).flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true);
  std::vector<std::string> labels;
  for (const CK_OBJECT_HANDLE object : m_seat->find(wanted))
    labels.push_back(as_text(m_seat->bytes(object, CKA_LABEL).value_or(Bytes{})));
  std::ranges::sort(labels);
  return labels;
}

void Pkcs11Token::remove_data(std::string_view label) {
  m_seat->destroy_object(one_data(label, "remove a data object"), "remove a data object");
}

}  // namespace ceremony::hsm::pkcs11
