// What the conductor asks of the people. One interface, several faces: ncurses, plain lines, a script of answers.
//
// Every question has an id, which is the screen's id too: it stands on the screen, on the paper script and in answers
// files. An operator decides nothing, keeps no secret after the call that returned it, and may throw Refused{OperatorRefusal}
// when it can go no further (end of input, an answer that is missing); the conductor then stops safely.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/refused.h"
#include "ceremony/ground/secret.h"

namespace ceremony {

enum class OperatorRefusal { answers_file, unanswered, unused_answer, end_of_input, interrupted };
[[nodiscard]] constexpr std::string_view name_of(OperatorRefusal code) {
  switch (code) {
    case OperatorRefusal::answers_file: return "operator/answers-file";
    case OperatorRefusal::unanswered: return "operator/unanswered";
    case OperatorRefusal::unused_answer: return "operator/unused-answer";
    case OperatorRefusal::end_of_input: return "operator/end-of-input";
    case OperatorRefusal::interrupted: return "operator/interrupted";
  }
  return "operator/?";
}

/// `id`: "approve.sign-certificate". `who`: the person or role that acts now. `text`: what is asked, one or more lines.
struct Question {
  std::string id;
  std::string who;
  std::string text;
};

/// What the frame shows of a step, from the procedure file.
struct StepView {
  std::size_t number = 0;  ///< from 1
  std::size_t of = 0;
  std::string id;
  std::string title;
  std::string says;
  std::string who;  ///< role
};

/// What people choose after something was refused. `again` repeats what was refused, `stop` leaves the ceremony open to be
/// resumed, `abort` closes it on the record.
enum class Next { again, stop, abort };

class Operator {
 public:
  virtual ~Operator() = default;

  /// "tui", "plain" or "scripted", as `open` records it.
  [[nodiscard]] virtual std::string_view kind() const = 0;
  /// A step begins. `banner`: name of the CA and environment, for every screen.
  virtual void begin_step(const StepView& step, std::string_view banner) = 0;
  /// Something to read; returns when it has been read.
  virtual void show(const Question& question, std::string_view text) = 0;
  [[nodiscard]] virtual bool confirm(const Question& question) = 0;
  /// A line of text, not secret. Empty input gives `fallback`.
  [[nodiscard]] virtual std::string type(const Question& question, std::string_view fallback) = 0;
  /// Index into `options`, which is not empty.
  [[nodiscard]] virtual std::size_t choose(const Question& question, std::span<const std::string> options) = 0;
  /// Typed without echo.
  [[nodiscard]] virtual Passphrase secret(const Question& question) = 0;
  /// A secret shown once, to `question.who` alone, with the screen cleared before and after.
  virtual void reveal(const Question& question, const Passphrase& passphrase) = 0;
  /// A line on what a long action is doing.
  virtual void progress(std::string_view doing) = 0;
  /// Something was refused; what was kept is in its text.
  [[nodiscard]] virtual Next refused(const Question& question, const Refused& refusal) = 0;
  /// The last word of a ceremony.
  virtual void finished(std::string_view text) = 0;
};

}  // namespace ceremony
