// Certification requests come in: files of a medium, or frames off a camera or a keyboard.
#include <algorithm>

#include "ceremony/actions/action.h"
#include "ceremony/actions/lint_run.h"
#include "ceremony/pki/csr.h"
#include "ceremony/pki/pem.h"
#include "media/qr_frames.h"

namespace ceremony::actions {
namespace {

/// Whose key a request brings, if it is not new: of the log, or of another request of this ceremony. Empty if it is new.
std::string known_key(Run& run, const Digest& spki) {
  for (const auto& [id, key] : run.state().keys)
    if (key.spki_sha256 == spki) return "this CA's own key \"" + key.label + "\"";
  for (const auto& [digest, certificate] : run.state().certificates)
    if (certificate.spki_sha256 == spki) return "\"" + certificate.subject + "\", serial " + certificate.serial;
  for (const auto& import : run.state().open->imports)
    if (import.spki_sha256 == spki) return "\"" + import.subject + "\", a request of this ceremony";
  return "";
}

/// Whether this ceremony took that very request in already: before a cut, or from a copy of the file.
bool is_taken(const Run& run, View bytes) {
  try {
    const auto digest = sha256(pki::der_of("CERTIFICATE REQUEST", bytes));
    return std::ranges::any_of(run.state().open->imports, [&](const auto& i) { return i.csr == digest; });
  } catch (const Refused&) {
    return false;  // what it is will be said when it is taken in
  }
}

/// The factory's medium; a name that was typed wrongly is typed again, and costs no request its place.
std::string ask_recipient(Run& run, const std::string& request) {
  std::string recipient;
  run.retry("recipient." + request + ".refused", "administrator", [&] {
    recipient = run.w.op.type({"recipient." + request, "administrator", "On which medium does its bundle leave (name of the factory's medium)?"}, "");
    (void)run.w.volumes.named(recipient);
    if (run.w.policy.people.contains(recipient))
      throw Refused(ActionRefusal::mistaken, "the medium \"" + recipient + "\" is a person's own", request, "name the medium that goes to the factory");
  });
  return recipient;
}

/// A request as it came, and where from.
struct Came {
  std::string name;
  Bytes bytes;
  std::string medium;  ///< its name, or "qr"
};

/// One request: shown, checked, and on the record, as taken in or as refused.
void take_one(Run& run, const Came& came) {
  const auto& policy = run.w.policy;
  const auto& name = came.name;
  if (is_taken(run, came.bytes)) return run.w.op.progress("the request \"" + name + "\" is taken in already");
  const auto profile_id = policy.issuing.profiles[run.w.op.choose({"profile." + name, "administrator", "Under which profile is the request \"" + name + "\" to be certified?"}, policy.issuing.profiles)];
  const auto recipient = ask_recipient(run, name);
  try {
    const auto csr = pki::take_csr(came.bytes, run.w.profiles.at(profile_id));
    if (const auto whose = known_key(run, csr.key.spki_sha256); !whose.empty())
      throw Refused(ActionRefusal::mistaken, "the public key is already on the log: it is that of " + whose, name, "have the request made again with a new key pair");
    run.put(csr.der.view());
    const auto subject = pki::text(subject_of(run, csr));
    std::string shown = "SHA-256 of the file: " + hex(sha256(came.bytes)) + "\nSubject as it will be: " + subject + "\nKey: " + csr.key.algorithm + ", SKID " + hex(csr.key.skid);
    for (const auto& dropped : csr.dropped) shown += "\nnot followed: " + dropped;
    run.w.op.show_text({"csr." + name, "", "The request \"" + name + "\" for " + recipient + ", profile " + profile_id + "."}, shown);
    run.record("import", {},
               {{"csr", csr.digest}, {"spki_sha256", csr.key.spki_sha256}, {"subject", subject}, {"recipient", recipient}, {"profile", profile_id},
                {"dropped", csr.dropped}, {"medium", came.medium}});
  } catch (const Refused& refusal) {
    if (refusal.code().starts_with("operator/")) throw;
    run.record_failed("import", {}, {{"csr", sha256(came.bytes)}, {"medium", came.medium}, {"recipient", recipient.empty() ? "none" : recipient}}, refusal.findings().front().what);
    const bool without = run.w.op.refused({"csr." + name + ".refused", "administrator", "The request \"" + name + "\" is refused. `again` leaves it out and goes on."}, refusal) == Next::again;
    if (!without) throw;
  }
}

/// Frames of a request, as the operator reads them.
class RequestFrames final : public FrameSink {
 public:
  std::string take(std::string_view line) override {
    try {
      return m_collector.take(line).says;
    } catch (const Refused& refusal) {
      const auto& finding = refusal.findings().front();
      return finding.what + ". " + finding.hint + " (" + m_collector.progress() + ")";
    }
  }
  bool complete() const override { return m_collector.complete(); }
  [[nodiscard]] const Bytes& payload() const { return m_collector.payload(); }

 private:
  media::FrameCollector m_collector{media::PayloadKind::csr};
};

}  // namespace

void take_csrs(Run& run) {
  const std::string medium = "intake";
  run.register_medium(medium, "intake");
  auto& volume = run.w.volumes.named(medium);
  std::vector<std::string> names;
  for (const auto& name : volume.list()) {
    if (!name.ends_with(".csr") && !name.ends_with(".pem") && !name.ends_with(".der")) continue;
    // Whoever prepared the medium chose the name, and may have meant it for the terminal or the shell.
    if (const auto fault = media::fault_of_name(name); fault.empty()) names.push_back(name);
    else run.w.op.progress("left out: " + media::shown(name) + ": " + std::string(fault));
  }
  if (!names.empty())
    for (const auto i : run.w.op.pick({"requests", "administrator", "Which requests on the medium \"" + medium + "\" are taken in?"}, names))
      take_one(run, {names.at(i), volume.read(names.at(i), pki::csr_limit + 1), medium});
  for (int n = 1;; ++n) {
    RequestFrames frames;
    const std::string name = "qr-" + std::to_string(n);
    if (!run.w.op.receive({"frames." + name, "administrator", "Does a request come as QR codes? Scan them, or type their frames, one a line and in any order. Nothing more to scan: an empty line."}, frames)) break;
    take_one(run, {name, frames.payload(), "qr"});
  }
  if (run.state().open->imports.empty())
    throw Refused(ActionRefusal::absent, "there is no certification request on the medium", medium, "put *.csr files (PEM or DER) on it");
}

}  // namespace ceremony::actions
