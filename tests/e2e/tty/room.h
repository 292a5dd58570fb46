// A room with its media, its token store, the people's notes, and what each of them answers when a rehearsal goes as it should.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "face.h"

namespace tty {

class Room final {
 public:
  Room();
  ~Room();
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  [[nodiscard]] std::string at(const std::string& path) const { return m_folder + "/" + path; }
  [[nodiscard]] Command command(const std::string& procedure, const Command& more = {}) const;
  [[nodiscard]] Environment environment() const;
  [[nodiscard]] std::unique_ptr<ScreenFace> screens(const std::string& procedure, Size size = {}, const std::string& term = "xterm-256color", const Command& more = {}) const;
  [[nodiscard]] std::unique_ptr<PlainFace> lines(const std::string& procedure, const Command& more = {}) const;

  /// A certification request as openssl makes it, on the intake medium.
  void request(const std::string& name);
  /// Answers the question that waits.
  void answer(Face& face);
  /// Answers until this is asked.
  void until(Face& face, const std::string& question);
  /// Answers to the end, which has to be a complete ceremony.
  void completes(Face& face);
  /// Answers to the end; the exit code.
  int to_the_end(Face& face);

  /// ceremony-verify finds every ledger consistent and pinned, and both are equal.
  void verifies();
  /// ceremony status reads the ledger.
  void has_a_status();
  [[nodiscard]] std::string log() const;
  /// What zbar reads off pictures (PGM, by name): a code each, in the order of their names.
  [[nodiscard]] std::vector<std::string> read_codes(const std::map<std::string, std::string>& pictures) const;
  /// Content of the files below a folder whose names end with one of these.
  [[nodiscard]] std::vector<std::string> files(const std::string& folder, const std::vector<std::string>& endings) const;
  /// No secret that a note or a medium holds is in these bytes; in those for one person there are.
  void keeps_secrets(const std::string& received, const std::string& received_alone);
  /// The same room as it is now, to come back to.
  void save();
  void put_back();

  /// Said instead of the usual, by the question's id.
  std::map<std::string, std::vector<std::string>> people;
  std::map<std::string, std::string> words;
  /// What was written down, by name: "c1.credential", "c1.share".
  [[nodiscard]] std::string note(const std::string& name) const;

 private:
  std::string m_folder;
};

/// A shell line that must succeed; its output.
std::string shell(const std::string& line);

}  // namespace tty
