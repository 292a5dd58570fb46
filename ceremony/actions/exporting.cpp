// What leaves: root and first CRL of a genesis, a bundle a factory of an issuance. Built from the log's artifacts, so a
// second attempt makes the same bytes.
#include <algorithm>

#include "ceremony/actions/action.h"
#include "ceremony/actions/bundle_files.h"
#include "ceremony/actions/codes.h"
#include "ceremony/pki/p7b.h"
#include "ceremony/pki/pem.h"
#include "ceremony/pki/verified.h"
#include "ceremony/shares/words.h"
#include "media/bundle.h"

namespace ceremony::actions {
namespace {

void add_certificate(media::Files& files, const std::string& name, const pki::VerifiedCertificate& certificate) {
  files["certs/" + name + ".der"] = certificate.der().value;
  files["certs/" + name + ".pem"] = as_bytes(pki::pem("CERTIFICATE", certificate.der().view()));
}

/// Only what verifies under the CA's key leaves; the artifact is read and checked again.
pki::VerifiedCertificate verified(Run& run, const Digest& digest) {
  return pki::verify_certificate({run.artifact(digest)}, {run.ca_key().spki});
}

pki::VerifiedCrl latest_crl(Run& run) {
  const auto crl = run.state().crls.find(run.ca_key().id);
  if (crl == run.state().crls.end()) throw Refused(ActionRefusal::not_now, "there is no CRL yet", "log", "the step that signs the CRL comes first");
  return pki::verify_crl({run.artifact(crl->second.digest)}, {run.ca_key().spki});
}

const state::Certificate& root_certificate(Run& run) {
  const auto* root = run.state().certificate_of(run.ca_key().id);
  if (root == nullptr) throw Refused(ActionRefusal::not_now, "there is no root certificate yet", "log", "the step that signs the root comes first");
  return *root;
}

std::string with_colons(View bytes) {
  std::string out;
  for (const auto b : bytes) out += (out.empty() ? "" : ":") + hex(View(&b, 1));
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

/// Values here are names and numbers of ours; the one thing JSON would trip over is quoted.
std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string profile_json(Run& run, const state::Certificate& certificate, const pki::CertificateView& v, const std::string& recipient) {
  std::string out = "{\n";
  const auto line = [&](std::string_view key, std::string_view value, bool last = false) {
    out += "  " + json_text(key) + ": " + json_text(value) + (last ? "\n" : ",\n");
  };
  line("format", "ceremony-bundle-profile/v1");
  line("recipient", recipient);
  line("profile", certificate.profile);
  line("origin", run.state().origin);
  line("subject", pki::text(v.subject));
  line("issuer", pki::text(v.issuer));
  line("serial", v.serial_hex);
  line("skid", hex(v.skid));
  line("skid_colons", with_colons(v.skid));
  line("akid", hex(v.akid));
  line("akid_colons", with_colons(v.akid));
  line("key", v.key.algorithm);
  line("not_before", text_of(v.not_before));
  line("not_after", text_of(v.not_after));
  line("sha256", hex(certificate.digest), true);
  return out + "}\n";
}

std::string readme(Run& run, const std::string& what, const std::string& commands) {
  return what + "\n" + (run.rehearsal() ? "\nREHEARSAL: these certificates have no value outside a rehearsal.\n" : "") +
         "\nTo check it, in this folder, with coreutils and OpenSSL alone:\n\n" + commands +
         "\nWith ceremony-verify: who approved it, and that it stands on the log (the pin is the SHA-256 of the log key's\n"
         "SubjectPublicKeyInfo; have it from the people, not from this medium):\n\n  ceremony-verify . --pin <SPKI-SHA256>\n";
}

}  // namespace

std::string bundle_name(const state::Certificate& certificate) { return "bundle-" + certificate.serial.substr(2, 16); }

void export_to(Run& run, const std::string& medium, const std::string& prefix, const media::Files& files, const media::Files& beside) {
  run.retry("export." + medium + ".refused", "administrator", [&] { run.attempt("export", {}, {{"media", std::vector<std::string>{medium}}}, "medium \"" + medium + "\"", [&] {
    auto& volume = run.w.volumes.named(medium);
    if (run.state().open && run.state().open->media.contains(medium)) run.register_medium(medium, std::string(run.state().open->media.at(medium).kind));
    else run.check_medium(volume);
    for (const auto& [name, content] : beside)
      if (const auto path = prefix + "/" + name; !volume.exists(path))
        throw Refused(media::VolumeRefusal::wrong_medium, "there is no \"" + path + "\" on the medium, and it was written there", medium, "insert the medium that holds \"" + prefix + "\"");
    const bool there = std::ranges::all_of(files, [&](const auto& f) { return volume.exists(prefix.empty() ? f.first : prefix + "/" + f.first); });
    if (!there) return media::write_and_read_back(volume, prefix, files, run.ask_reinsert());
    auto all = beside;
    all.insert(files.begin(), files.end());
    media::read_back(volume, prefix, all);
  }); });
}

media::Files public_files(Run& run) {
  const auto root = verified(run, root_certificate(run).digest);
  const auto crl = latest_crl(run);
  media::Files files;
  add_certificate(files, "root", root);
  files["crl/" + hex(root.view().skid) + ".crl"] = crl.der().value;
  files["crl/" + hex(root.view().skid) + ".pem"] = as_bytes(pki::pem("X509 CRL", crl.der().view()));
  files["README.txt"] = as_bytes(readme(run, "Root certificate and CRL of " + run.w.policy.name + ", ceremony " + run.ceremony + ".",
                                        "  sha256sum -c MANIFEST\n  openssl x509 -in certs/root.pem -noout -text\n"
                                        "  openssl verify -x509_strict -check_ss_sig -CAfile certs/root.pem certs/root.pem\n"));
  files["MANIFEST"] = as_bytes(media::manifest(files));
  return files;
}

media::Files bundle_files(Run& run, const state::Certificate& certificate, const std::string& recipient) {
  const auto issuing = verified(run, certificate.digest);
  const auto root = verified(run, root_certificate(run).digest);
  const auto crl = latest_crl(run);
  media::Files files;
  add_certificate(files, "issuing", issuing);
  add_certificate(files, "root", root);
  const std::vector<pki::CertDer> chain{issuing.der(), root.der()};
  files["chain.pem"] = as_bytes(pki::pem("CERTIFICATE", issuing.der().view()) + pki::pem("CERTIFICATE", root.der().view()));
  files["chain.p7b"] = pki::certs_only_p7b(chain);
  const auto crl_name = "crl/" + hex(root.view().skid) + ".crl";
  files[crl_name] = crl.der().value;
  files["profile.json"] = as_bytes(profile_json(run, certificate, issuing.view(), recipient));
  files["README.txt"] = as_bytes(readme(run, "An issuing CA certificate of " + run.w.policy.name + " for " + recipient + ": " + pki::text(issuing.view().subject) + ".",
                                        "  sha256sum -c MANIFEST\n  openssl crl -inform DER -in " + crl_name + " -out root-crl.pem\n"
                                        "  openssl verify -x509_strict -check_ss_sig -crl_check_all -CRLfile root-crl.pem -CAfile certs/root.pem certs/issuing.pem\n"));
  files["MANIFEST"] = as_bytes(media::manifest(files));
  return files;
}

namespace {

/// What of an export can also leave by camera: certificates, the CRL and the list of all files.
std::vector<Code> codes_of(const media::Files& files) {
  std::vector<Code> out;
  for (const auto& [name, content] : files) {
    if (name.ends_with(".der")) out.push_back(qr_code(name, media::PayloadKind::certificate, content));
    if (name.ends_with(".crl")) out.push_back(qr_code(name, media::PayloadKind::crl, content));
    if (name == "MANIFEST") out.push_back(qr_code(name, media::PayloadKind::manifest, content));
  }
  return out;
}

void export_files(Run& run, const std::string& medium, const std::string& prefix, std::string_view kind, const std::string& recipient, media::Files files,
                  const std::optional<Digest>& certificate) {
  const auto manifest = files.at("MANIFEST");
  if (std::ranges::any_of(run.state().open->exports, [&](const auto& e) { return e.sha256 == sha256(manifest); })) return;
  run.register_medium(medium, "export");
  run.put(manifest);
  export_to(run, medium, prefix, files);
  ledger::Value d{{"kind", std::string(kind)}, {"name", prefix}, {"media", std::vector<std::string>{medium}}, {"sha256", sha256(manifest)},
                  {"files", files.size()}, {"recipient", recipient}, {"read_back", true}};
  if (certificate) d.set("certificate", *certificate);
  run.record("export", {}, std::move(d));
  const auto said = "On medium \"" + medium + "\", read back equal: " + prefix + " (" + std::to_string(files.size()) + " files)";
  run.w.op.progress(said);
  run.w.op.show({"exported." + medium, "administrator", said + ". The words are those of its MANIFEST."}, Page{"SHA-256 " + hex(sha256(manifest)), shares::words_of(sha256(manifest)), codes_of(files)});
}

}  // namespace

void export_payload(Run& run) { export_files(run, "public", run.ceremony, "public", "public", public_files(run), std::nullopt); }

void export_bundles(Run& run) {
  for (const auto& import : std::vector<state::Import>(run.state().open->imports)) {
    for (const auto& [digest, certificate] : std::map<Digest, state::Certificate>(run.state().certificates))
      if (certificate.csr == import.csr && certificate.ceremony == run.ceremony)
        export_files(run, import.recipient, bundle_name(certificate), "bundle", import.recipient, bundle_files(run, certificate, import.recipient), digest);
  }
}

}  // namespace ceremony::actions
