#include "ceremony/actions/zlint.h"

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>

#include "ceremony/ground/refused.h"
#include "tests/unit/media/temp_folder.h"
#include "tests/unit/shared/fate.h"

namespace ceremony::actions {
namespace {

using test::fate;

using Findings = std::vector<LintFinding>;
const std::vector<std::string> rfc{"RFC5280"};

Bytes file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

/// Certificates that openssl makes.
struct Maker {
  TempFolder folder;
  Bytes made(const std::string& name, const std::string& extensions) const {
    folder.runs("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out " + name +
                ".pem -days 30 -subj /C=DE/O=REHEARSAL/CN=" + name + " " + extensions + " && openssl x509 -in " + name +
                ".pem -outform DER -out " + name + ".der");
    return file(folder.path() / (name + ".der"));
  }
  [[nodiscard]] Bytes good() const { return made("good", "-addext keyUsage=critical,keyCertSign,cRLSign"); }
  /// RFC 5280, 4.2.1.9: pathLenConstraint only where keyCertSign is asserted.
  [[nodiscard]] Bytes bad() const {
    return made("bad", "-addext keyUsage=digitalSignature -addext basicConstraints=CA:true,pathlen:1");
  }
};

/// A program that stands where zlint should.
struct Impostor {
  TempFolder folder;
  ZlintOptions options;
  explicit Impostor(const std::string& script) {
    folder.put("zlint", as_view("#!/bin/sh\n" + script + "\n"));
    folder.runs("chmod +x zlint");
    options.search_path = folder.path().string();
    options.timeout = std::chrono::milliseconds(5000);
  }
  [[nodiscard]] std::string fate_of_lint() const {
    return fate([&] { (void)Zlint(options).lint({Bytes(10)}, rfc); });
  }
};

}  // namespace

TEST_CASE("zlint's findings come back for each certificate in order") {
  const Maker maker;
  const Bytes good = maker.good();
  const Bytes bad = maker.bad();
  Zlint zlint;
  CHECK(zlint.version().starts_with("zlint 3."));
  const auto found = zlint.lint({good, bad, good}, rfc);
  REQUIRE(found.size() == 3);
  CHECK(found[0].empty());
  CHECK(found[2].empty());
  std::map<std::string, LintLevel> levels;
  for (const auto& finding : found[1]) levels.emplace(finding.id, finding.level);
  CHECK(levels.at("e_path_len_constraint_improperly_included") == LintLevel::error);
  CHECK(levels.at("w_ext_key_usage_not_critical") == LintLevel::warn);
  CHECK(zlint.lint_one(bad, rfc) == found[1]);
  // PEM is the same certificate.
  CHECK(zlint.lint_one(file(maker.folder.path() / "bad.pem"), rfc) == found[1]);
  // A further source finds more.
  CHECK(zlint.lint_one(bad, {"RFC5280", "CABF_BR"}).size() > found[1].size());
  CHECK(zlint.lint({}, rfc).empty());
}

TEST_CASE("many certificates are more than one child's work, and stay in order") {
  const Maker maker;
  const Bytes good = maker.good();
  const Bytes bad = maker.bad();
  std::vector<Bytes> many(100, good);
  for (std::size_t i = 0; i < many.size(); i += 7) many[i] = bad;
  const auto found = Zlint().lint(many, rfc);
  REQUIRE(found.size() == many.size());
  for (std::size_t i = 0; i < many.size(); ++i) CHECK(found[i].empty() == (i % 7 != 0));
}

TEST_CASE("what is not a certificate, or a source that is none, is refused") {
  const Bytes good = Maker().good();
  Zlint zlint;
  CHECK(fate([&] { (void)zlint.lint({good, as_bytes("hello")}, rfc); }) == "lint/failed");
  CHECK(fate([&] { (void)zlint.lint({Bytes()}, rfc); }) == "lint/arguments");
  CHECK(fate([&] { (void)zlint.lint({Bytes(70000)}, rfc); }) == "lint/arguments");
  CHECK(fate([&] { (void)zlint.lint({as_bytes("-----BEGIN KEY-----\n-----END KEY-----\n")}, rfc); }) == "lint/arguments");
  CHECK(fate([&] { (void)zlint.lint({as_bytes("-----BEGIN CERTIFICATE-----\n!!")}, rfc); }) == "lint/arguments");
  CHECK(fate([&] { (void)zlint.lint({good}, {}); }) == "lint/arguments");
  CHECK(fate([&] { (void)zlint.lint({good}, {""}); }) == "lint/arguments");
  CHECK(fate([&] { (void)zlint.lint({good}, {"RFC5280,CABF_BR"}); }) == "lint/arguments");
  CHECK(fate([&] { (void)zlint.lint({good}, {"-x"}); }) == "lint/arguments");
  CHECK(fate([&] { (void)zlint.lint({good}, {"Nonsense"}); }) == "lint/failed");
}

TEST_CASE("an absent zlint is a refusal that says what to install") {
  ZlintOptions options;
  options.search_path = "/nonexistent";
  try {
    (void)Zlint(options).lint({Bytes(10)}, rfc);
    FAIL("linted");
  } catch (const Refused& refused) {
    CHECK(refused.is(LintRefusal::absent));
    CHECK(refused.findings().front().hint.find("package zlint") != std::string::npos);
  }
  options.program = "/nonexistent/zlint";
  CHECK(fate([&] { (void)Zlint(options).version(); }) == "lint/absent");
}

TEST_CASE("a linter that dies, hangs or babbles lets nothing pass") {
  const std::string fine = R"(echo '{"e_x":{"result":"pass"}}')";
  CHECK(Impostor(fine).fate_of_lint() == "done");
  CHECK(Impostor("exit 1").fate_of_lint() == "lint/failed");
  CHECK(Impostor("kill -9 $$").fate_of_lint() == "lint/failed");
  CHECK(Impostor(fine + "; exit 3").fate_of_lint() == "lint/failed");
  CHECK(Impostor("exit 0").fate_of_lint() == "lint/output");
  CHECK(Impostor("echo '{}'").fate_of_lint() == "lint/output");
  CHECK(Impostor(fine + ";" + fine).fate_of_lint() == "lint/output");
  CHECK(Impostor("exec cat /dev/zero").fate_of_lint() == "lint/output");
  CHECK(Impostor("exec cat /dev/zero >&2").fate_of_lint() == "lint/output");
  Impostor slow("exec sleep 60");
  slow.options.timeout = std::chrono::milliseconds(200);
  CHECK(slow.fate_of_lint() == "lint/timeout");
  Impostor lingering(fine + "; exec sleep 60 >/dev/null 2>&1");
  lingering.options.timeout = std::chrono::milliseconds(200);
  CHECK(lingering.fate_of_lint() == "lint/timeout");
}

TEST_CASE("the child gets a fixed environment, no input, and no descriptor of ours but the certificates") {
  const int ours = ::open("/etc/passwd", O_RDONLY);  // without O_CLOEXEC, as a careless library opens its files
  REQUIRE(ours >= 0);
  ::setenv("CEREMONY_TEST_CANARY", "seen", 1);
  const TempFolder folder;
  const std::string seen = (folder.path() / "seen").string();
  const Impostor spy("{ env | sort | cut -d= -f1; ls -l /proc/$$/fd; wc -c; } >" + seen + R"(; echo '{"e_x":{"result":"pass"}}')");
  CHECK(spy.fate_of_lint() == "done");
  ::close(ours);
  ::unsetenv("CEREMONY_TEST_CANARY");
  const std::string text = as_text(file(seen));
  INFO(text);
  CHECK(text.starts_with("HOME\nLC_ALL\nPATH\nPWD\nTZ\n"));
  CHECK(text.find("passwd") == std::string::npos);
  CHECK(text.find("memfd:certificate") != std::string::npos);
  CHECK(text.ends_with("\n0\n"));
}

TEST_CASE("zlint's answer is read strictly") {
  const auto parsed = [](std::string_view text) { return parse_zlint_output(text, 1).front(); };
  const auto refused = [](std::string_view text, std::size_t count = 1) {
    return fate([&] { (void)parse_zlint_output(text, count); }) == "lint/output";
  };
  CHECK(parsed(R"({"a":{"result":"pass"},"b":{"result":"NA"},"c":{"result":"NE"},"d":{"result":"info"}})" "\n").empty());
  CHECK(parsed(R"({"z":{"result":"warn","details":"so\nand\u001b[2J"},"f":{"result":"fatal"},"e":{"result":"error"}})" "\n") ==
        Findings{{"e", LintLevel::error, ""}, {"f", LintLevel::fatal, ""}, {"z", LintLevel::warn, "so and?[2J"}});
  CHECK(refused(""));
  CHECK(refused("{}\n"));
  CHECK(refused("[]\n"));
  CHECK(refused("\n"));
  CHECK(refused(R"({"a":{"result":"pass"}})"));
  CHECK(refused(R"({"a":{"result":"pass"})" "\n"));
  CHECK(refused(R"({"a":{"result":"good"}})" "\n"));
  CHECK(refused(R"({"a":{"result":1}})" "\n"));
  CHECK(refused(R"({"a":{}})" "\n"));
  CHECK(refused(R"({"a":"pass"})" "\n"));
  CHECK(refused("{\"a\":{\"result\":\"pass\"}}\n", 2));
  CHECK(refused("{\"a\":{\"result\":\"pass\"}}\n{\"a\":{\"result\":\"pass\"}}\n"));
}

}  // namespace ceremony::actions
