#include "ceremony/shares/credential.h"

#include <botan/base64.h>
#include <botan/ec_group.h>
#include <botan/ec_scalar.h>
#include <botan/ecdsa.h>
#include <botan/pkcs8.h>
#include <botan/pubkey.h>

#include <algorithm>
#include <cassert>
#include <optional>

#include "ceremony/ground/refused.h"
#include "ceremony/shares/guarded.h"

namespace ceremony::shares {
namespace {

using Octets = Botan::secure_vector<std::uint8_t>;

constexpr std::string_view magic = "# ceremony-credential/v1";
constexpr std::string_view person_key = "# person: ";
constexpr std::string_view recipient_key = "# recipient: ";
constexpr std::string_view pem_begin = "# -----BEGIN PRIVATE KEY-----";
constexpr std::string_view pem_end = "# -----END PRIVATE KEY-----";
constexpr std::size_t columns = 64;

bool is_person(std::string_view text) {
  return !text.empty() && text.size() <= 16 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

[[noreturn]] void refuse(std::string what) {
  throw Refused(SharesRefusal::credential, std::move(what), "",
                "the file is not a credential of this program, or was edited; use the holder's own copy");
}

}  // namespace

struct Credential::Inside {
  std::string person;
  AgeIdentity identity;
  Botan::ECDSA_PrivateKey key;
};

Credential::Credential(std::unique_ptr<Inside> inside) : m_inside(std::move(inside)) {}
Credential::Credential(Credential&& other) noexcept = default;
Credential& Credential::operator=(Credential&& other) noexcept = default;
Credential::~Credential() = default;

Credential Credential::generate(std::string_view person, Botan::RandomNumberGenerator& rng) {
  if (!is_person(person))
    throw Refused(SharesRefusal::credential, "'" + std::string(person) + "' is not a person id", "",
                  "use 1 to 16 of a-z, 0-9 and '-'");
  return guarded("make a credential", [&] {
    AgeIdentity identity = AgeIdentity::generate(rng);
    return Credential(
        std::make_unique<Inside>(Inside{std::string(person), std::move(identity),
                                        Botan::ECDSA_PrivateKey(rng, Botan::EC_Group::from_name("secp256r1"))}));
  });
}

Credential Credential::parse(PrivateText&& from) {
  const PrivateText text = std::move(from);
  std::string_view rest = text.reveal_text();
  auto next = [&] {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) refuse("the credential ends too early");
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return line;
  };
  auto value = [&](std::string_view key) {
    const auto line = next();
    if (!line.starts_with(key)) refuse("the credential has no line '" + std::string(key) + "…' where it belongs");
    return line.substr(key.size());
  };
  if (next() != magic) refuse("the first line is not '" + std::string(magic) + "'");
  const std::string person(value(person_key));
  if (!is_person(person)) refuse("the credential's person is not a person id");
  (void)value(recipient_key);  // compared below, with everything else
  if (next() != pem_begin) refuse("the credential has no signing key");
  Octets pem;
  for (auto line = next(); line != pem_end; line = next()) {
    if (!line.starts_with("# ")) refuse("the credential's signing key is not in comment lines");
    pem.insert(pem.end(), line.begin() + 2, line.end());
  }
  AgeIdentity identity = AgeIdentity::parse(next());
  if (!rest.empty()) refuse("there is something after the credential's last line");
  try {
    const Octets der = Botan::base64_decode(reinterpret_cast<const char*>(pem.data()), pem.size(), false);
    const auto key = Botan::PKCS8::load_key(std::span<const std::uint8_t>(der));
    const auto* ecdsa = dynamic_cast<const Botan::ECDSA_PrivateKey*>(key.get());
    if (ecdsa == nullptr ||
        ecdsa->domain().get_curve_oid() != Botan::EC_Group::from_name("secp256r1").get_curve_oid())
      refuse("the credential's signing key is not a P-256 key");
    // Botan takes the public half in the file on trust: it is computed anew here, and the comparison finds another
    // one.
    const auto scalar = Botan::EC_Scalar::deserialize(ecdsa->domain(), ecdsa->raw_private_key_bits());
    if (!scalar) refuse("the credential's signing key cannot be read");
    Credential out(std::make_unique<Inside>(
        Inside{person, std::move(identity), Botan::ECDSA_PrivateKey(ecdsa->domain(), *scalar)}));
    // One text for one credential: whatever differs was edited.
    if (!out.text().same(text)) refuse("the credential's text is not as this program writes it");
    return out;
  } catch (const Botan::Exception&) {
    refuse("the credential's signing key cannot be read");
  } catch (const std::invalid_argument&) {
    refuse("the credential's signing key cannot be read");
  }
}

Credential Credential::unlock(View file, const Passphrase& passphrase, unsigned max_log_n) {
  return parse(age_decrypt_passphrase(file, passphrase, max_log_n));
}

const std::string& Credential::person() const { return m_inside->person; }

Bytes Credential::sign(View message, Botan::RandomNumberGenerator& rng) const {
  return guarded("sign", [&] {
    Botan::PK_Signer signer(m_inside->key, rng, "SHA-256", Botan::Signature_Format::DerSequence);
    return to_bytes(signer.sign_message(message, rng));
  });
}

Bytes Credential::spki() const { return m_inside->key.subject_public_key(); }
std::string Credential::recipient() const { return m_inside->identity.recipient(); }
const AgeIdentity& Credential::identity() const { return m_inside->identity; }

PrivateText Credential::text() const {
  return guarded("write a credential", [&] {
    const Octets der = Botan::PKCS8::BER_encode(m_inside->key);
    Octets pem(Botan::base64_encode_max_output(der.size()));
    std::size_t consumed = 0;
    pem.resize(Botan::base64_encode(reinterpret_cast<char*>(pem.data()), der.data(), der.size(), consumed, true));
    Octets out;
    out.reserve(1024);
    auto add = [&](std::string_view text) { out.insert(out.end(), text.begin(), text.end()); };
    auto line = [&](std::string_view key, std::string_view text) {
      add(key);
      add(text);
      add("\n");
    };
    line(magic, "");
    line(person_key, m_inside->person);
    line(recipient_key, recipient());
    line(pem_begin, "");
    const std::string_view body(reinterpret_cast<const char*>(pem.data()), pem.size());
    for (std::size_t at = 0; at < body.size(); at += columns) line("# ", body.substr(at, columns));
    line(pem_end, "");
    line("", m_inside->identity.text().reveal_text());
    return PrivateText(std::move(out));
  });
}

Bytes Credential::seal(const Passphrase& passphrase, unsigned log_n, Botan::RandomNumberGenerator& rng) const {
  return as_bytes(age_armor(age_encrypt_passphrase(text().reveal(), passphrase, log_n, rng)));
}

}  // namespace ceremony::shares
