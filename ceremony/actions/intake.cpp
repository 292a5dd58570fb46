// Certification requests come in: files of a medium, or frames off a camera or a keyboard.
#include <algorithm>

#include "ceremony/actions/action.h"
#include "ceremony/actions/lint_run.h"
#include "ceremony/pki/csr.h"
#include "ceremony/pki/pem.h"
#include "media/bundle.h"
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

/// What becomes of a request that was checked and shown.
enum class Taken { yes, once_more, left_out };
Taken ask_whether(Run& run, const std::string& name) {
  static const std::vector<std::string> options{"take it in", "another profile or medium", "leave it out"};
  return Taken{static_cast<int>(run.w.op.choose({"take." + name, "administrator", "The request \"" + name + "\": digest, name and key are those of the factory's letter, profile and medium are right?"}, options))};
}

void record_refused(Run& run, const Came& came, const std::string& recipient, std::string_view why) {
  run.record_failed("import", {}, {{"csr", sha256(came.bytes)}, {"medium", came.medium}, {"recipient", recipient.empty() ? "none" : recipient}}, why);
}

/// The request under that profile, checked and shown; on the record where people take it.
Taken take_under(Run& run, const Came& came, const std::string& profile_id, const std::string& recipient) {
  const auto csr = pki::take_csr(came.bytes, run.w.profiles.at(profile_id));
  if (const auto whose = known_key(run, csr.key.spki_sha256); !whose.empty())
    throw Refused(ActionRefusal::mistaken, "the public key is already on the log: it is that of " + whose, came.name, "have the request made again with a new key pair");
  const auto subject = pki::text(subject_of(run, csr));
  std::string shown = "SHA-256 of the file: " + hex(sha256(came.bytes)) + "\nSubject as it will be: " + subject + "\nKey: " + csr.key.algorithm + ", SKID " + hex(csr.key.skid);
  for (const auto& dropped : csr.dropped) shown += "\nnot followed: " + dropped;
  run.w.op.show_text({"csr." + came.name, "everyone", "The request \"" + came.name + "\" for " + recipient + ", profile " + profile_id + "."}, shown);
  const auto taken = ask_whether(run, came.name);
  if (taken != Taken::yes) return taken;
  run.put(csr.der.view());
  run.record("import", {},
             {{"csr", csr.digest}, {"spki_sha256", csr.key.spki_sha256}, {"subject", subject}, {"recipient", recipient}, {"profile", profile_id},
              {"dropped", csr.dropped}, {"medium", came.medium}});
  return taken;
}

/// One request: shown, checked, and on the record, as taken in, as left out or as refused.
void take_one(Run& run, const Came& came) {
  const auto& profiles = run.w.policy.issuing.profiles;
  const auto& name = came.name;
  if (is_taken(run, came.bytes)) return run.w.op.progress("the request \"" + name + "\" is taken in already");
  while (true) {
    const auto profile_id = profiles[run.w.op.choose({"profile." + name, "administrator", "Under which profile is the request \"" + name + "\" to be certified?"}, profiles)];
    const auto recipient = ask_recipient(run, name);
    try {
      const auto taken = take_under(run, came, profile_id, recipient);
      if (taken == Taken::left_out) record_refused(run, came, recipient, "the request \"" + name + "\" was left out by the people");
      if (taken != Taken::once_more) return;
    } catch (const Refused& refusal) {
      if (refusal.code().starts_with("operator/")) throw;
      record_refused(run, came, recipient, refusal.findings().front().what);
      const bool without = run.w.op.refused({"csr." + name + ".refused", "administrator", "The request \"" + name + "\" is refused. `again` leaves it out and goes on."}, refusal) == Next::again;
      if (!without) throw;
      return;
    }
  }
}

constexpr std::size_t most_requests = 1000;  // nobody reads a longer list

bool is_request(std::string_view name) { return name.ends_with(".csr") || name.ends_with(".pem") || name.ends_with(".der"); }

/// What lies on the medium: requests, on its top or in folders (read when they are taken), and those in archives (`NAME.tar.zst`).
std::vector<Came> requests_on(Run& run, media::Volume& volume) {
  std::vector<Came> out;
  for (const auto& name : volume.list()) {
    if (!is_request(name) && !name.ends_with(".tar.zst")) continue;
    // Whoever prepared the medium chose the name, and may have meant it for the terminal or the shell.
    if (const auto fault = media::fault_of_name(name); !fault.empty()) {
      run.w.op.progress("left out: " + media::shown(name) + ": " + std::string(fault));
      continue;
    }
    if (is_request(name)) {
      out.push_back({name, {}, volume.name()});
      continue;
    }
    Came archive{name, {}, volume.name()};
    try {
      archive.bytes = volume.read(name, media::Limits{}.max_total);
      for (auto& [inside, content] : media::unpack(archive.bytes))
        if (is_request(inside)) out.push_back({name + "/" + inside, std::move(content), volume.name()});
    } catch (const Refused& refusal) {
      record_refused(run, archive, "", name + ": " + refusal.findings().front().what);
      const bool without = run.w.op.refused({"csr." + name + ".refused", "administrator", "The archive \"" + name + "\" is refused, with all that is in it. `again` leaves it out and goes on."}, refusal) == Next::again;
      if (!without) throw;
    }
  }
  if (out.size() > most_requests)
    throw Refused(ActionRefusal::mistaken, "there are " + std::to_string(out.size()) + " certification requests on the medium", volume.name(), "bring at most " + std::to_string(most_requests) + " on one medium");
  return out;
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
  const auto requests = requests_on(run, volume);
  std::vector<std::string> names;
  for (const auto& came : requests) names.push_back(came.name);
  if (!names.empty())
    for (const auto i : run.w.op.pick({"requests", "administrator", "Which requests on the medium \"" + medium + "\" are taken in?"}, names)) {
      auto came = requests.at(i);
      if (came.bytes.empty()) came.bytes = volume.read(came.name, pki::csr_limit + 1);
      take_one(run, came);
    }
  for (int n = 1;; ++n) {
    RequestFrames frames;
    const std::string name = "qr-" + std::to_string(n);
    if (!run.w.op.receive({"frames." + name, "administrator", "Does a request come as QR codes? Scan them, or type their frames, one a line and in any order. Nothing more to scan: an empty line."}, frames)) break;
    take_one(run, {name, frames.payload(), "qr"});
  }
  if (run.state().open->imports.empty())
    throw requests.empty() ? Refused(ActionRefusal::absent, "there is no certification request on the medium", medium, "put *.csr files (PEM or DER) on it, or an archive (.tar.zst) of them")
                           : Refused(ActionRefusal::absent, "no request was taken in; on the medium there are " + std::to_string(requests.size()), medium, "mark those that are meant, or scan one");
}

}  // namespace ceremony::actions
