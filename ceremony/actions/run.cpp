#include "ceremony/actions/run.h"

#include <algorithm>
#include <array>
#include <set>

#include "ceremony/ledger/approval.h"
#include "ceremony/ledger/merkle.h"
#include "ceremony/shares/words.h"
#include "ceremony/state/rules.h"

namespace ceremony::actions {

void EnvRng::fill_bytes_with_input(std::span<std::uint8_t> out, std::span<const std::uint8_t>) { m_env.random(out); }

hsm::KeyAlgorithm hsm_algorithm(std::string_view name) {
  if (name == "p256") return hsm::KeyAlgorithm::p256;
  if (name == "rsa3072") return hsm::KeyAlgorithm::rsa3072;
  if (name == "rsa4096") return hsm::KeyAlgorithm::rsa4096;
  return hsm::KeyAlgorithm::p384;
}

hsm::SignatureScheme hsm_scheme(std::string_view name) {
  using enum hsm::SignatureScheme;
  for (const auto scheme : {ecdsa_sha256, ecdsa_sha384, ecdsa_sha512, rsa_pkcs1_sha256, rsa_pkcs1_sha384, rsa_pkcs1_sha512, rsa_pss_sha256,
                            rsa_pss_sha384, rsa_pss_sha512})
    if (hsm::name_of(scheme) == name) return scheme;
  throw Refused(ActionRefusal::mistaken, "there is no signature scheme \"" + std::string(name) + "\"", "profile", "name one that the profile's format lists");
}

std::string fingerprint(const Digest& digest) {
  // 10 bits a word, from the left: what two people read to each other instead of hex.
  constexpr std::size_t count = 12;
  const auto words = shares::words();
  std::string out;
  unsigned held = 0;
  unsigned bits = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    while (bits < 10) {
      held = held << 8U | digest.value.at(next++);
      bits += 8;
    }
    bits -= 10;
    const unsigned word = held >> bits & 1023U;
    held &= (1U << bits) - 1U;
    if (i % 4 == 0) out += (i == 0 ? "  " : "\n  ") + std::string(1, static_cast<char>('1' + i / 4)) + "  ";
    out += std::string(words[word]) + (i % 4 == 3 ? "" : " ");
  }
  return out;
}

std::string credential_file() { return "credential.age"; }
std::string share_file_name(std::string_view set) { return "share-" + std::string(set) + ".age"; }

Run::Run(Wiring wiring, ledger::Journal& journal) : w(std::move(wiring)), rng(w.env), m_journal(journal) {
  const auto source = artifacts();
  for (std::size_t i = 0; i < m_journal.records().size(); ++i) {
    const auto& r = m_journal.records()[i];
    // A log that breaks a rule is nothing to build on.
    if (const auto broken = state::unwaived(state::check(m_state, r, source)); !broken.empty()) {
      std::vector<Finding> findings;
      for (const auto& b : broken)
        findings.push_back({b.rule + ": " + b.what, "record " + std::to_string(b.n), "run ceremony-verify on both ledgers and keep them; do not go on with this log"});
      throw Refused(ActionRefusal::rule, std::move(findings));
    }
    m_state = state::fold(std::move(m_state), r, m_journal.tree().leaf(i), source);
  }
  if (m_state.open) ceremony = m_state.open->id;
}

state::ArtifactSource Run::artifacts() const {
  return [this](const Digest& d) { return m_journal.artifact(d); };
}

Bytes Run::artifact(const Digest& digest) const {
  auto bytes = m_journal.artifact(digest);
  if (!bytes)
    throw Refused(ActionRefusal::absent, "the artifact " + hex(digest) + " is on neither ledger", "ledger",
                  "insert the ledger media of this CA; if both lack it, stop and call the security officer");
  return *bytes;
}

