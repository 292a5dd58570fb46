#include "ceremony/shares/slip39.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <map>
#include <string>
#include <tuple>

#include "ceremony/shares/arithmetic.h"
#include "ceremony/shares/guarded.h"

namespace ceremony::shares {
namespace {

constexpr std::size_t least_words = 20;  // 128 bits
constexpr std::size_t our_words = 33;    // 256 bits
constexpr std::size_t most_words = 255;

struct Share {
  ShareInfo info;
  Octets value;
  std::size_t number;  ///< from 1, in the order given
};

std::string numbers(const std::vector<std::size_t>& list) {
  std::string out;
  for (std::size_t i = 0; i < list.size(); ++i)
    out += (i == 0 ? "" : i + 1 == list.size() ? " and " : ", ") + std::to_string(list[i]);
  return out;
}

/// Which word to look at when the checksum fails: the code has distance 4, so the only word whose change would mend
/// it is almost surely the misread one. It is named, never corrected: the paper is what counts.
std::string suspicion(const Indices& indices, bool extendable) {
  Indices tried = indices;
  for (std::size_t i = 0; i + 1 < tried.size(); ++i) {
    std::swap(tried[i], tried[i + 1]);
    if (tried[i] != tried[i + 1] && rs1024_syndrome(tried, extendable) == 0)
      return "words " + std::to_string(i + 1) + " and " + std::to_string(i + 2) +
             " look swapped; compare them with the source";
    std::swap(tried[i], tried[i + 1]);
  }
  // The code is linear: changing word i by d changes the syndrome by (change by 1 bit)s of d.
  const std::uint32_t syndrome = rs1024_syndrome(indices, extendable);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    std::array<std::uint32_t, 10> of_bit{};
    for (unsigned b = 0; b < 10; ++b) {
      tried[i] = static_cast<std::uint16_t>(indices[i] ^ 1U << b);
      of_bit[b] = rs1024_syndrome(tried, extendable) ^ syndrome;
    }
    tried[i] = indices[i];
    for (std::uint32_t d = 1; d < 1024; ++d) {
      std::uint32_t sum = 0;
      for (unsigned b = 0; b < 10; ++b)
        if ((d >> b & 1U) != 0) sum ^= of_bit[b];
      if (sum == syndrome) return "word " + std::to_string(i + 1) + " looks wrong; compare it with the source";
    }
  }
  return "at least two words are wrong, missing or in the wrong order; compare all of them with the source";
}

Share read_share(const ShareWords& share, const std::string& where, std::size_t number) {
  const WordsRead read = read_words(share.reveal());
  const Indices& indices = read.indices;
  if (!read.unknown.empty()) {
    const bool one = read.unknown.size() == 1;
    throw Refused(
        SharesRefusal::unknown_word,
        (one ? "word " : "words ") + numbers(read.unknown) + (one ? " is" : " are") + " not on the SLIP-0039 list",
        where, "check the spelling; the first four letters of a word are enough to find it on the list");
  }
  const std::size_t n = indices.size();
  const std::string count = std::to_string(n) + " words";
  if (n < least_words || n > most_words)
    throw Refused(SharesRefusal::word_count, "a share has 20 words or more (ours have 33), this one has " + count,
                  where, "look for words that are missing, or for two shares in one place");
  const ShareInfo info = info_of(indices);
  if (rs1024_syndrome(indices, info.extendable) != 0)
    throw Refused(SharesRefusal::checksum, "the checksum of the " + count + " is wrong", where,
                  n == our_words || n == least_words
                      ? suspicion(indices, info.extendable)
                      : std::string(n < our_words ? "a share of ours has 33 words: look for one that is missing"
                                                  : "a share of ours has 33 words: look for one that stands there twice"));
  if ((n - 7) * 10 % 16 > 8)
    throw Refused(SharesRefusal::word_count, "no secret makes a share of " + count, where,
                  "look for words that are missing or doubled");
  if (info.group_threshold > info.group_count)
    throw Refused(SharesRefusal::header,
                  "words 3 and 4 ask for " + std::to_string(info.group_threshold) + " groups of " +
                      std::to_string(info.group_count),
                  where, "this share was made wrongly; use another one");
  if (info.group_index >= info.group_count)
    throw Refused(
        SharesRefusal::header,
        "word 3 says group " + std::to_string(info.group_index + 1) + " of " + std::to_string(info.group_count),
        where, "this share was made wrongly; use another one");
  Unpacked unpacked = share_value(indices);
  if (unpacked.padding != 0)
    throw Refused(SharesRefusal::padding, "the padding bits in word 5 are not zero", where,
                  "this share was made wrongly; use another one");
  assert(unpacked.value.size() == info.value_bytes);
  return {info, std::move(unpacked.value), number};
}

std::string name(const Share& share) { return "share " + std::to_string(share.number); }

/// What must be the same in all shares of one secret.
auto set_of(const ShareInfo& i) {
  return std::tuple(i.identifier, i.extendable, i.exponent, i.group_threshold, i.group_count, i.value_bytes);
}

void check_one_set(const std::vector<Share>& shares) {
  const auto votes = [&](const Share& s) {
    return std::ranges::count_if(shares, [&](const Share& o) { return set_of(o.info) == set_of(s.info); });
  };
  const Share& most = *std::ranges::max_element(shares, {}, votes);
  std::vector<Finding> findings;
  for (const Share& s : shares)
    if (set_of(s.info) != set_of(most.info))
      findings.push_back(
          {"this share is of another set than " + name(most) + " (identifier " + std::to_string(s.info.identifier) +
               ", not " + std::to_string(most.info.identifier) + ")",
           name(s), "shares of one secret have the same identifier; find the ones that belong together"});
  if (!findings.empty()) throw Refused(SharesRefusal::mixed_sets, std::move(findings));
}

/// The value that the first `threshold` of these points give; the others must agree.
Octets join(std::span<const Point> points, std::span<const std::string> names, unsigned threshold) {
  const auto first = points.first(threshold);
  Recovered out = recover_value(first);
  if (out.authentic == 0)
    throw Refused(SharesRefusal::digest, "the shares are well-formed but do not fit together", "",
                  "one of them is forged or of another set; compare each with its commitment on the log");
  for (std::size_t k = threshold; k < points.size(); ++k)
    if (equal_mask(interpolate(first, points[k].x), points[k].y) == 0)
      throw Refused(SharesRefusal::digest, "it does not agree with the others", names[k],
                    "it is forged or of another set; compare it with its commitment on the log");
  return std::move(out.secret);
}

Octets join_group(const std::vector<const Share*>& members) {
  std::vector<Point> points;
  std::vector<std::string> names;
  for (const Share* s : members) {
    points.push_back({static_cast<std::uint8_t>(s->info.member_index), s->value});
    names.push_back(name(*s));
  }
  return join(points, names, members[0]->info.member_threshold);
}

void check_group(const std::vector<const Share*>& members) {
  std::map<unsigned, const Share*> seen;
  for (const Share* s : members) {
    if (s->info.member_threshold != members[0]->info.member_threshold)
      throw Refused(SharesRefusal::mixed_thresholds,
                    "it asks for " + std::to_string(s->info.member_threshold) + " shares, " + name(*members[0]) +
                        " for " + std::to_string(members[0]->info.member_threshold),
                    name(*s), "they are of different sets; find the ones that belong together");
    const auto [at, added] = seen.emplace(s->info.member_index, s);
    if (!added)
      throw Refused(SharesRefusal::same_share,
                    name(*at->second) + " and " + name(*s) + " are both number " +
                        std::to_string(s->info.member_index + 1) + " of the set",
                    name(*s), "hand in a share of another holder");
  }
}

}  // namespace

