#include "hsm/tpm_esys.h"

#include <botan/bigint.h>
#include <botan/der_enc.h>
#include <tss2/tss2_esys.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <format>
#include <vector>

namespace ceremony::hsm {
namespace {

constexpr std::uint16_t coordinate = 32;
/// SubjectPublicKeyInfo of P-256 up to the uncompressed point (RFC 5480).
constexpr std::array<std::uint8_t, 27> spki_head{0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                                 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

struct Free {
  void operator()(void* memory) const { ::Esys_Free(memory); }
};
template <typename T>
using Answer = std::unique_ptr<T, Free>;

[[noreturn]] void malformed(const std::string& what, const std::string& where) {
  throw Refused(TpmRefusal::malformed, what, where, "start the machine again; if it says this again, use another machine");
}

/// One connection: the transport, the library's context over it, and a key that is loaded.
class Session final {
 public:
  explicit Session(const TpmTransport& transport) : m_name(transport.name) {
    std::size_t size = 0;
    must(transport.initialise(nullptr, &size, nullptr), "cannot be reached");
    m_memory.resize((size + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t));
    auto* const context = reinterpret_cast<TSS2_TCTI_CONTEXT*>(m_memory.data());
    must(transport.initialise(context, &size, transport.configuration.c_str()), "cannot be reached");
    m_transport = context;
    const auto code = ::Esys_Initialize(&m_esys, m_transport, nullptr);
    if (code != TSS2_RC_SUCCESS) close();
    must(code, "cannot be used");
  }
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] ESYS_CONTEXT* operator*() const { return m_esys; }
  void holds(ESYS_TR key) { m_key = key; }

  void must(TSS2_RC code, const std::string& what, const std::string& hint = "start the machine again; if it says this again, switch the TPM off in the firmware, or use another machine") const {
    if (code != TSS2_RC_SUCCESS) throw Refused(TpmRefusal::failed, std::format("the machine's TPM {} (code 0x{:08x})", what, code), m_name, hint);
  }

 private:
  void close() {
    if (m_key != ESYS_TR_NONE) ::Esys_FlushContext(m_esys, m_key);
    if (m_esys != nullptr) ::Esys_Finalize(&m_esys);
    if (m_transport != nullptr) Tss2_Tcti_Finalize(m_transport);
    m_transport = nullptr;
  }

  std::string m_name;
  std::vector<std::max_align_t> m_memory;  ///< of the transport, which the library wants from its caller
  TSS2_TCTI_CONTEXT* m_transport = nullptr;
  ESYS_CONTEXT* m_esys = nullptr;
  ESYS_TR m_key = ESYS_TR_NONE;
};

/// From it and its seed the TPM makes the same key each time; a change here makes another key of every machine.
TPM2B_PUBLIC attestation_template() {
  TPM2B_PUBLIC out{};
  auto& area = out.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  // Restricted: signs only what the TPM itself made. No lockout keeps it from being used: it has no password.
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
                          TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
  auto& ecc = area.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_NULL;
  ecc.scheme.scheme = TPM2_ALG_ECDSA;
  ecc.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  return out;
}

/// Makes the key anew. The endorsement seed outlives TPM2_Clear; and only under it are the TPM's counters in a quote plain.
Bytes load_attestation_key(Session& session, ESYS_TR& key) {
  const TPM2B_SENSITIVE_CREATE no_password{};
  const TPM2B_PUBLIC wanted = attestation_template();
  const TPM2B_DATA nothing{};
  const TPML_PCR_SELECTION no_pcrs{};
  TPM2B_PUBLIC* made = nullptr;
  session.must(::Esys_CreatePrimary(*session, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_password, &wanted, &nothing, &no_pcrs, &key, &made,
                                    nullptr, nullptr, nullptr),
               "does not make its attestation key", "clear the TPM in the firmware's menu: another system may have set a password on it; if it says this again, use another machine");
  session.holds(key);
  const Answer<TPM2B_PUBLIC> keep(made);
  const auto& point = made->publicArea.unique.ecc;
  if (made->publicArea.type != TPM2_ALG_ECC || point.x.size > coordinate || point.y.size > coordinate) malformed("the machine's TPM made a key that is none on P-256", "TPM");
  Bytes spki(spki_head.begin(), spki_head.end());
  for (const auto* part : {&point.x, &point.y}) {
    spki.insert(spki.end(), coordinate - part->size, 0);
    spki.insert(spki.end(), part->buffer, part->buffer + part->size);
  }
  return spki;
}

TPML_PCR_SELECTION selected_pcrs() {
  TPML_PCR_SELECTION out{};
  out.count = 1;
  out.pcrSelections[0].hash = TPM2_ALG_SHA256;
  out.pcrSelections[0].sizeofSelect = 3;
  for (const unsigned pcr : {4U, 7U, 11U}) out.pcrSelections[0].pcrSelect[pcr / 8] = static_cast<BYTE>(out.pcrSelections[0].pcrSelect[pcr / 8] | 1U << pcr % 8);
  return out;
}

void read_pcrs(Session& session, TpmQuote& out) {
  const TPML_PCR_SELECTION wanted = selected_pcrs();
  TPML_PCR_SELECTION* given = nullptr;
  TPML_DIGEST* values = nullptr;
  UINT32 counter = 0;
  session.must(::Esys_PCR_Read(*session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &wanted, &counter, &given, &values), "does not say the values of its PCRs");
  const Answer<TPML_PCR_SELECTION> keep_given(given);
  const Answer<TPML_DIGEST> keep_values(values);
  Digest* const places[] = {&out.pcr4, &out.pcr7, &out.pcr11};
  // A bank that is switched off has no values.
  if (values->count != std::size(places))
    throw Refused(TpmRefusal::failed, "the machine's TPM has no SHA-256 values of PCR 4, 7 and 11", "TPM", "switch the SHA-256 bank of the TPM on in the firmware's menu");
  for (std::size_t i = 0; i < std::size(places); ++i) {
    const auto& value = values->digests[i];
    if (value.size != places[i]->value.size()) malformed("the machine's TPM gave a PCR of another size than SHA-256's", "TPM");
    std::copy_n(value.buffer, value.size, places[i]->value.begin());
  }
}

Bytes der_of(const TPMS_SIGNATURE_ECC& signature) {
  const auto number = [](const TPM2B_ECC_PARAMETER& part) { return Botan::BigInt(part.buffer, part.size); };
  return Botan::unlock(Botan::DER_Encoder().start_sequence().encode(number(signature.signatureR)).encode(number(signature.signatureS)).end_cons().get_contents());
}

class EsysTpm final : public Tpm {
 public:
  explicit EsysTpm(TpmTransport transport) : m_transport(std::move(transport)) {
    // The library writes to standard error, where the screen is.
    ::setenv("TSS2_LOG", "all+NONE", 0);
  }

