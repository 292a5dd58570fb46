#include "ceremony/shares/age.h"

#include <botan/aead.h>
#include <botan/kdf.h>
#include <botan/mac.h>
#include <botan/pwdhash.h>
#include <botan/x25519.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <functional>
#include <optional>
#include <thread>

#include "ceremony/ground/refused.h"
#include "ceremony/shares/age_format.h"
#include "ceremony/shares/bech32.h"
#include "ceremony/shares/guarded.h"

namespace ceremony::shares {

using Octets = Botan::secure_vector<std::uint8_t>;

/// What the functions of this file may see of an identity.
struct AgeInside {
  static const std::array<std::uint8_t, 32>& public_key(const AgeIdentity& i) { return i.m_public; }
  static std::span<const std::uint8_t> scalar(const AgeIdentity& i) { return i.m_scalar.reveal(); }
};

namespace {

constexpr std::size_t file_key_length = 16;
constexpr std::size_t wrapped_length = file_key_length + 16;
constexpr std::size_t chunk_length = 65536;
constexpr std::size_t tag_length = 16;
constexpr std::size_t nonce_length = 16;
constexpr std::string_view secret_prefix = "AGE-SECRET-KEY-";

[[noreturn]] void bad_stanza(std::string what) {
  throw Refused(SharesRefusal::age_header, std::move(what), "",
                "the file is damaged or was made wrongly; use another copy of it");
}

Octets hkdf(std::span<const std::uint8_t> key, View salt, std::string_view info) {
  return Botan::KDF::create_or_throw("HKDF(SHA-256)")->derive_key<Octets>(32, key, salt, as_view(info));
}

Octets header_mac(const Octets& file_key, View covered) {
  const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-256)");
  mac->set_key(hkdf(file_key, {}, "header"));
  mac->update(covered);
  return mac->final();
}

Bytes seal_key(const Octets& wrap_key, const Octets& file_key) {
  const auto aead = Botan::AEAD_Mode::create_or_throw("ChaCha20Poly1305", Botan::Cipher_Dir::Encryption);
  aead->set_key(wrap_key);
  aead->start(Bytes(12));
  Octets buffer = file_key;
  aead->finish(buffer);
  return to_bytes(buffer);
}

std::optional<Octets> open_key(const Octets& wrap_key, const Bytes& body) {
  const auto aead = Botan::AEAD_Mode::create_or_throw("ChaCha20Poly1305", Botan::Cipher_Dir::Decryption);
  aead->set_key(wrap_key);
  aead->start(Bytes(12));
  Octets buffer(body.begin(), body.end());
  try {
    aead->finish(buffer);
  } catch (const Botan::Invalid_Authentication_Tag&) {
    return std::nullopt;
  }
  return buffer;
}

/// STREAM: an 11-byte counter, then 1 for the last chunk.
Bytes chunk_nonce(std::uint64_t counter, bool last) {
  Bytes out(12);
  for (unsigned i = 0; i < 8; ++i) out[10 - i] = static_cast<std::uint8_t>(counter >> (8 * i));
  out[11] = last ? 1 : 0;
  return out;
}

Bytes finish_file(const Octets& file_key, View nonce, const std::vector<AgeStanza>& stanzas,
                  std::span<const std::uint8_t> plaintext) {
  std::string header = age_header_text(stanzas);
  header += ' ' + raw_base64(header_mac(file_key, as_view(header))) + '\n';
  Bytes out = as_bytes(header);
  out.reserve(out.size() + nonce.size() + plaintext.size() + (plaintext.size() / chunk_length + 1) * tag_length);
  out.insert(out.end(), nonce.begin(), nonce.end());
  const auto aead = Botan::AEAD_Mode::create_or_throw("ChaCha20Poly1305", Botan::Cipher_Dir::Encryption);
  aead->set_key(hkdf(file_key, nonce, "payload"));
  for (std::uint64_t counter = 0;; ++counter) {
    const auto chunk = plaintext.first(std::min(plaintext.size(), chunk_length));
    plaintext = plaintext.subspan(chunk.size());
    aead->start(chunk_nonce(counter, plaintext.empty()));
    Octets buffer(chunk.begin(), chunk.end());
    aead->finish(buffer);
    out.insert(out.end(), buffer.begin(), buffer.end());
    if (plaintext.empty()) return out;
  }
}

PrivateText open_payload(const Octets& file_key, View file, const AgeHeader& header) {
  const Octets mac = header_mac(file_key, file.first(header.mac_covers));
  if (!Botan::constant_time_compare(mac.data(), header.mac.data(), mac.size()))
    throw Refused(SharesRefusal::age_hmac, "the header's MAC is wrong", "",
                  "the header was changed; use another copy of the file");
  View payload = file.subspan(header.length);
  if (payload.size() < nonce_length) bad_stanza("the file ends before its contents begin");
  const auto aead = Botan::AEAD_Mode::create_or_throw("ChaCha20Poly1305", Botan::Cipher_Dir::Decryption);
  aead->set_key(hkdf(file_key, payload.first(nonce_length), "payload"));
  payload = payload.subspan(nonce_length);
  auto refuse = [](std::string what) {
    throw Refused(SharesRefusal::age_payload, std::move(what), "",
                  "the file was changed or cut short; use another copy of it");
  };
  Octets out;
  out.reserve(payload.size());
  for (std::uint64_t counter = 0;; ++counter) {
    const View chunk = payload.first(std::min(payload.size(), chunk_length + tag_length));
    payload = payload.subspan(chunk.size());
    const bool last = payload.empty();
    if (chunk.size() < tag_length) refuse("the contents are cut short");
    // "The final chunk … MUST NOT be empty unless the whole payload is empty."
    if (chunk.size() == tag_length && counter > 0) refuse("the last chunk is empty");
    aead->start(chunk_nonce(counter, last));
    Octets buffer(chunk.begin(), chunk.end());
    try {
      aead->finish(buffer);
    } catch (const Botan::Invalid_Authentication_Tag&) {
      refuse("the contents are not authentic (chunk " + std::to_string(counter + 1) + ")");
    }
    out.insert(out.end(), buffer.begin(), buffer.end());
    if (last) return PrivateText(std::move(out));
  }
}

// X25519
// ---------------------------------------------------------------------------------------------------------------

/// Nothing if the shared secret is all zero, which a point of low order makes.
std::optional<Octets> x25519_wrap_key(std::span<const std::uint8_t> own_scalar, View their_point, View share,
                                      View recipient) {
  const Octets shared = Botan::X25519_PrivateKey(own_scalar).agree(their_point.data(), their_point.size());
  if (std::ranges::fold_left(shared, 0U, [](unsigned sum, unsigned b) { return sum | b; }) == 0) return std::nullopt;
  Bytes salt = to_bytes(share);
  salt.insert(salt.end(), recipient.begin(), recipient.end());
  return hkdf(shared, salt, "age-encryption.org/v1/X25519");
}

AgeStanza x25519_stanza(const std::string& recipient, const Octets& file_key, Botan::RandomNumberGenerator& rng) {
  const auto point = unbech32("age", recipient);
  if (!point || point->size() != 32)
    throw Refused(SharesRefusal::age_key, "'" + recipient + "' is not an age recipient", "",
                  "copy it whole: 62 characters that begin with age1");
  const AgeIdentity ephemeral = AgeIdentity::generate(rng);
  const auto& share = AgeInside::public_key(ephemeral);
  const auto wrap_key = x25519_wrap_key(AgeInside::scalar(ephemeral), *point, share, *point);
  if (!wrap_key)
    throw Refused(SharesRefusal::age_key, "'" + recipient + "' is a point of low order", "",
                  "nobody can have this key; get the holder's own recipient");
  return {{"X25519", raw_base64(share)}, seal_key(*wrap_key, file_key)};
}

std::optional<Octets> open_x25519(const AgeStanza& stanza, std::span<const AgeIdentity> identities) {
  if (stanza.arguments.size() != 2)
    bad_stanza("an X25519 recipient has " + std::to_string(stanza.arguments.size()) + " arguments, not 2");
  const auto share = unraw_base64(stanza.arguments[1]);
  if (!share || share->size() != 32) bad_stanza("an X25519 recipient's share is not 32 bytes of canonical base64");
  if (stanza.body.size() != wrapped_length) bad_stanza("an X25519 recipient's body is not 32 bytes");
  for (const AgeIdentity& identity : identities) {
    const auto wrap_key =
        x25519_wrap_key(AgeInside::scalar(identity), *share, *share, AgeInside::public_key(identity));
    if (!wrap_key) bad_stanza("an X25519 recipient's share is a point of low order");
    if (auto file_key = open_key(*wrap_key, stanza.body)) return file_key;
  }
  return std::nullopt;
}

// scrypt
// ---------------------------------------------------------------------------------------------------------------

Octets scrypt_wrap_key(const Passphrase& passphrase, View salt, unsigned log_n) {
  Bytes labelled = as_bytes("age-encryption.org/v1/scrypt");
  labelled.insert(labelled.end(), salt.begin(), salt.end());
  const auto scrypt =
      Botan::PasswordHashFamily::create_or_throw("Scrypt")->from_params(std::size_t{1} << log_n, 8, 1);
  Octets out(32);
  const auto text = passphrase.reveal_text();
  scrypt->derive_key(out.data(), out.size(), text.data(), text.size(), labelled.data(), labelled.size());
  return out;
}

struct ScryptStanza {
  Bytes salt;
  unsigned log_n;
  Bytes body;
};

ScryptStanza scrypt_stanza(const AgeHeader& header, unsigned max_log_n) {
  const auto is_scrypt = [](const AgeStanza& s) { return s.arguments[0] == "scrypt"; };
  if (std::ranges::none_of(header.stanzas, is_scrypt))
    throw Refused(SharesRefusal::age_no_match, "the file is not encrypted to a passphrase", "",
                  "it opens with its holder's identity, or is the wrong file");
  if (header.stanzas.size() != 1) bad_stanza("a passphrase is not the only recipient");
  const auto& arguments = header.stanzas[0].arguments;
  if (arguments.size() != 3)
    bad_stanza("an scrypt recipient has " + std::to_string(arguments.size()) + " arguments, not 3");
  auto salt = unraw_base64(arguments[1]);
  if (!salt || salt->size() != 16) bad_stanza("the scrypt salt is not 16 bytes of canonical base64");
  const std::string& factor = arguments[2];
  const bool digits = std::ranges::all_of(factor, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || factor.front() == '0')
    bad_stanza("the scrypt work factor '" + factor.substr(0, 24) + "' is not a decimal number");
  const unsigned log_n = factor.size() > 2 ? 100 : static_cast<unsigned>(std::stoul(factor));
  if (log_n > max_log_n)
    throw Refused(
        SharesRefusal::age_work_factor,
        "the scrypt work factor 2^" + factor.substr(0, 24) + " is above the limit 2^" + std::to_string(max_log_n), "",
        "the file was not made by this program or policy; encrypt it again with a lower factor elsewhere");
  if (header.stanzas[0].body.size() != wrapped_length) bad_stanza("the scrypt recipient's body is not 32 bytes");
  return {std::move(*salt), log_n, header.stanzas[0].body};
}

void check_passphrase(const Passphrase& passphrase, unsigned log_n) {
  if (passphrase.empty())
    throw Refused(SharesRefusal::wrong_passphrase, "the passphrase is empty", "", "type a passphrase");
  if (log_n < 1 || log_n > age_max_log_n)
    throw Refused(
        SharesRefusal::age_work_factor,
        "the scrypt work factor 2^" + std::to_string(log_n) + " is outside 2^1 … 2^" + std::to_string(age_max_log_n),
        "", "choose one within, 2^18 for production");
}

/// All that is drawn for a file, so that threads need no generator.
struct Drawn {
  Octets file_key;
  Bytes salt;
  Bytes nonce;
  explicit Drawn(Botan::RandomNumberGenerator& rng)
      : file_key(rng.random_vec(file_key_length)),
        salt(rng.random_vec<Bytes>(16)),
        nonce(rng.random_vec<Bytes>(nonce_length)) {}
};

Bytes lock(std::span<const std::uint8_t> plaintext, const Passphrase& passphrase, unsigned log_n,
           const Drawn& drawn) {
  return guarded("encrypt to a passphrase", [&] {
    const AgeStanza stanza{{"scrypt", raw_base64(drawn.salt), std::to_string(log_n)},
                           seal_key(scrypt_wrap_key(passphrase, drawn.salt, log_n), drawn.file_key)};
    return finish_file(drawn.file_key, drawn.nonce, {stanza}, plaintext);
  });
}

std::size_t threads_for(std::size_t files) {
  return std::min<std::size_t>(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4), files);  // each takes up to 1 GiB
}

