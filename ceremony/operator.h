// What the conductor asks of the people. One interface, several faces: ncurses, plain lines, a script of answers.
//
// Every question has an id, which is the screen's id too: it stands on the screen, on the paper script and in answers
// files. An operator decides nothing, keeps no secret after the call that returned it, and may throw Refused{OperatorRefusal}
// when it can go no further (end of input, an answer that is missing) or when people chose to (back, stop, abort, idle); the
// conductor then does what that word says. Whatever is asked, people may look at the desk and note a deviation.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ceremony/ground/env.h"
#include "ceremony/ground/refused.h"
#include "ceremony/ground/secret.h"

namespace ceremony {

enum class OperatorRefusal { answers_file, unanswered, unused_answer, end_of_input, interrupted, back, idle, stop, abort };
[[nodiscard]] constexpr std::string_view name_of(OperatorRefusal code) {
  switch (code) {
    case OperatorRefusal::answers_file: return "operator/answers-file";
    case OperatorRefusal::unanswered: return "operator/unanswered";
    case OperatorRefusal::unused_answer: return "operator/unused-answer";
    case OperatorRefusal::end_of_input: return "operator/end-of-input";
    case OperatorRefusal::interrupted: return "operator/interrupted";
    case OperatorRefusal::back: return "operator/back";
    case OperatorRefusal::idle: return "operator/idle";
    case OperatorRefusal::stop: return "operator/stop";
    case OperatorRefusal::abort: return "operator/abort";
  }
  return "operator/?";
}

/// `id`: "approve.sign-certificate". `who`: the person or role that acts now. `text`: what is asked, one or more lines.
struct Question {
  std::string id;
  std::string who;
  std::string text;
};

/// A word of a list in the order people compare them: four a row, rows numbered.
using Words = std::vector<std::string_view>;

/// One QR code, quiet zone included, as half blocks: two modules above each other in a character, true is dark.
struct CodePicture {
  std::string frame;  ///< what it says
  std::vector<std::vector<std::pair<bool, bool>>> rows;
};

/// Something that can be shown as QR codes. `pictures`: one a code, each at most so many characters wide and high; throws
/// Refused where that place is too small for what has to be shown.
struct Code {
  std::string name;
  std::function<std::vector<CodePicture>(int columns, int rows)> pictures;
};

/// Something to read: the text, and the words of its digest, which people compare, and what of it can be shown as QR codes (either
/// may be none).
struct Page {
  std::string text;
  Words words{};
  std::vector<Code> codes{};
};

/// Takes frames, scanned or typed, in any order.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  /// Says what became of the line: taken, known already, or what is wrong with it, and what is missing.
  virtual std::string take(std::string_view line) = 0;
  [[nodiscard]] virtual bool complete() const = 0;
};

/// Somebody (or something) that may be chosen. `why_not`: empty, or why not this time; the choice is shown all the same.
struct Candidate {
  std::string id;
  std::string note;
  std::string why_not;
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

enum class Mark { done, here, to_come, deviation };
struct StepMark {
  std::string title;
  Mark mark = Mark::to_come;
};

/// The quorum that the question on the screen is about. `doing`: "approve sign-crl", "hand in activation".
enum class Seat { to_come, acting, done, absent };
struct QuorumView {
  std::string doing;
  std::size_t m = 0;
  std::vector<std::pair<std::string, Seat>> members;
};

/// What stands around every question.
struct FrameView {
  std::string ca;
  bool rehearsal = true;
  std::vector<std::string> image;  ///< first words of the digest of the software that runs
  std::vector<StepMark> steps;
  std::size_t at = 0;  ///< index into `steps`
  std::optional<QuorumView> quorum;
  bool token_active = false;
};

/// What people may look at or say at any moment, whatever is being asked. The conductor's side of the table.
class Desk {
 public:
  virtual ~Desk() = default;
  [[nodiscard]] virtual Time now() = 0;
  [[nodiscard]] virtual FrameView frame() = 0;
  /// Of a question's `who`: a person with their roles, a role with the people who hold it, anything else as it is.
  [[nodiscard]] virtual std::string who_is(const std::string& who) = 0;
  /// What the step is, why, and what can go wrong.
  [[nodiscard]] virtual std::string help() = 0;
  /// A line a record, oldest first.
  [[nodiscard]] virtual std::vector<std::string> transcript() = 0;
  /// Keys, certificates, CRL, shares, people.
  [[nodiscard]] virtual std::string state() = 0;
  /// What stopping here, and what aborting here, would mean.
  [[nodiscard]] virtual std::string stopping() = 0;
  /// Whether the step can be begun anew, or the one before it shown again: nothing was recorded since.
  [[nodiscard]] virtual bool may_go_back() = 0;
  /// Whom a deviation can be reported by.
  [[nodiscard]] virtual std::vector<std::string> people() = 0;
  /// Puts a deviation on the record, or keeps it until the record can take it; returns what became of it.
  virtual std::string note_deviation(const std::string& person, const std::string& text) = 0;
  /// Said before `idle`, `stop` or `abort` is thrown: what is put away on the way out is put away for this reason.
  virtual void leaving(OperatorRefusal why) = 0;
};

class Operator {
 public:
  virtual ~Operator() = default;

