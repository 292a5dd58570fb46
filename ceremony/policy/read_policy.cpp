// Reading a policy file. Each function takes one table, notes every mistake in it and goes on; what needs two tables is
// checked after all of them, and only where both were right, so that one mistake is one finding.
#include <algorithm>
#include <ranges>
#include <set>

#include "ceremony/policy/policy.h"
#include "ceremony/policy/read_people.h"

namespace ceremony::policy {

namespace {

using toml_file::Document;
using toml_file::quoted;
using toml_file::Table;

constexpr std::string_view algorithm_names = "p256, p384, rsa3072, rsa4096";
constexpr std::string_view rehearsal_prefix = "rehearsal.";
constexpr std::string_view rehearsal_mark = "REHEARSAL";

std::string text_of_length(const Table& table, std::string_view key, std::size_t longest) {
  std::string text = table.text(key);
  if (text.empty() || text.size() > longest || text.find_first_of("\n\t") != std::string::npos) {
    table.note(key, quoted(key) + " is " + (text.empty() ? "empty" : text.size() > longest ? "longer than " + std::to_string(longest) + " bytes" : "more than one line"),
               "write one line of 1 to " + std::to_string(longest) + " bytes");
  }
  return text;
}

/// The world this policy belongs to; nothing where the file does not say, so that nothing is checked against it.
std::optional<Environment> read_head(const Table& root, Policy& policy) {
  policy.name = text_of_length(root, "name", 64);
  std::optional<Environment> environment;
  const std::string world = root.text("environment");
  if (world == "rehearsal") environment = Environment::rehearsal;
  if (world == "production") environment = Environment::production;
  if (!environment) {
    root.note("environment", "there is no environment " + quoted(world), "write \"rehearsal\" or \"production\"");
  }
  policy.environment = environment.value_or(Environment::rehearsal);

  policy.origin = text_of_length(root, "origin", 100);
  const bool plain = std::ranges::all_of(policy.origin, [](char c) { return c > ' ' && c < 0x7f && c != '+'; });
  if (!plain) {
    root.note("origin", "the origin " + quoted(policy.origin) + " holds a space, a plus sign or a character outside ASCII",
              "write a name like \"ca.example.com/devices-g1\"");
  } else if (environment && !policy.origin.empty()) {
    const bool marked = policy.origin.starts_with(rehearsal_prefix);
    if (*environment == Environment::rehearsal && !marked) {
      root.note("origin", "the origin " + quoted(policy.origin) + " of a rehearsal does not begin with \"rehearsal.\"",
                "put \"rehearsal.\" before it, or set environment = \"production\"");
    }
    if (*environment == Environment::production && marked) {
      root.note("origin", "the origin " + quoted(policy.origin) + " of a production policy is a rehearsal's",
                "take \"rehearsal.\" away, or set environment = \"rehearsal\"");
    }
  }
  return environment;
}

std::string read_algorithm(const Table& table, std::string_view key) {
  std::string name = table.text(key);
  if (!is_key_algorithm(name)) {
    table.note(key, "the key algorithm " + quoted(name) + " is not known", "write one of " + std::string(algorithm_names));
  }
  return name;
}

void check_profile_id(const Table& table, std::string_view key, const std::string& id) {
  if (!is_plain_id(id)) {
    table.note(key, quoted(id) + " is no profile id", "write an id like \"root-generic\"");
  }
}

void read_root(const Table& table, std::optional<Environment> environment, Policy& policy) {
  policy.root.algorithm = read_algorithm(table, "algorithm");
  policy.root.profile = table.text("profile");
  check_profile_id(table, "profile", policy.root.profile);
  policy.root.years = static_cast<int>(table.integer("years", 1, 60));
  const std::string subject = table.text("subject");
  try {
    policy.root.subject = pki::parse_name(subject);
  } catch (const Refused& refused) {
    for (const Finding& each : refused.findings()) {
      table.note("subject", "the subject " + quoted(subject) + " is no name: " + each.what, each.hint);
    }
    return;
  }
  const auto organization = policy.root.subject.get("O");
  if (!organization || !policy.root.subject.has("CN")) {
    table.note("subject", "the subject " + quoted(subject) + " lacks " + (organization ? "CN" : "O"),
               "write a name like \"CN=Example Devices Root G1, O=Example, C=CH\"");
    return;
  }
  policy.root.organization = *organization;
  if (!environment) return;
  const bool marked = organization->find(rehearsal_mark) != std::string::npos;
  if (*environment == Environment::rehearsal && !marked) {
    table.note("subject", "the organisation " + quoted(*organization) + " of a rehearsal does not contain REHEARSAL",
               "write REHEARSAL into the O, so that nobody takes this certificate for a real one");
  }
  if (*environment == Environment::production && marked) {
    table.note("subject", "the organisation " + quoted(*organization) + " of a production policy contains REHEARSAL",
               "take REHEARSAL out of the O");
  }
}

void read_issuing(const Table& table, const Table& root, Policy& policy) {
  policy.issuing.profiles = table.texts("profiles");
  for (const std::string& id : policy.issuing.profiles) check_profile_id(table, "profiles", id);
  policy.issuing.algorithms = table.texts("algorithms");
  for (const std::string& name : policy.issuing.algorithms) {
    if (!is_key_algorithm(name)) {
      table.note("algorithms", "the key algorithm " + quoted(name) + " is not known", "use " + std::string(algorithm_names));
    }
  }
  if (policy.issuing.algorithms.empty()) {
    table.note("algorithms", "no key algorithm is allowed for an intermediate", "name at least one of " + std::string(algorithm_names));
  }
  policy.issuing.years_max = static_cast<int>(table.integer("years_max", 1, 60));
  if (root.good("years") && policy.issuing.years_max > policy.root.years) {
    table.note("years_max",
               "an intermediate may be valid for " + std::to_string(policy.issuing.years_max) + " years, its root for " +
                   std::to_string(policy.root.years),
               "write at most root.years");
  }
  policy.batch_max = static_cast<std::size_t>(table.integer("batch_max", 1, 10000));
}

void read_shares(const Table& table, std::optional<Environment> environment, Policy& policy) {
  policy.scrypt_log_n = static_cast<int>(table.integer("scrypt_log_n", 14, 20));
  const std::string passphrases = table.text("passphrases");
  policy.proposed_passphrases = passphrases != "any";
  if (passphrases != "proposed" && passphrases != "any") {
    table.note("passphrases", "passphrases are " + quoted(passphrases), "write \"proposed\", or in a rehearsal \"any\"");
  }
  const std::string recovery = table.text_or("recovery", "age-passphrase");
  policy.recovery_as_words = recovery == "words";
  if (table.good("recovery") && recovery != "words" && recovery != "age-passphrase") {
    table.note("recovery", "recovery shares leave as " + quoted(recovery), "write \"age-passphrase\" (files, the default) or \"words\" (on paper)");
  }
  if (environment != Environment::production) return;
  if (policy.scrypt_log_n < 18) {
    table.note("scrypt_log_n", "the scrypt work factor is 2^" + std::to_string(policy.scrypt_log_n) + " in a production policy",
               "write 18 or more: these files must hold out for decades");
  }
  if (passphrases == "any") {
    table.note("passphrases", "a production policy takes passphrases that people thought of",
               "write \"proposed\": people's own passphrases can be guessed");
  }
}

void check_texts(const Table& table, std::string_view key, const std::vector<std::string>& texts, std::size_t longest) {
  std::set<std::string> seen;
  for (const std::string& each : texts) {
    if (each.empty() || each.size() > longest || each.front() == ' ' || each.back() == ' ') {
      table.note(key, quoted(key) + " holds " + quoted(each) + ", which no token can have", "write it as the token shows it: 1 to " + std::to_string(longest) + " bytes, no space at the ends");
    } else if (!seen.insert(each).second) {
      table.note(key, quoted(key) + " holds " + quoted(each) + " twice", "name each once");
    }
  }
}

void read_tokens(const Table& table, std::optional<Environment> environment, Policy& policy) {
  policy.token_models = table.texts("models");
  policy.token_serials = table.texts_or("serials", {});
  check_texts(table, "models", policy.token_models, 16);    // CK_TOKEN_INFO: model and serialNumber are 16 bytes each
  check_texts(table, "serials", policy.token_serials, 16);
  if (policy.token_models.empty()) {
    table.note("models", "no token model is admitted", "name the model as the token itself shows it (pkcs11-tool --list-token-slots), like \"SoftHSM v2\"");
  }
  if (!environment) return;
  if (*environment == Environment::rehearsal) {
    if (table.has("serials")) {
      table.note("serials", "a rehearsal names tokens by serial", "leave it out: a rehearsal admits tokens by model, and a serial belongs to production");
    }
    return;
  }
  if (policy.token_serials.empty()) {
    table.note(table.has("serials") ? "serials" : "", "a production policy admits no token by serial",
               "write serials = [\"…\"]: each token that may be used, the one for the restore too");
  }
  for (const std::string& model : policy.token_models) {
    std::string lower = model;
    std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (lower.find("softhsm") != std::string::npos) {
      table.note("models", "a production policy admits " + quoted(model) + ", a token made of software", "name a hardware token, or make this a rehearsal");
    }
  }
}

void read_procedures(const Table& procedures, Policy& policy, const std::set<std::string>& doubtful) {
  for (const std::string& id : procedures.keys()) {
    const Table table = procedures.table(id);
    AdmittedProcedure admitted{id, std::nullopt, roles_in(table, "sign_off", "the sign-off of " + quoted(id))};
    if (!is_plain_id(id)) procedures.note(id, quoted(id) + " is no procedure id", "write an id like root-genesis");
    if (table.has("sha256")) {
      const std::string text = table.text("sha256");
      admitted.digest = digest_from_hex(text);
      if (!admitted.digest) table.note("sha256", quoted(text) + " is no SHA-256 digest", "write 64 lower-case hex digits, as sha256sum prints them");
    }
    const auto signs = [&](Role role) { return std::ranges::find(admitted.sign_off, role) != admitted.sign_off.end(); };
    for (const Role role : admitted.sign_off) {
      if (policy.people_with(role).empty() && !policy.people.empty() && doubtful.empty()) {
        table.note("sign_off", quoted(id) + " is signed off by the role " + quoted(name_of(role)) + ", which nobody holds",
                   "give somebody in [people] that role");
      }
    }
    // Rule ROLE-4; ETSI EN 319 411-1, the report of a root ceremony.
    if (id == "root-genesis" && !admitted.sign_off.empty() &&
        (!signs(Role::security_officer) || (!signs(Role::witness) && !signs(Role::auditor)))) {
      table.note("sign_off", "\"root-genesis\" is signed off by " + listed(admitted.sign_off | std::views::transform([](Role role) { return name_of(role); })) + " only",
                 "a root ceremony has the security officer and somebody independent (witness or auditor) sign");
    }
    policy.procedures.push_back(std::move(admitted));
  }
  if (procedures.keys().empty()) procedures.note({}, "no procedure is admitted", "write [procedures.root-genesis] with its sign_off");
}

/// `none`, `leave_out`: what is said where the list is empty; `look_like`: where people have such digests from.
std::vector<Digest> read_digests(const Table& table, std::string_view key, std::string_view none, const std::string& leave_out, const std::string& look_like) {
  std::vector<Digest> out;
  const std::vector<std::string> texts = table.texts(key);
  for (const std::string& text : texts) {
    const auto digest = digest_from_hex(text);
    if (!digest) {
      table.note(key, quoted(text) + " is no SHA-256 digest", "write 64 lower-case hex digits, " + look_like);
    } else if (std::ranges::contains(out, *digest)) {
      table.note(key, quoted(key) + " holds " + quoted(text) + " twice", "name each once");
    } else {
      out.push_back(*digest);
    }
  }
  if (texts.empty()) table.note(key, quoted(key) + " " + std::string(none), "name at least one digest, or leave " + leave_out);
  return out;
}

Images read_images(const Table& table) {
  const auto digests = [&](std::string_view key) {
    return read_digests(table, key, "admits no image", "[images] out (a rehearsal then takes any image, production none)", "as sha256sum prints them");
  };
  return {digests("manifests"), digests("ukis")};
}

Tpm read_tpm(const Table& table) {
  const auto digests = [&](std::string_view key) {
    return read_digests(table, key, "admits no machine", "[tpm] out (a machine without a TPM is then taken too)", "as `ceremony machine` prints them");
  };
  return {digests("keys"), digests("pcr4"), digests("pcr7"), digests("pcr11")};
}

void read_waivers(const Table& table, Policy& policy) {
  policy.waivable = table.texts("rules");
  for (const std::string& rule : policy.waivable) {
    const auto dash = rule.find('-');
    const bool good = dash != std::string::npos && dash > 0 && dash + 1 < rule.size() &&
                      std::ranges::all_of(rule.substr(0, dash), [](char c) { return c >= 'A' && c <= 'Z'; }) &&
                      std::ranges::all_of(rule.substr(dash + 1), [](char c) { return c >= '0' && c <= '9'; });
    if (!good) table.note("rules", quoted(rule) + " is no rule id", "write ids like \"EVID-1\"");
  }
}

}  // namespace

Policy read_policy(std::string file_name, std::string_view text) {
  Document document(std::move(file_name), text);
  document.require_format("policy", "ceremony-policy/v1");
  const Table root = document.root();
  Policy policy;
  policy.digest = sha256(text);
  const auto environment = read_head(root, policy);
  const Table people = root.table("people");
  const std::set<std::string> doubtful = read_people(people, policy);
  read_exclusive(root.table("exclusive"), people, policy);
  read_quorums(root.table("quorums"), policy, doubtful);
  if (const auto table = root.table_if("approvals")) read_approvals(*table, policy);
  if (const auto table = root.table_if("witness")) read_witness(*table, policy, doubtful);
  const Table root_key = root.table("root");
  read_root(root_key, environment, policy);
  const Table log = root.table("log");
  policy.log_algorithm = log.text("algorithm");
  if (policy.log_algorithm != "p256") {
    log.note("algorithm", "the log key's algorithm is " + quoted(policy.log_algorithm), "checkpoints are signed with \"p256\" in this format");
  }
  read_issuing(root.table("issuing"), root_key, policy);
  // CA/B BR 4.9.7: at most twelve months for the CRL of a CA whose subscribers are CAs.
  policy.crl_next_update_days = static_cast<int>(root.table("crl").integer("next_update_days", 1, 365));
  read_shares(root.table("shares"), environment, policy);
  policy.backup_media = static_cast<std::size_t>(root.table("backup").integer("media", 2, 8));
  policy.longest_gap_days = static_cast<int>(root.table("limits").integer("longest_gap_days", 1, 3660));
  read_tokens(root.table("tokens"), environment, policy);
  read_procedures(root.table("procedures"), policy, doubtful);
  if (const auto table = root.table_if("images")) policy.images = read_images(*table);
  if (const auto table = root.table_if("tpm")) policy.tpm = read_tpm(*table);
  if (const auto table = root.table_if("waivers")) read_waivers(*table, policy);
  document.done();
  return policy;
}

}  // namespace ceremony::policy
