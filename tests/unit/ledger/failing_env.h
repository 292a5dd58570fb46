// An Env that breaks where a test wants it to: the n-th call fails, everything below one folder fails, or the power is
// cut at the n-th effect. After a power cut nothing works any more, and what it throws is no Refused, so that no code
// under test can take it for a medium's fault.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>

#include "ceremony/ground/env.h"
#include "ceremony/ground/refused.h"

namespace ceremony::testing {

struct PowerCut {};

enum class Cut {
  before,  ///< the effect did not happen
  half,    ///< half the bytes of an append are there; other effects did not happen
  after,   ///< the effect happened, the caller did not hear of it
};

class FailingEnv final : public Env {
 public:
  explicit FailingEnv(Env& inner) : m_inner(inner) {}

  /// The n-th call from now (from 1; reads count) throws EnvRefusal::failed, once. Calls that only ask `exists` count.
  void fail_at(std::size_t n) { m_fail_at = m_calls + n; }
  /// Everything below this folder fails from now on; nothing does with an empty path.
  void fail_below(const Path& folder) { m_failing = folder; }
  /// The power goes at the n-th effect from now (from 1); reads and questions are no effects.
  void cut_power_at(std::size_t nth_effect, Cut cut) {
    m_cut_at = m_effects + nth_effect;
    m_cut = cut;
  }
  [[nodiscard]] std::size_t calls() const { return m_calls; }      ///< all so far
  [[nodiscard]] std::size_t effects() const { return m_effects; }  ///< those that write
  [[nodiscard]] bool is_cut() const { return m_is_cut; }

  Time now() override { return m_inner.now(); }
  void random(std::span<std::uint8_t> out) override { look("random"); m_inner.random(out); }
  bool exists(const Path& path) override { look(path); return m_inner.exists(path); }
  Bytes read(const Path& path, std::size_t limit) override { look(path); return m_inner.read(path, limit); }
  std::vector<std::string> list(const Path& folder) override { look(folder); return m_inner.list(folder); }
  void make_folder(const Path& folder) override { effect(folder, [&] { m_inner.make_folder(folder); }); }
  void create(const Path& path, View bytes) override { effect(path, [&] { m_inner.create(path, bytes); }); }
  void append(const Path& path, View bytes) override {
    effect(path, [&] { m_inner.append(path, bytes); }, [&] { m_inner.append(path, bytes.first(bytes.size() / 2)); });
  }
  void truncate(const Path& path, std::size_t size) override { effect(path, [&] { m_inner.truncate(path, size); }); }
  void rename(const Path& from, const Path& to) override { effect(to, [&] { m_inner.rename(from, to); }); }
  void replace(const Path& path, View bytes) override { effect(path, [&] { m_inner.replace(path, bytes); }); }
  void remove(const Path& path) override { effect(path, [&] { m_inner.remove(path); }); }

 private:
  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

  [[noreturn]] static void fail(const Path& path) {
    throw Refused(EnvRefusal::failed, "the test made this call fail", path.string(), "this is a test");
  }
  /// Counts the call; true if it is to fail.
  bool fails(const Path& path) {
    if (m_is_cut) throw PowerCut{};
    const std::string below = m_failing.string() + "/";
    return ++m_calls == m_fail_at || (!m_failing.empty() && (path == m_failing || path.string().starts_with(below)));
  }
  void look(const Path& path) {
    if (fails(path)) fail(path);
  }
  template <typename Whole>
  void effect(const Path& path, Whole whole) { effect(path, whole, [] {}); }
  template <typename Whole, typename Half>
  void effect(const Path& path, Whole whole, Half half) {
    if (fails(path)) {
      half();  // the worst a failing medium does
      fail(path);
    }
    if (++m_effects == m_cut_at) {
      m_is_cut = true;
      if (m_cut == Cut::half) half();
      if (m_cut == Cut::after) whole();
      throw PowerCut{};
    }
    whole();
  }

  Env& m_inner;
  std::size_t m_calls = 0;
  std::size_t m_effects = 0;
  std::size_t m_fail_at = never;
  std::size_t m_cut_at = never;
  Cut m_cut = Cut::before;
  bool m_is_cut = false;
  Path m_failing;
};

}  // namespace ceremony::testing
