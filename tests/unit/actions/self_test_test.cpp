// The self-test broken in each way, one at a time and all at once.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "ceremony/actions/self_test.h"
#include "ceremony/shares/age.h"
#include "tests/unit/ledger/memory_env.h"

namespace ceremony::actions {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;

std::string meminfo(std::uint64_t kib) { return "MemTotal:        1000000 kB\nMemFree:            100 kB\nMemAvailable:  " + std::to_string(kib) + " kB\nBuffers:  0 kB\n"; }

/// A machine that is well, but for its kernel's randomness where `stuck` says what it gives.
class World final : public Env {
 public:
  World() {
    m_env.set_now(std::chrono::sys_days(std::chrono::year(2027) / 1 / 1));
    m_env.replace("/proc/meminfo", as_view(meminfo(500000)));
  }
  std::optional<std::uint8_t> stuck;
  testing::MemoryEnv& env() { return m_env; }

  Time now() override { return m_env.now(); }
  void random(std::span<std::uint8_t> out) override {
    if (stuck) std::ranges::fill(out, *stuck);
    else m_env.random(out);
  }
  bool exists(const Path& path) override { return m_env.exists(path); }
  Bytes read(const Path& path, std::size_t limit) override { return m_env.read(path, limit); }
  std::vector<std::string> list(const Path& folder) override { return m_env.list(folder); }
  void make_folder(const Path&) override { FAIL("the self-test writes nothing"); }
  void create(const Path&, View) override { FAIL("the self-test writes nothing"); }
  void append(const Path&, View) override { FAIL("the self-test writes nothing"); }
  void truncate(const Path&, std::size_t) override { FAIL("the self-test writes nothing"); }
  void rename(const Path&, const Path&) override { FAIL("the self-test writes nothing"); }
  void replace(const Path&, View) override { FAIL("the self-test writes nothing"); }
  void remove(const Path&) override { FAIL("the self-test writes nothing"); }

