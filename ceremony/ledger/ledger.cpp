#include "ceremony/ledger/ledger.h"

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/text.h"

namespace ceremony::ledger {
namespace {

constexpr std::size_t small_file_limit = 65536;
constexpr std::size_t salt_size = 16;

std::string read_text(Env& env, const Path& path) { return env.exists(path) ? as_text(env.read(path, small_file_limit)) : std::string(); }

}  // namespace

Transcript parse_transcript(std::string_view text, std::string_view where) {
  Transcript out;
  std::string_view rest = text;
  while (const auto line = take_line(rest)) {
    const std::string at = std::string(where) + ":" + std::to_string(out.lines.size() + 1);
    Record record = parse_record(*line, at);
    if (record.n != out.records.size())
      throw Refused(LedgerRefusal::order, "record " + std::to_string(record.n) + " stands where record " + std::to_string(out.records.size()) + " belongs", at,
                    "a record was removed, added or moved; compare this ledger with another copy");
    out.tree.append(leaf_hash(*line));
    out.lines.emplace_back(*line);
    out.records.push_back(std::move(record));
  }
  out.bytes = text.size() - rest.size();
  out.torn = rest;
  return out;
}

std::optional<Bytes> Ledger::artifact(const Digest& digest) const { return ArtifactStore(*env, folder).get(digest); }

std::optional<std::string> Ledger::private_text(const Digest& digest) const {
  const auto bytes = ArtifactStore(*env, folder, "private").get(digest);
  if (!bytes || bytes->size() < salt_size) return std::nullopt;
  return as_text(View(*bytes).subspan(salt_size));
}

Ledger load_ledger(Env& env, const Path& folder) {
  const Path log = folder / "transcript.log";
  if (!env.exists(log))
    throw Refused(EnvRefusal::absent, env.exists(folder) ? "there is no ledger in this folder" : "there is no such folder", folder.string(),
                  "give the folder that holds transcript.log");
  Transcript transcript = parse_transcript(as_text(env.read(log, transcript_limit)), log.string());
  if (!transcript.torn.empty())
    throw Refused(LedgerRefusal::torn, "the last line is torn: it has no line feed", log.string() + ":" + std::to_string(transcript.lines.size() + 1),
                  "a power cut left it so; resume the ceremony on the appliance, which repairs and records it");
  Ledger out;
  out.folder = folder;
  out.lines = std::move(transcript.lines);
  out.records = std::move(transcript.records);
  out.tree = std::move(transcript.tree);
  out.checkpoint = read_text(env, folder / "checkpoint");
  if (env.exists(folder / "checkpoints")) {
    for (const std::string& name : env.list(folder / "checkpoints")) {
      if (name.ends_with(".part")) continue;  // a power cut's left-over that never had its name
      const auto size = decimal(name);
      if (!size)
        throw Refused(LedgerRefusal::checkpoint, "a file's name is no tree size: \"" + name + "\"", (folder / "checkpoints").string(),
                      "find out who put it there; move it away if it does not belong to the ledger");
      out.checkpoints.emplace(*size, read_text(env, folder / "checkpoints" / name));
    }
  }
  if (env.exists(folder / "keys")) {
    for (const std::string& name : env.list(folder / "keys")) {
      if (!name.ends_with(".part")) out.keys.emplace(name, read_text(env, folder / "keys" / name));
    }
  }
  out.artifacts = ArtifactStore(env, folder).list();
  out.private_texts = ArtifactStore(env, folder, "private").list();
  out.env = &env;
  return out;
}

bool closes(const Record& record) { return record.ev == "close" && record.ok; }

std::uint64_t last_ceremony_begin(const std::vector<Record>& records) {
  std::uint64_t begin = records.empty() ? 0 : records.size() - 1;
  while (begin > 0 && !closes(records[begin - 1])) --begin;
  return begin;
}

bool is_closed(const std::vector<Record>& records) { return records.empty() || closes(records.back()); }

}  // namespace ceremony::ledger