/// Runs work(0 … count-1) on all cores. Refusals of all items come together, each under its item's name.
void on_all_cores(std::span<const std::string> names, const std::function<void(std::size_t)>& work) {
  std::vector<std::optional<Refused>> failed(names.size());
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < threads_for(names.size()); ++t)
      threads.emplace_back([&] {
        for (std::size_t i = next++; i < names.size(); i = next++) {
          try {
            work(i);
          } catch (const Refused& refused) {
            failed[i] = refused;
          }
        }
      });
  }
  std::vector<Finding> findings;
  const Refused* first = nullptr;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!failed[i]) continue;
    if (first == nullptr) first = &*failed[i];
    for (Finding f : failed[i]->findings()) {
      f.where = names[i] + (f.where.empty() ? "" : ": " + f.where);
      findings.push_back(std::move(f));
    }
  }
  if (first == nullptr) return;
  for (int code = 0; code <= static_cast<int>(SharesRefusal::failed); ++code)
    if (first->is(static_cast<SharesRefusal>(code)))
      throw Refused(static_cast<SharesRefusal>(code), std::move(findings));
  assert(false);
}

}  // namespace

std::uint64_t age_memory(unsigned log_n, std::size_t files) { return (std::uint64_t{1024} << log_n) * threads_for(files); }

