// What people do before an irreversible act: they see what it is, decoded from its bytes, type words of its digest, and approve.
#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "ceremony/actions/codes.h"
#include "ceremony/actions/run.h"
#include "ceremony/ledger/approval.h"
#include "ceremony/shares/words.h"
#include "ceremony/state/rules.h"

namespace ceremony::actions {
namespace {

/// An act in words, for who is about to approve it.
std::string said(std::string_view act) {
  static const std::map<std::string_view, std::string_view> acts{
      {"adopt-policy", "that this policy is in force"}, {"adopt-procedure", "that these procedures may be run"}, {"enrol", "that this person is enrolled"},
      {"waive", "that this rule is set aside, once"}, {"admit-image", "that ceremonies of this CA may run on this boot image"}, {"init-token", "that this HSM token is initialised: whatever is on it is gone"},
      {"generate-key", "that these keys are generated on the token"}, {"sign-certificate", "that the CA signs this certificate"},
      {"sign-crl", "that the CA signs this list of revoked certificates"}, {"sign-batch", "that the CA signs these certificates"},
      {"destroy-key", "that this key is destroyed"}, {"retire-key", "that this key issues no more certificates"}};
  const auto found = acts.find(act);
  return found == acts.end() ? std::string(act) : std::string(found->second) + " (" + std::string(act) + ")";
}

}  // namespace

bool Run::is_approved(std::string_view act, const Digest& bytes) const {
  const auto needed = w.policy.approval_for(act);
  if (!needed) return false;
  std::size_t count = 0;
  const auto& members = w.policy.quorum(needed->quorum);
  for (const auto& person : state().approved(act, bytes))
    if (members.has(person)) ++count;
  return count >= needed->m;
}

std::vector<std::string> Run::witness_of(std::string_view act, const Digest& bytes) const {
  if (const auto seen = m_witnesses.find({std::string(act), bytes}); seen != m_witnesses.end()) return seen->second;
  // Before an interruption: what the intent then said stands.
  if (state().open)
    for (const auto& [id, intent] : state().open->intents)
      if (intent.act == act && intent.tbs == bytes && !intent.who.empty()) return intent.who;
  return {};
}

bool Run::lacks_witness(std::string_view act, const Digest& bytes) {
  return w.policy.wants_witness(act) && witness_of(act, bytes).empty() && !state::is_waived(state(), "WITNESS-1", "intent", now(), artifacts());
}

void Run::approve(std::string_view act, const Digest& bytes, std::string_view shown) {
  const bool approved = is_approved(act, bytes);
  if (approved && !lacks_witness(act, bytes)) return;
  if (!policy::quorum_of_act(act)) throw Refused(ActionRefusal::mistaken, "nobody can approve \"" + std::string(act) + "\"", "policy", "the act is not one of the format");
  const std::string id(act);
  // A CRL's and a certificate's description names the digest itself.
  const bool named = shown.find(hex(bytes)) != std::string_view::npos;
  w.op.show({"show." + id, "everyone", (approved ? "Approved, and to be witnessed: " : "To be approved: ") + said(act) + ". Decoded from the very bytes:"},
            Page{std::string(shown) + (named ? "" : "\n\nSHA-256 " + hex(bytes)), shares::words_of(bytes), {qr_code("digest to approve", media::PayloadKind::digest, Bytes(bytes.value.begin(), bytes.value.end()))}});
  Places asked;
  if (!approved) asked = gather_approvals(id, bytes);
  if (lacks_witness(act, bytes)) gather_witness(id, bytes, asked);
  quorum_view.reset();
}

Run::Places Run::gather_approvals(const std::string& act, const Digest& bytes) {
  const auto needed = *w.policy.approval_for(act);
  const auto& quorum = w.policy.quorum(needed.quorum);
  const std::string quorum_name(policy::name_of(needed.quorum));
  std::vector<std::string> left;
  const auto already = state().approved(act, bytes);
  for (const auto& member : quorum.members)
    if (!already.contains(member) && state().people.contains(member)) left.push_back(member);
  const auto missing = needed.m - std::min(needed.m, already.size());
  Choice choice{"approve", {{"act", act}, {"sha256", bytes}}, {}};
  for (const auto& member : already) choice.left_out[member] = "has approved this already; each member counts once";
  const auto people = choose_people("members." + quorum_name, "Who approves (" + act + ", quorum " + quorum_name + " " + std::to_string(needed.m) + " of " + std::to_string(quorum.n()) + ")?",
                                    left, missing, choice);
  quorum_view = QuorumView{"approve " + act, needed.m, {}};
  for (const auto& member : quorum.members) quorum_view->members.emplace_back(member, already.contains(member) ? Seat::done : Seat::to_come);
  Places asked;
  for (const auto& person : people) {
    const auto message = ledger::approval_message(state().origin, ceremony, state().open->leaf, act, bytes);
    seat(person, Seat::acting);
    asked = compare_by_words({person, "Approve " + act, "approve", {{"act", act}, {"sha256", bytes}}, 3, {}}, bytes);
    // One unlocking, one signature: the credential is gone before the next screen.
    Bytes signature;
    {
      const auto credential = unlock(person, "approve " + act + " (the bytes whose words you typed)", "approve");
      signature = credential.sign(as_view(message), rng);
    }
    record("approve", {person}, {{"act", act}, {"sha256", bytes}, {"person", person}, {"alg", "p256"}, {"sig", base64(signature)}});
    seat(person, Seat::done);
  }
  return asked;
}

void Run::gather_witness(const std::string& act, const Digest& bytes, const Places& asked) {
  std::vector<std::string> left;
  Choice choice{"intent", {{"act", act}, {"tbs", bytes}}, {}};
  const auto approvers = state().approved(act, bytes);
  for (const auto& person : w.policy.people_with(policy::Role::witness)) {
    if (approvers.contains(person)) choice.left_out[person] = "has approved this; its witness is somebody else";
    else if (state().people.contains(person)) left.push_back(person);
  }
  if (left.empty()) {
    const std::string why = "nobody is left who could be the witness of " + act;
    record_failed("intent", {}, choice.d, why);
    throw Refused(ActionRefusal::absent, why, "policy, [witness]", "somebody who is enrolled as a witness has to be one who did not approve: abort; in the next ceremony others approve, or governance waives WITNESS-1 before");
  }
  const auto people = left.size() == 1 ? left : choose_people("witness", "Who is the witness of " + act + "?", left, 1, choice);
  // Words that the last custodian was not asked for: nobody is spared looking at the screen.
  for (const auto& person : people)
    (void)compare_by_words({person, "Witness of " + act, "intent", choice.d, 2, asked}, bytes);
  m_witnesses[{act, bytes}] = people;
}

Run::Places Run::compare_by_words(const Comparison& by, const Digest& bytes) {
  const auto words = shares::words_of(bytes);
  Places asked;
  retry("words." + by.person + ".refused", by.person, [&] {
    // Other positions at each try: nobody learns them from the one before.
    Places without = by.without;
    without.insert(without.end(), asked.begin(), asked.end());
    asked = random_places(words.size(), by.count, without);
    const auto typed = w.op.retype({"words." + by.person, by.person, by.what + ": type the words asked for, from the screen, after comparing all of them with those you noted."}, words, asked);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (i < typed.size() && typed[i] == words[asked[i] - 1]) continue;
      const auto reason = "word " + std::to_string(asked[i]) + " of the digest was not the one shown";
      record_failed(by.event, {by.person}, by.d, reason);
      throw Refused(ActionRefusal::mistaken, reason, by.person, "compare the words once more; if they are not those you noted, " + std::string(by.event == "approve" ? "do not approve, and say so aloud" : "say so aloud: nothing is done without you"));
    }
  });
  return asked;
}

std::vector<std::size_t> Run::random_places(std::size_t of, std::size_t count, const Places& without) {
  std::vector<std::size_t> left(of);
  std::iota(left.begin(), left.end(), std::size_t{1});
  std::erase_if(left, [&](std::size_t place) { return std::ranges::find(without, place) != without.end(); });
  std::vector<std::size_t> out;
  while (out.size() < count && !left.empty()) {
    const auto at = left.begin() + static_cast<std::ptrdiff_t>(random_below(left.size()));
    out.push_back(*at);
    left.erase(at);
  }
  std::ranges::sort(out);
  return out;
}

std::size_t Run::random_below(std::size_t limit) {
  // 64 bits over a handful of places: the bias is below 2^-58.
  std::array<std::uint8_t, 8> bytes{};
  rng.randomize(bytes);
  std::uint64_t value = 0;
  for (const auto b : bytes) value = value << 8U | b;
  return static_cast<std::size_t>(value % limit);
}

void Run::seat(const std::string& person, Seat now) {
  if (!quorum_view) return;
  for (auto& [member, at] : quorum_view->members)
    if (member == person) at = now;
}

}  // namespace ceremony::actions
