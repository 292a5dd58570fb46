#include <algorithm>
#include <format>
#include <tuple>

#include "hsm/pkcs11_publickey.h"
#include "hsm/pkcs11_token.h"

namespace ceremony::hsm::pkcs11 {
namespace {

constexpr std::string_view compare_with_log = "list the token's objects and compare them with the log";

std::string class_name(std::optional<unsigned long> cls) {
  if (cls == CKO_PRIVATE_KEY) return "private-key";
  if (cls == CKO_PUBLIC_KEY) return "public-key";
  if (cls == CKO_SECRET_KEY) return "secret-key";
  if (cls == CKO_DATA) return "data";
  if (cls == CKO_CERTIFICATE) return "certificate";
  return "other";
}

std::vector<CK_OBJECT_HANDLE> of_class(Seat& seat, CK_OBJECT_CLASS cls) {
  Template wanted;
  wanted.number(CKA_CLASS, cls).flag(CKA_TOKEN, true);
  return seat.find(wanted);
}

Refused absent(Seat& seat, const std::string& which, std::string_view doing) {
  std::string there;
  for (const CK_OBJECT_HANDLE key : of_class(seat, CKO_PRIVATE_KEY))
    there += (there.empty() ? "" : ", ") + in_quotes(as_text(seat.bytes(key, CKA_LABEL).value_or(Bytes{})));
  return Refused(HsmRefusal::key_absent,
                 std::format("cannot {}: no private key {}; the token holds {}", doing, which,
                             there.empty() ? "no private key" : there),
                 seat.name(), "check that this is the token that the log names, and the label in the procedure");
}

Refused ambiguous(Seat& seat, std::size_t count, std::string_view what, std::string_view doing) {
  return Refused(HsmRefusal::key_ambiguous,
                 std::format("cannot {}: {} {}, so which one is meant?", doing, count, what), seat.name(),
                 std::string(compare_with_log));
}

Pair pair_of_private(Seat& seat, CK_OBJECT_HANDLE private_key, std::string_view doing) {
  Pair pair;
  pair.private_key = private_key;
  pair.id = seat.bytes(private_key, CKA_ID).value_or(Bytes{});
  pair.label = as_text(seat.bytes(private_key, CKA_LABEL).value_or(Bytes{}));
  const std::string id = hex(pair.id);
  if (const auto same = keys_of(seat, CKO_PRIVATE_KEY, CKA_ID, pair.id); same.size() != 1)
    throw ambiguous(seat, same.size(), std::format("private keys have the id {}", id), doing);
  const auto publics = keys_of(seat, CKO_PUBLIC_KEY, CKA_ID, pair.id);
  if (publics.size() > 1) throw ambiguous(seat, publics.size(), std::format("public keys have the id {}", id), doing);
  if (publics.empty())
    throw Refused(HsmRefusal::key_absent,
                  std::format("cannot {}: the key {} has no public half on the token", doing, in_quotes(pair.label)),
                  seat.name(), std::string(compare_with_log));
  pair.public_key = publics.front();
  const std::optional<Bytes> spki = spki_of(seat, pair.public_key);
  const std::optional<KeyAlgorithm> algorithm = algorithm_of(seat, private_key);
  if (!spki || !algorithm || algorithm_of(seat, pair.public_key) != algorithm)
    throw Refused(
        HsmRefusal::attribute_wrong,
        std::format("cannot {}: the key {} and its public half are not one of RSA 3072, RSA 4096, P-256 and "
                    "P-384",
                    doing, in_quotes(pair.label)),
        seat.name(), std::string(compare_with_log));
  pair.spki = *spki;
  pair.algorithm = *algorithm;
  return pair;
}

}  // namespace

std::vector<CK_OBJECT_HANDLE> keys_of(Seat& seat, CK_OBJECT_CLASS cls, CK_ATTRIBUTE_TYPE by, View value) {
  // Filtered here, and not by the module alone: an empty value in a template means "any" to some.
  std::vector<CK_OBJECT_HANDLE> found;
  for (const CK_OBJECT_HANDLE object : of_class(seat, cls))
    if (const auto is = seat.bytes(object, by); is && std::ranges::equal(*is, value)) found.push_back(object);
  return found;
}

std::optional<KeyAlgorithm> algorithm_of(Seat& seat, CK_OBJECT_HANDLE key) {
  const std::optional<unsigned long> type = seat.number(key, CKA_KEY_TYPE);
  if (type == CKK_EC) return algorithm_of_params(seat.bytes(key, CKA_EC_PARAMS).value_or(Bytes{}));
  if (type != CKK_RSA) return std::nullopt;
  Bytes modulus = seat.bytes(key, CKA_MODULUS).value_or(Bytes{});
  while (!modulus.empty() && modulus.front() == 0) modulus.erase(modulus.begin());
  if (modulus.empty() || modulus.front() < 0x80) return std::nullopt;
  if (modulus.size() == 384) return KeyAlgorithm::rsa3072;
  if (modulus.size() == 512) return KeyAlgorithm::rsa4096;
  return std::nullopt;
}

std::optional<Bytes> spki_of(Seat& seat, CK_OBJECT_HANDLE key) {
  const auto bytes = [&](CK_ATTRIBUTE_TYPE type) { return seat.bytes(key, type).value_or(Bytes{}); };
  const std::optional<unsigned long> type = seat.number(key, CKA_KEY_TYPE);
  if (type == CKK_EC) return spki_of_ec(bytes(CKA_EC_PARAMS), bytes(CKA_EC_POINT));
  if (type == CKK_RSA) return spki_of_rsa(bytes(CKA_MODULUS), bytes(CKA_PUBLIC_EXPONENT));
  return std::nullopt;
}

Pair pair_of_id(Seat& seat, View id, std::string_view doing) {
  seat.need_login(doing);
  const auto found = keys_of(seat, CKO_PRIVATE_KEY, CKA_ID, id);
  if (found.empty()) throw absent(seat, "has the id " + hex(id), doing);
  return pair_of_private(seat, found.front(), doing);
}

ObjectInfo info_of(Seat& seat, CK_OBJECT_HANDLE object) {
  ObjectInfo info;
  const std::optional<unsigned long> cls = seat.number(object, CKA_CLASS);
  info.cls = class_name(cls);
  info.label = as_text(seat.bytes(object, CKA_LABEL).value_or(Bytes{}));
  info.private_object = seat.flag(object, CKA_PRIVATE);
  info.modifiable = seat.flag(object, CKA_MODIFIABLE);
  if (cls == CKO_DATA || cls == CKO_CERTIFICATE) info.size = seat.bytes(object, CKA_VALUE).value_or(Bytes{}).size();
  if (cls != CKO_DATA) info.id = hex(seat.bytes(object, CKA_ID).value_or(Bytes{}));
  if (cls == CKO_PRIVATE_KEY || cls == CKO_SECRET_KEY) {
    info.local = seat.flag(object, CKA_LOCAL);
    info.sensitive = seat.flag(object, CKA_SENSITIVE);
    info.extractable = seat.flag(object, CKA_EXTRACTABLE);
    info.always_sensitive = seat.flag(object, CKA_ALWAYS_SENSITIVE);
    info.never_extractable = seat.flag(object, CKA_NEVER_EXTRACTABLE);
    info.sign = seat.flag(object, CKA_SIGN);
    info.decrypt = seat.flag(object, CKA_DECRYPT);
    info.unwrap = seat.flag(object, CKA_UNWRAP);
    info.derive = seat.flag(object, CKA_DERIVE);
  }
  if (cls == CKO_PUBLIC_KEY) info.local = seat.flag(object, CKA_LOCAL);
  if (cls == CKO_PUBLIC_KEY || cls == CKO_SECRET_KEY) info.wrap = seat.flag(object, CKA_WRAP);
  if (cls == CKO_PUBLIC_KEY || cls == CKO_PRIVATE_KEY) {
    info.algorithm = algorithm_of(seat, object);
    std::vector<CK_OBJECT_HANDLE> publics{object};
    if (cls == CKO_PRIVATE_KEY)
      publics = keys_of(seat, CKO_PUBLIC_KEY, CKA_ID, seat.bytes(object, CKA_ID).value_or(Bytes{}));
    if (publics.size() == 1)
      if (const auto spki = spki_of(seat, publics.front())) info.public_key = sha256(*spki);
  }
  return info;
}

std::vector<ObjectInfo> Pkcs11Token::objects() {
  m_seat->need_login("list the objects");
  Template wanted;
  wanted.flag(CKA_TOKEN, true);
  std::vector<ObjectInfo> all;
  for (const CK_OBJECT_HANDLE object : m_seat->find(wanted)) all.push_back(info_of(*m_seat, object));
  std::ranges::sort(all, {}, [](const ObjectInfo& o) { return std::tie(o.cls, o.label, o.id); });
  return all;
}

void need_free_name(Seat& seat, const KeyPlan& plan, std::string_view doing) {
  seat.need_login(doing);
  if (plan.label.empty() || plan.label.size() > 64 ||
      !std::ranges::all_of(plan.label, [](char c) { return c > 0x20 && c < 0x7f; }))
    throw Refused(HsmRefusal::attribute_wrong,
                  std::format("cannot {}: the label {} will not do", doing, in_quotes(plan.label)), seat.name(),
                  "a key's label is 1 to 64 printable ASCII characters without a blank");
  if (plan.id.empty() || plan.id.size() > 32)
    throw Refused(HsmRefusal::attribute_wrong, std::format("cannot {}: an id of {} bytes", doing, plan.id.size()),
                  seat.name(), "a key's id is 1 to 32 bytes");
  for (const CK_OBJECT_CLASS cls : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY}) {
    if (!keys_of(seat, cls, CKA_LABEL, as_view(plan.label)).empty())
      throw Refused(
          HsmRefusal::label_taken,
          std::format("cannot {}: a {} labelled {} is there already", doing, class_name(cls), in_quotes(plan.label)),
          seat.name(), "nothing was overwritten; choose another label, or find out from the log whose key it is");
    if (!keys_of(seat, cls, CKA_ID, plan.id).empty())
      throw Refused(
          HsmRefusal::id_taken,
          std::format("cannot {}: a {} of the id {} is there already", doing, class_name(cls), hex(plan.id)),
          seat.name(), "nothing was overwritten; choose another id, or find out from the log whose key it is");
  }
}

