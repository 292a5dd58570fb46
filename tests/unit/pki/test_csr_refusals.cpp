// Certification requests that are not taken: the exact text people read.
#include "foreign.h"

#include "edit.h"
#include "tests/unit/shared/refusal_table.h"

using namespace pki_test;

namespace {

const Profile& issuing() {
  static const Profile read = profile("issuing-generic");
  return read;
}

Bytes corpus(const std::string& name) {
  std::ifstream file(std::filesystem::path(CEREMONY_SOURCE) / "tests/fuzz/corpus/csr" / name, std::ios::binary);
  REQUIRE(file);
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

using Act = std::function<void()>;
Act takes(Bytes bytes) {
  return [bytes = std::move(bytes)] { (void)take_csr(bytes, issuing()); };
}
Act takes(const std::string& text) { return takes(as_bytes(text)); }

/// A request that openssl makes anew.
Act made(const std::string& arguments) {
  return [arguments] {
    const Folder folder;
    const std::string subject = arguments.contains("-subj") ? "" : " -subj '/C=DE/O=Factory/CN=Line 1'";
    folder.must("openssl req -new " + arguments + " -noenc -keyout k.pem" + subject + " -out r");
    (void)take_csr(folder.read("r"), issuing());
  };
}

std::string without(std::string text, std::string_view part) {
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.erase(at, part.size());
}

/// The request's elements changed; its signature is not made again.
Bytes edited(const Bytes& csr, const std::function<void(Elements&)>& change, bool body = false) {
  Elements outer = elements_of(der::one(csr, "test").content);
  if (body) {
    Elements inner = elements_of(der::one(outer[0], "test").content);
    change(inner);
    outer[0] = der::wrap(der::sequence, joined(inner));
  } else {
    change(outer);
  }
  return der::wrap(der::sequence, joined(outer));
}

}  // namespace

TEST_CASE("every bad certification request is refused with the text of the table") {
  const ceremony::test::RefusalTable table("certification requests", "pki/csr.refusals");
  const Bytes good = corpus("p256.der");
  REQUIRE_NOTHROW((void)take_csr(good, issuing()));
  const std::string one = pem("CERTIFICATE REQUEST", good);
  const auto flipped = [](Bytes bytes, std::size_t from_end) {
    bytes[bytes.size() - from_end] ^= 1U;
    return bytes;
  };
  const auto spelled = [&](std::string_view from, std::string_view to) {
    Bytes bytes = good;
    const auto at = std::ranges::search(bytes, as_view(from)).begin();
    REQUIRE(at != bytes.end());
    std::ranges::copy(as_view(to), at);
    return bytes;
  };
  Bytes longer = good;
  longer.push_back(0);
  const std::string body = one.substr(one.find('\n') + 1, 64);
  std::string letter = one;
  letter[one.find('\n') + 11] = '*';
  const Bytes off_curve = edited(good, [](Elements& body_elements) { body_elements[2].back() ^= 1U; }, true);
  const Bytes version = edited(good, [](Elements& body_elements) { body_elements[0].back() = 2; }, true);
  table.check_acts({
      {"empty", takes(Bytes())},
      {"larger than any request", takes(Bytes(csr_limit + 1, 0x30))},
      {"a text", takes(std::string("please sign my key\n"))},
      {"a picture", takes(std::string("\x89PNG\r\n\x1a\n", 8))},
      {"a certificate", takes(pem("CERTIFICATE", good))},
      {"a public key", takes(pem("PUBLIC KEY", good))},
      {"a private key", takes(pem("PRIVATE KEY", good))},
      {"an encrypted private key", takes(pem("ENCRYPTED PRIVATE KEY", good))},
      {"two requests", takes(one + one)},
      {"text before the block", takes("Certificate Request:\n    Data:\n" + one)},
      {"text after the block", takes(one + "Best regards\n")},
      {"the end line missing", takes(without(one, "-----END CERTIFICATE REQUEST-----\n"))},
      {"a line of the block missing its end", takes(without(one, body.substr(60)))},
      {"a letter that is not base64", takes(letter)},
      {"a mailer's mark before each line", takes("> " + one)},
      {"cut short", takes(Bytes(good.begin(), good.end() - 1))},
      {"a byte too many", takes(longer)},
      {"an empty sequence", takes(Bytes{0x30, 0x00})},
      {"an indefinite length", takes(Bytes{0x30, 0x80, 0x00, 0x00})},
      {"a length larger than the file", takes(Bytes{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})},
      {"a length in a long form", takes(Bytes{0x30, 0x81, 0x02, 0x05, 0x00})},
      {"another version", takes(version)},
      {"the signature changed", takes(flipped(good, 1))},
      {"the name changed under the old signature", takes(spelled("Factory", "Faktory"))},
      {"a point that is not on the curve", takes(off_curve)},
      {"a name that is not UTF-8", takes(spelled("Factory", "Fact\xffry"))},
      {"no organisation", made("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj '/CN=x'")},
      {"no name at all", made("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /")},
      {"RSA of 2048 bits", made("-newkey rsa:2048")},
      {"RSA with exponent 3", made("-newkey rsa:3072 -pkeyopt rsa_keygen_pubexp:3")},
      {"P-521", made("-newkey ec -pkeyopt ec_paramgen_curve:P-521")},
      {"secp256k1", made("-newkey ec -pkeyopt ec_paramgen_curve:secp256k1")},
      {"a curve given by its numbers", made("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit")},
      {"Ed25519", made("-newkey ed25519")},
      {"SHA-1", made("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha1")},
      {"a kind of key the profile does not take",
       [] { (void)take_csr(corpus("rsa.der"), profile("issuing-matter-pai")); }},
  });
  table.print_count();
}