ledger::Record Run::make(std::string_view event, std::vector<std::string> who, ledger::Value d) {
  ledger::Record r;
  r.n = m_journal.size();
  r.t = now();
  r.c = ceremony;
  r.ev = event;
  r.step = step;
  r.who = std::move(who);
  r.d = std::move(d);
  return r;
}

void Run::require(const ledger::Record& record) const {
  const auto broken = state::unwaived(state::check(m_state, record, artifacts()));
  if (broken.empty()) return;
  std::vector<Finding> findings;
  for (const auto& b : broken) {
    const auto* rule = state::find_rule(b.rule);
    findings.push_back({b.rule + ": " + b.what, "before the record \"" + record.ev + "\"",
                        rule == nullptr ? "nothing was done" : "nothing was done; the rule says: " + std::string(rule->sentence)});
  }
  throw Refused(ActionRefusal::rule, std::move(findings));
}

void Run::append(const ledger::Record& r) {
  m_journal.append(r);
  m_state = state::fold(std::move(m_state), r, m_journal.tree().leaf(r.n), artifacts());
  for (const auto& failure : m_journal.take_failures()) {
    w.op.progress("a ledger medium failed: " + failure.folder.string() + ": " + failure.what + "; the ceremony goes on with the other");
    const auto deviation = make("deviation", {}, ledger::Value{{"text", "ledger medium failed: " + failure.what}});
    m_journal.append(deviation);
    m_state = state::fold(std::move(m_state), deviation, m_journal.tree().leaf(deviation.n), artifacts());
  }
}

void Run::record(std::string_view event, std::vector<std::string> who, ledger::Value d) {
  const auto r = make(event, std::move(who), std::move(d));
  require(r);
  append(r);
}

void Run::record_failed(std::string_view event, std::vector<std::string> who, ledger::Value d, std::string_view reason) {
  if (!m_state.open) return;  // outside a ceremony there is no log to put it on
  auto r = make(event, std::move(who), std::move(d.set("reason", std::string(reason.substr(0, 900)))));
  r.ok = false;
  require(r);
  append(r);
}

// --- people ---------------------------------------------------------------------------------------------------------

void Run::retry(const std::string& question, const std::string& who, const std::function<void()>& attempt) {
  while (true) {
    try {
      return attempt();
    } catch (const Refused& refusal) {
      if (refusal.code().starts_with("operator/") || refusal.is(ActionRefusal::stopped) || refusal.is(ActionRefusal::aborted)) throw;
      switch (w.op.refused({question, who, "What now?"}, refusal)) {
        case Next::again: continue;
        case Next::abort:
          throw Refused(ActionRefusal::aborted, "the people chose to abort", "step \"" + step + "\"", "the ceremony is closed on the record as aborted");
        case Next::stop:
          throw Refused(ActionRefusal::stopped, "the people chose to stop", "step \"" + step + "\"", "run the same command again to go on");
      }
    }
  }
}

std::vector<std::string> Run::choose_people(const std::string& question, const std::string& text, const std::vector<std::string>& among,
                                            std::size_t m) {
  std::string list;
  for (const auto& id : among) list += (list.empty() ? "" : " ") + id;
  std::vector<std::string> chosen;
  retry(question + ".refused", "", [&] {
    const std::string typed = w.op.type({question, "administrator", text + " Of: " + list + ". Type " + std::to_string(m) + " or more ids."}, "");
    chosen.clear();
    std::string id;
    for (const char c : typed + " ") {
      if (c != ' ' && c != ',') {
        id += c;
        continue;
      }
      if (!id.empty()) chosen.push_back(std::exchange(id, {}));
    }
    std::vector<Finding> wrong;
    std::set<std::string> seen;
    for (const auto& one : chosen) {
      if (std::ranges::find(among, one) == among.end())
        wrong.push_back({"\"" + one + "\" is not one of them", question, "choose among: " + list});
      else if (!seen.insert(one).second)
        wrong.push_back({"\"" + one + "\" is named twice", question, "each person counts once"});
    }
    if (wrong.empty() && chosen.size() < m)
      wrong.push_back({std::to_string(chosen.size()) + " of the " + std::to_string(m) + " people needed are named", question, "wait until enough of them are here"});
    if (!wrong.empty()) throw Refused(ActionRefusal::mistaken, std::move(wrong));
  });
  return chosen;
}