Pair checked_pair(Seat& seat, const KeyPlan& plan, bool generated, std::string_view doing) {
  Pair pair = pair_of_id(seat, plan.id, doing);
  const CK_OBJECT_HANDLE key = pair.private_key;
  std::string wrong;
  const auto complain = [&](std::string_view name, std::string_view is, std::string_view should) {
    wrong += std::format("{}{} reads {}, not {}", wrong.empty() ? "" : "; ", name, is, should);
  };
  const auto must = [&](std::string_view name, CK_ATTRIBUTE_TYPE type, bool value) {
    const std::optional<bool> is = seat.flag(key, type);
    if (is != value) complain(name, !is ? "nothing" : *is ? "true" : "false", value ? "true" : "false");
  };
  // An attribute the module does not know cannot allow anything.
  const auto must_not = [&](std::string_view name, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    if (seat.flag(object, type) == true) complain(name, "true", "false");
  };
  must("TOKEN", CKA_TOKEN, true);
  must("PRIVATE", CKA_PRIVATE, true);
  must("SENSITIVE", CKA_SENSITIVE, true);
  must("EXTRACTABLE", CKA_EXTRACTABLE, generated && plan.extractable);
  must("LOCAL", CKA_LOCAL, generated);
  must("SIGN", CKA_SIGN, true);
  if (generated) {
    must("ALWAYS_SENSITIVE", CKA_ALWAYS_SENSITIVE, true);
    must("NEVER_EXTRACTABLE", CKA_NEVER_EXTRACTABLE, !plan.extractable);
  }
  must_not("DECRYPT", key, CKA_DECRYPT);
  must_not("UNWRAP", key, CKA_UNWRAP);
  must_not("DERIVE", key, CKA_DERIVE);
  must_not("public WRAP", pair.public_key, CKA_WRAP);
  must_not("public ENCRYPT", pair.public_key, CKA_ENCRYPT);
  if (pair.label != plan.label) complain("LABEL", in_quotes(pair.label), in_quotes(plan.label));
  if (pair.algorithm != plan.algorithm) complain("the algorithm", name_of(pair.algorithm), name_of(plan.algorithm));
  if (!wrong.empty())
    throw Refused(HsmRefusal::attribute_wrong, std::format("cannot {}: {}", doing, wrong), seat.name(),
                  "nothing is left on the token; take a token that keeps to the attributes asked");
  return pair;
}