 private:
  testing::MemoryEnv m_env;
};

struct Desk {
  World world;
  EntropyPool rng{world};
  std::string said;
  Machine machine{.env = world, .rng = rng, .scrypt_bytes = 16 * mebibyte};
  Tested test() {
    return test_machine(machine, [&](std::string_view text) { said += std::string(text) + "\n"; });
  }
  /// The names of the tests that failed, each once.
  std::vector<std::string> failing() {
    std::vector<std::string> out;
    for (const auto& finding : test().failed) {
      constexpr std::string_view head = "the self-test \"";
      REQUIRE(finding.what.starts_with(head));
      CHECK(finding.hint.ends_with("nothing was touched"));
      const auto name = finding.what.substr(head.size(), finding.what.find('"', head.size()) - head.size());
      if (std::ranges::find(out, name) == out.end()) out.push_back(name);
    }
    return out;
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a machine that is well says ok of each test", "[selftest]") {
  Desk desk;
  const auto tested = desk.test();
  CHECK(tested.failed.empty());
  for (const auto* name : {"known-answers", "sha-256", "random", "slip-0039", "age", "p256", "p384", "clock", "memory"}) CHECK(tested.results.at(name) == "ok");
  // At a desk no file is compared, and it is said so rather than "ok".
  CHECK_FALSE(tested.results.contains("manifest"));
  CHECK(desk.said.find("manifest: not tested") != std::string::npos);
  CHECK(tested.results.at("algorithms") == "sha-1 sha-256 sha-384 sha-512 hmac hkdf pbkdf2 scrypt x25519 chacha20-poly1305 p256 p384 rsa slip-0039 age merkle");
}

TEST_CASE("a known answer with one character changed is found, each", "[selftest]") {
  CHECK(wrong_answers(known_answers()).empty());
  for (std::size_t n = 0; n < known_answers().size(); ++n) {
    std::vector<KnownAnswer> table(known_answers().begin(), known_answers().end());
    // The last character: of a signature, a bit of s; of a digest, of its last byte.
    std::string other(table[n].answer);
    other.back() = other.back() == '1' ? '2' : '1';
    table[n].answer = other;
    const auto wrong = wrong_answers(table);
    INFO(table[n].algorithm << ", " << table[n].source);
    REQUIRE(wrong.size() == 1);
    CHECK(wrong.front().what == "\"" + std::string(table[n].algorithm) + "\" does not give the published answer of " + std::string(table[n].source));
    Desk desk;
    desk.machine.answers = table;
    CHECK(desk.failing() == Names{"known-answers"});
    CHECK_FALSE(desk.test().results.contains("known-answers"));
  }
}

TEST_CASE("an algorithm that throws is a failure like any other", "[selftest]") {
  const KnownAnswer broken[] = {{"hmac", "nowhere", "00", [](std::string_view) -> bool { throw std::runtime_error("no such thing"); }}};
  const auto wrong = wrong_answers(broken);
  REQUIRE(wrong.size() == 1);
  CHECK(wrong.front().what == "\"hmac\" failed (no such thing) instead of giving the published answer of nowhere");
}

TEST_CASE("a random source that is stuck is found before anything is drawn from it", "[selftest]") {
  Desk desk;
  desk.world.stuck = 0x5a;
  // What needs randomness cannot be tested without it.
  CHECK(desk.failing() == Names{"random", "slip-0039", "age", "p256", "p384"});
  CHECK(desk.test().failed.front().what == "the self-test \"random\" failed: the kernel's random source gives one value 6 times in a row (repetition count test, SP 800-90B 4.4.1)");
}

TEST_CASE("a further source is tested, and mixed in once it is well", "[selftest]") {
  Desk desk;
  std::uint8_t value = 0;
  std::uint64_t state = 7;
  bool stuck = false;
  desk.machine.sources = {{"tpm", [&](std::span<std::uint8_t> out) {
    for (auto& byte : out) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      byte = stuck ? value : static_cast<std::uint8_t>(state >> 56U);
    }
  }}};
  CHECK(desk.test().results.at("tpm-random") == "ok");
  CHECK(desk.rng.sources() == "kernel, tpm 32 bytes");
  stuck = true;
  Desk other;
  other.machine.sources = desk.machine.sources;
  CHECK(other.failing() == Names{"tpm-random"});
  CHECK_FALSE(other.test().results.contains("tpm-random"));
  CHECK(other.rng.sources() == "kernel");
  other.machine.sources = {{"tpm", [](std::span<std::uint8_t>) { throw Refused(EnvRefusal::failed, "it does not answer", "tpm", "hint"); }}};
  CHECK(other.failing() == Names{"tpm-random"});
}

TEST_CASE("a clock that cannot be right is named with both times", "[selftest]") {
  Desk desk;
  const auto at = [&](int year) {
    desk.world.env().set_now(std::chrono::sys_days(std::chrono::year(year) / 6 / 1));
    const auto tested = desk.test();
    return tested.failed.empty() ? std::string() : tested.failed.front().what + " / " + tested.failed.front().hint;
  };
  CHECK(at(2027) == "");
  CHECK(at(2066) == "");
  CHECK(at(1970) == "the self-test \"clock\" failed: the clock says 1970-06-01T00:00:00Z, and this program was written after 2026-11-01T00:00:00Z / set the machine's clock right and run the same command again; nothing was touched");
  CHECK(at(2099).starts_with("the self-test \"clock\" failed: the clock says 2099-06-01T00:00:00Z, which is after 2066-"));
  desk.machine.last_record = std::chrono::sys_days(std::chrono::year(2030) / 1 / 1);
  CHECK(at(2029).starts_with("the self-test \"clock\" failed: the time goes back from 2030-01-01T00:00:00Z, that of the log's last record, to 2029-06-01T00:00:00Z"));
  CHECK(at(2030) == "");
}

TEST_CASE("too little memory is refused with what is there and what is needed", "[selftest]") {
  // 48 MiB stay free beside what scrypt takes.
  CHECK_FALSE(memory_fault(meminfo((16 + 48) * 1024), 16 * mebibyte));
  CHECK(memory_fault(meminfo((16 + 48) * 1024 - 1), 16 * mebibyte) == "63 MiB of memory are free, and 64 MiB are needed: 16 for scrypt under this policy, 48 for everything else");
  for (const auto* strange : {"", "MemAvailable: 5 kB\n", "\nMemAvailable:\n", "\nMemAvailable: x kB\n", "\nMemAvailable: 500000 MB\n", "\nMemAvailable: 99999999999999999999 kB\n", "\nMemAvailable: -1 kB\n"})
    CHECK(memory_fault(strange, 0) == "the kernel does not say how much memory is free");
  CHECK(shares::age_memory(18, 1) == 256 * mebibyte);
  CHECK(shares::age_memory(14, 5) % (16 * mebibyte) == 0);
  Desk desk;
  desk.world.env().replace("/proc/meminfo", as_view(meminfo(60000)));
  CHECK(desk.failing() == Names{"memory"});
  desk.world.env().remove("/proc/meminfo");
  CHECK(desk.failing() == Names{"memory"});
}

TEST_CASE("all that fails is said at once", "[selftest]") {
  Desk desk;
  desk.world.stuck = 0;
  desk.world.env().set_now({});
  desk.world.env().replace("/proc/meminfo", as_view(meminfo(1)));
  std::vector<KnownAnswer> table(known_answers().begin(), known_answers().end());
  table.front().answer = "00";
  desk.machine.answers = table;
  desk.machine.image = sha256("an image");
  CHECK(desk.failing() == Names{"known-answers", "random", "slip-0039", "age", "p256", "p384", "clock", "memory", "manifest"});
}

}  // namespace ceremony::actions
