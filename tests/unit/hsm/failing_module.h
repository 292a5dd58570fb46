// A module, its tokens and its keys that do their work until the n-th call, and refuse that one: before the effect,
// as a token pulled out, or after it, as a power cut that loses the answer. For the tests that fail a ceremony at
// every call.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "hsm/token.h"

namespace ceremony::hsm {

/// Shared by everything made from one FailingModule; counts every call that could reach a device. From 1; 0 never
/// fails.
class FailAt final {
 public:
  enum class When { before_effect, after_effect };
  explicit FailAt(std::size_t call = 0, When when = When::before_effect) : m_at(call), m_when(when) {}

  [[nodiscard]] std::size_t calls() const { return m_calls; }
  [[nodiscard]] bool failed() const { return m_at != 0 && m_calls >= m_at; }

  template <typename Call>
  auto through(Call&& call) {
    const bool now = ++m_calls == m_at;
    if (now && m_when == When::before_effect) fail();
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      if (now) fail();
    } else {
      auto result = call();
      if (now) fail();
      return result;
    }
  }

 private:
  [[noreturn]] void fail() const {
    throw Refused(HsmRefusal::device_error, "the test fails call " + std::to_string(m_at), "failing token", "none");
  }
  std::size_t m_at;
  When m_when;
  std::size_t m_calls = 0;
};

class FailingKey final : public Key {
 public:
  FailingKey(std::unique_ptr<Key> inner, std::shared_ptr<FailAt> plan)
      : m_inner(std::move(inner)), m_plan(std::move(plan)) {}
  [[nodiscard]] Bytes id() const override { return m_inner->id(); }
  [[nodiscard]] std::string label() const override { return m_inner->label(); }
  [[nodiscard]] KeyAlgorithm algorithm() const override { return m_inner->algorithm(); }
  [[nodiscard]] Bytes spki() const override { return m_inner->spki(); }
  [[nodiscard]] ObjectInfo attributes() override {
    return m_plan->through([&] { return m_inner->attributes(); });
  }
  [[nodiscard]] Bytes sign(View message, SignatureScheme scheme) override {
    return m_plan->through([&] { return m_inner->sign(message, scheme); });
  }

 private:
  std::unique_ptr<Key> m_inner;
  std::shared_ptr<FailAt> m_plan;
};

class FailingToken final : public Token {
 public:
  FailingToken(std::unique_ptr<Token> inner, std::shared_ptr<FailAt> plan)
      : m_inner(std::move(inner)), m_plan(std::move(plan)) {}
  [[nodiscard]] TokenIdentity identity() override {
    return m_plan->through([&] { return m_inner->identity(); });
  }
  [[nodiscard]] std::vector<Mechanism> mechanisms() override {
    return m_plan->through([&] { return m_inner->mechanisms(); });
  }
  [[nodiscard]] PinStates pin_state() override {
    return m_plan->through([&] { return m_inner->pin_state(); });
  }
  void initialise(const Pin& so, std::string_view label) override {
    m_plan->through([&] { m_inner->initialise(so, label); });
  }
  void erase(const Pin& so, std::string_view label) override {
    m_plan->through([&] { m_inner->erase(so, label); });
  }
  void set_so_pin(const Pin& current, const Pin& fresh) override {
    m_plan->through([&] { m_inner->set_so_pin(current, fresh); });
  }
  void init_user_pin(const Pin& so, const Pin& user) override {
    m_plan->through([&] { m_inner->init_user_pin(so, user); });
  }
  [[nodiscard]] bool refuses_so_pin(const Pin& pin) override {
    return m_plan->through([&] { return m_inner->refuses_so_pin(pin); });
  }
  void login(const Pin& user) override {
    m_plan->through([&] { m_inner->login(user); });
  }
  void logout() override {
    m_plan->through([&] { m_inner->logout(); });
  }
  [[nodiscard]] bool logged_in() override {
    return m_plan->through([&] { return m_inner->logged_in(); });
  }
  [[nodiscard]] Bytes random(std::size_t count) override {
    return m_plan->through([&] { return m_inner->random(count); });
  }
  [[nodiscard]] std::vector<ObjectInfo> objects() override {
    return m_plan->through([&] { return m_inner->objects(); });
  }
  [[nodiscard]] std::unique_ptr<Key> generate_key(const KeyPlan& plan) override {
    return wrapped([&] { return m_inner->generate_key(plan); });
  }
  [[nodiscard]] std::unique_ptr<Key> find(std::string_view label) override {
    return wrapped([&] { return m_inner->find(label); });
  }
  [[nodiscard]] std::unique_ptr<Key> find_by_id(View id) override {
    return wrapped([&] { return m_inner->find_by_id(id); });
  }
  [[nodiscard]] Bytes wrap(View id, const Kek& kek) override {
    return m_plan->through([&] { return m_inner->wrap(id, kek); });
  }
  [[nodiscard]] std::unique_ptr<Key> unwrap(View blob, const Kek& kek, const KeyPlan& plan, View spki) override {
    return wrapped([&] { return m_inner->unwrap(blob, kek, plan, spki); });
  }
  void lock(View id) override {
    m_plan->through([&] { m_inner->lock(id); });
  }
  void destroy(View id) override {
    m_plan->through([&] { m_inner->destroy(id); });
  }
  void put_data(std::string_view label, View value) override {
    m_plan->through([&] { m_inner->put_data(label, value); });
  }
  [[nodiscard]] Bytes get_data(std::string_view label) override {
    return m_plan->through([&] { return m_inner->get_data(label); });
  }
  [[nodiscard]] std::vector<std::string> data_labels() override {
    return m_plan->through([&] { return m_inner->data_labels(); });
  }
  void remove_data(std::string_view label) override {
    m_plan->through([&] { m_inner->remove_data(label); });
  }

 private:
  template <typename Call>
  std::unique_ptr<Key> wrapped(Call&& call) {
    return std::make_unique<FailingKey>(m_plan->through(call), m_plan);
  }
  std::unique_ptr<Token> m_inner;
  std::shared_ptr<FailAt> m_plan;
};

class FailingModule final : public Module {
 public:
  FailingModule(std::unique_ptr<Module> inner, std::shared_ptr<FailAt> plan)
      : m_inner(std::move(inner)), m_plan(std::move(plan)) {}
  [[nodiscard]] ModuleInfo info() override {
    return m_plan->through([&] { return m_inner->info(); });
  }
  [[nodiscard]] std::vector<TokenIdentity> tokens() override {
    return m_plan->through([&] { return m_inner->tokens(); });
  }
  [[nodiscard]] std::unique_ptr<Token> by_serial(std::string_view serial) override {
    return wrapped([&] { return m_inner->by_serial(serial); });
  }
  [[nodiscard]] std::unique_ptr<Token> by_label(std::string_view label) override {
    return wrapped([&] { return m_inner->by_label(label); });
  }
  [[nodiscard]] std::unique_ptr<Token> blank() override {
    return wrapped([&] { return m_inner->blank(); });
  }

 private:
  template <typename Call>
  std::unique_ptr<Token> wrapped(Call&& call) {
    return std::make_unique<FailingToken>(m_plan->through(call), m_plan);
  }
  std::unique_ptr<Module> m_inner;
  std::shared_ptr<FailAt> m_plan;
};

}  // namespace ceremony::hsm
