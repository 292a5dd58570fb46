// A new boot image is admitted: a witness found its digest on another machine, and governance approves it; where policy has [tpm], with what a
// machine's TPM will say.
#include <algorithm>

#include "ceremony/actions/action.h"
#include "ceremony/actions/new_image.h"

namespace ceremony::actions {
namespace {

constexpr std::string_view kind = "medium-hash";

ImageFiles read_files(Run& run) {
  auto& intake = run.w.volumes.named("intake");
  auto files = read_image_files(as_text(intake.read("MANIFEST", longest_manifest)), as_text(intake.read("SHA256SUMS", longest_sums)));
  const std::string here(policy::name_of(run.w.policy.environment));
  if (files.kind != here)
    throw Refused(ImageRefusal::does_not_fit, "the image \"" + files.version + "\" is one of " + files.kind + ", this CA is one of " + here, "MANIFEST", "bring the files of the image of the kind that this CA runs on");
  return files;
}

/// Who could be the one who hashed it: independent, and nobody who approves it.
std::vector<std::string> independent(const Run& run) {
  std::vector<std::string> out;
  const auto& governance = run.w.policy.quorum(policy::QuorumName::governance);
  for (const auto& [id, person] : run.state().people) {
    const auto holds = [&](policy::Role role) { return std::ranges::contains(person.roles, policy::name_of(role)); };
    if ((holds(policy::Role::witness) || holds(policy::Role::auditor)) && !governance.has(id)) out.push_back(id);
  }
  if (out.empty())
    throw Refused(ActionRefusal::absent, "nobody is enrolled who could have hashed the new boot medium independently", "policy, [people]",
                  "a witness or auditor who is no member of the governance quorum has to be enrolled; abort, and have governance see to it");
  return out;
}

/// The digest that somebody independent found elsewhere, on the record. No digest was shown before it is typed.
Digest hashed_elsewhere(Run& run, const ImageFiles& files) {
  // By this very step before a cut.
  for (const auto& e : run.state().open->evidence)
    if (e.kind == kind && e.sha256 && !files.kernel_of(*e.sha256).empty()) return *e.sha256;
  const auto left = independent(run);
  const auto people = left.size() == 1 ? left : run.choose_people("hashed-by", "Who hashed the new boot medium on another machine?", left, 1, {"evidence", {{"kind", kind}}, {}});
  const auto& person = people.front();
  Digest digest;
  run.retry("medium-hash." + person + ".refused", person, [&] {
    const auto typed = run.w.op.type({"medium-hash." + person, person,
                                      "What did another machine say is the SHA-256 of EFI/BOOT/BOOTX64.EFI on the new boot medium? Type its 64 characters from your own paper; spaces do not matter."}, "");
    digest = digest_typed(typed, "SHA-256", person, "type what sha256sum printed before the name of the file");
    if (files.kernel_of(digest).empty()) {
      const std::string what = "the digest that " + person + " found on another machine is that of no kernel image in SHA256SUMS";
      run.record_failed("evidence", {person}, {{"kind", kind}, {"sha256", digest}}, what);
      throw Refused(ActionRefusal::mistaken, what, person, "look for a mistake of typing; if there is none, the medium is not that image: do not admit it, and find out how it was made");
    }
    const auto where = run.w.op.type({"hashed-on." + person, person, "On which machine was that, and which medium (number of its bag)?"}, "");
    if (where.empty()) throw Refused(ActionRefusal::mistaken, "nothing was typed", person, "say in a few words which machine and which medium; it is published with the log");
    run.record("evidence", {person}, {{"kind", kind}, {"reference", where}, {"sha256", digest}});
  });
  return digest;
}

/// What the TPM of a machine says that was started from the image: from the makers' paper, for this machine did not.
Digest value_of(Run& run, const std::string& id, const std::string& name, const std::string& where) {
  const std::string who = "administrator";
  Digest value;
  run.retry(id + ".refused", who, [&] {
    const auto typed = run.w.op.type({id, who, "Which value of " + name + " " + where + "? Type its 64 characters from the makers' paper; spaces do not matter."}, "");
    value = digest_typed(typed, "value of " + name, who, "type what stands on the paper behind " + name);
  });
  return value;
}

void refuse_known(const Run& run, const NewImage& image) {
  if (is_admitted(image, run.w.policy, run.state().images))
    throw Refused(ActionRefusal::not_now, "the image \"" + image.files.version + "\" with the kernel image " + hex(image.uki) + " is admitted already", "intake", "bring the files of the new one, or abort: there is nothing to be done");
}

}  // namespace

void admit_image(Run& run) {
  if (std::ranges::any_of(run.state().images, [&](const auto& i) { return i.ceremony == run.ceremony; })) return;
  run.register_medium("intake", "intake");
  ImageFiles files;
  run.retry("image.refused", "administrator", [&] { files = read_files(run); });
  NewImage image{files, hashed_elsewhere(run, files)};
  if (run.w.policy.tpm) {
    image.pcr4 = value_of(run, "pcr4", "PCR 4", "did a machine show that was started from the new boot medium");
    image.pcr11 = value_of(run, "pcr11", "PCR 11", "did scripts/image print for the new image");
  }
  refuse_known(run, image);
  const auto act = run.put(ledger::act_artifact(act_of(image)));
  run.approve("admit-image", act, described(image));
  const auto value = [](const std::optional<Digest>& pcr) { return pcr ? hex(*pcr) : "none"; };
  run.record("image", {}, {{"manifest", files.manifest}, {"uki", image.uki}, {"version", files.version}, {"pcr4", value(image.pcr4)}, {"pcr11", value(image.pcr11)}, {"act", act}});
  run.w.op.progress("admitted: boot image " + files.version + "; the next ceremony may run on it");
}

}  // namespace ceremony::actions