std::vector<ShareWords> split(const MasterSecret& secret, unsigned m, unsigned n, Botan::RandomNumberGenerator& rng,
                              unsigned iteration_exponent, std::optional<unsigned> other_than) {
  if (m < 2 || m > n || n > 16)
    throw Refused(SharesRefusal::quorum,
                  "a secret cannot be split into " + std::to_string(m) + " of " + std::to_string(n), "",
                  "choose 2 <= M <= N <= 16");
  if (secret.size() < 16 || secret.size() > 32 || secret.size() % 2 != 0)
    throw Refused(SharesRefusal::quorum, "a secret of " + std::to_string(secret.size()) + " bytes is not split", "",
                  "a secret has 16 to 32 bytes, an even number");
  assert(iteration_exponent < 16);
  return guarded("split a secret", [&] {
    unsigned identifier = 0;
    do {
      std::array<std::uint8_t, 2> random{};
      rng.randomize(random);
      identifier = (random[0] << 8U | random[1]) & 0x7FFFU;
    } while (identifier == other_than);
    const auto bytes = secret.reveal();
    const Octets encrypted =
        feistel_encrypt(Octets(bytes.begin(), bytes.end()), {}, {identifier, true, iteration_exponent});
    const std::vector<Octets> values = split_value(encrypted, m, n, rng);
    std::vector<ShareWords> out;
    for (unsigned i = 0; i < n; ++i) {
      const ShareInfo info{.identifier = identifier,
                           .extendable = true,
                           .exponent = iteration_exponent,
                           .group_index = 0,
                           .group_threshold = 1,
                           .group_count = 1,
                           .member_index = i,
                           .member_threshold = m,
                           .value_bytes = values[i].size()};
      out.emplace_back(text_of_words(share_indices(info, values[i])));
    }
    return out;
  });
}

