// `ceremony run`: a table with its files, media and operator, and one procedure run at it. The console sits at the same table.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ceremony/boot.h"
#include "ceremony/ground/env.h"
#include "ceremony/options.h"
#include "ceremony/program.h"
#include "ceremony/run_media.h"
#include "ceremony/source_files.h"
#include "ceremony/state/machine.h"
#include "hsm/token.h"
#include "hsm/tpm.h"

namespace ceremony {

/// Everything a ceremony is run with but the token. Invariant: all reviewed files were read and checked, and what a
/// rehearsal alone may do was refused to a production policy, before a medium was touched.
class Table final {
 public:
  /// Without a procedure in `options` the files are those of the policy. Throws Refused with every mistake of every file.
  Table(const Options& options, const MakeScripted& make_scripted);

  [[nodiscard]] Operator& op() { return m_scripted.op ? *m_scripted.op : *m_people; }
  [[nodiscard]] Env& env() { return *m_env; }
  [[nodiscard]] media::Volumes& volumes() { return m_media->volumes(); }
  /// Whose words stand on the screen: of the boot image; at a desk, of the program that runs.
  [[nodiscard]] const Digest& software_digest() const { return m_boot && m_boot->image ? *m_boot->image : m_software_digest; }
  /// Null where the machine has none; at a desk it is nobody's business.
  [[nodiscard]] hsm::Tpm* tpm() { return m_tpm.get(); }
  [[nodiscard]] state::Started started() const { return m_boot ? state::Started{m_boot->image, m_boot->uki} : state::Started{}; }
  [[nodiscard]] std::vector<Path> ledgers() const { return m_media->ledgers(); }
  [[nodiscard]] std::map<Path, std::string> ledger_names() const { return m_media->ledger_names(); }
  /// With the files and media that came from a disk, where they did.
  [[nodiscard]] const Options& options() const { return m_options; }
  [[nodiscard]] const SourceFiles& files() const { return m_files; }

  /// Runs the procedure of `files`, or goes on with it; the exit code.
  [[nodiscard]] int perform(const SourceFiles& files, hsm::Module& module);
  /// The last word of a run; nothing is mounted any more by then.
  void finished(const std::string& text);
  /// A script whose answers were not all used is refused.
  void all_used() const { if (m_scripted.all_used) m_scripted.all_used(); }

 private:
  std::unique_ptr<Env> m_env;
  std::optional<Boot> m_boot;  ///< nothing at a desk
  std::unique_ptr<hsm::Tpm> m_tpm;
  Options m_options;
  SourceFiles m_files;
  Digest m_software_digest;
  Scripted m_scripted;
  media::ScannerPlace m_scanner;
  std::unique_ptr<Operator> m_people;
  std::unique_ptr<RunMedia> m_media;
};

[[nodiscard]] SourcePaths paths_of(const Options& options);

[[nodiscard]] int run_command(const Options& options, const MakeScripted& make_scripted);

}  // namespace ceremony
