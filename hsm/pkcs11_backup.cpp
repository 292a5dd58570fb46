#include <algorithm>
#include <array>
#include <format>

#include "hsm/pkcs11_publickey.h"
#include "hsm/pkcs11_token.h"

namespace ceremony::hsm::pkcs11 {
namespace {

constexpr CK_MECHANISM_TYPE key_wrap_kwp = 0x210BUL;  // PKCS #11 v3.0; the header does not have it

/// The KEK as an object of our session: gone with it, and destroyed before.
class SessionKek final {
 public:
  SessionKek(Seat& seat, View kek, std::string_view doing) : m_seat(seat) {
    if (kek.size() != 32)
      throw Refused(HsmRefusal::wrap_refused, std::format("cannot {}: a KEK of {} bytes", doing, kek.size()),
                    seat.name(), "the KEK is 32 bytes, made from the recovery shares");
    m_mechanism.mechanism = seat.has_mechanism(key_wrap_kwp) && !seat.has_mechanism(CKM_AES_KEY_WRAP_PAD)
                                ? key_wrap_kwp
                                : CKM_AES_KEY_WRAP_PAD;
    seat.need_mechanism(m_mechanism.mechanism, doing);
    Template made;
    made.number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, CKK_AES)
        .flag(CKA_TOKEN, false)
        .flag(CKA_PRIVATE, true);
    made.flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false).flag(CKA_WRAP, true).flag(CKA_UNWRAP, true);
    made.flag(CKA_ENCRYPT, false).flag(CKA_DECRYPT, false).secret(CKA_VALUE, kek);
    check(seat.calls().C_CreateObject(seat.session(), made.data(), made.size(), &m_object), doing, seat.name());
  }
  ~SessionKek() { m_seat.calls().C_DestroyObject(m_session, m_object); }
  SessionKek(const SessionKek&) = delete;
  SessionKek& operator=(const SessionKek&) = delete;

  [[nodiscard]] CK_OBJECT_HANDLE object() const { return m_object; }
  [[nodiscard]] CK_MECHANISM* mechanism() { return &m_mechanism; }

 private:
  Seat& m_seat;
  CK_SESSION_HANDLE m_session = m_seat.session();
  CK_OBJECT_HANDLE m_object = 0;
  CK_MECHANISM m_mechanism{};
};

CK_RV wrap_under(Seat& seat, SessionKek& kek, CK_OBJECT_HANDLE key, Bytes& blob) {
  blob.assign(8192, 0);
  unsigned long length = blob.size();
  const CK_RV rv = seat.calls().C_WrapKey(seat.session(), kek.mechanism(), kek.object(), key, blob.data(), &length);
  blob.resize(rv == CKR_OK ? length : 0);
  return rv;
}

Refused unwrap_failed(Seat& seat, std::string what) {
  return Refused(HsmRefusal::unwrap_failed, std::move(what), seat.name(),
                 "nothing is left on the token; check the set of shares and the backup medium, then try again");
}

}  // namespace

Bytes Pkcs11Token::wrap(View id, const Kek& kek) {
  Seat& seat = *m_seat;
  const std::string doing = std::format("wrap the key of id {}", hex(id));
  const Pair pair = pair_of_id(seat, id, doing);
  // Asked before, so that no module's own idea of the attribute decides.
  if (seat.flag(pair.private_key, CKA_EXTRACTABLE) != true) refuse(CKR_KEY_UNEXTRACTABLE, doing, seat.name());
  SessionKek session_kek(seat, kek.reveal(), doing);
  Bytes blob;
  check(wrap_under(seat, session_kek, pair.private_key, blob), doing, seat.name());
  // RFC 5649, 3: blocks of 8 bytes, two at the least.
  if (blob.size() < 16 || blob.size() % 8 != 0)
    throw Refused(HsmRefusal::wrap_refused,
                  std::format("cannot {}: {} bytes came out, no RFC 5649 blob", doing, blob.size()), seat.name(),
                  "take a token that wraps private keys under AES (RFC 5649)");
  return blob;
}

