#include "ceremony/actions/entropy.h"

#include <botan/kdf.h>

#include <algorithm>

#include "ceremony/actions/run.h"

namespace ceremony::actions {
namespace {

using Octets = Botan::secure_vector<std::uint8_t>;

constexpr std::size_t state_bytes = 32, piece = 4096;

Octets hkdf(const Octets& input, const std::string& info, std::size_t length) {
  return Botan::KDF::create_or_throw("HKDF(SHA-256)")->derive_key<Octets>(length, input, View{}, as_view(info));
}

}  // namespace

void EntropyPool::add(std::string_view source, std::span<const std::uint8_t> bytes, std::string_view unit) {
  if (bytes.empty()) return;
  Octets input = m_state;
  input.insert(input.end(), bytes.begin(), bytes.end());
  m_state = hkdf(input, "ceremony/entropy/v1 add " + std::string(source), state_bytes);
  const auto known = std::ranges::find(m_given, source, &Given::source);
  if (known != m_given.end()) known->count += bytes.size();
  else m_given.push_back({std::string(source), std::string(unit), bytes.size()});
}

std::string EntropyPool::sources() const {
  std::string out = "kernel";
  for (const auto& given : m_given) out += ", " + given.source + " " + std::to_string(given.count) + " " + given.unit;
  return out;
}

bool EntropyPool::has(std::string_view source) const { return std::ranges::find(m_given, source, &Given::source) != m_given.end(); }

void EntropyPool::fill_bytes_with_input(std::span<std::uint8_t> out, std::span<const std::uint8_t>) {
  while (!out.empty()) {
    const auto now = std::min(out.size(), piece);
    draw(out.first(now));
    out = out.subspan(now);
  }
}

void EntropyPool::draw(std::span<std::uint8_t> out) {
  Octets input(std::max(out.size(), state_bytes));
  m_env.random(input);
  if (!m_kernel.takes(input))
    throw Refused(ActionRefusal::incomplete, "the kernel's random source repeats itself (repetition count test, SP 800-90B 4.4.1)", "random source",
                  "do not use this machine any longer; what it drew before is mixed with the other sources, and is to be looked at by the security officer");
  input.insert(input.end(), m_state.begin(), m_state.end());
  const Octets drawn = hkdf(input, "ceremony/entropy/v1 draw", state_bytes + out.size());
  std::copy_n(drawn.begin(), state_bytes, m_state.begin());
  std::copy(drawn.begin() + state_bytes, drawn.end(), out.begin());
}

}  // namespace ceremony::actions
