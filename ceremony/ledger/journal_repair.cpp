#include "ceremony/ledger/journal_repair.h"

#include <algorithm>
#include <functional>

#include "ceremony/ledger/text.h"

namespace ceremony::ledger {
namespace {

constexpr std::size_t small_file_limit = 65536;
constexpr std::string_view compare_hint = "stop; compare both ledgers with a published copy and with the checkpoint people took home";

/// One ledger folder as it was found.
struct Side {
  Path folder;
  bool fresh = false;  ///< a replacement without a log: it may be filled with everything
  Transcript transcript;
  std::map<std::uint64_t, std::string> checkpoints;  ///< with the one in `checkpoint`
  std::string checkpoint;                            ///< text of the file `checkpoint`
  std::map<std::string, std::string> keys;
  std::vector<std::string> leftovers;  ///< temporary files of a crashed writer

  [[nodiscard]] std::uint64_t size() const { return transcript.records.size(); }
  [[nodiscard]] std::string log() const { return (folder / "transcript.log").string(); }
};

/// Something to be done once all is checked, and what to report of it.
struct Mend {
  std::optional<Repair> report;
  std::function<void()> effect;
};

std::string read_text(Env& env, const Path& path) { return as_text(env.read(path, small_file_limit)); }

std::vector<std::string> list_if_there(Env& env, const Path& folder) { return env.exists(folder) ? env.list(folder) : std::vector<std::string>(); }

Side load_side(Env& env, const Path& folder, bool may_be_fresh) {
  Side out;
  out.folder = folder;
  out.fresh = may_be_fresh && !env.exists(folder / "transcript.log");
  if (!out.fresh && !env.exists(out.log()))
    throw Refused(EnvRefusal::absent, "there is no ledger here, where the other medium has one", folder.string(),
                  "put in this CA's other ledger medium; if it is lost, copy the whole ledger onto a new one first");
  if (!out.fresh) out.transcript = parse_transcript(as_text(env.read(out.log(), transcript_limit)), out.log());
  for (const std::string& name : list_if_there(env, folder / "checkpoints")) {
    const auto size = decimal(name);
    if (name.ends_with(".part")) out.leftovers.push_back("checkpoints/" + name);
    else if (!size)
      throw Refused(LedgerRefusal::checkpoint, "a file's name is no tree size: \"" + name + "\"", (folder / "checkpoints").string(),
                    "find out who put it there; move it away if it does not belong to the ledger");
    else out.checkpoints.emplace(*size, read_text(env, folder / "checkpoints" / name));
  }
  for (const std::string& name : list_if_there(env, folder / "keys")) {
    if (name.ends_with(".part")) out.leftovers.push_back("keys/" + name);
    else out.keys.emplace(name, read_text(env, folder / "keys" / name));
  }
  for (const char* name : {"checkpoint.part", "SHA256SUMS.part", "transcript.log.part"}) {
    if (env.exists(folder / name)) out.leftovers.emplace_back(name);
  }
  if (env.exists(folder / "checkpoint")) {
    out.checkpoint = read_text(env, folder / "checkpoint");
    const auto size = parse_checkpoint(out.checkpoint, (folder / "checkpoint").string()).checkpoint.size;
    out.checkpoints.emplace(size, out.checkpoint);  // a copy of one in checkpoints/, unless that one was lost
  }
  return out;
}

/// What is wrong between a ledger and its own checkpoints, if anything.
std::optional<Refused> check_own_checkpoints(const Side& side) {
  for (const auto& [size, text] : side.checkpoints) {
    const std::string where = (side.folder / "checkpoints" / std::to_string(size)).string();
    const Checkpoint head = parse_checkpoint(text, where).checkpoint;
    if (head.size != size)
      return Refused(LedgerRefusal::checkpoint, "the checkpoint is of size " + std::to_string(head.size) + ", its name says " + std::to_string(size), where,
                     std::string(compare_hint));
    if (size > side.size())
      return Refused(LedgerRefusal::behind,
                     "record " + std::to_string(side.size()) + " is missing: the ledger has " + std::to_string(side.size()) + " whole records, its own checkpoint counts " +
                         std::to_string(size),
                     side.log(), "this copy is older or was cut; use a complete copy of the ledger in its place");
    if (head.root != side.transcript.tree.root_at(size))
      return Refused(LedgerRefusal::edited, "the first " + std::to_string(size) + " records do not have the root that their checkpoint says", side.log(),
                     std::string(compare_hint));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> first_difference(const Side& a, const Side& b) {
  const std::uint64_t common = std::min(a.size(), b.size());
  for (std::uint64_t i = 0; i < common; ++i) {
    if (a.transcript.lines[i] != b.transcript.lines[i]) return i;
  }
  return std::nullopt;
}

/// Two logs of which neither is a prefix of the other: say which one was edited, if a checkpoint tells.
[[noreturn]] void refuse_difference(const Side& a, const Side& b, std::uint64_t at) {
  const std::string where = a.log() + " and " + b.log();
  const std::string which = "record " + std::to_string(at);
  for (const Side* side : {&a, &b}) {
    const Side& other = side == &a ? b : a;
    const auto wrong = check_own_checkpoints(*side);
    if (wrong && wrong->is(LedgerRefusal::edited) && !check_own_checkpoints(other))
      throw Refused(LedgerRefusal::edited, which + " was changed: it differs from the other ledger, and the checkpoint agrees with the other", side->log() + ":" + std::to_string(at + 1),
                    std::string(compare_hint));
  }
  throw Refused(LedgerRefusal::forked, "the two ledgers differ from " + which + " on", where, std::string(compare_hint));
}

/// May the shorter ledger be caught up from the longer? Only within the ceremony that is open on the longer one; and the
/// `close` itself, where the power went between the two writes: then no checkpoint over it stands anywhere.
void check_behind(const Side& longer, const Side& shorter) {
  const auto& records = longer.transcript.records;
  const bool torn_close = is_closed(records) && shorter.size() + 1 == longer.size() && !longer.checkpoints.contains(longer.size()) &&
                          !shorter.checkpoints.contains(longer.size());
  if (shorter.fresh || torn_close || (!is_closed(records) && shorter.size() >= last_ceremony_begin(records))) return;
  throw Refused(LedgerRefusal::behind,
                "record " + std::to_string(shorter.size()) + " and what follows is missing: the ledger is behind a closed ceremony (" + std::to_string(shorter.size()) +
                    " records, the other has " + std::to_string(longer.size()) + ")",
                shorter.log(), "this copy is older; use a complete copy of the ledger in its place");
}

class Mending {
 public:
  Mending(Env& env, std::span<const Path> folders, MendMode mode) : m_env(env), m_mode(mode) {
    for (const Path& folder : folders) m_sides.push_back(load_side(env, folder, mode == MendMode::rejoin && &folder != &folders.front()));
  }

  Mended run(std::vector<Repair>& repairs) {
    compare_logs();
    collect_named();
    plan_torn();
    plan_artifacts("artifacts");
    plan_artifacts("private");
    plan_incoming_leftovers();
    plan_keys();
    plan_catching_up();
    const std::string checkpoint = plan_checkpoints();
    for (const Mend& mend : m_plan) {
      mend.effect();
      if (mend.report) repairs.push_back(*mend.report);
    }
    Transcript transcript = std::move(longest().transcript);
    transcript.torn.clear();
    return {std::move(transcript), checkpoint};
  }

 private:
  Side& longest() { return *std::ranges::max_element(m_sides, {}, &Side::size); }
  /// A ledger that is in use is never changed by another one's return.
  bool may_change(const Side& side) const { return m_mode == MendMode::resume || &side != &m_sides.front(); }

  void compare_logs() {
    Side& longer = longest();
    for (const Side& side : m_sides) {
      if (const auto at = first_difference(longer, side)) refuse_difference(longer, side, *at);
    }
    for (const Side& side : m_sides) {
      if (const auto wrong = check_own_checkpoints(side); wrong && !side.fresh) throw *wrong;
    }
    for (const Side& side : m_sides) {
      if (side.size() == longer.size()) continue;
      check_behind(longer, side);
      if (!may_change(side))
        throw Refused(LedgerRefusal::forked, "the returning ledger has record " + std::to_string(side.size()) + ", the one in use has not", longer.log(),
                      "end the program and resume the ceremony with both ledgers");
    }
  }

  void collect_named() {
    const auto& records = longest().transcript.records;
    const std::uint64_t begin = last_ceremony_begin(records);
    for (std::uint64_t i = 0; i < records.size(); ++i) {
      const auto digests = named_digests(records[i]);
      m_named.insert(digests.begin(), digests.end());
      if (i >= begin) m_named_last.insert(digests.begin(), digests.end());
    }
  }

  void plan_torn() {
    for (const Side& side : m_sides) {
      if (side.fresh) {
        m_plan.push_back({std::nullopt, [this, &side] {
                            m_env.make_folder(side.folder);
                            m_env.create(side.log(), {});
                          }});
      }
      if (side.transcript.torn.empty()) continue;
      if (!may_change(side))
        throw Refused(LedgerRefusal::torn, "the last line of the ledger in use is torn", side.log(), "end the program and resume the ceremony with both ledgers");
      m_plan.push_back({Repair{Repair::Kind::torn_line, side.folder, side.size(), side.transcript.torn.size(), "transcript.log"},
                        [this, &side] { m_env.truncate(side.log(), side.transcript.bytes); }});
    }
  }

  struct Shelf {
    const Side* side;
    ArtifactStore store;
    std::set<Digest> settled;
    std::set<Digest> incoming;
  };

  void plan_artifacts(const std::string& kind) {
    std::vector<Shelf> shelves;
    std::set<Digest> all;
    for (const Side& side : m_sides) {
      Shelf shelf{&side, ArtifactStore(m_env, side.folder, kind), {}, {}};
      for (const Digest& digest : shelf.store.list()) {
        static_cast<void>(shelf.store.get(digest));  // throws if the bytes are not what the name says
        shelf.settled.insert(digest);
      }
      for (const Digest& digest : shelf.store.incoming()) shelf.incoming.insert(digest);
      all.insert(shelf.settled.begin(), shelf.settled.end());
      std::ranges::copy_if(shelf.incoming, std::inserter(all, all.end()), [&](const Digest& digest) { return is_wanted(shelf, digest); });
      shelves.push_back(std::move(shelf));
    }
    for (const Digest& digest : all) plan_artifact(shelves, digest);
    for (const Shelf& shelf : shelves) plan_incoming(shelf, shelves.front());
  }

  /// In incoming/ and to be kept: a durable record names it, or the running ceremony is about to.
  bool is_wanted(const Shelf& shelf, const Digest& digest) const { return m_named.contains(digest) || !may_change(*shelf.side); }

  void plan_artifact(const std::vector<Shelf>& shelves, const Digest& digest) {
    const bool named = m_named.contains(digest);
    const auto giver = std::ranges::find_if(shelves, [&](const Shelf& s) { return s.settled.contains(digest) || s.incoming.contains(digest); });
    for (const Shelf& shelf : shelves) {
      if (shelf.settled.contains(digest) || !may_change(*shelf.side)) continue;
      if (shelf.incoming.contains(digest)) {
        static_cast<void>(shelf.store.get(digest));
        if (named) m_plan.push_back({std::nullopt, [store = shelf.store, digest]() mutable { store.settle(digest); }});
        continue;
      }
      const bool pending = !named && m_mode == MendMode::rejoin && giver->incoming.contains(digest);
      if (!pending && !named)
        throw Refused(LedgerRefusal::artifact, "the artifact " + hex(digest) + " is here, and no record names it", giver->side->folder.string(),
                      "find out who put it there; move it away if it does not belong to the ledger");
      if (!pending && !m_named_last.contains(digest) && !shelf.side->fresh)
        throw Refused(LedgerRefusal::artifact, "the artifact " + hex(digest) + " of a closed ceremony is missing here", shelf.side->folder.string(),
                      "use a complete copy of the ledger in its place");
      m_plan.push_back({Repair{Repair::Kind::file, shelf.side->folder, 0, 1, shelf.store.place(digest)},
                        [from = giver->store, to = shelf.store, digest, named]() mutable {
                          static_cast<void>(to.put(*from.get(digest)));
                          if (named) to.settle(digest);
                        }});
    }
  }

  void plan_incoming(const Shelf& shelf, const Shelf& first) {
    if (!may_change(*shelf.side)) return;
    for (const Digest& digest : shelf.incoming) {
      if (m_named.contains(digest) || (m_mode == MendMode::rejoin && first.incoming.contains(digest))) continue;
      m_plan.push_back({Repair{Repair::Kind::incoming, shelf.side->folder, 0, 1, hex(digest)}, [store = shelf.store, digest]() mutable { store.drop(digest); }});
    }
  }

  void plan_incoming_leftovers() {
    for (const Side& side : m_sides) {
      if (!may_change(side)) continue;
      std::vector<std::string> names = side.leftovers;
      for (const std::string& name : list_if_there(m_env, side.folder / "incoming")) {
        if (name.ends_with(".part")) names.push_back("incoming/" + name);
      }
      for (const std::string& name : names) m_plan.push_back({std::nullopt, [this, path = side.folder / name] { m_env.remove(path); }});
    }
  }

  void plan_keys() {
    for (const Side& from : m_sides) {
      for (const auto& [name, text] : from.keys) {
        for (const Side& to : m_sides) {
          const auto there = to.keys.find(name);
          if (there != to.keys.end() && there->second != text)
            throw Refused(LedgerRefusal::key, "the key file \"" + name + "\" differs between the two ledgers", to.folder.string(), std::string(compare_hint));
          if (there != to.keys.end() || !may_change(to)) continue;
          plan_file(to, "keys/" + name, text);
        }
      }
    }
  }

  void plan_file(const Side& side, const std::string& name, const std::string& text) {
    m_plan.push_back({Repair{Repair::Kind::file, side.folder, 0, 1, name}, [this, path = side.folder / name, text] {
                        m_env.make_folder(path.parent_path());
                        m_env.replace(path, as_view(text));
                      }});
  }

  void plan_catching_up() {
    const Side& longer = longest();
    for (const Side& side : m_sides) {
      if (side.size() == longer.size()) continue;
      m_plan.push_back({Repair{Repair::Kind::caught_up, side.folder, side.size(), longer.size() - side.size(), "transcript.log"}, [this, &side, &longer] {
                          std::string text;
                          for (std::uint64_t i = side.size(); i < longer.size(); ++i) text += longer.transcript.lines[i] + "\n";
                          m_env.append(side.log(), as_view(text));
                        }});
    }
  }

  /// Every checkpoint on every side, with all the signatures that one of them has. Returns the latest.
  std::string plan_checkpoints() {
    std::map<std::uint64_t, std::string> best;
    for (const Side& side : m_sides) {
      for (const auto& [size, text] : side.checkpoints) {
        const auto [at, is_new] = best.emplace(size, text);
        if (is_new || at->second == text) continue;
        const Note one = parse_note(at->second, "checkpoint");
        const Note other = parse_note(text, "checkpoint");
        if (has_all_signatures(other, one)) at->second = text;
        else if (!has_all_signatures(one, other))
          throw Refused(LedgerRefusal::checkpoint, "the checkpoint of size " + std::to_string(size) + " differs between the two ledgers", side.folder.string(),
                        std::string(compare_hint));
      }
    }
    const std::string latest = best.empty() ? std::string() : best.rbegin()->second;
    for (const Side& side : m_sides) {
      if (!may_change(side)) continue;
      for (const auto& [size, text] : best) {
        const Path path = side.folder / "checkpoints" / std::to_string(size);
        if (!m_env.exists(path) || read_text(m_env, path) != text) plan_file(side, "checkpoints/" + std::to_string(size), text);
      }
      if (side.checkpoint != latest) plan_file(side, "checkpoint", latest);
    }
    return latest;
  }

  Env& m_env;
  MendMode m_mode;
  std::vector<Side> m_sides;
  std::set<Digest> m_named;       ///< by any record
  std::set<Digest> m_named_last;  ///< by a record of the last ceremony
  std::vector<Mend> m_plan;
};

}  // namespace

bool has_all_signatures(const Note& many, const Note& few) {
  return many.text == few.text && std::ranges::all_of(few.signatures, [&](const NoteSignature& s) { return std::ranges::contains(many.signatures, s); });
}

Mended mend(Env& env, std::span<const Path> folders, MendMode mode, std::vector<Repair>& repairs) {
  assert(!folders.empty());
  return Mending(env, folders, mode).run(repairs);
}

}  // namespace ceremony::ledger