shares::Credential Run::unlock(const std::string& person, const std::string& purpose, std::string_view event) {
  std::optional<shares::Credential> out;
  retry("unlock." + person + ".refused", person, [&] {
    const auto& enrolled = state().people;
    const auto known = enrolled.find(person);
    const Bytes file = w.volumes.named(person).read(credential_file(), 65536);
    const Passphrase passphrase = w.op.secret({"passphrase." + person, person, "Passphrase of your credential, to " + purpose + "."});
    try {
      auto credential = shares::Credential::unlock(file, passphrase);
      if (credential.person() != person)
        throw Refused(ActionRefusal::credential, "the credential on this medium belongs to \"" + credential.person() + "\"", person, "insert the medium of " + person);
      if (known != enrolled.end() && credential.spki() != known->second.spki)
        throw Refused(ActionRefusal::credential, "the credential on this medium is not the one that was enrolled", person, "insert the medium that was made at the enrolment");
      out = std::move(credential);
    } catch (const Refused& refusal) {
      record_failed(event, {person}, ledger::Value{}, "credential of " + person + ": " + refusal.findings().front().what);
      throw;
    }
  });
  return std::move(*out);
}

bool Run::is_approved(std::string_view act, const Digest& bytes) const {
  const auto needed = w.policy.approval_for(act);
  if (!needed) return false;
  std::size_t count = 0;
  const auto& members = w.policy.quorum(needed->quorum);
  for (const auto& person : state().approved(act, bytes))
    if (members.has(person)) ++count;
  return count >= needed->m;
}

void Run::approve(std::string_view act, const Digest& bytes, std::string_view shown) {
  if (is_approved(act, bytes)) return;
  const auto needed = w.policy.approval_for(act);
  if (!needed) throw Refused(ActionRefusal::mistaken, "nobody can approve \"" + std::string(act) + "\"", "policy", "the act is not one of the format");
  const auto& quorum = w.policy.quorum(needed->quorum);
  const std::string id(act);
  const std::string quorum_name(policy::name_of(needed->quorum));
  w.op.show({"show." + id, "", "What is to be approved, decoded from the very bytes (" + id + ")."},
            std::string(shown) + "\n\nSHA-256 " + hex(bytes) + "\n" + fingerprint(bytes));
  std::vector<std::string> left;
  const auto already = state().approved(act, bytes);
  for (const auto& member : quorum.members)
    if (!already.contains(member) && state().people.contains(member)) left.push_back(member);
  const auto missing = needed->m - std::min(needed->m, already.size());
  const auto people = choose_people("members." + quorum_name, "Who approves (" + id + ", quorum " + quorum_name + " " + std::to_string(needed->m) + " of " + std::to_string(quorum.n()) + ")?",
                                    left, missing);
  for (const auto& person : people) {
    const auto message = ledger::approval_message(state().origin, ceremony, state().open->leaf, act, bytes);
    // One unlocking, one signature: the credential is gone before the next screen.
    Bytes signature;
    {
      const auto credential = unlock(person, "approve " + id + " of the bytes shown (words above)", "approve");
      signature = credential.sign(as_view(message), rng);
    }
    record("approve", {person}, {{"act", id}, {"sha256", bytes}, {"person", person}, {"alg", "p256"}, {"sig", base64(signature)}});
  }
}

// --- secrets handed in ----------------------------------------------------------------------------------------------