bool answers_challenge(const std::shared_ptr<Seat>& seat, const Pair& pair, View spki) {
  // KEY-5: what is signed besides certificates, CRLs and checkpoints starts like this, and never with 0x30.
  const std::string challenge = std::format("ceremony-proof/v1\n{}\n{}\n", pair.label, hex(seat->random(32)));
  const SignatureScheme scheme = usual_scheme(pair.algorithm);
  Pkcs11Key key(seat, pair);
  return verifies(spki, as_view(challenge), key.sign(as_view(challenge), scheme), scheme);
}

std::unique_ptr<Key> Pkcs11Token::generate_key(const KeyPlan& plan) {
  const std::string doing = std::format("generate the key {}", in_quotes(plan.label));
  Seat& seat = *m_seat;
  need_free_name(seat, plan, doing);
  const bool rsa = is_rsa(plan.algorithm);
  CK_MECHANISM mechanism{rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  seat.need_mechanism(mechanism.mechanism, doing);

  Template open;
  open.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, false).text(CKA_LABEL, plan.label).bytes(CKA_ID, plan.id);
  open.flag(CKA_VERIFY, true).flag(CKA_ENCRYPT, false).flag(CKA_WRAP, false);
  if (rsa) {
    open.number(CKA_MODULUS_BITS, plan.algorithm == KeyAlgorithm::rsa3072 ? 3072 : 4096);
    open.bytes(CKA_PUBLIC_EXPONENT, Bytes{0x01, 0x00, 0x01});
  } else {
    open.bytes(CKA_EC_PARAMS, ec_params(plan.algorithm));
  }
  Template closed;
  closed.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).text(CKA_LABEL, plan.label).bytes(CKA_ID, plan.id);
  closed.flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, plan.extractable);
  closed.flag(CKA_SIGN, true).flag(CKA_DECRYPT, false).flag(CKA_UNWRAP, false).flag(CKA_DERIVE, false);

  CK_OBJECT_HANDLE public_key = 0;
  CK_OBJECT_HANDLE private_key = 0;
  check(seat.calls().C_GenerateKeyPair(seat.session(), &mechanism, open.data(), open.size(), closed.data(),
                                       closed.size(), &public_key, &private_key),
        doing, seat.name());
  try {
    Pair pair = checked_pair(seat, plan, true, doing);
    if (!answers_challenge(m_seat, pair, pair.spki))
      throw Refused(HsmRefusal::signature_wrong,
                    std::format("cannot {}: what the key signs does not verify under its public half", doing),
                    seat.name(), "do not use this token; ask its maker");
    return std::make_unique<Pkcs11Key>(m_seat, std::move(pair));
  } catch (const Refused&) {
    seat.calls().C_DestroyObject(seat.session(), private_key);
    seat.calls().C_DestroyObject(seat.session(), public_key);
    throw;
  }
}