AgeIdentity::AgeIdentity(Scalar scalar) : m_scalar(std::move(scalar)) {
  const Botan::X25519_PrivateKey key(m_scalar.reveal());
  const auto point = key.raw_public_key_bits();
  assert(point.size() == m_public.size());
  std::ranges::copy(point, m_public.begin());
}

AgeIdentity AgeIdentity::generate(Botan::RandomNumberGenerator& rng) {
  return guarded("make an age identity", [&] { return AgeIdentity(Scalar(rng.random_vec(32))); });
}

AgeIdentity AgeIdentity::parse(std::string_view text) {
  auto scalar = unbech32(secret_prefix, text);
  if (!scalar || scalar->size() != 32)
    throw Refused(SharesRefusal::age_key, "this is not an age identity", "",
                  "use the line that begins with AGE-SECRET-KEY-1, whole and in upper case");
  return guarded("read an age identity", [&] { return AgeIdentity(Scalar(std::move(*scalar))); });
}

std::string AgeIdentity::recipient() const { return as_text(bech32("age", m_public)); }

PrivateText AgeIdentity::text() const {
  Octets out = bech32("age-secret-key-", m_scalar.reveal());
  // Letters a to z are those with bit 6 set; digits and '-' have it clear.
  for (auto& c : out) c = static_cast<std::uint8_t>(c & ~((c >> 1U) & 0x20U));
  return PrivateText(std::move(out));
}

