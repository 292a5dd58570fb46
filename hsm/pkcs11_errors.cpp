#include "hsm/pkcs11_errors.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <array>
#include <format>

namespace ceremony::hsm::pkcs11 {
namespace {

struct Meaning {
  CK_RV rv;
  std::string_view name;
  HsmRefusal code;
  std::string_view reason;
  std::string_view hint;
};

constexpr std::string_view look_again = "plug the token in, wait for its light, then repeat the step";
constexpr std::string_view log_in = "activate the token first; it logs out by itself when it is idle or pulled out";
constexpr std::string_view end_others = "end the other programs that use this token, then repeat the step";
constexpr std::string_view ask_maker =
    "repeat the step once; if it stays, close the ceremony and ask the maker of the token";
constexpr std::string_view look_mechanisms =
    "choose an algorithm that the token's mechanism list names, or another token";
constexpr std::string_view unlock_pin =
    "the user PIN is set anew with the SO PIN (a recovery ceremony); for a locked SO PIN the token has to be reset";
constexpr std::string_view find_again = "list the token's objects and compare them with the log";

// What a person can cause, or has to do something about. PKCS #11 v2.40, 5.1.
constexpr std::array meanings{
    Meaning{CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", HsmRefusal::pin_wrong, "the PIN is wrong",
            "check that this is the right token and the right set of shares, then try again"},
    Meaning{CKR_PIN_LOCKED, "CKR_PIN_LOCKED", HsmRefusal::pin_locked, "the PIN is locked after too many wrong tries",
            unlock_pin},
    Meaning{CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED", HsmRefusal::pin_format, "the PIN has expired",
            "set a new PIN, then repeat the step"},
    Meaning{CKR_PIN_INVALID, "CKR_PIN_INVALID", HsmRefusal::pin_format,
            "the PIN has characters the token does not take", "choose another PIN form in the HSM binding file"},
    Meaning{CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE", HsmRefusal::pin_format, "the PIN is too short or too long",
            "choose another PIN form in the HSM binding file"},
    Meaning{CKR_PIN_TOO_WEAK, "CKR_PIN_TOO_WEAK", HsmRefusal::pin_format, "the token finds the PIN too weak",
            "choose another PIN form in the HSM binding file"},
    Meaning{CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED", HsmRefusal::pin_not_set,
            "the token has no user PIN yet",
            "check that this is the right token; its user PIN is set after initialising"},
    Meaning{CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", HsmRefusal::not_logged_in, "nobody is logged in",
            log_in},
    Meaning{CKR_USER_ALREADY_LOGGED_IN, "CKR_USER_ALREADY_LOGGED_IN", HsmRefusal::session_in_use,
            "somebody is logged in already, so the PIN was not looked at",
            "deactivate the token, then activate it again"},
    Meaning{CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN", HsmRefusal::session_in_use,
            "somebody else (user or security officer) is logged in", "deactivate the token, then repeat the step"},
    Meaning{CKR_USER_TOO_MANY_TYPES, "CKR_USER_TOO_MANY_TYPES", HsmRefusal::session_in_use,
            "somebody else (user or security officer) is logged in", "deactivate the token, then repeat the step"},
    Meaning{CKR_SESSION_EXISTS, "CKR_SESSION_EXISTS", HsmRefusal::session_in_use, "a session is open on the token",
            end_others},
    Meaning{CKR_SESSION_READ_ONLY_EXISTS, "CKR_SESSION_READ_ONLY_EXISTS", HsmRefusal::session_in_use,
            "a read-only session is open on the token", end_others},
    Meaning{CKR_SESSION_READ_WRITE_SO_EXISTS, "CKR_SESSION_READ_WRITE_SO_EXISTS", HsmRefusal::session_in_use,
            "the security officer is logged in", end_others},
    Meaning{CKR_SESSION_COUNT, "CKR_SESSION_COUNT", HsmRefusal::token_full, "the token has no session left",
            end_others},
    Meaning{CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", HsmRefusal::token_full, "the token has no room left",
            "take a token with more room, or destroy what the log says is retired"},
    Meaning{CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", HsmRefusal::token_removed, "the token is gone",
            look_again},
    Meaning{CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", HsmRefusal::token_removed, "the token was pulled out",
            look_again},
    Meaning{CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", HsmRefusal::token_removed,
            "the session with the token is gone", look_again},
    Meaning{CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED", HsmRefusal::token_removed, "the session with the token is gone",
            look_again},
    Meaning{CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID", HsmRefusal::token_removed, "the token's slot is gone",
            look_again},
    Meaning{CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", HsmRefusal::token_blank,
            "the module does not recognise what is in the slot, or it is not initialised",
            "check that the binding file names the module of this token"},
    Meaning{CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED", HsmRefusal::token_read_only,
            "the token is write protected", "remove the write protection, or take another token"},
    Meaning{CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY", HsmRefusal::token_read_only, "the session is read-only",
            "remove the write protection, or take another token"},
    Meaning{CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", HsmRefusal::mechanism_missing,
            "the token does not know the mechanism", look_mechanisms},
    Meaning{CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID", HsmRefusal::mechanism_missing,
            "the token does not take the mechanism's parameters", look_mechanisms},
    Meaning{CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED", HsmRefusal::mechanism_missing,
            "the module does not have the function", look_mechanisms},
    Meaning{CKR_RANDOM_NO_RNG, "CKR_RANDOM_NO_RNG", HsmRefusal::mechanism_missing, "the token has no random source",
            "take a token that has one"},
    Meaning{CKR_KEY_SIZE_RANGE, "CKR_KEY_SIZE_RANGE", HsmRefusal::mechanism_missing,
            "the token does not do keys of this size", look_mechanisms},
    Meaning{CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT", HsmRefusal::mechanism_missing,
            "the mechanism is not for keys of this kind", look_mechanisms},
    Meaning{CKR_CURVE_NOT_SUPPORTED, "CKR_CURVE_NOT_SUPPORTED", HsmRefusal::mechanism_missing,
            "the token does not know the curve", look_mechanisms},
    Meaning{CKR_DOMAIN_PARAMS_INVALID, "CKR_DOMAIN_PARAMS_INVALID", HsmRefusal::mechanism_missing,
            "the token does not know the curve", look_mechanisms},
    Meaning{CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED", HsmRefusal::attribute_wrong,
            "the key may not be used for this", find_again},
    Meaning{CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT", HsmRefusal::attribute_wrong,
            "the token does not allow a key with these attributes", "take a token that does, or another algorithm"},
    Meaning{CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE", HsmRefusal::attribute_wrong,
            "the token wants attributes that we do not set", "take another token"},
    Meaning{CKR_ATTRIBUTE_VALUE_INVALID, "CKR_ATTRIBUTE_VALUE_INVALID", HsmRefusal::attribute_wrong,
            "the token does not take the value of an attribute", "take a token that does, or another label"},
    Meaning{CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID", HsmRefusal::attribute_wrong,
            "the token does not know an attribute", "take another token"},
    Meaning{CKR_ATTRIBUTE_READ_ONLY, "CKR_ATTRIBUTE_READ_ONLY", HsmRefusal::attribute_wrong,
            "the attribute cannot be changed any more", find_again},
    Meaning{CKR_ACTION_PROHIBITED, "CKR_ACTION_PROHIBITED", HsmRefusal::attribute_wrong, "the token forbids it",
            find_again},
    Meaning{
        CKR_KEY_UNEXTRACTABLE, "CKR_KEY_UNEXTRACTABLE", HsmRefusal::wrap_refused, "the key may not leave the token",
        "a locked key has its backup already; only a key made to be backed up can be wrapped, before it is locked"},
    Meaning{CKR_KEY_NOT_WRAPPABLE, "CKR_KEY_NOT_WRAPPABLE", HsmRefusal::wrap_refused,
            "the token does not wrap this key", "take a token that wraps private keys under AES (RFC 5649)"},
    Meaning{CKR_WRAPPED_KEY_INVALID, "CKR_WRAPPED_KEY_INVALID", HsmRefusal::unwrap_failed,
            "the wrapped key does not open", "check the set of shares and the backup medium, then try again"},
    Meaning{CKR_WRAPPED_KEY_LEN_RANGE, "CKR_WRAPPED_KEY_LEN_RANGE", HsmRefusal::unwrap_failed,
            "the wrapped key has an impossible length", "take the other backup medium"},
    Meaning{CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID", HsmRefusal::key_absent,
            "the object is not on the token any more", find_again},
    Meaning{CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", HsmRefusal::key_absent,
            "the key is not on the token any more", find_again},
    Meaning{CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", HsmRefusal::module_failed,
            "the module has been shut down", "start the program again"},
    Meaning{CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR", HsmRefusal::device_error,
            "the module failed and does not say why", ask_maker},
    Meaning{CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", HsmRefusal::device_error, "the token could not do it",
            ask_maker},
    Meaning{CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", HsmRefusal::device_error, "the token reports a fault", ask_maker},
    Meaning{CKR_HOST_MEMORY, "CKR_HOST_MEMORY", HsmRefusal::device_error, "the machine has no memory left",
            ask_maker},
    Meaning{CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD", HsmRefusal::device_error, "the module does not take the call",
            ask_maker},
    Meaning{CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE", HsmRefusal::device_error,
            "another operation is under way in the session", ask_maker},
    Meaning{CKR_FUNCTION_CANCELED, "CKR_FUNCTION_CANCELED", HsmRefusal::device_error,
            "the operation was cancelled at the token", "repeat the step and confirm it at the token"},
    Meaning{CKR_FUNCTION_REJECTED, "CKR_FUNCTION_REJECTED", HsmRefusal::device_error,
            "the operation was rejected at the token", "repeat the step and confirm it at the token"},
};

#define MECHANISM(name) {name, #name}
constexpr std::pair<CK_MECHANISM_TYPE, std::string_view> mechanism_names[] = {
    MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN),
    MECHANISM(CKM_RSA_PKCS),
    MECHANISM(CKM_RSA_X_509),
    MECHANISM(CKM_SHA1_RSA_PKCS),
    MECHANISM(CKM_RSA_PKCS_OAEP),
    MECHANISM(CKM_RSA_PKCS_PSS),
    MECHANISM(CKM_SHA1_RSA_PKCS_PSS),
    MECHANISM(CKM_SHA224_RSA_PKCS),
    MECHANISM(CKM_SHA224_RSA_PKCS_PSS),
    MECHANISM(CKM_SHA256_RSA_PKCS),
    MECHANISM(CKM_SHA384_RSA_PKCS),
    MECHANISM(CKM_SHA512_RSA_PKCS),
    MECHANISM(CKM_SHA256_RSA_PKCS_PSS),
    MECHANISM(CKM_SHA384_RSA_PKCS_PSS),
    MECHANISM(CKM_SHA512_RSA_PKCS_PSS),
    MECHANISM(CKM_MD5_RSA_PKCS),
    MECHANISM(CKM_DSA_KEY_PAIR_GEN),
    MECHANISM(CKM_DSA),
    MECHANISM(CKM_DSA_SHA1),
    MECHANISM(CKM_DH_PKCS_KEY_PAIR_GEN),
    MECHANISM(CKM_DH_PKCS_DERIVE),
    MECHANISM(CKM_EC_KEY_PAIR_GEN),
    MECHANISM(CKM_ECDSA),
    MECHANISM(CKM_ECDSA_SHA1),
    MECHANISM(CKM_ECDSA_SHA224),
    MECHANISM(CKM_ECDSA_SHA256),
    MECHANISM(CKM_ECDSA_SHA384),
    MECHANISM(CKM_ECDSA_SHA512),
    MECHANISM(CKM_ECDH1_DERIVE),
    MECHANISM(CKM_EC_EDWARDS_KEY_PAIR_GEN),
    MECHANISM(CKM_EDDSA),
    MECHANISM(CKM_GENERIC_SECRET_KEY_GEN),
    MECHANISM(CKM_AES_KEY_GEN),
    MECHANISM(CKM_AES_ECB),
    MECHANISM(CKM_AES_CBC),
    MECHANISM(CKM_AES_CBC_PAD),
    MECHANISM(CKM_AES_CTR),
    MECHANISM(CKM_AES_GCM),
    MECHANISM(CKM_AES_CCM),
    MECHANISM(CKM_AES_CMAC),
    MECHANISM(CKM_AES_ECB_ENCRYPT_DATA),
    MECHANISM(CKM_AES_CBC_ENCRYPT_DATA),
    MECHANISM(CKM_AES_KEY_WRAP),
    MECHANISM(CKM_AES_KEY_WRAP_PAD),
    {0x210BUL, "CKM_AES_KEY_WRAP_KWP"},
    MECHANISM(CKM_DES3_KEY_GEN),
    MECHANISM(CKM_DES3_CBC),
    MECHANISM(CKM_DES3_CBC_PAD),
    MECHANISM(CKM_MD5),
    MECHANISM(CKM_MD5_HMAC),
    MECHANISM(CKM_SHA_1),
    MECHANISM(CKM_SHA_1_HMAC),
    MECHANISM(CKM_SHA224),
    MECHANISM(CKM_SHA224_HMAC),
    MECHANISM(CKM_SHA256),
    MECHANISM(CKM_SHA256_HMAC),
    MECHANISM(CKM_SHA384),
    MECHANISM(CKM_SHA384_HMAC),
    MECHANISM(CKM_SHA512),
    MECHANISM(CKM_SHA512_HMAC),
};
#undef MECHANISM

const Meaning* meaning_of(CK_RV rv) {
  const auto found = std::ranges::find(meanings, rv, &Meaning::rv);
  return found == meanings.end() ? nullptr : &*found;
}

}  // namespace

std::string name_of_rv(unsigned long rv) {
  const Meaning* m = meaning_of(rv);
  return m ? std::string(m->name) : std::format("0x{:x}", rv);
}

std::string name_of_mechanism(unsigned long type) {
  for (const auto& [number, name] : mechanism_names)
    if (number == type) return std::string(name);
  return std::format("0x{:x}", type);
}

void refuse(unsigned long rv, std::string_view doing, std::string where) {
  if (const Meaning* m = meaning_of(rv))
    throw Refused(m->code, std::format("cannot {}: {} ({})", doing, m->reason, m->name), std::move(where),
                  std::string(m->hint));
  throw Refused(HsmRefusal::device_error,
                std::format("cannot {}: the module answered 0x{:x}, which no person causes", doing, rv),
                std::move(where), std::string(ask_maker));
}

}  // namespace ceremony::hsm::pkcs11
