// Token and secrets of a new CA: initialise under a throw-away SO PIN, split, hand out, read every share back.
#include <algorithm>
#include <array>

#include "ceremony/actions/action.h"
#include "ceremony/actions/lint_run.h"
#include "ceremony/ledger/approval.h"
#include "ceremony/shares/age.h"
#include "ceremony/shares/passphrase.h"
#include "ceremony/shares/words.h"

namespace ceremony::actions {
namespace {

/// 32 bytes of every source there is, 32 of this token's among them.
MasterSecret fresh_secret(Run& run, hsm::Token& token) {
  mix_token(run, token);
  return MasterSecret(run.rng.random_vec(32));
}

Pin throwaway_pin(Run& run) {
  // Letters and digits only: every token takes them.
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  Botan::secure_vector<std::uint8_t> pin(32);
  run.rng.randomize(pin);
  for (auto& c : pin) c = static_cast<std::uint8_t>(alphabet[c & 31U]);
  return Pin(std::move(pin));
}

struct Set {
  policy::QuorumName quorum;
  const char* name;
  const MasterSecret* secret;
  std::string id;  ///< "activation-1"; a set that was given up keeps its number
};

std::string next_set(Run& run, std::string_view quorum) {
  const auto made = std::ranges::count_if(run.state().share_sets, [&](const auto& s) { return s.second.quorum == quorum; });
  return std::string(quorum) + "-" + std::to_string(made + 1);
}

/// The words of a share at these places, from 1.
ShareWords words_at(const ShareWords& words, const std::vector<std::size_t>& places) {
  Botan::secure_vector<std::uint8_t> out;
  out.reserve(words.size() + 1);
  for (const auto at : places) {
    std::string_view left = words.reveal_text();
    for (std::size_t i = 1; i < at; ++i) left.remove_prefix(std::min(left.find(' '), left.size() - 1) + 1);
    left = left.substr(0, left.find(' '));
    if (!out.empty()) out.push_back(' ');
    out.insert(out.end(), left.begin(), left.end());
  }
  return ShareWords(std::move(out));
}

/// One holder alone at the screen: the words are shown, and some of them are asked for again. Where one is wrong all are shown again.
void show_words(Run& run, const std::string& set_id, const std::string& holder, const ShareWords& words) {
  run.retry("prove-words." + holder + ".refused", holder, [&] {
    run.w.op.reveal({"new-share-words." + holder, holder, "The 33 words of your recovery share:"}, words);
    const auto places = run.random_places(33, 3);
    std::string listed;
    for (std::size_t i = 0; i < places.size(); ++i) listed += (i == 0 ? "" : i + 1 == places.size() ? " and " : ", ") + std::to_string(places[i]);
    const auto typed = run.w.op.secret_words({"prove-words." + holder, holder, "Type words " + listed + " of those you have just written down."}, places, 33, shares::words());
    if (typed.same(words_at(words, places))) return;
    const std::string reason = "what " + holder + " wrote down is not what was shown";
    run.record_failed("share", {}, {{"set", set_id}, {"holder", holder}}, reason);
    throw Refused(ActionRefusal::mistaken, reason, holder, "the words are shown again: strike the sheet through and write a new one");
  });
}

/// Recovery shares on paper: commitments of all of them first, then one holder after the other.
void hand_out_words(Run& run, const Set& set, const std::vector<ShareWords>& words) {
  const auto& quorum = run.w.policy.quorum(set.quorum);
  const auto kcv = shares::kcv(*set.secret);
  for (std::size_t i = 0; i < words.size(); ++i)
    run.record("share", {},
               {{"set", set.id}, {"quorum", set.name}, {"index", i + 1}, {"count", quorum.n()}, {"threshold", quorum.m}, {"holder", quorum.members[i]},
                {"commitment", shares::commitment(run.state().origin, words[i])}, {"kcv", kcv}, {"form", "words-shown"}, {"file", "none"}, {"medium", "none"}});
  for (std::size_t i = 0; i < words.size(); ++i) {
    show_words(run, set.id, quorum.members[i], words[i]);
    run.w.op.progress(std::string(set.name) + " share " + std::to_string(i + 1) + " of " + std::to_string(quorum.n()) + " is on the paper of " + quorum.members[i]);
  }
}

/// Commitments of a whole set first, then the files leave.
void hand_out(Run& run, const Set& set, std::optional<unsigned>& identifier) {
  const auto& quorum = run.w.policy.quorum(set.quorum);
  const std::string& id = set.id;
  const bool by_passphrase = set.quorum == policy::QuorumName::recovery;
  for (const auto& member : quorum.members) run.register_medium(member, "share");  // people may have been enrolled by an earlier ceremony
  auto words = shares::split(*set.secret, static_cast<unsigned>(quorum.m), static_cast<unsigned>(quorum.n()), run.rng, 1, identifier);
  identifier = shares::inspect(words.front()).identifier;
  if (by_passphrase && run.w.policy.recovery_as_words) return hand_out_words(run, set, words);
  const auto kcv = shares::kcv(*set.secret);
  std::vector<PrivateText> texts;
  std::vector<Passphrase> passphrases;
  for (std::size_t i = 0; i < words.size(); ++i) {
    shares::ShareFile file;
    file.origin = run.state().origin;
    file.ceremony = run.ceremony;
    file.quorum = set.name;
    file.index = static_cast<unsigned>(i + 1);
    file.count = static_cast<unsigned>(quorum.n());
    file.threshold = static_cast<unsigned>(quorum.m);
    file.holder = quorum.members[i];
    file.words = std::move(words[i]);
    file.kcv = kcv;
    texts.push_back(shares::write(file));
    words[i] = std::move(file.words);
    if (!by_passphrase) continue;
    Passphrase proposed = shares::propose_passphrase(run.rng);
    run.w.op.reveal({"new-share-passphrase." + file.holder, file.holder, "The passphrase of your recovery share:"}, proposed);
    passphrases.push_back(std::move(proposed));
  }
  std::vector<Bytes> sealed;
  if (by_passphrase) {
    run.w.op.progress("sealing " + std::to_string(texts.size()) + " recovery shares (scrypt 2^" + std::to_string(run.w.policy.scrypt_log_n) + ")");
    std::vector<shares::AgeToLock> jobs;
    for (std::size_t i = 0; i < texts.size(); ++i) jobs.push_back({"recovery share of " + quorum.members[i], texts[i].reveal(), &passphrases[i]});
    sealed = shares::age_encrypt_passphrases(jobs, static_cast<unsigned>(run.w.policy.scrypt_log_n), run.rng);
  } else {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::array<std::string, 1> to{run.state().people.at(quorum.members[i]).age};
      sealed.push_back(shares::age_encrypt_to(texts[i].reveal(), to, run.rng));
    }
  }
  for (auto& file : sealed) file = as_bytes(shares::age_armor(file));
  for (std::size_t i = 0; i < sealed.size(); ++i)
    run.record("share", {},
               {{"set", id}, {"quorum", set.name}, {"index", i + 1}, {"count", quorum.n()}, {"threshold", quorum.m}, {"holder", quorum.members[i]},
                {"commitment", shares::commitment(run.state().origin, words[i])}, {"kcv", kcv},
                {"form", by_passphrase ? "age-passphrase" : "age-identity"}, {"file", sha256(sealed[i])}, {"medium", quorum.members[i]}});
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    const auto& holder = quorum.members[i];
    run.retry("export." + holder + ".refused", "administrator", [&] {
      run.attempt("share", {}, {{"set", id}, {"holder", holder}}, "medium \"" + holder + "\"", [&] {
        auto& volume = run.w.volumes.named(holder);
        run.check_medium(volume);
        media::write_and_read_back(volume, {{share_file_name(id), sealed[i]}}, run.ask_reinsert());
      });
    });
    run.w.op.progress(std::string(set.name) + " share " + std::to_string(i + 1) + " of " + std::to_string(quorum.n()) + " handed to " + quorum.members[i]);
  }
}