std::unique_ptr<Key> Pkcs11Token::unwrap(View blob, const Kek& kek, const KeyPlan& plan, View spki) {
  Seat& seat = *m_seat;
  const std::string doing = std::format("restore the key {}", in_quotes(plan.label));
  need_free_name(seat, plan, doing);
  const std::optional<PublicParts> parts = parts_of_spki(spki);
  if (!parts || parts->algorithm != plan.algorithm)
    throw Refused(HsmRefusal::attribute_wrong,
                  std::format("cannot {}: the public key given is no {} key", doing, name_of(plan.algorithm)),
                  seat.name(),
                  "compare the algorithm and public key of the log's keygen record with the backup's label");
  if (blob.size() < 24 || blob.size() % 8 != 0 || blob.size() > 8192)
    throw unwrap_failed(seat, std::format("cannot {}: {} bytes are no wrapped key", doing, blob.size()));
  const bool rsa = is_rsa(plan.algorithm);

  CK_OBJECT_HANDLE private_key = 0;
  CK_OBJECT_HANDLE public_key = 0;
  const auto undo = [&] {
    if (public_key != 0) seat.calls().C_DestroyObject(seat.session(), public_key);
    if (private_key != 0) seat.calls().C_DestroyObject(seat.session(), private_key);
  };
  try {
    {
      SessionKek session_kek(seat, kek.reveal(), doing);
      Template closed;
      closed.number(CKA_CLASS, CKO_PRIVATE_KEY).number(CKA_KEY_TYPE, rsa ? CKK_RSA : CKK_EC);
      closed.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).text(CKA_LABEL, plan.label).bytes(CKA_ID, plan.id);
      closed.flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
      closed.flag(CKA_SIGN, true).flag(CKA_DECRYPT, false).flag(CKA_UNWRAP, false).flag(CKA_DERIVE, false);
      const CK_RV rv = seat.calls().C_UnwrapKey(seat.session(), session_kek.mechanism(), session_kek.object(),
                                                const_cast<std::uint8_t*>(blob.data()), blob.size(), closed.data(),
                                                closed.size(), &private_key);
      // What a wrong KEK or a damaged blob is called differs from module to module.
      constexpr std::array does_not_open{CKR_WRAPPED_KEY_INVALID,    CKR_WRAPPED_KEY_LEN_RANGE,
                                         CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE,
                                         CKR_GENERAL_ERROR,          CKR_FUNCTION_FAILED,
                                         CKR_DATA_INVALID,           CKR_DATA_LEN_RANGE};
      if (std::ranges::contains(does_not_open, rv))
        throw unwrap_failed(
            seat, std::format("cannot {}: the blob does not open under this KEK, or holds no {} key ({})", doing,
                              name_of(plan.algorithm), name_of_rv(rv)));
      check(rv, doing, seat.name());
    }
    Template open;
    open.number(CKA_CLASS, CKO_PUBLIC_KEY).number(CKA_KEY_TYPE, rsa ? CKK_RSA : CKK_EC);
    open.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, false).text(CKA_LABEL, plan.label).bytes(CKA_ID, plan.id);
    open.flag(CKA_VERIFY, true).flag(CKA_ENCRYPT, false).flag(CKA_WRAP, false);
    if (rsa) {
      open.bytes(CKA_MODULUS, parts->modulus).bytes(CKA_PUBLIC_EXPONENT, parts->exponent);
    } else {
      open.bytes(CKA_EC_PARAMS, ec_params(plan.algorithm)).bytes(CKA_EC_POINT, octet_string(parts->point));
    }
    check(seat.calls().C_CreateObject(seat.session(), open.data(), open.size(), &public_key), doing, seat.name());
    Pair pair = checked_pair(seat, plan, false, doing);
    if (!answers_challenge(m_seat, pair, spki))
      throw unwrap_failed(seat,
                          std::format("cannot {}: the key in the blob is not that of the public key given", doing));
    return std::make_unique<Pkcs11Key>(m_seat, std::move(pair));
  } catch (const Refused&) {
    undo();
    throw;
  }
}

void Pkcs11Token::lock(View id) {
  Seat& seat = *m_seat;
  const std::string doing = std::format("lock the key of id {}", hex(id));
  const Pair pair = pair_of_id(seat, id, doing);
  if (seat.flag(pair.private_key, CKA_EXTRACTABLE) != false) {
    Template locked;
    locked.flag(CKA_EXTRACTABLE, false);
    check(seat.calls().C_SetAttributeValue(seat.session(), pair.private_key, locked.data(), locked.size()), doing,
          seat.name());
  }
  const auto still_open = [&](std::string_view how) {
    return Refused(HsmRefusal::attribute_wrong, std::format("cannot {}: {}", doing, how), seat.name(),
                   "destroy the key; take a token that keeps a key once it is locked");
  };
  if (seat.flag(pair.private_key, CKA_EXTRACTABLE) != false) throw still_open("EXTRACTABLE does not read false");
  const Bytes nobodys_kek = seat.random(32);
  SessionKek session_kek(seat, nobodys_kek, doing);
  Bytes blob;
  const CK_RV rv = wrap_under(seat, session_kek, pair.private_key, blob);
  std::ranges::fill(blob, std::uint8_t{0});
  if (rv == CKR_OK) throw still_open("the token wrapped it all the same");
  if (rv != CKR_KEY_UNEXTRACTABLE && rv != CKR_KEY_NOT_WRAPPABLE && rv != CKR_ACTION_PROHIBITED &&
      rv != CKR_KEY_FUNCTION_NOT_PERMITTED)
    refuse(rv, doing, seat.name());
}

void Pkcs11Token::destroy(View id) {
  Seat& seat = *m_seat;
  const std::string doing = std::format("destroy the key of id {}", hex(id));
  seat.need_login(doing);
  const auto privates = keys_of(seat, CKO_PRIVATE_KEY, CKA_ID, id);
  const auto publics = keys_of(seat, CKO_PUBLIC_KEY, CKA_ID, id);
  if (privates.empty() && publics.empty()) static_cast<void>(pair_of_id(seat, id, doing));  // says what is there
  if (privates.size() > 1 || publics.size() > 1)
    throw Refused(
        HsmRefusal::key_ambiguous,
        std::format("cannot {}: {} private and {} public keys have that id", doing, privates.size(), publics.size()),
        seat.name(), "list the token's objects and compare them with the log");
  // The private half first: a public key alone harms nobody, and destroy can be called again for it.
  for (const CK_OBJECT_HANDLE key : privates) seat.destroy_object(key, doing);
  for (const CK_OBJECT_HANDLE key : publics) seat.destroy_object(key, doing);
  if (!keys_of(seat, CKO_PRIVATE_KEY, CKA_ID, id).empty() || !keys_of(seat, CKO_PUBLIC_KEY, CKA_ID, id).empty())
    throw Refused(HsmRefusal::device_error, std::format("cannot {}: the token still lists it", doing), seat.name(),
                  "erase or physically destroy the token");
}

}  // namespace ceremony::hsm::pkcs11