std::unique_ptr<Key> Pkcs11Token::find(std::string_view label) {
  const std::string doing = std::format("find the key {}", in_quotes(label));
  m_seat->need_login(doing);
  const auto found = keys_of(*m_seat, CKO_PRIVATE_KEY, CKA_LABEL, as_view(label));
  if (found.empty()) throw absent(*m_seat, "is labelled " + in_quotes(label), doing);
  if (found.size() > 1)
    throw ambiguous(*m_seat, found.size(), std::format("private keys are labelled {}", in_quotes(label)), doing);
  return std::make_unique<Pkcs11Key>(m_seat, pair_of_private(*m_seat, found.front(), doing));
}

std::unique_ptr<Key> Pkcs11Token::find_by_id(View id) {
  return std::make_unique<Pkcs11Key>(m_seat, pair_of_id(*m_seat, id, std::format("find the key of id {}", hex(id))));
}

ObjectInfo Pkcs11Key::attributes() {
  find_again();
  return info_of(*m_seat, m_pair.private_key);
}

// A handle is good until the next login or session; the key it stood for is found by its id, and must be the same.
void Pkcs11Key::find_again() {
  const std::string doing = std::format("use the key {}", in_quotes(m_pair.label));
  m_seat->need_login(doing);
  if (m_epoch == m_seat->epoch()) return;
  Pair now = pair_of_id(*m_seat, m_pair.id, doing);
  if (now.spki != m_pair.spki || now.label != m_pair.label)
    throw Refused(HsmRefusal::key_absent, std::format("cannot {}: another key is there in its place", doing),
                  m_seat->name(), std::string(compare_with_log));
  m_pair = std::move(now);
  m_epoch = m_seat->epoch();
}

