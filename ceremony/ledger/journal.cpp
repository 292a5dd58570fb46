#include "ceremony/ledger/journal.h"

#include <algorithm>

#include "ceremony/ledger/journal_repair.h"
#include "ceremony/ledger/proof.h"

namespace ceremony::ledger {
namespace {

/// What belongs to the published ledger, in the order of their names.
bool is_summed(std::string_view name) {
  return !name.ends_with(".part") && (name == "transcript.log" || name == "checkpoint" || name.starts_with("artifacts/") ||
                                      name.starts_with("checkpoints/") || name.starts_with("keys/"));
}

bool has_log(Env& env, const Path& folder) { return env.exists(folder / "transcript.log") && !env.read(folder / "transcript.log", transcript_limit).empty(); }

void refuse_same_folder(std::span<const Path> folders) {
  std::set<Path> seen;
  for (const Path& folder : folders) {
    if (!seen.insert(folder.lexically_normal()).second)
      throw Refused(LedgerRefusal::taken, "the same folder is given twice, a ledger has two media", folder.string(), "give two folders, on two different media");
  }
}

}  // namespace

std::string_view name_of(Repair::Kind kind) {
  switch (kind) {
    case Repair::Kind::torn_line: return "torn-line";
    case Repair::Kind::caught_up: return "caught-up";
    case Repair::Kind::file: return "file";
    case Repair::Kind::incoming: return "incoming";
  }
  return "?";
}

Journal::Journal(Env& env, std::span<const Path> folders) : m_env(&env) {
  assert(!folders.empty());
  for (const Path& folder : folders) m_media.push_back({folder, ArtifactStore(env, folder), ArtifactStore(env, folder, "private")});
}

bool Journal::has_records(Env& env, std::span<const Path> folders) {
  return std::ranges::any_of(folders, [&](const Path& folder) { return has_log(env, folder); });
}

Journal Journal::create(Env& env, std::vector<Path> folders) {
  refuse_same_folder(folders);
  for (const Path& folder : folders) {
    if (has_log(env, folder) || env.exists(folder / "checkpoint"))
      throw Refused(LedgerRefusal::taken, "there is a ledger already", folder.string(), "give an empty folder, or run a ceremony on the ledger that is there");
  }
  for (const Path& folder : folders) {
    env.make_folder(folder);
    if (!env.exists(folder / "transcript.log")) env.create(folder / "transcript.log", {});
  }
  return {env, folders};
}

Journal Journal::open(Env& env, std::vector<Path> folders, std::vector<Repair>& repairs) {
  refuse_same_folder(folders);
  Mended mended = mend(env, folders, MendMode::resume, repairs);
  Journal out(env, folders);
  out.m_transcript = std::move(mended.transcript);
  out.m_checkpoint = std::move(mended.checkpoint);
  return out;
}

void Journal::rejoin(const Path& folder, std::vector<Repair>& repairs) {
  const auto working = std::ranges::find_if(m_media, &Medium::working);
  if (working == m_media.end()) throw Refused(LedgerRefusal::no_medium, "no ledger medium is left", "", "end the program and resume the ceremony with working media");
  const Path folders[] = {working->folder, folder};
  static_cast<void>(mend(*m_env, folders, MendMode::rejoin, repairs));
  const auto same = std::ranges::find(m_media, folder, &Medium::folder);
  if (same != m_media.end()) {
    same->working = true;
    return;
  }
  // A replacement takes the place of one that failed.
  const auto failed = std::ranges::find(m_media, false, &Medium::working);
  Medium medium{folder, ArtifactStore(*m_env, folder), ArtifactStore(*m_env, folder, "private")};
  if (failed == m_media.end()) m_media.push_back(std::move(medium));
  else *failed = std::move(medium);
}

void Journal::drop(Medium& medium, const Refused& reason) {
  medium.working = false;
  m_failures.push_back({medium.folder, reason.findings().front().what});
}

template <typename Effect>
bool Journal::on_each(Effect effect) {
  bool any = false;
  for (Medium& medium : m_media) {
    if (!medium.working) continue;
    try {
      effect(medium);
      any = true;
    } catch (const Refused& reason) {
      drop(medium, reason);
    }
  }
  return any;
}

template <typename Effect>
void Journal::on_each_or_refuse(Effect effect) {
  if (on_each(effect)) return;
  throw Refused(LedgerRefusal::no_medium, m_failures.empty() ? "no ledger medium is left" : "the last ledger medium failed: " + m_failures.back().what,
                m_media.back().folder.string(), "end the program, put in working media and resume the ceremony");
}

void Journal::append(std::span<const Record> records) {
  std::vector<std::string> new_lines;
  std::string text;
  for (const Record& record : records) {
    assert(record.n == size() + new_lines.size());
    new_lines.push_back(line(record));
    text += new_lines.back() + "\n";
  }
  on_each_or_refuse([&](Medium& medium) { m_env->append(medium.folder / "transcript.log", as_view(text)); });
  for (std::size_t i = 0; i < records.size(); ++i) {
    m_transcript.tree.append(leaf_hash(new_lines[i]));
    m_transcript.lines.push_back(std::move(new_lines[i]));
    m_transcript.records.push_back(records[i]);
  }
  m_transcript.bytes += text.size();
  settle(records);
}

void Journal::settle(std::span<const Record> records) {
  if (m_pending.empty()) return;
  std::set<Digest> named;
  for (const Record& record : records) named.merge(named_digests(record));
  std::erase_if(named, [&](const Digest& digest) { return !m_pending.contains(digest); });
  const bool end = std::ranges::any_of(records, closes);
  // The records are durable: a medium that fails here is dropped, and the move is made up for when it comes back.
  on_each([&](Medium& medium) {
    for (ArtifactStore* store : {&medium.artifacts, &medium.private_texts}) {
      for (const Digest& digest : store->incoming()) {
        if (named.contains(digest)) store->settle(digest);
        else if (end) store->drop(digest);
      }
    }
  });
  for (const Digest& digest : named) m_pending.erase(digest);
  if (end) m_pending.clear();
}

Digest Journal::put_artifact(View bytes) {
  on_each_or_refuse([&](Medium& medium) { static_cast<void>(medium.artifacts.put(bytes)); });
  const Digest digest = sha256(bytes);
  m_pending.insert(digest);
  return digest;
}

std::optional<Bytes> Journal::artifact(const Digest& digest) const {
  std::optional<Refused> trouble;
  for (const Medium& medium : m_media) {
    if (!medium.working) continue;
    try {
      if (auto bytes = medium.artifacts.get(digest)) return bytes;
    } catch (const Refused& reason) {
      trouble = reason;
    }
  }
  if (trouble) throw *trouble;
  return std::nullopt;
}

Digest Journal::put_private(std::string_view text, std::span<const std::uint8_t, 16> salt) {
  Bytes bytes(salt.begin(), salt.end());
  bytes.insert(bytes.end(), text.begin(), text.end());
  on_each_or_refuse([&](Medium& medium) { static_cast<void>(medium.private_texts.put(bytes)); });
  const Digest digest = sha256(bytes);
  m_pending.insert(digest);
  return digest;
}

std::optional<std::string> Journal::private_text(const Digest& digest) const {
  for (const Medium& medium : m_media) {
    if (!medium.working) continue;
    if (const auto bytes = medium.private_texts.get(digest); bytes && bytes->size() >= 16) return as_text(View(*bytes).subspan(16));
  }
  return std::nullopt;
}

std::string Journal::proof(std::uint64_t index, std::string_view checkpoint) const {
  const auto size = parse_checkpoint(checkpoint, "checkpoint").checkpoint.size;
  assert(index < size && size <= this->size());
  return write_proof({lines()[index], index, tree().inclusion_proof(index, size), std::string(checkpoint)});
}

void Journal::write_checkpoint(std::string_view note) {
  const SignedCheckpoint signed_head = parse_checkpoint(note, "checkpoint");
  const Checkpoint& head = signed_head.checkpoint;
  auto refuse = [](std::string what) { throw Refused(LedgerRefusal::checkpoint, std::move(what), "checkpoint", "sign the head of this very log"); };
  if (head.size > size() || head.root != tree().root_at(head.size)) refuse("the checkpoint of size " + std::to_string(head.size) + " is not of this log");
  if (!m_checkpoint.empty()) {
    const SignedCheckpoint before = parse_checkpoint(m_checkpoint, "checkpoint");
    if (before.checkpoint.origin != head.origin) refuse("the checkpoint is of \"" + head.origin + "\", the log is \"" + before.checkpoint.origin + "\"");
    if (before.checkpoint.size > head.size) refuse("a checkpoint of size " + std::to_string(before.checkpoint.size) + " stands already");
    if (before.checkpoint.size == head.size && !has_all_signatures(signed_head.note, before.note)) refuse("signatures that stand already would be lost");
  }
  on_each_or_refuse([&](Medium& medium) {
    const Path path = medium.folder / "checkpoints" / std::to_string(head.size);
    m_env->make_folder(path.parent_path());
    m_env->replace(path, as_view(note));
    m_env->replace(medium.folder / "checkpoint", as_view(note));
  });
  m_checkpoint = note;
}

void Journal::write_key(std::string_view file, const VerifierKey& key) {
  const std::string vkey = write_vkey(key) + "\n";
  const std::string pem = write_public_pem(key.spki);
  on_each_or_refuse([&](Medium& medium) {
    const Path keys = medium.folder / "keys";
    m_env->make_folder(keys);
    std::string name(file);
    auto is_other = [&](const Path& path, const std::string& text) { return m_env->exists(path) && as_text(m_env->read(path, 65536)) != text; };
    if (is_other(keys / (name + ".vkey"), vkey) || is_other(keys / (name + ".pem"), pem)) name += "-" + hex(key_id_of(key.spki));
    for (const auto& [path, text] : {std::pair(keys / (name + ".vkey"), vkey), std::pair(keys / (name + ".pem"), pem)}) {
      if (!m_env->exists(path)) m_env->create(path, as_view(text));
    }
  });
}

void Journal::write_sums() {
  on_each_or_refuse([&](Medium& medium) {
    std::string text;
    for (const std::string& name : m_env->list(medium.folder)) {
      if (is_summed(name)) text += hex(sha256(m_env->read(medium.folder / name, transcript_limit))) + "  " + name + "\n";
    }
    m_env->replace(medium.folder / "SHA256SUMS", as_view(text));
  });
}

bool Journal::has_sums() const {
  const std::string line = hex(sha256(m_checkpoint)) + "  checkpoint\n";
  return std::ranges::any_of(working(), [&](const Path& folder) {
    const Path sums = folder / "SHA256SUMS";
    return m_env->exists(sums) && as_text(m_env->read(sums, transcript_limit)).find(line) != std::string::npos;
  });
}

std::vector<MediumFailure> Journal::take_failures() { return std::exchange(m_failures, {}); }

std::vector<Path> Journal::working() const {
  std::vector<Path> out;
  for (const Medium& medium : m_media) {
    if (medium.working) out.push_back(medium.folder);
  }
  return out;
}

}  // namespace ceremony::ledger
