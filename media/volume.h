// A removable disk as people see it: it has a name they call it by, is put in, written, taken out, put in again and read.
//
// Called by actions; made by the program that wires them (folders at a desk, block devices on the appliance).
// Invariants: nothing that is on a volume is ever overwritten, changed or removed; after insert_again() nothing can be
// written until insert_writable(); symbolic links and special files are refused, never followed; what was read is bytes in
// memory, bounded by the caller.
// Never: executes, parses or trusts what is on it. Names are those of files.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "media/files.h"

namespace ceremony::media {

enum class VolumeRefusal {
  absent,      ///< no such medium, or no such file on it
  out,         ///< the medium is not inserted
  exists,      ///< the name is taken
  full,
  read_only,
  wrong_medium,
  altered,     ///< what was read back is not what was written
  link,        ///< a link or special file
  name,        ///< a name that files.h refuses
  too_large,
  label,       ///< the label file is not one
  failed,
};
[[nodiscard]] constexpr std::string_view name_of(VolumeRefusal code) {
  switch (code) {
    case VolumeRefusal::absent: return "media/absent";
    case VolumeRefusal::out: return "media/out";
    case VolumeRefusal::exists: return "media/exists";
    case VolumeRefusal::full: return "media/full";
    case VolumeRefusal::read_only: return "media/read-only";
    case VolumeRefusal::wrong_medium: return "media/wrong-medium";
    case VolumeRefusal::altered: return "media/altered";
    case VolumeRefusal::link: return "media/link";
    case VolumeRefusal::name: return "media/name";
    case VolumeRefusal::too_large: return "media/too-large";
    case VolumeRefusal::label: return "media/label";
    case VolumeRefusal::failed: return "media/failed";
  }
  return "media/?";
}

/// What the small file `ceremony-medium` at the top of a medium says. Its digest goes on the log.
struct Label {
  std::string origin;  ///< of the log whose CA the medium belongs to: printable ASCII, no space, no "+", 1 to 100 bytes
  std::string name;    ///< [A-Za-z0-9._-]{1,32}
  std::string id;      ///< 32 lower-case hex digits, random
  bool operator==(const Label&) const = default;
};
inline constexpr std::string_view label_file = "ceremony-medium";
/// What a label's name may be.
[[nodiscard]] bool is_medium_name(std::string_view name);
/// The exact bytes of the file; parse_label takes exactly these or throws Refused{label}.
[[nodiscard]] std::string text_of(const Label& label);
[[nodiscard]] Label parse_label(std::string_view text);

enum class Inserted { no, read_only, writable };
enum class VolumeKind { folder, disk };
/// `folder`, `disk`: as records spell it.
[[nodiscard]] std::string_view text_of(VolumeKind kind);

struct VolumeInfo {
  std::string name;              ///< what people call it: `ledger-1`, `factory-a`
  std::string id;                ///< of the filesystem; two names with one id are one medium
  std::optional<Digest> label;   ///< of the label file's bytes, where there is one
  VolumeKind kind = VolumeKind::folder;
  std::uint64_t free_bytes = 0;
};

class Volume {
 public:
  virtual ~Volume() = default;

  /// Everything below throws Refused{VolumeRefusal, …} with the medium's name, and {out} while it is ejected (inserted(),
  /// name() and kind() apart).
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual VolumeKind kind() const = 0;
  [[nodiscard]] virtual Inserted inserted() const = 0;
  [[nodiscard]] virtual VolumeInfo info() = 0;
  /// Names of all files, sorted. Refuses links and special files.
  [[nodiscard]] virtual std::vector<std::string> list() = 0;
  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  [[nodiscard]] virtual Bytes read(const std::string& path, std::size_t limit) = 0;
  /// Creates the file and the folders above it, durably; never overwrites.
  virtual void write(const std::string& path, View bytes) = 0;
  /// Flushes, unmounts: from here on the medium may be pulled. Ejecting an ejected one is fine.
  virtual void eject() = 0;
  /// After a person has put it in again: mounts it read-only.
  virtual void insert_again() = 0;
  /// Mounts it (or what is mounted read-only) for writing; {read_only} where the medium does not allow it.
  virtual void insert_writable() = 0;

  /// The label on the medium now; nothing where it has none. {label} where the file is not a label.
  [[nodiscard]] std::optional<Label> label();
  [[nodiscard]] std::optional<Digest> label_digest();
  /// Whether the medium that is in now carries the label with this digest.
  [[nodiscard]] bool is_same_medium(const Digest& label);
  /// Writes a label where there is none, with 16 `random` bytes as its id. Returns the label that is there afterwards: an
  /// older label stays, and the caller decides whether its origin and name matter.
  Label label_if_new(const std::string& origin, const std::string& name, View random);
};

/// The media this run knows, by what people call them and what they are for.
class Volumes {
 public:
  virtual ~Volumes() = default;
  /// Throws Refused{absent} with the names there are.
  [[nodiscard]] virtual Volume& named(const std::string& name) = 0;
  /// Names in the order they were given; `role` is `ledger`, `backup`, `media`, …; empty means all.
  [[nodiscard]] virtual std::vector<std::string> names(const std::string& role = {}) const = 0;
  /// Asks people about what was plugged in, where it wants to be asked about; what belongs on the record is kept for take_notes().
  virtual void look_at_sockets() {}
  /// What happened at the machine's sockets that belongs on the record, since this was asked before: a sentence each. May ask people
  /// about what was plugged in.
  [[nodiscard]] virtual std::vector<std::string> take_notes() { return {}; }
};

/// Asks people to take the medium out and put it in again; returns when they say they have, throws to stop.
using AskReinsert = std::function<void(const Volume&)>;

/// The one way out of here: refuse unless all of it can be written → write → flush, eject → people re-insert → read-only →
/// the same medium, exactly the files that were below `prefix` before and those written now, each with its bytes.
/// `files` are named relative to `prefix` (`""`: the top of the medium). A volume that is out or read-only is inserted for
/// writing first; afterwards it is inserted read-only.
/// Throws before the first byte is written: {exists} (naming every taken name; upper and lower case count as equal), {name},
/// {full}, {read_only}. Afterwards: {altered} naming each file, {wrong_medium}, and what write and read throw.
void write_and_read_back(Volume& volume, const std::string& prefix, const Files& files, const AskReinsert& ask);
inline void write_and_read_back(Volume& volume, const Files& files, const AskReinsert& ask) {
  write_and_read_back(volume, "", files, ask);
}

/// After a crash or an error behind the writing: whether an export is there whole, so that it can be adopted instead of
/// made again. Inserts read-only; below `prefix` are exactly these files (`""`: these and any others), each with its bytes.
/// Throws {altered} naming each file that is not, and what read throws.
void read_back(Volume& volume, const std::string& prefix, const Files& files);

}  // namespace ceremony::media
