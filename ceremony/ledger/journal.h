// The transcript as it is written: the same log on two ledger folders (or one), every record flushed to both before
// `append` returns. The one writer of a ledger folder; a process has at most one.
// Invariants: what `records()` shows is durable on every working medium; an artifact is durable before a record names
// it; nothing is ever overwritten but `checkpoint` and SHA256SUMS; nothing is repaired but a torn last line and a
// ledger that is behind within the ceremony that is open.
// Never judges what a record means: that is the rules' business.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/ledger.h"

namespace ceremony::ledger {

/// Something `open` or `rejoin` put right, to be recorded by the caller.
struct Repair {
  enum class Kind {
    torn_line,  ///< `count` bytes after the last LF were cut; record `first` had begun there
    caught_up,  ///< records `first` … `first + count - 1` were copied from the other ledger
    file,       ///< `what` (an artifact, key or checkpoint) was copied from the other ledger or put in its place
    incoming,   ///< `what`, which no record names, was removed from incoming/
  };
  Kind kind;
  Path folder;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::string what;
};
[[nodiscard]] std::string_view name_of(Repair::Kind kind);  ///< "torn-line", "caught-up", "file", "incoming"

/// A medium that stopped working; the journal went on with the other.
struct MediumFailure {
  Path folder;
  std::string what;  ///< what the system said, one line
};

class Journal final {
 public:
  /// A new empty log. A folder may exist and hold other things, and may hold an empty log (a power cut just after
  /// creation); LedgerRefusal::taken if one holds records.
  [[nodiscard]] static Journal create(Env& env, std::vector<Path> folders);
  /// Loads all, checks all, repairs what may be repaired (appended to `repairs`).
  /// Throws LedgerRefusal::{record, canonical, order} with file and line, ::behind, ::edited, ::forked naming the first
  /// record that differs, ::artifact, ::checkpoint; EnvRefusal. Nothing has been changed if it throws one of ours.
  [[nodiscard]] static Journal open(Env& env, std::vector<Path> folders, std::vector<Repair>& repairs);
  /// True if at least one of the folders holds a log with a record in it: then `open` is right, else `create`.
  [[nodiscard]] static bool has_records(Env& env, std::span<const Path> folders);

  /// Writes the record's line to every working medium and flushes it. `record.n` must be `size()`. Then moves what the
  /// record names from incoming/ to its place. A medium that fails is dropped (see `take_failures`).
  /// Throws LedgerRefusal::record if there is no such line (nothing is written then), ::no_medium if no medium is left
  /// (whether it was written shows when the ledger is opened again).
  void append(const Record& record) { append(std::span(&record, 1)); }
  /// The same for several with one flush a medium: all or, after a power cut, a prefix of them.
  void append(std::span<const Record> records);

  [[nodiscard]] std::uint64_t size() const { return m_transcript.records.size(); }
  [[nodiscard]] const std::vector<Record>& records() const { return m_transcript.records; }
  [[nodiscard]] const std::vector<std::string>& lines() const { return m_transcript.lines; }
  [[nodiscard]] const Tree& tree() const { return m_transcript.tree; }
  [[nodiscard]] bool closed() const { return is_closed(m_transcript.records); }
  [[nodiscard]] Checkpoint head(std::string_view origin) const { return {std::string(origin), size(), tree().root()}; }
  /// tlog-proof of record `index` in the tree of `checkpoint`, a signed checkpoint of this log.
  [[nodiscard]] std::string proof(std::uint64_t index, std::string_view checkpoint) const;

  /// Durable on every working medium on return, in incoming/ until a record names it.
  Digest put_artifact(View bytes);
  [[nodiscard]] std::optional<Bytes> artifact(const Digest& digest) const;
  /// Personal data: `salt` (16 random bytes) ‖ text under private/; the digest of that goes on the record.
  Digest put_private(std::string_view text, std::span<const std::uint8_t, 16> salt);
  [[nodiscard]] std::optional<std::string> private_text(const Digest& digest) const;

  /// `checkpoints/<size>` and `checkpoint`. Its root must be this log's at that size. May be called again for the same
  /// size with more signatures, never with fewer. Throws LedgerRefusal::checkpoint.
  void write_checkpoint(std::string_view note);
  /// The latest signed checkpoint's text, or empty.
  [[nodiscard]] const std::string& checkpoint() const { return m_checkpoint; }
  /// keys/<name>.vkey and keys/<name>.pem; `file` is `[a-z0-9-]+` ("log", or a person's id). A key of that name and
  /// other bytes is kept beside as `<name>-<key id>`.
  void write_key(std::string_view file, const VerifierKey& key);
  /// SHA256SUMS in coreutils' format over everything but private/, incoming/ and itself.
  void write_sums();
  /// Whether a working ledger's SHA256SUMS is of the latest checkpoint: written last, it says that all of a ceremony's end was.
  [[nodiscard]] bool has_sums() const;

  /// The media that failed since the last call, to be recorded as deviations.
  [[nodiscard]] std::vector<MediumFailure> take_failures();
  [[nodiscard]] std::vector<Path> working() const;
  /// Brings back a medium that failed, or its replacement (a folder without a log is filled from the beginning).
  /// Throws like `open`; the medium stays dropped then.
  void rejoin(const Path& folder, std::vector<Repair>& repairs);

 private:
  struct Medium {
    Path folder;
    ArtifactStore artifacts;
    ArtifactStore private_texts;
    bool working = true;
  };
  Journal(Env& env, std::span<const Path> folders);

  /// Runs the effect on every working medium and drops those on which it throws; true if one is left.
  template <typename Effect>
  bool on_each(Effect effect);
  template <typename Effect>
  void on_each_or_refuse(Effect effect);
  void drop(Medium& medium, const Refused& reason);
  void settle(std::span<const Record> records);

  Env* m_env;
  std::vector<Medium> m_media;
  std::set<Digest> m_pending;  ///< in incoming/, not yet named by a record; public and private ones alike
  Transcript m_transcript;
  std::string m_checkpoint;
  std::vector<MediumFailure> m_failures;
};

}  // namespace ceremony::ledger