AgeIdentity AgeIdentity::duplicate() const { return AgeIdentity(m_scalar.duplicate()); }

bool is_age_recipient(std::string_view text) {
  const auto point = unbech32("age", text);
  return point && point->size() == 32;
}

Bytes age_encrypt_passphrase(std::span<const std::uint8_t> plaintext, const Passphrase& passphrase, unsigned log_n,
                             Botan::RandomNumberGenerator& rng) {
  check_passphrase(passphrase, log_n);
  return lock(plaintext, passphrase, log_n, Drawn(rng));
}

Bytes age_encrypt_to(std::span<const std::uint8_t> plaintext, std::span<const std::string> recipients,
                     Botan::RandomNumberGenerator& rng) {
  if (recipients.empty()) throw Refused(SharesRefusal::age_key, "there is no recipient", "", "name at least one");
  return guarded("encrypt to recipients", [&] {
    const Drawn drawn(rng);
    std::vector<AgeStanza> stanzas;
    for (const auto& recipient : recipients) stanzas.push_back(x25519_stanza(recipient, drawn.file_key, rng));
    return finish_file(drawn.file_key, drawn.nonce, stanzas, plaintext);
  });
}

PrivateText age_decrypt_passphrase(View armored_or_not, const Passphrase& passphrase, unsigned max_log_n) {
  const Bytes file = age_binary(armored_or_not);
  const AgeHeader header = parse_age_header(file);
  const ScryptStanza stanza = scrypt_stanza(header, max_log_n);
  return guarded("decrypt with a passphrase", [&] {
    const auto file_key = open_key(scrypt_wrap_key(passphrase, stanza.salt, stanza.log_n), stanza.body);
    if (!file_key)
      throw Refused(SharesRefusal::wrong_passphrase, "the passphrase does not open this file", "",
                    "type it again, lower case, one space between words; check that it is this file's passphrase");
    return open_payload(*file_key, file, header);
  });
}