  Bytes random(std::size_t count) override {
    Session session(m_transport);
    Bytes out;
    while (out.size() < count) {
      TPM2B_DIGEST* got = nullptr;
      const auto want = static_cast<UINT16>(std::min<std::size_t>(count - out.size(), 32));
      session.must(::Esys_GetRandom(*session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, want, &got), "gives no random bytes");
      const Answer<TPM2B_DIGEST> keep(got);
      if (got->size == 0 || got->size > want) malformed("the machine's TPM gave " + std::to_string(got->size) + " random bytes where " + std::to_string(want) + " were asked for", "TPM");
      out.insert(out.end(), got->buffer, got->buffer + got->size);
    }
    return out;
  }

  TpmQuote quote(const Digest& nonce) override {
    Session session(m_transport);
    TpmQuote out;
    ESYS_TR key = ESYS_TR_NONE;
    out.spki = load_attestation_key(session, key);
    read_pcrs(session, out);
    TPM2B_DATA fresh{};
    fresh.size = static_cast<UINT16>(nonce.value.size());
    std::ranges::copy(nonce.value, fresh.buffer);
    const TPMT_SIG_SCHEME of_the_key{TPM2_ALG_NULL, {}};
    const TPML_PCR_SELECTION pcrs = selected_pcrs();
    TPM2B_ATTEST* attest = nullptr;
    TPMT_SIGNATURE* signature = nullptr;
    session.must(::Esys_Quote(*session, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &fresh, &of_the_key, &pcrs, &attest, &signature), "does not sign its PCRs");
    const Answer<TPM2B_ATTEST> keep_attest(attest);
    const Answer<TPMT_SIGNATURE> keep_signature(signature);
    if (signature->sigAlg != TPM2_ALG_ECDSA || signature->signature.ecdsa.hash != TPM2_ALG_SHA256) malformed("the machine's TPM signed otherwise than by ECDSA over SHA-256", "TPM");
    out.attest.assign(attest->attestationData, attest->attestationData + attest->size);
    out.signature = der_of(signature->signature.ecdsa);
    return out;
  }

 private:
  TpmTransport m_transport;
};

}  // namespace

std::unique_ptr<Tpm> make_tpm(TpmTransport transport) { return std::make_unique<EsysTpm>(std::move(transport)); }

}  // namespace ceremony::hsm
