// Where all randomness of a run comes from: secrets, shares, keys of people, passphrases, PINs, serials, salts. The kernel's, mixed
// with whatever other sources gave (a TPM, the token, dice) so that any one of them suffices.
//
// S is 32 bytes, zero at first, in locked and wiping memory; HKDF is RFC 5869 with SHA-256 and no salt.
//   add(source, bytes):  S = HKDF(S ‖ bytes, info "ceremony/entropy/v1 add SOURCE", 32)
//   n bytes:             T = HKDF(K ‖ S, info "ceremony/entropy/v1 draw", 32 + n), K: max(n, 32) fresh bytes of the kernel;
//                        S = the first 32 of T, what is drawn is the rest. More than 4096 bytes are drawn in pieces.
// So each draw holds as many fresh bytes of the kernel as if it were drawn there, what was drawn before cannot be computed from S, and
// a kernel that is known to somebody gives nothing away as long as one other source does not.
//
// Every byte of the kernel goes through the repetition count test; Refused{ActionRefusal::incomplete} where it fails, and for
// ever after. Documented for others in ceremony/shares/FORMAT.md.
#pragma once

#include <botan/rng.h>
#include <botan/secmem.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/actions/random_health.h"
#include "ceremony/ground/env.h"

namespace ceremony::actions {

class EntropyPool final : public Botan::RandomNumberGenerator {
 public:
  explicit EntropyPool(Env& env) : m_env(env), m_state(32) {}
  /// What a source gave, counted in `unit` ("bytes", "rolls"); the caller wipes it. No bytes are no source.
  void add(std::string_view source, std::span<const std::uint8_t> bytes, std::string_view unit = "bytes");
  /// For the record: "kernel, token 64 bytes, dice 99 rolls".
  [[nodiscard]] std::string sources() const;
  [[nodiscard]] bool has(std::string_view source) const;

  [[nodiscard]] std::string name() const override { return "Entropy"; }
  [[nodiscard]] bool is_seeded() const override { return true; }
  [[nodiscard]] bool accepts_input() const override { return false; }
  void clear() override {}

 protected:
  void fill_bytes_with_input(std::span<std::uint8_t> out, std::span<const std::uint8_t> in) override;

 private:
  struct Given {
    std::string source, unit;
    std::size_t count;
  };
  void draw(std::span<std::uint8_t> out);

  Env& m_env;
  Botan::secure_vector<std::uint8_t> m_state;
  RepetitionCount m_kernel;
  std::vector<Given> m_given;
};

}  // namespace ceremony::actions
