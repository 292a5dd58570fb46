// Shares handed in, and the token that is active because of them.
#include <algorithm>
#include <array>
#include <numeric>

#include "ceremony/actions/run.h"
#include "ceremony/ledger/approval.h"
#include "ceremony/shares/words.h"

namespace ceremony::actions {

namespace {

/// Whose share these words are, or nothing.
std::string owner_of(const state::CaState& s, const ShareWords& words) {
  const auto commitment = shares::commitment(s.origin, words);
  for (const auto& [id, set] : s.share_sets)
    for (const auto& [index, share] : set.shares)
      if (share.commitment == commitment) return "share " + std::to_string(index) + " of \"" + id + "\", that of " + share.holder;
  return "";
}

/// The finding says whose share it is.
[[noreturn]] void throw_of_share(const Refused& refusal, const std::string& holder) {
  auto findings = refusal.findings();
  for (auto& f : findings) f.where = "share of " + holder + (f.where.empty() ? "" : ": " + f.where);
  throw Refused(ActionRefusal::share, std::move(findings));
}

}  // namespace

ShareWords Run::open_share(const state::ShareSet& set, const state::Share& share, const shares::Credential& credential) {
  return share.form == "words-shown" ? take_share_words(set, share) : open_share_file(set, share, credential);
}

ShareWords Run::take_share_words(const state::ShareSet& set, const state::Share& share) {
  const std::string& holder = share.holder;
  std::vector<std::size_t> all(33);
  std::iota(all.begin(), all.end(), std::size_t{1});
  ShareWords words = w.op.secret_words({"share-words." + holder, holder, "Type the 33 words of your " + set.quorum + " share from your sheet."}, all, all.size(), shares::words());
  const auto info = [&] {
    try {
      return shares::inspect(words);
    } catch (const Refused& refusal) {
      throw_of_share(refusal, holder);
    }
  }();
  // Words name neither CA nor holder: the commitment is what binds them to both.
  if (shares::commitment(state().origin, words) == share.commitment) return words;
  const auto whose = owner_of(state(), words);
  const bool ours = !whose.empty();
  throw Refused(ActionRefusal::share,
                ours ? "these words are " + whose + ", not share " + std::to_string(share.index) + " of \"" + set.id + "\""
                     : "these words are of no share that was committed to on the log (they call themselves share " + std::to_string(info.member_index + 1) + " of a set that " +
                           std::to_string(info.member_threshold) + " open)",
                "share of " + holder, holder + (ours ? " looks for the own sheet; this one is not used" : " looks for the sheet of this CA and set; this one is not used"));
}

ShareWords Run::open_share_file(const state::ShareSet& set, const state::Share& share, const shares::Credential& credential) {
  const std::string& holder = share.holder;
  const auto open = [&] {
    auto& volume = w.volumes.named(holder);
    check_medium(volume);
    if (!volume.exists(share_file_name(set.id)))
      throw Refused(ActionRefusal::absent, "there is no file \"" + share_file_name(set.id) + "\" on the medium", "", "insert the medium that holds this share");
    const Bytes file = volume.read(share_file_name(set.id), 65536);
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
      throw_of_share(refusal, holder);
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
  Choice choice{"hand-in", {{"set", set->id}, {"purpose", std::string(purpose)}}, {}};
  for (const auto& [index, share] : set->shares) {
    if (share.is_void) choice.left_out[share.holder] = "holds a void share: share " + std::to_string(index) + " of \"" + set->id + "\" is a share no longer";
    else holders.push_back(share.holder);
  }
  const auto people = choose_people("members." + name, "Whose " + name + " shares are handed in (to " + std::string(purpose) + ")?", holders, set->threshold, choice);
  const auto set_id = set->id;
  const auto kcv = set->shares.begin()->second.kcv;
  std::vector<ShareWords> words;
  quorum_view = QuorumView{"hand in " + name, set->threshold, {}};
  for (const auto& [index, share] : set->shares) quorum_view->members.emplace_back(share.holder, share.is_void ? Seat::absent : Seat::to_come);
  for (const auto& person : people) {
    seat(person, Seat::acting);
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
    seat(person, Seat::done);
  }
  quorum_view.reset();
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
  const auto* known = state().main_token();
  if (known == nullptr) throw Refused(ActionRefusal::not_now, "no token was initialised for this CA yet", "log", "the step that initialises the token comes first");
  auto token = w.hsm.by_serial(known->serial);
  admit_token(token->identity());
  return token;
}

void Run::admit_token(const hsm::TokenIdentity& id) const {
  if (!w.policy.admits_token(id.model, id.serial))
    throw Refused(ActionRefusal::absent, "the policy (" + std::string(policy::name_of(w.policy.environment)) + ") admits no token of model \"" + id.model + "\", serial \"" + id.serial + "\"",
                  "token \"" + id.label + "\"", "insert a token that the policy names under [tokens]");
}

void Run::record_token(hsm::Token& token, std::string_view role, std::string_view purpose) {
  std::vector<state::TokenObject> seen;
  std::vector<hsm::ObjectInfo> objects;
  attempt("token", {}, {{"role", std::string(role)}, {"purpose", std::string(purpose)}}, "token", [&] { objects = token.objects(); });
  for (const auto& o : objects) {
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
    : m_run(run), m_on_record(on_record) {
  const MasterSecret secret = std::move(activation);
  const auto failing = [&](const std::function<void()>& work) {
    if (on_record) run.attempt("activate", {}, {{"purpose", std::string(purpose)}}, "token", work);
    else work();
  };
  failing([&] { m_token = run.main_token(); });
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
    run.demand(*activate);
  }
  const auto pins = m_token->pin_state();
  if (pins.user.low || pins.user.final_try || pins.user.locked) run.w.op.progress("token " + serial + ": " + std::string(hsm::tries_left(pins.user)));
  failing([&] { m_token->login(shares::derive_user_pin(secret, run.pin_form())); });
  m_active = true;
  try {
    if (activate) {
      run.append(*activate);
      if (before_listing) before_listing(*m_token);
      run.record_token(*m_token, "main", "activation");
    }
    test_token_source(run, *m_token, on_record);
  } catch (...) {
    // A constructor that throws has no destructor run: the token must not stay open.
    give_up();
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
  if (m_active) give_up();
}

void ActiveToken::give_up() noexcept {
  m_active = false;
  try {
    m_token->logout();
  } catch (const Refused&) {
    // The token is gone, and its login with it.
  }
  try {
    if (m_on_record && m_run.state().open && m_run.state().active)
      m_run.append(m_run.make("deactivate", {}, {{"token", m_run.state().active->token}, {"reason_for", m_run.leaving}}));
  } catch (const Refused&) {
    // The ledgers are gone too; the next run finds the activation open and deactivates on the record.
  }
}

}  // namespace ceremony::actions
