#include "ceremony/actions/self_test.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>

#include "ceremony/actions/action.h"
#include "ceremony/actions/image_manifest.h"
#include "ceremony/pki/agreement.h"
#include "ceremony/pki/lint.h"
#include "ceremony/shares/age.h"

namespace ceremony::actions {
namespace {

constexpr std::string_view another_machine = "do not use this machine; nothing was touched";

using Said = std::function<void(std::string_view)>;

/// One test after the other; whatever one of them throws is its failure.
class Tests final {
 public:
  explicit Tests(Tested& out) : m_out(out) {}
  /// `work`: what is wrong, or nothing.
  void test(const std::string& name, const std::function<std::optional<std::string>()>& work, std::string_view hint = another_machine) {
    std::optional<std::string> fault;
    try {
      fault = work();
    } catch (const Refused& refusal) {
      fault = refusal.findings().front().what;
    } catch (const std::exception& error) {
      fault = error.what();
    }
    if (!fault) m_out.results[name] = "ok";
    else fail(name, *fault, hint);
  }
  void fail(const std::string& name, const std::string& fault, std::string_view hint = another_machine) {
    m_out.failed.push_back({"the self-test \"" + name + "\" failed: " + fault, "self-test", std::string(hint)});
  }

 private:
  Tested& m_out;
};

std::optional<std::string> unless(bool good, const char* fault) { return good ? std::nullopt : std::optional<std::string>(fault); }

/// Fresh values there and back, beside the published ones.
void test_pairs(Tests& tests, EntropyPool& rng) {
  tests.test("slip-0039", [&] {
    const MasterSecret secret(rng.random_vec(32));
    auto words = shares::split(secret, 2, 3, rng);
    words.pop_back();
    return unless(shares::combine(words).same(secret), "two of three fresh shares do not give their secret");
  });
  tests.test("age", [&] {
    const auto plain = rng.random_vec(32);
    const auto identity = shares::AgeIdentity::generate(rng);
    const std::array<std::string, 1> to{identity.recipient()};
    const std::array<shares::AgeIdentity, 1> with{identity.duplicate()};
    const auto file = shares::age_encrypt_to(plain, to, rng);
    constexpr std::string_view head = "age-encryption.org/v1\n-> X25519 ";
    const bool formed = as_text(View(file).first(std::min(file.size(), head.size()))) == head;
    return unless(formed && std::ranges::equal(shares::age_decrypt_identity(file, with).reveal(), plain), "a fresh file does not open again, or has not the form of one");
  });
  for (const auto* const algorithm : {"p256", "p384"})
    tests.test(algorithm, [&]() -> std::optional<std::string> {
      const pki::ThrowawayKey key(algorithm, rng);
      const auto scheme = pki::scheme_for(algorithm);
      pki::verify_by_both(key.info().spki.view(), as_view("abc"), key.sign(as_view("abc"), scheme, rng), scheme);
      return std::nullopt;
    });
}

void test_known_answers(Tests& tests, const Machine& machine, Tested& out) {
  const auto wrong = wrong_answers(machine.answers);
  for (const auto& finding : wrong) tests.fail("known-answers", finding.what);
  tests.test("sha-256", [] { return unless(hex(sha256("abc")).starts_with("ba7816bf8f01cfea"), "it does not give the published digest of \"abc\""); });
  if (!wrong.empty()) return;
  out.results["known-answers"] = "ok";
  std::string listed;
  for (const auto name : algorithms_of(machine.answers)) listed += (listed.empty() ? "" : " ") + std::string(name);
  out.results["algorithms"] = listed;
}

void copy_wiping(Bytes from, std::span<std::uint8_t> to) {
  std::ranges::copy(from, to.begin());
  Botan::secure_scrub_memory(from.data(), from.size());
}

void test_random(Tests& tests, const Machine& machine) {
  tests.test("random", [&]() -> std::optional<std::string> {
    if (auto fault = start_up_fault({"kernel", [&](std::span<std::uint8_t> bytes) { machine.env.random(bytes); }})) return "the kernel's random source " + *fault;
    std::array<std::uint8_t, 32> first{}, second{};
    machine.env.random(first);
    machine.env.random(second);
    return unless(first != second, "the kernel's random source gave the same 32 bytes twice");
  });
  for (const auto& source : machine.sources)
    tests.test(source.name + "-random", [&]() -> std::optional<std::string> {
      if (auto fault = start_up_fault(source)) return "the random source of the " + source.name + " " + *fault;
      Botan::secure_vector<std::uint8_t> bytes(32);
      source.fill(bytes);
      machine.rng.add(source.name, bytes);
      return std::nullopt;
    });
}

void test_image(Tests& tests, const Machine& machine, Tested& out, const Said& progress) {
  if (!machine.image) return progress("manifest: not tested, this machine was not started from a boot image");
  const auto faults = image_faults(machine.env, machine.system, *machine.image, progress);
  if (faults.empty()) out.results["manifest"] = "ok";
  for (const auto& fault : faults) tests.fail("manifest", fault);
}

/// The most that scrypt takes at one time under this policy: all recovery shares are sealed together.
std::uint64_t scrypt_bytes_of(const policy::Policy& policy) {
  const auto files = policy.recovery_as_words ? std::size_t{1} : policy.quorum(policy::QuorumName::recovery).n();
  return shares::age_memory(static_cast<unsigned>(policy.scrypt_log_n), files);
}

std::uint64_t mib(std::uint64_t bytes) { return (bytes + (1U << 20U) - 1) >> 20U; }

}  // namespace

std::optional<std::string> clock_fault(Time now, Time last_record) {
  if (now < last_record) return "the time goes back from " + text_of(last_record) + ", that of the log's last record, to " + text_of(now);
  if (now < earliest_time) return "the clock says " + text_of(now) + ", and this program was written after " + text_of(earliest_time);
  if (now > latest_time) return "the clock says " + text_of(now) + ", which is after " + text_of(latest_time);
  return std::nullopt;
}

std::optional<std::string> memory_fault(std::string_view meminfo, std::uint64_t scrypt_bytes) {
  constexpr std::string_view name = "\nMemAvailable:";
  const auto at = meminfo.find(name);
  std::uint64_t kib = 0;
  if (at != std::string_view::npos) {
    auto value = meminfo.substr(at + name.size());
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), kib);
    if (error != std::errc() || kib > (std::uint64_t{1} << 40U) || !std::string_view(end, value.data() + value.size()).starts_with(" kB\n")) kib = 0;
  }
  if (kib == 0) return "the kernel does not say how much memory is free";
  const auto needed = scrypt_bytes + memory_reserve;
  if (kib << 10U >= needed) return std::nullopt;
  return std::format("{} MiB of memory are free, and {} MiB are needed: {} for scrypt under this policy, {} for everything else", kib >> 10U, mib(needed), mib(scrypt_bytes), mib(memory_reserve));
}