/// Every holder opens what they were given, alone, and signs for it.
std::vector<ShareWords> read_back(Run& run, const std::string& set_id) {
  std::vector<ShareWords> words;
  for (const auto& [index, share] : state::ShareSet(run.state().share_sets.at(set_id)).shares) {
    const std::string holder = share.holder;
    const unsigned at = index;
    run.retry("read-back." + holder + ".refused", holder, [&] {
      const auto credential = run.unlock(holder, "read your share back", "hand-in");
      const auto set = run.state().share_sets.at(set_id);
      words.push_back(run.open_share(set, set.shares.at(at), credential));
      run.record_hand_in(set, set.shares.at(at), credential, "read-back", 1);
    });
  }
  return words;
}

}  // namespace

void dry_lint_root(Run& run) {
  // A typo in a date must show while there is no key to be orphaned.
  run.w.op.progress("building the root with a throw-away key and linting it (own checks, " + run.w.lint.version() + ")");
  const auto& policy = run.w.policy;
  const pki::ThrowawayKey key(policy.root.algorithm, run.rng);
  const auto plan = root_plan(run, key.info());
  const auto linted = pki::lint_certificate(pki::build_tbs(plan), {&run.w.profiles.at(policy.root.profile), nullptr, run.rehearsal(), run.now()}, key,
                                            run.rng, zlint_for(run, run.w.profiles.at(policy.root.profile)));
  const auto crl = crl_plan(run, linted.view(), run.w.profiles.at(policy.root.profile), 1);
  (void)pki::lint_crl(pki::build_crl_tbs(crl), {&run.w.profiles.at(policy.root.profile), &linted.view(), std::nullopt, run.now(), nullptr});
  run.w.op.show_text({"dry-root", "everyone", "The root as it will be (with a throw-away key). Nothing has been made yet."}, pki::describe(linted.view()));
}

