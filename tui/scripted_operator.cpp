#include "tui/scripted_operator.h"

#include <algorithm>

#include "ceremony/toml/reader.h"

namespace ceremony::tui {
namespace {

struct Answer {
  std::string where;
  std::string step;
  std::string question;
  std::string give;
  std::string file;
  std::int64_t times = 1;
  std::int64_t used = 0;
  [[nodiscard]] bool spent() const { return times != 0 && used >= times; }
};

class Scripted final : public ScriptedOperator {
 public:
  Scripted(Env& env, const std::string& name, std::string_view text, Path folder, std::FILE* out)
      : m_env(env), m_name(name), m_folder(std::move(folder)), m_out(out) {
    toml_file::Document document(name, text);
    for (const auto& table : document.root().tables_if("answer")) {
      Answer a;
      a.where = table.where();
      a.step = table.text_or("step", "*");
      a.question = table.text("question");
      a.give = table.text_or("give", "");
      a.file = table.text_or("file", "");
      if (a.question.empty() && table.good("question")) {
        table.note("question", "the question has no name", "write the name that a question shows when it lacks an answer, like \"clock.right\"");
      }
      a.times = table.integer_or("times", 0, 1000, 1);
      if (table.has("give") == table.has("file"))
        table.note("question", std::string("this answer has ") + (table.has("give") ? "`give` and `file`" : "neither `give` nor `file`"),
                   "write one of the two: `give` with the answer itself, or `file` with the name of a file that holds a secret");
      m_answers.push_back(std::move(a));
    }
    document.done();
  }

  std::string_view kind() const override { return "scripted"; }

  void begin_step(const StepView& step, std::string_view) override {
    m_step = step.id;
    if (step.of == 0) return say("[" + step.id + "] " + step.title);
    say("[" + std::to_string(step.number) + "/" + std::to_string(step.of) + "] " + step.title);
  }

  void attend(Desk*) override {}  // a script looks at nothing

  void show(const Question& q, const Page&) override { (void)find(q); }

  bool compare(const Question& q, const Words&) override { return confirm(q); }

  /// Without an answer of its own a script types what stands there, as it takes a text as read.
  std::vector<std::string> retype(const Question& q, const Words& words, std::span<const std::size_t> positions) override {
    const Answer* a = find(q);
    std::vector<std::string> typed;
    for (const auto at : positions) typed.emplace_back(a == nullptr ? words[at - 1] : std::string_view(a->give));
    return typed;
  }

  std::string people(const Question& q, std::span<const Candidate>, std::size_t) override { return type(q, ""); }

  std::vector<std::size_t> pick(const Question& q, std::span<const std::string> files) override {
    const Answer* a = find(q);
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < files.size(); ++i)
      if (a == nullptr || (" " + a->give + " ").find(" " + files[i] + " ") != std::string::npos) out.push_back(i);
    return out;
  }

  /// Every answer to this question is a frame; without one there is none.
  bool receive(const Question& q, FrameSink& sink) override {
    while (!sink.complete()) {
      const Answer* a = find(q);
      if (a == nullptr) return false;
      say(sink.take(a->give));
    }
    return true;
  }

  void await_medium(const Question& q) override { (void)find(q); }

  bool confirm(const Question& q) override {
    const Answer& a = need(q);
    if (a.give != "yes" && a.give != "no") wrong(a, "\"yes\" or \"no\"");
    return a.give == "yes";
  }

  std::string type(const Question& q, std::string_view fallback) override {
    const Answer& a = need(q);
    return a.give.empty() ? std::string(fallback) : a.give;
  }

  std::size_t choose(const Question& q, std::span<const std::string> options) override {
    const Answer& a = need(q);
    const auto found = std::ranges::find(options, a.give);
    if (found == options.end()) {
      std::string all;
      for (const auto& o : options) all += (all.empty() ? "\"" : ", \"") + o + "\"";
      wrong(a, "one of " + all);
    }
    return static_cast<std::size_t>(found - options.begin());
  }

  Passphrase secret(const Question& q) override {
    const Botan::secure_vector<std::uint8_t> content = read_note(need(q));
    return Passphrase(Botan::secure_vector<std::uint8_t>(content.begin(), std::ranges::find(content, static_cast<std::uint8_t>('\n'))));
  }

  void reveal(const Question& q, const Passphrase& passphrase) override { keep_note(q, passphrase.reveal()); }
  void reveal(const Question& q, const ShareWords& words) override { keep_note(q, words.reveal()); }