Tested test_machine(const Machine& machine, const Said& progress) {
  Tested out;
  Tests tests(out);
  test_known_answers(tests, machine, out);
  test_random(tests, machine);
  test_pairs(tests, machine.rng);
  tests.test("clock", [&] { return clock_fault(machine.env.now(), machine.last_record); }, "set the machine's clock right and run the same command again; nothing was touched");
  tests.test("memory", [&] { return memory_fault(as_text(machine.env.read("/proc/meminfo", 65536)), machine.scrypt_bytes); }, "use a machine with more memory; nothing was touched");
  test_image(tests, machine, out, progress);
  return out;
}

void self_test(Run& run) {
  const Said progress = [&](std::string_view text) { run.w.op.progress(text); };
  std::vector<RandomSource> sources;
  if (auto* const tpm = run.w.tpm) sources.push_back({"tpm", [tpm](std::span<std::uint8_t> bytes) { copy_wiping(tpm->random(bytes.size()), bytes); }});
  auto tested = test_machine({run.w.env, run.rng, std::move(sources), digest_from_hex(run.w.image), run.w.system, run.state().last_time, scrypt_bytes_of(run.w.policy)}, progress);
  for (const auto& [test, result] : tested.results)
    if (test != "algorithms") progress(test + ": " + result);  // which they are is on the record; a line must fit the screen
  if (!tested.failed.empty()) throw Refused(ActionRefusal::incomplete, std::move(tested.failed));
  run.selftest = std::move(tested.results);
  // For people to read, not verdicts.
  const auto module = run.w.hsm.info();
  const std::map<std::string, std::string> seen{{"linter", run.w.lint.version()}, {"module", module.description + " " + module.version}, {"ledgers", std::to_string(run.journal().working().size())}};
  for (const auto& [name, text] : seen) progress(name + ": " + text);
  run.selftest.insert(seen.begin(), seen.end());
  progress("the self-test passed");
}

void test_token_source(Run& run, hsm::Token& token, bool on_record) {
  const auto serial = token.identity().serial;
  if (run.tokens_tested.contains(serial)) return;
  const auto work = [&] {
    const auto fault = start_up_fault({"token", [&](std::span<std::uint8_t> bytes) { copy_wiping(token.random(bytes.size()), bytes); }});
    if (fault)
      throw Refused(ActionRefusal::incomplete, "the self-test \"token-random\" failed: the random source of the token " + serial + " " + *fault, "token",
                    "do not use this token; nothing was made of its randomness. Abort, and begin again with another one");
  };
  if (on_record) run.attempt("selftest", {}, {{"results", ledger::Value{{"token-random", "failed"}, {"token", serial}}}}, "token", work);
  else work();
  mix_token(run, token);
  run.tokens_tested.insert(serial);
  if (on_record) run.record("selftest", {}, {{"results", ledger::Value{{"token-random", "ok"}, {"token", serial}}}});
}

void mix_token(Run& run, hsm::Token& token) {
  Bytes bytes = token.random(32);
  run.rng.add("token", bytes);
  Botan::secure_scrub_memory(bytes.data(), bytes.size());
}

}  // namespace ceremony::actions
