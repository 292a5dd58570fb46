// What people do before an irreversible act: they see what it is, decoded from its bytes, type words of its digest, and approve.
#include <algorithm>
#include <array>
#include <numeric>

#include "ceremony/actions/codes.h"
#include "ceremony/actions/run.h"
#include "ceremony/ledger/approval.h"
#include "ceremony/shares/words.h"

namespace ceremony::actions {

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
            Page{std::string(shown) + "\n\nSHA-256 " + hex(bytes), shares::words_of(bytes), {qr_code("digest to approve", media::PayloadKind::digest, Bytes(bytes.value.begin(), bytes.value.end()))}});
  std::vector<std::string> left;
  const auto already = state().approved(act, bytes);
  for (const auto& member : quorum.members)
    if (!already.contains(member) && state().people.contains(member)) left.push_back(member);
  const auto missing = needed->m - std::min(needed->m, already.size());
  Choice choice{"approve", {{"act", id}, {"sha256", bytes}}, {}};
  for (const auto& member : already) choice.left_out[member] = "has approved this already; each member counts once";
  const auto people = choose_people("members." + quorum_name, "Who approves (" + id + ", quorum " + quorum_name + " " + std::to_string(needed->m) + " of " + std::to_string(quorum.n()) + ")?",
                                    left, missing, choice);
  quorum_view = QuorumView{"approve " + id, needed->m, {}};
  for (const auto& member : quorum.members) quorum_view->members.emplace_back(member, already.contains(member) ? Seat::done : Seat::to_come);
  for (const auto& person : people) {
    const auto message = ledger::approval_message(state().origin, ceremony, state().open->leaf, act, bytes);
    seat(person, Seat::acting);
    compare_by_words(person, id, bytes);
    // One unlocking, one signature: the credential is gone before the next screen.
    Bytes signature;
    {
      const auto credential = unlock(person, "approve " + id + " (the bytes whose words you typed)", "approve");
      signature = credential.sign(as_view(message), rng);
    }
    record("approve", {person}, {{"act", id}, {"sha256", bytes}, {"person", person}, {"alg", "p256"}, {"sig", base64(signature)}});
    seat(person, Seat::done);
  }
  quorum_view.reset();
}

void Run::compare_by_words(const std::string& person, const std::string& act, const Digest& bytes) {
  const auto words = shares::words_of(bytes);
  retry("words." + person + ".refused", person, [&] {
    // Other positions at each try: nobody learns them from the one before.
    const auto asked = random_places(words.size(), 3);
    const auto typed = w.op.retype({"words." + person, person, "Approve " + act + ": type the words asked for, from the screen, after comparing all of them with those you noted."}, words, asked);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (i < typed.size() && typed[i] == words[asked[i] - 1]) continue;
      const auto reason = "word " + std::to_string(asked[i]) + " of the digest was not the one shown";
      record_failed("approve", {person}, {{"act", act}, {"sha256", bytes}}, reason);
      throw Refused(ActionRefusal::mistaken, reason, person, "compare the words once more; if they are not those you noted, do not approve, and say so aloud");
    }
  });
}

std::vector<std::size_t> Run::random_places(std::size_t of, std::size_t count) {
  std::vector<std::size_t> left(of);
  std::iota(left.begin(), left.end(), std::size_t{1});
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
  w.env.random(bytes);
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