void initialise_token(Run& run) {
  if (run.state().both_sets_read_back()) return;
  std::unique_ptr<hsm::Token> token;
  hsm::TokenIdentity before;
  run.attempt("init", {}, {}, "token", [&] {
    token = run.w.binding.token.serial ? run.w.hsm.by_serial(*run.w.binding.token.serial) : run.w.hsm.blank();
    before = token->identity();
    // Before anybody approves: a token that may not be taken must not be found when all have signed for it.
    run.admit_token(before);
    if (before.initialized)
      throw Refused(hsm::HsmRefusal::token_not_blank, "the token \"" + before.label + "\" is initialised already, and may hold another CA's keys", "token \"" + before.label + "\", serial " + before.serial,
                    "insert a blank token; a CA never takes over a token that is in use");
  });
  const std::string serial = before.serial.empty() ? "blank" : before.serial;
  const auto& label = run.w.binding.token.label;
  const auto act = ledger::act_artifact({{"token", serial}, {"model", before.model}, {"label", label}, {"role", "main"}, {"then", "keep"}});
  const auto digest = run.put(act);
  run.approve("init-token", digest, act);
  const std::string id = "init-token-" + std::to_string(run.journal().size());
  run.record("intent", run.witness_of("init-token", digest), {{"id", id}, {"act", "init-token"}, {"key", "none"}, {"tbs", digest}});
  run.w.op.progress("initialising the token \"" + label + "\"");
  const Pin throwaway = throwaway_pin(run);
  Pin user;
  bool dead = false;
  hsm::TokenIdentity after;
  run.attempt("init", {}, {{"before", serial}, {"label", label}, {"role", "main"}, {"purpose", "create"}}, "token", [&] {
    token->initialise(throwaway, label);
    test_token_source(run, *token);  // it has none before
    run.activation_secret = fresh_secret(run, *token);
    run.recovery_secret = fresh_secret(run, *token);
    const Pin so = shares::derive_so_pin(*run.recovery_secret, run.pin_form());
    user = shares::derive_user_pin(*run.activation_secret, run.pin_form());
    token->set_so_pin(throwaway, so);
    token->init_user_pin(so, user);
    dead = token->refuses_so_pin(throwaway);
    after = token->identity();
  });
  run.record("init", {},
             {{"token", after.serial}, {"before", serial}, {"model", after.model}, {"label", after.label}, {"role", "main"}, {"purpose", "create"},
              {"pin_form", std::string(shares::text_of(run.pin_form()))}, {"throwaway_refused", dead}});
  run.record("result", {}, {{"id", id}, {"tbs", digest}, {"out", "none"}, {"verified", ledger::Value::Array{}}});
  run.record("selftest", {}, {{"results", ledger::Value{{"entropy", run.rng.sources()}}}});  // what the two secrets are made of
  const hsm::Login login(*token, user);
  run.record_token(*token, "main", "admit");
}

void split_secrets(Run& run) {
  if (run.state().both_sets_read_back()) return;
  if (!run.activation_secret || !run.recovery_secret)
    throw Refused(ActionRefusal::not_now, "the secrets that were to be split are gone: they were in memory only when the power went", "split",
                  "abort this ceremony and run the genesis again with a blank token; nothing depends on the old one");
  std::optional<unsigned> identifier;
  const std::array<Set, 2> sets{{{policy::QuorumName::activation, "activation", &*run.activation_secret, next_set(run, "activation")},
                                 {policy::QuorumName::recovery, "recovery", &*run.recovery_secret, next_set(run, "recovery")}}};
  for (const auto& set : sets) hand_out(run, set, identifier);
  for (const auto& set : sets) {
    const auto words = read_back(run, set.id);
    // Not a threshold of them but each: any M in a row, so that every share has been part of a recombination.
    const auto m = run.w.policy.quorum(set.quorum).m;
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::vector<ShareWords> some;
      for (std::size_t j = 0; j < m; ++j) some.push_back(words[(i + j) % words.size()].duplicate());
      if (!shares::combine(some).same(*set.secret))
        throw Refused(ActionRefusal::share, "shares that were read back do not combine to the secret", std::string(set.name), "abort: this set must not be used");
    }
  }
  run.activation_secret.reset();
  run.recovery_secret.reset();
}

}  // namespace ceremony::actions