ShareInfo inspect(const ShareWords& share) { return read_share(share, "", 1).info; }

MasterSecret combine(std::span<const ShareWords> words, std::span<const std::uint8_t> passphrase) {
  std::vector<Share> shares;
  for (std::size_t i = 0; i < words.size(); ++i)
    shares.push_back(read_share(words[i], "share " + std::to_string(i + 1), i + 1));
  if (shares.empty()) throw Refused(SharesRefusal::too_few, "there is no share", "", "hand in shares");
  check_one_set(shares);
  const ShareInfo& set = shares[0].info;
  std::map<unsigned, std::vector<const Share*>> groups;
  for (const Share& s : shares) groups[s.info.group_index].push_back(&s);
  for (const auto& [index, members] : groups) check_group(members);
  // A group that nobody needs may be incomplete.
  for (auto at = groups.begin(); at != groups.end() && groups.size() > set.group_threshold;)
    at = at->second.size() < at->second[0]->info.member_threshold ? groups.erase(at) : std::next(at);
  for (const auto& [index, members] : groups) {
    const unsigned needed = members[0]->info.member_threshold;
    if (members.size() < needed)
      throw Refused(SharesRefusal::too_few,
                    std::to_string(members.size()) + " of the " + std::to_string(needed) + " shares needed are here",
                    set.group_count > 1 ? "group " + std::to_string(index + 1) : "",
                    "hand in " + std::to_string(needed - members.size()) + " more of the same set");
  }
  if (groups.size() < set.group_threshold)
    throw Refused(
        SharesRefusal::too_few,
        std::to_string(groups.size()) + " of the " + std::to_string(set.group_threshold) + " groups needed are here",
        "", "hand in shares of another group");
  return guarded("combine shares", [&] {
    std::vector<Point> points;
    std::vector<std::string> names;
    for (const auto& [index, members] : groups) {
      points.push_back({static_cast<std::uint8_t>(index), join_group(members)});
      names.push_back("group " + std::to_string(index + 1));
    }
    const Octets encrypted = join(points, names, set.group_threshold);
    return MasterSecret(feistel_decrypt(encrypted, passphrase, {set.identifier, set.extendable, set.exponent}));
  });
}

}  // namespace ceremony::shares