ShareWords Run::open_share(const state::ShareSet& set, const state::Share& share, const shares::Credential& credential) {
  const std::string& holder = share.holder;
  const auto open = [&] {
    const Bytes file = w.volumes.named(holder).read(share_file_name(set.id), 65536);
    if (share.form == "age-identity") {
      const std::array<shares::AgeIdentity, 1> identities{credential.identity().duplicate()};
      return shares::read(shares::age_decrypt_identity(file, identities).reveal());
    }
    const Passphrase passphrase = w.op.secret({"share-passphrase." + holder, holder, "Passphrase of your " + set.quorum + " share."});
    return shares::read(shares::age_decrypt_passphrase(file, passphrase).reveal());
  };
  // A bad share is named: whose, and why.
  auto read = [&] {
    try {
      return open();
    } catch (const Refused& refusal) {
      if (refusal.code().starts_with("operator/")) throw;
      auto findings = refusal.findings();
      for (auto& f : findings) f.where = "share of " + holder + (f.where.empty() ? "" : ": " + f.where);
      throw Refused(ActionRefusal::share, std::move(findings));
    }
  }();
  std::vector<Finding> wrong;
  const auto differs = [&](const std::string& what, const std::string& has, const std::string& should) {
    if (has != should) wrong.push_back({"the share's " + what + " is \"" + has + "\", not \"" + should + "\"", "share of " + holder, holder + " looks for the right medium; this share is not used"});
  };
  differs("origin", read.origin, state().origin);
  differs("quorum", read.quorum, set.quorum);
  differs("ceremony", read.ceremony, set.ceremony);
  differs("holder", read.holder, holder);
  differs("number", std::to_string(read.index), std::to_string(share.index));
  if (wrong.empty() && shares::commitment(state().origin, read.words) != share.commitment)
    wrong.push_back({"the share is not the one that was committed to on the log", "share of " + holder, "it is of another set, or was altered; it is not used"});
  if (!wrong.empty()) throw Refused(ActionRefusal::share, std::move(wrong));
  (void)shares::inspect(read.words);
  return std::move(read.words);
}

void Run::record_hand_in(const state::ShareSet& set, const state::Share& share, const shares::Credential& credential, std::string_view purpose,
                         std::uint64_t nth) {
  // The purpose and the round are part of what is signed, so that no hand-in serves a second time.
  const auto bytes = hex(share.commitment) + " " + std::string(purpose) + " " + std::to_string(nth) + "\n";
  const auto message = ledger::approval_message(state().origin, ceremony, state().open->leaf, "hand-in-share", sha256(bytes));
  record("hand-in", {share.holder},
         {{"set", set.id}, {"index", share.index}, {"holder", share.holder}, {"commitment", share.commitment}, {"purpose", std::string(purpose)},
          {"nth", nth}, {"sig", base64(credential.sign(as_view(message), rng))}});
}

MasterSecret Run::collect(policy::QuorumName quorum, std::string_view purpose, bool on_record) {
  const std::string name(policy::name_of(quorum));
  const auto* set = state().share_set(name);
  if (set == nullptr)
    throw Refused(ActionRefusal::not_now, "there are no " + name + " shares yet", "log", "the step that splits the secrets comes first");
  // Shares of a round that was left unfinished are gone from memory: a new round begins.
  const auto nth = on_record ? state().next_nth(purpose) + (state().handed_in(purpose).empty() ? 0 : 1) : 0;
  std::vector<std::string> holders;
  for (const auto& [index, share] : set->shares)
    if (!share.is_void) holders.push_back(share.holder);
  const auto people = choose_people("members." + name, "Whose " + name + " shares are handed in (to " + std::string(purpose) + ")?", holders, set->threshold);
  const auto set_id = set->id;
  const auto kcv = set->shares.begin()->second.kcv;
  std::vector<ShareWords> words;
  for (const auto& person : people) {
    retry("hand-in." + person + ".refused", person, [&] {
      // The set is looked up again: a record in between makes a new state.
      const auto& now_set = state().share_sets.at(set_id);
      const state::Share share = *now_set.of(person);
      const auto credential = unlock(person, "hand in your " + name + " share", "hand-in");
      try {
        auto opened = open_share(now_set, share, credential);
        if (on_record) record_hand_in(state::ShareSet(now_set), share, credential, purpose, nth);
        words.push_back(std::move(opened));
      } catch (const Refused& refusal) {
        if (!refusal.code().starts_with("operator/"))
          if (on_record) record_failed("hand-in", {person}, {{"set", set_id}, {"holder", person}, {"purpose", std::string(purpose)}}, refusal.findings().front().what);
        throw;
      }
    });
  }
  MasterSecret secret = shares::combine(words);
  if (shares::kcv(secret) != kcv)
    throw Refused(ActionRefusal::share, "the shares combine to a secret with another key check value than the log's", set_id, "no share can be blamed; stop and call the security officer");
  return secret;
}

