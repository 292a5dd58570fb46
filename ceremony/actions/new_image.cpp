#include "ceremony/actions/new_image.h"

#include <algorithm>

#include "ceremony/actions/run.h"

namespace ceremony::actions {

ledger::Act act_of(const NewImage& image) {
  ledger::Act act{{"manifest", hex(image.files.manifest)}, {"medium-hash", hex(image.uki)}, {"uki", hex(image.uki)}, {"version", image.files.version}};
  if (image.pcr4) act["pcr4"] = hex(*image.pcr4);
  if (image.pcr11) act["pcr11"] = hex(*image.pcr11);
  return act;
}

std::string described(const NewImage& image) {
  const auto& files = image.files;
  std::string out = "Boot image " + files.version + " (" + files.kind + "), made of the source " + files.source + "\n";
  const auto add = [&out](const std::string& name, const Digest& digest) { out += "\n" + name + "\n" + hex(digest) + "\n" + fingerprint(digest) + "\n"; };
  add("MANIFEST", files.manifest);
  add(files.kernel_of(image.uki) + ", on the medium as EFI/BOOT/BOOTX64.EFI", image.uki);
  if (image.pcr4) add("PCR 4 of a machine that was started from it", *image.pcr4);
  if (image.pcr11) add("PCR 11 of a machine that was started from it", *image.pcr11);
  return out + "\nCompare each with what the two who made it noted, each from their own machine. Below are the words of what is approved: of a text that holds all of these digests.";
}

bool is_admitted(const NewImage& image, const policy::Policy& policy, std::span<const state::AdmittedImage> before) {
  const auto same = [&](const state::AdmittedImage& i) { return i.manifest == image.files.manifest && i.uki == image.uki; };
  const auto& listed = policy.images;
  const bool by_policy = listed && std::ranges::contains(listed->manifests, image.files.manifest) && std::ranges::contains(listed->ukis, image.uki);
  if (!by_policy && std::ranges::none_of(before, same)) return false;
  if (!policy.tpm || !image.pcr4 || !image.pcr11) return true;
  return (std::ranges::contains(policy.tpm->pcr4, *image.pcr4) && std::ranges::contains(policy.tpm->pcr11, *image.pcr11)) ||
         std::ranges::any_of(before, [&](const auto& i) { return same(i) && i.pcr4 == image.pcr4 && i.pcr11 == image.pcr11; });
}

Digest digest_typed(std::string typed, const std::string& what, const std::string& person, const std::string& hint) {
  std::erase(typed, ' ');
  if (const auto digest = digest_from_hex(typed)) return *digest;
  throw Refused(ActionRefusal::mistaken, "\"" + typed + "\" is no " + what + ": it has 64 characters of 0-9 and a-f, and what was typed has " + std::to_string(typed.size()), person, hint);
}

}  // namespace ceremony::actions