PrivateText age_decrypt_identity(View armored_or_not, std::span<const AgeIdentity> identities) {
  const Bytes file = age_binary(armored_or_not);
  const AgeHeader header = parse_age_header(file);
  const auto is_scrypt = [](const AgeStanza& s) { return s.arguments[0] == "scrypt"; };
  if (header.stanzas.size() != 1 && std::ranges::any_of(header.stanzas, is_scrypt))
    bad_stanza("a passphrase is not the only recipient");
  return guarded("decrypt with an identity", [&] {
    std::optional<Octets> file_key;
    for (const AgeStanza& stanza : header.stanzas) {
      if (stanza.arguments[0] != "X25519") continue;
      // Every stanza is checked, whether or not one before it fitted: a malformed file is refused for everybody.
      auto opened = open_x25519(stanza, identities);
      if (opened && !file_key) file_key = std::move(opened);
    }
    if (!file_key)
      throw Refused(SharesRefusal::age_no_match, "none of the identities opens this file", "",
                    std::ranges::any_of(header.stanzas, is_scrypt)
                        ? "it is encrypted to a passphrase; type that"
                        : "it is another person's file; look at the medium's label");
    return open_payload(*file_key, file, header);
  });
}

std::vector<PrivateText> age_decrypt_passphrases(std::span<const AgeToUnlock> items, unsigned max_log_n) {
  std::vector<std::string> names;
  for (const auto& item : items) names.push_back(item.name);
  std::vector<PrivateText> out(items.size());
  on_all_cores(
      names, [&](std::size_t i) { out[i] = age_decrypt_passphrase(items[i].file, *items[i].passphrase, max_log_n); });
  return out;
}

std::vector<Bytes> age_encrypt_passphrases(std::span<const AgeToLock> items, unsigned log_n,
                                           Botan::RandomNumberGenerator& rng) {
  std::vector<std::string> names;
  std::vector<Drawn> drawn;
  for (const auto& item : items) {
    names.push_back(item.name);
    drawn.emplace_back(rng);
  }
  std::vector<Bytes> out(items.size());
  on_all_cores(names, [&](std::size_t i) {
    check_passphrase(*items[i].passphrase, log_n);
    out[i] = lock(items[i].plaintext, *items[i].passphrase, log_n, drawn[i]);
  });
  return out;
}

}  // namespace ceremony::shares