// --- tokens ---------------------------------------------------------------------------------------------------------

shares::PinForm Run::pin_form() const {
  return w.binding.pin_form == policy::PinForm::hex_16 ? shares::PinForm::hex_16 : shares::PinForm::base32_32;
}

std::unique_ptr<hsm::Token> Run::main_token() {
  // The serial on the log is the token's; the binding only says where to begin.
  std::string serial;
  state::RecordNumber newest = 0;
  for (const auto& [s, token] : state().tokens)
    if (token.role == "main" && (serial.empty() || token.n >= newest)) {
      serial = s;
      newest = token.n;
    }
  if (serial.empty()) throw Refused(ActionRefusal::not_now, "no token was initialised for this CA yet", "log", "the step that initialises the token comes first");
  auto token = w.hsm.by_serial(serial);
  const auto id = token->identity();
  if (!w.policy.admits_token(id.model, id.serial))
    throw Refused(ActionRefusal::absent, "the policy admits no token of model \"" + id.model + "\", serial \"" + id.serial + "\"", "policy: tokens", "insert the token the policy names");
  return token;
}

void Run::record_token(hsm::Token& token, std::string_view role, std::string_view purpose) {
  std::vector<state::TokenObject> seen;
  for (const auto& o : token.objects()) {
    state::TokenObject t;
    t.cls = o.cls;
    t.label = o.label;
    t.id = o.id;
    t.local = o.local;
    t.extractable = o.extractable;
    t.wrap = o.wrap;
    t.key = o.public_key;
    seen.push_back(std::move(t));
  }
  std::int64_t size = 0;
  std::string root = "none";
  // After a crash an older copy may lie beside the newer; the largest counts.
  for (const auto& label : token.data_labels()) {
    if (!label.starts_with("checkpoint-")) continue;
    const auto value = as_text(token.get_data(label));
    const auto seen_size = std::strtoll(label.c_str() + 11, nullptr, 10);
    if (seen_size < size) continue;
    size = seen_size;
    root = value;
  }
  const auto id = token.identity();
  const auto pins = token.pin_state().user;
  const std::string pin = pins.locked ? "locked" : pins.final_try ? "final" : pins.low ? "low" : "normal";
  record("token", {},
         {{"token", id.serial}, {"role", std::string(role)}, {"manufacturer", id.manufacturer}, {"model", id.model}, {"firmware", id.firmware},
          {"label", id.label}, {"purpose", std::string(purpose)}, {"list", put(state::token_list(std::move(seen)))}, {"pin", pin},
          {"checkpoint_size", size}, {"checkpoint_root", root}});
}

