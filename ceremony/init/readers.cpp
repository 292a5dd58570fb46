#include "ceremony/init/readers.h"

namespace ceremony::init {

void ReaderPlan::came(Time now) {
  m_wanted = m_unseen = true;
  m_gave_up = false;
  m_failures = 0;
  m_not_before = now;
}

void ReaderPlan::up() {
  if (m_state == State::starting) m_state = State::running;
}

void ReaderPlan::ended(Time now) {
  if (m_state != State::stopping) {
    // It took what it had seen with it.
    m_unseen = true;
    m_failures = now - m_since >= steady ? 1 : m_failures + 1;
    m_not_before = now + std::chrono::seconds(1 << (m_failures - 1));
  }
  m_state = State::off;
}

bool ReaderPlan::wants(Time now) const {
  if (m_state == State::off) return m_wanted && !m_gave_up && now >= m_not_before;
  return waits();
}

ReaderPlan::Deed ReaderPlan::next(Time now, bool free) {
  switch (m_state) {
    case State::off:
      if (m_failures >= most_failures && !m_gave_up) {
        m_gave_up = true;
        return Deed::give_up;
      }
      if (!wants(now)) return Deed::none;
      // There is nothing to be taken away from anybody.
      m_state = State::starting;
      m_since = now;
      m_unseen = false;
      return Deed::start;
    case State::starting:
      if (now - m_since >= to_start) m_state = State::running;
      return Deed::none;
    case State::running:
      m_look = now;
      if (!m_unseen || !free) return Deed::none;
      m_state = State::stopping;
      m_since = now;
      m_killed = false;
      return Deed::stop;
    case State::stopping:
      if (m_killed || now - m_since < to_stop) return Deed::none;
      m_killed = true;
      return Deed::kill;
  }
  return Deed::none;
}

std::optional<ReaderPlan::Time> ReaderPlan::wake() const {
  switch (m_state) {
    case State::off: return m_wanted && !m_gave_up ? std::optional(m_not_before) : std::nullopt;
    case State::starting: return m_since + to_start;
    case State::running: return m_unseen ? std::optional(m_look + between_looks) : std::nullopt;
    case State::stopping: return m_killed ? std::nullopt : std::optional(m_since + to_stop);
  }
  return std::nullopt;
}

}  // namespace ceremony::init
