#include "ceremony/ledger/artifacts.h"

#include "ceremony/ground/refused.h"
#include "ceremony/ledger/refusal.h"

namespace ceremony::ledger {

ArtifactStore::ArtifactStore(Env& env, Path folder, std::string kind) : m_env(&env), m_folder(std::move(folder)), m_kind(std::move(kind)) {}

std::string ArtifactStore::place(const Digest& digest) const {
  const std::string name = hex(digest);
  return m_kind + "/" + name.substr(0, 2) + "/" + name;
}

Path ArtifactStore::incoming_path(const Digest& digest) const { return m_folder / "incoming" / (m_kind + "-" + hex(digest)); }

Digest ArtifactStore::put(View bytes) {
  const Digest digest = sha256(bytes);
  if (get(digest)) return digest;
  m_env->make_folder(m_folder / "incoming");
  m_env->create(incoming_path(digest), bytes);
  return digest;
}

void ArtifactStore::settle(const Digest& digest) {
  if (m_env->exists(final_path(digest))) return drop(digest);
  m_env->make_folder(final_path(digest).parent_path());
  m_env->rename(incoming_path(digest), final_path(digest));
}

std::optional<Bytes> ArtifactStore::get(const Digest& digest) const {
  for (const Path& path : {final_path(digest), incoming_path(digest)}) {
    if (!m_env->exists(path)) continue;
    Bytes bytes = m_env->read(path, artifact_limit);
    if (sha256(bytes) != digest)
      throw Refused(LedgerRefusal::artifact, "the file's bytes are not what its name says", path.string(),
                    "the medium is damaged or was changed; take the file from the other ledger");
    return bytes;
  }
  return std::nullopt;
}

std::vector<Digest> ArtifactStore::list() const {
  std::vector<Digest> out;
  if (!m_env->exists(m_folder / m_kind)) return out;
  for (const std::string& name : m_env->list(m_folder / m_kind)) {
    // Env::create of a crashed writer may leave a temporary name; it never had a final one.
    const auto digest = name.size() == 67 ? digest_from_hex(std::string_view(name).substr(3)) : std::nullopt;
    if (!digest || place(*digest) != m_kind + "/" + name)
      throw Refused(LedgerRefusal::artifact, "a file is here that is no artifact: \"" + name + "\"", (m_folder / m_kind).string(),
                    "find out who put it there; move it away if it does not belong to the ledger");
    out.push_back(*digest);
  }
  return out;
}

std::vector<Digest> ArtifactStore::incoming() const {
  std::vector<Digest> out;
  if (!m_env->exists(m_folder / "incoming")) return out;
  for (const std::string& name : m_env->list(m_folder / "incoming")) {
    const std::string head = m_kind + "-";
    if (!name.starts_with(head)) continue;
    if (const auto digest = digest_from_hex(std::string_view(name).substr(head.size()))) out.push_back(*digest);
  }
  return out;
}

void ArtifactStore::drop(const Digest& digest) { m_env->remove(incoming_path(digest)); }

}  // namespace ceremony::ledger