ActiveToken::ActiveToken(Run& run, MasterSecret&& activation, std::string_view purpose, bool on_record,
                         const std::function<void(hsm::Token&)>& before_listing)
    : m_run(run), m_token(run.main_token()), m_on_record(on_record) {
  const MasterSecret secret = std::move(activation);
  const auto serial = m_token->identity().serial;
  std::optional<ledger::Record> activate;
  if (on_record) {
    const auto nth = run.state().next_nth("activate");
    std::vector<std::string> holders;
    std::string set;
    for (const auto& h : run.state().handed_in("activate")) {
      holders.push_back(h.holder);
      set = h.set;
    }
    activate = run.make("activate", holders, {{"token", serial}, {"purpose", std::string(purpose)}, {"set", set}, {"holders", holders}, {"nth", nth}});
    run.require(*activate);
  }
  const auto pins = m_token->pin_state();
  if (pins.user.low || pins.user.final_try || pins.user.locked) run.w.op.progress("token " + serial + ": " + std::string(hsm::tries_left(pins.user)));
  try {
    m_token->login(shares::derive_user_pin(secret, run.pin_form()));
  } catch (const Refused& refusal) {
    if (on_record) run.record_failed("activate", {}, {{"token", serial}, {"purpose", std::string(purpose)}}, refusal.findings().front().what);
    throw;
  }
  m_active = true;
  try {
    if (activate) {
      run.append(*activate);
      if (before_listing) before_listing(*m_token);
      run.record_token(*m_token, "main", "activation");
    }
  } catch (...) {
    // A constructor that throws has no destructor run: the token must not stay open.
    m_token->logout();
    throw;
  }
}

void ActiveToken::done() {
  if (!m_active) return;
  if (m_on_record) m_run.record_token(*m_token, "main", "deactivation");
  const auto serial = m_token->identity().serial;
  m_token->logout();
  m_active = false;
  if (m_on_record) m_run.record("deactivate", {}, {{"token", serial}, {"reason_for", "done"}});
  m_run.w.op.progress("the token is deactivated");
}

void ActiveToken::done_after_close() {
  m_token->logout();
  m_active = false;
  m_run.w.op.progress("the token is deactivated");
}

ActiveToken::~ActiveToken() {
  if (!m_active) return;
  std::string serial;
  try {
    serial = m_token->identity().serial;
    m_token->logout();
  } catch (const Refused&) {
    // The token is gone, and its login with it.
  }
  try {
    if (m_on_record && m_run.state().open && m_run.state().active)
      m_run.append(m_run.make("deactivate", {}, {{"token", m_run.state().active->token}, {"reason_for", "failure"}}));
  } catch (const Refused&) {
    // The ledgers are gone too; the next run finds the activation open and deactivates on the record.
  }
}

// --- media ----------------------------------------------------------------------------------------------------------

media::AskReinsert Run::ask_reinsert() {
  return [this](const media::Volume& volume) {
    w.op.show({"reinsert." + volume.name(), "administrator", "Take the medium \"" + volume.name() + "\" out and put it in again; it is then read back."}, "");
  };
}

void Run::register_medium(const std::string& name, std::string_view kind) {
  if (state().open && state().open->media.contains(name)) return;
  auto& volume = w.volumes.named(name);
  std::array<std::uint8_t, 16> random{};
  w.env.random(random);
  if (volume.inserted() != media::Inserted::writable && kind != "intake") volume.insert_writable();
  if (kind != "intake") (void)volume.label_if_new(name, random);
  const auto info = volume.info();
  record("medium", {}, {{"medium", name}, {"kind", std::string(kind)}, {"ident", info.id}, {"label", info.label ? hex(*info.label) : "none"}});
}

// --- keys -----------------------------------------------------------------------------------------------------------

const state::Key& Run::ca_key() const {
  for (const auto& [id, key] : state().keys)
    if (key.purpose == "ca" && !key.destroyed && !key.retired) return key;
  throw Refused(ActionRefusal::not_now, "there is no CA key on this log yet", "log", "the step that generates the keys comes first");
}

const state::Key& Run::log_key() const {
  if (const auto* key = state().log_key()) return *key;
  throw Refused(ActionRefusal::not_now, "there is no log key yet", "log", "the step that generates the keys comes first");
}

}  // namespace ceremony::actions
