// The card readers' service (pcscd): when it is started, ended and started again.
//
// Without udev it finds the readers that are there when it starts, and none that comes later. So it is started when the first reader is
// switched on, and again for each one that comes after; that would take a token away from people who work with it, so it waits until none
// is in use (hsm/in_use.h). Where the service ends by itself it is started again, a few times.
// Pure: time and news come in, what is to be done comes out. readers_process.h does it.
#pragma once

#include <chrono>
#include <optional>

namespace ceremony::init {

class ReaderPlan final {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Deed {
    none,
    start,
    stop,  ///< asks it to end
    kill,
    give_up,  ///< it ended by itself too often; the next reader that comes is another try
  };
  static constexpr int most_failures = 5;
  /// How long it may take to answer after its start; nobody waits longer for it.
  static constexpr std::chrono::seconds to_start{10};
  static constexpr std::chrono::seconds to_stop{2};
  /// Whoever ran that long did not fail at once.
  static constexpr std::chrono::seconds steady{60};
  /// How often it is looked whether the token is still in use.
  static constexpr std::chrono::milliseconds between_looks{200};

  /// A reader was switched on.
  void came(Time now);
  /// The service answers.
  void up();
  /// Its process is gone.
  void ended(Time now);

  /// What is to be done now, and is taken as done. `free`: no token is in use.
  [[nodiscard]] Deed next(Time now, bool free);
  /// Whether next() would start or stop it, were no token in use.
  [[nodiscard]] bool wants(Time now) const;
  /// Between a stop and an answer: whoever wants readers should wait.
  [[nodiscard]] bool busy() const { return m_state == State::starting || m_state == State::stopping; }
  [[nodiscard]] bool starting() const { return m_state == State::starting; }
  /// A reader waits until no token is in use.
  [[nodiscard]] bool waits() const { return m_state == State::running && m_unseen; }
  /// When to ask again, where nothing happens before.
  [[nodiscard]] std::optional<Time> wake() const;

 private:
  enum class State { off, starting, running, stopping };
  State m_state = State::off;
  bool m_wanted = false;
  bool m_unseen = false;  ///< a reader came that the service did not see
  bool m_killed = false;
  bool m_gave_up = false;
  int m_failures = 0;
  Time m_since{};       ///< of the state
  Time m_not_before{};  ///< no start
  Time m_look{};        ///< when `free` was asked last
};

}  // namespace ceremony::init