  /// "tui", "plain" or "scripted", as `open` records it.
  [[nodiscard]] virtual std::string_view kind() const = 0;
  /// From now on people may look at this desk; null when it is gone. It outlives what is asked in between.
  virtual void attend(Desk* desk) = 0;
  /// A step begins. `banner`: name of the CA and environment, for every screen.
  virtual void begin_step(const StepView& step, std::string_view banner) = 0;
  /// Something to read; returns when it has been read.
  virtual void show(const Question& question, const Page& page) = 0;
  void show_text(const Question& question, std::string text) { show(question, Page{std::move(text), {}, {}}); }
  [[nodiscard]] virtual bool confirm(const Question& question) = 0;
  /// Whether these words are the ones that the person holds.
  [[nodiscard]] virtual bool compare(const Question& question, const Words& words) = 0;
  /// Shows the words and asks for those at `positions` (from 1), in that order; returns what was typed, in lower case.
  [[nodiscard]] virtual std::vector<std::string> retype(const Question& question, const Words& words, std::span<const std::size_t> positions) = 0;
  /// A line of text, not secret. Empty input gives `fallback`.
  [[nodiscard]] virtual std::string type(const Question& question, std::string_view fallback) = 0;
  /// Index into `options`, which is not empty.
  [[nodiscard]] virtual std::size_t choose(const Question& question, std::span<const std::string> options) = 0;
  /// Ids of at least `at_least` of the candidates, parted by spaces, as they were chosen or typed; the caller checks them.
  [[nodiscard]] virtual std::string people(const Question& question, std::span<const Candidate> candidates, std::size_t at_least) = 0;
  /// Indices of the files that are meant, in order; may be none.
  [[nodiscard]] virtual std::vector<std::size_t> pick(const Question& question, std::span<const std::string> files) = 0;
  /// Waits until people say that the medium or card is in.
  virtual void await_medium(const Question& question) = 0;
  /// Frames of a QR code, scanned (a scanner is a keyboard) or typed, until the sink is complete; false if people leave it with
  /// an empty line.
  [[nodiscard]] virtual bool receive(const Question& question, FrameSink& sink) = 0;
  /// Typed without echo.
  [[nodiscard]] virtual Passphrase secret(const Question& question) = 0;
  /// A secret shown once, to `question.who` alone, with the screen cleared before and after.
  virtual void reveal(const Question& question, const Passphrase& passphrase) = 0;
  /// The same of a share's words, each with its number.
  virtual void reveal(const Question& question, const ShareWords& words) = 0;
  /// The words at `positions` (from 1) of the `of` words that `question.who` has on paper, typed without anybody else looking.
  /// Every one is of `list`, where four letters tell words apart; whether they are the right ones the caller finds out. An operator
  /// that reads them from somewhere may return fewer, where there are fewer.
  [[nodiscard]] virtual ShareWords secret_words(const Question& question, std::span<const std::size_t> positions, std::size_t of,
                                                std::span<const std::string_view> list) = 0;
  /// A line on what a long action is doing.
  virtual void progress(std::string_view doing) = 0;
  /// Something was refused; what was kept is in its text.
  [[nodiscard]] virtual Next refused(const Question& question, const Refused& refusal) = 0;
  /// After a long time without a key: nothing is shown but the frame until somebody comes back.
  virtual void locked(const Question& question) = 0;
  /// The last word of a ceremony.
  virtual void finished(std::string_view text) = 0;
};

}  // namespace ceremony
