// Foreign programs (openssl, zlint) for the tests: a temporary folder, commands in it, and a small CA whose key is a
// software key.
#pragma once

#include <botan/system_rng.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "ceremony/pki/agreement.h"
#include "ceremony/pki/certificate.h"
#include "ceremony/pki/crl.h"
#include "ceremony/pki/csr.h"
#include "ceremony/pki/lint.h"
#include "ceremony/pki/pem.h"
#include "ceremony/pki/profile.h"
#include "ceremony/pki/verified.h"

namespace pki_test {

using namespace ceremony;       // a test's vocabulary
using namespace ceremony::pki;  // NOLINT

inline Botan::RandomNumberGenerator& rng() { return Botan::system_rng(); }

struct Ran {
  int code;
  std::string output;
};

class Folder final {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "pki-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    m_path = name;
  }
  ~Folder() { std::filesystem::remove_all(m_path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, View bytes) const {
    std::ofstream(m_path / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  void write(const std::string& name, std::string_view text) const { write(name, as_view(text)); }
  [[nodiscard]] Bytes read(const std::string& name) const {
    std::ifstream file(m_path / name, std::ios::binary);
    REQUIRE(file);
    return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  /// Standard output and error together.
  [[nodiscard]] Ran run(const std::string& command) const {
    const std::string all = std::format("cd '{}' && ( {} ) >.out 2>&1", m_path.string(), command);
    const int status = std::system(all.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, as_text(read(".out"))};
  }
  void must(const std::string& command) const {
    const Ran ran = run(command);
    INFO(command << "\n" << ran.output);
    REQUIRE(ran.code == 0);
  }

 private:
  std::filesystem::path m_path;
};

inline std::string profile_text(const std::string& id) {
  std::ifstream file(std::filesystem::path(CEREMONY_SOURCE) / "procedures/profiles" / (id + ".toml"));
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
inline Profile profile(const std::string& id) { return read_profile(id + ".toml", profile_text(id)); }

inline Time at(const char* text) { return *time_from_text(text); }
inline const Time now = at("2026-11-22T12:00:00Z");

inline CertificatePlan root_plan(const Profile& profile, const ThrowawayKey& key,
                                 const std::string& name = "CN=Test Root, O=Example, C=DE") {
  const Name subject = parse_name(name);
  return {&profile,
          subject,
          key.info().spki,
          subject,
          key.info().skid,
          make_serial(rng()),
          now,
          not_after_for(now, profile.max_days),
          scheme_for(key.info().algorithm)};
}

inline CertificatePlan issuing_plan(const Profile& profile, const PublicKeyInfo& key, const CertificateView& issuer,
                                    const std::string& name = "CN=Test Issuing, O=Example, C=DE") {
  return {&profile,
          parse_name(name),
          key.spki,
          issuer.subject,
          issuer.skid,
          make_serial(rng()),
          now,
          not_after_for(now, 3650),
          scheme_for(issuer.key.algorithm)};
}

inline VerifiedCertificate certify(const CertificatePlan& plan, const ThrowawayKey& issuer,
                                   const CertificateView* issuer_view) {
  const LintContext context{plan.profile, issuer_view, false, now};
  const LintedCertificate linted = lint_certificate(build_tbs(plan), context, issuer, rng(), nullptr);
  return verify_signed(linted, issuer.info().spki, issuer.sign(linted.tbs().view(), linted.scheme(), rng()));
}

/// A P-384 root, and the P-256 key of an intermediate, under the generic profiles.
struct SmallCa {
  Profile root_profile = profile("root-generic");
  Profile issuing_profile = profile("issuing-generic");
  ThrowawayKey root_key{"p384", rng()};
  ThrowawayKey key{"p256", rng()};
  VerifiedCertificate root = certify(root_plan(root_profile, root_key), root_key, nullptr);

  [[nodiscard]] VerifiedCertificate issuing(const std::string& name = "CN=Test Issuing, O=Example, C=DE") const {
    return certify(issuing_plan(issuing_profile, key.info(), root.view(), name), root_key, &root.view());
  }
};

template <typename E>
void refuses(E code, const std::string& word, auto&& act) {
  try {
    act();
    FAIL("was not refused: " << word);
  } catch (const Refused& refused) {
    INFO(refused.what());
    CHECK(refused.is(code));
    CHECK_THAT(refused.what(), Catch::Matchers::ContainsSubstring(word));
    CHECK_THAT(refused.what(), Catch::Matchers::ContainsSubstring("hint: "));
  }
}

}  // namespace pki_test