  ShareWords secret_words(const Question& q, std::span<const std::size_t> positions, std::size_t, std::span<const std::string_view>) override {
    const Botan::secure_vector<std::uint8_t> content = read_note(need(q));
    std::vector<std::span<const std::uint8_t>> words;
    for (std::size_t from = 0, i = 0; i <= content.size(); ++i) {
      if (i < content.size() && content[i] != ' ' && content[i] != '\n') continue;
      if (i > from) words.push_back(std::span(content).subspan(from, i - from));
      from = i + 1;
    }
    Botan::secure_vector<std::uint8_t> out;
    out.reserve(content.size() + 1);
    for (const auto at : positions) {
      if (at > words.size()) continue;
      if (!out.empty()) out.push_back(' ');
      out.insert(out.end(), words[at - 1].begin(), words[at - 1].end());
    }
    return ShareWords(std::move(out));
  }

  void progress(std::string_view doing) override { say("      " + std::string(doing)); }

  Next refused(const Question& q, const Refused& refusal) override {
    say(refusal.what());
    const Answer* a = find(q);
    if (a == nullptr) return Next::stop;
    if (a->give == "again") return Next::again;
    if (a->give == "abort") return Next::abort;
    if (a->give != "stop") wrong(*a, "\"again\", \"stop\" or \"abort\"");
    return Next::stop;
  }

  void locked(const Question& q) override { (void)find(q); }

  void finished(std::string_view text) override { say(text); }

  void all_used() const override {
    std::vector<Finding> left;
    for (const Answer& a : m_answers) {
      if (a.used > 0 && (a.times == 0 || a.used == a.times)) continue;
      left.push_back({"the answer to \"" + a.question + "\" was " +
                          (a.used == 0 ? "never used" : "used " + std::to_string(a.used) + " of " + std::to_string(a.times) + " times"),
                      a.where, "take it out of the file, or look at why the question was not asked" + std::string(a.used == 0 ? "" : " again")});
    }
    if (!left.empty()) throw Refused(OperatorRefusal::unused_answer, std::move(left));
  }

 private:
  Answer* find(const Question& q) {
    for (Answer& a : m_answers) {
      if (a.spent() || a.question != q.id || (a.step != "*" && a.step != m_step)) continue;
      ++a.used;
      return &a;
    }
    return nullptr;
  }
  const Answer& need(const Question& q) {
    if (const Answer* a = find(q)) return *a;
    throw Refused(OperatorRefusal::unanswered, "no answer is left for the question \"" + q.id + "\" in step \"" + m_step + "\": " + q.text, m_name,
                  "add an [[answer]] with this question, or raise the `times` of the one there is");
  }
  [[noreturn]] static void wrong(const Answer& a, const std::string& needed) {
    throw Refused(OperatorRefusal::answers_file, "the answer to \"" + a.question + "\" is \"" + a.give + "\"", a.where, "it must be " + needed);
  }
  /// Read straight into locked memory but for the file's own buffer, which is wiped at once.
  Botan::secure_vector<std::uint8_t> read_note(const Answer& a) {
    must_be_in_a_file(a, "holds it");
    if (!m_env.exists(m_folder / a.file)) {
      throw Refused(OperatorRefusal::answers_file, "there is no file \"" + a.file + "\", which should hold the answer to \"" + a.question + "\"", a.where,
                    "write the secret into it, on one line, or correct its name; it is looked for beside the answers file");
    }
    Bytes content = m_env.read(m_folder / a.file, 4096);
    Botan::secure_vector<std::uint8_t> out(content.begin(), content.end());
    Botan::secure_scrub_memory(content.data(), content.size());
    return out;
  }
  void keep_note(const Question& q, View secret) {
    const Answer& a = need(q);
    must_be_in_a_file(a, "will hold it");
    m_env.replace(m_folder / a.file, secret);  // a new secret takes the old note's place
  }
  /// What was written instead may be the secret itself: it is not repeated.
  static void must_be_in_a_file(const Answer& a, const std::string& does) {
    if (!a.file.empty()) return;
    throw Refused(OperatorRefusal::answers_file, "the answer to \"" + a.question + "\" is a secret, and stands in the answers file itself", a.where,
                  "write file = \"…\", the name of a file that " + does);
  }
  void say(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), m_out);
    std::fputc('\n', m_out);
    std::fflush(m_out);
  }

  Env& m_env;
  std::string m_name;
  Path m_folder;
  std::FILE* m_out;
  std::string m_step;
  std::vector<Answer> m_answers;
};

}  // namespace

std::unique_ptr<ScriptedOperator> make_scripted_operator(Env& env, const std::string& file_name, std::string_view text,
                                                         const Path& folder, std::FILE* out) {
  return std::make_unique<Scripted>(env, file_name, text, folder, out);
}

}  // namespace ceremony::tui