Bytes Pkcs11Key::sign(View message, SignatureScheme scheme) {
  const std::string doing = std::format("sign with the key {}", in_quotes(m_pair.label));
  const auto [padding, hash] = parts_of(scheme);
  if ((padding == Padding::ecdsa) == is_rsa(m_pair.algorithm))
    throw Refused(
        HsmRefusal::mechanism_missing,
        std::format("cannot {}: {} is no scheme for a {} key", doing, name_of(scheme), name_of(m_pair.algorithm)),
        m_seat->name(), "choose a signature scheme of the key's own kind in the profile");
  find_again();
  const CK_FUNCTION_LIST& calls = m_seat->calls();

  // Hashed here: every token has the bare mechanisms, not every one those with a hash inside.
  Bytes input = hash_of(message, hash);
  CK_RSA_PKCS_PSS_PARAMS pss{};
  CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
  if (padding == Padding::pkcs1) {
    mechanism.mechanism = CKM_RSA_PKCS;
    input = digest_info(input, hash);
  } else if (padding == Padding::pss) {
    pss.hashAlg = hash == Hash::sha256 ? CKM_SHA256 : hash == Hash::sha384 ? CKM_SHA384 : CKM_SHA512;
    pss.mgf = hash == Hash::sha256 ? CKG_MGF1_SHA256 : hash == Hash::sha384 ? CKG_MGF1_SHA384 : CKG_MGF1_SHA512;
    pss.sLen = input.size();
    mechanism = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
  } else if (const std::size_t order = m_pair.algorithm == KeyAlgorithm::p256 ? 32 : 48; input.size() > order) {
    input.resize(order);  // FIPS 186-5, 6.4.1: the leftmost bits; not every module cuts by itself
  }
  const CK_SESSION_HANDLE session = m_seat->session();
  const auto begin = [&] { return calls.C_SignInit(session, &mechanism, m_pair.private_key); };
  CK_RV rv = begin();
  if (rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID) {
    // Another token object of this process logged out and in meanwhile.
    m_epoch = m_seat->epoch() - 1;
    find_again();
    rv = begin();
  }
  if (rv == CKR_MECHANISM_INVALID) m_seat->need_mechanism(mechanism.mechanism, doing);
  check(rv, doing, m_seat->name());
  Bytes signature(1024);
  unsigned long length = signature.size();
  check(calls.C_Sign(session, input.data(), input.size(), signature.data(), &length), doing, m_seat->name());
  signature.resize(length);
  if (padding != Padding::ecdsa) return signature;
  if (length == 0 || length % 2 != 0)
    throw Refused(HsmRefusal::signature_wrong,
                  std::format("cannot {}: an ECDSA signature of {} bytes", doing, length), m_seat->name(),
                  "do not use this token; ask its maker");
  return der_of_raw_ecdsa(signature);
}

}  // namespace ceremony::hsm::pkcs11
