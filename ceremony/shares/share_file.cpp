#include "ceremony/shares/share_file.h"

#include <botan/base32.h>
#include <botan/hash.h>
#include <botan/hex.h>
#include <botan/kdf.h>
#include <botan/mac.h>

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "ceremony/ground/refused.h"
#include "ceremony/shares/guarded.h"
#include "ceremony/shares/slip39.h"

namespace ceremony::shares {
namespace {

using Octets = Botan::secure_vector<std::uint8_t>;

constexpr std::string_view magic = "ceremony-share/v1";
constexpr std::size_t value_bytes = 32;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool has_form(std::string_view text, std::size_t limit, bool (*allowed)(char)) {
  return !text.empty() && text.size() <= limit && std::ranges::all_of(text, allowed);
}
bool is_origin(std::string_view t) {
  return has_form(t, 200, [](char c) { return c > ' ' && c < 0x7F && c != '+'; });
}
bool is_ceremony(std::string_view t) {
  return has_form(
      t, 64, [](char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; });
}
bool is_name(char c) { return is_lower(c) || is_digit(c) || c == '-'; }
bool is_quorum(std::string_view t) { return has_form(t, 32, is_name); }
bool is_person(std::string_view t) { return has_form(t, 16, is_name); }
bool is_kcv(std::string_view t) {
  return t.size() == 16 && std::ranges::all_of(t, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

/// A number from 1 to 16 without leading zero at the front of the text, which is then cut; 0 if there is none.
unsigned take_number(std::string_view& text) {
  unsigned out = 0;
  while (!text.empty() && is_digit(text.front()) && out < 100) {
    if (out == 0 && text.front() == '0') return 0;
    out = out * 10 + static_cast<unsigned>(text.front() - '0');
    text.remove_prefix(1);
  }
  return out <= 16 ? out : 0;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

/// "2 of 5, threshold 3"
bool read_place(std::string_view text, ShareFile& share) {
  share.index = take_number(text);
  if (!take(text, " of ")) return false;
  share.count = take_number(text);
  if (!take(text, ", threshold ")) return false;
  share.threshold = take_number(text);
  return text.empty() && share.index != 0 && share.count != 0 && share.threshold != 0;
}

/// What the fields say together, and the words alone. Findings never quote what may be a word.
void check_share(const ShareFile& share, const std::function<std::string(unsigned)>& where,
                 std::vector<Finding>& out) {
  const std::string hint = "the file was made wrongly or changed; use another copy of it";
  if (share.index > share.count || share.threshold < 2 || share.threshold > share.count)
    out.push_back({"share " + std::to_string(share.index) + " of " + std::to_string(share.count) +
                       " with threshold " + std::to_string(share.threshold) + " cannot be",
                   where(5), hint});
  try {
    const ShareInfo info = inspect(share.words);
    if (info.value_bytes != value_bytes || !info.extendable || info.exponent != 1 || info.group_count != 1)
      out.push_back(
          {"the words are a SLIP-0039 share, but not of our kind (33 words, one group, extendable, exponent 1)",
           where(7), "it may be a share of a wallet; look for the right file"});
    else if (info.member_index + 1 != share.index || info.member_threshold != share.threshold)
      out.push_back({"the words are share " + std::to_string(info.member_index + 1) + " with threshold " +
                         std::to_string(info.member_threshold) + ", the line 'share:' says " +
                         std::to_string(share.index) + " and " + std::to_string(share.threshold),
                     where(7), hint});
  } catch (const Refused& refused) {
    for (const Finding& f : refused.findings()) out.push_back({f.what, where(7), f.hint});
  }
}

Octets hkdf(const MasterSecret& secret, std::size_t length, std::string_view info) {
  return Botan::KDF::create_or_throw("HKDF(SHA-256)")
      ->derive_key<Octets>(length, secret.reveal(), std::span<const std::uint8_t>{}, as_view(info));
}

Pin derive_pin(const MasterSecret& secret, PinForm form, std::string_view info) {
  return guarded("derive a PIN", [&] {
    const bool base32 = form == PinForm::base32_32;
    const Octets key = hkdf(secret, base32 ? 20 : 8, info);
    Octets out(base32 ? 32 : 16);
    const auto text = reinterpret_cast<char*>(out.data());
    if (base32) {
      std::size_t consumed = 0;
      Botan::base32_encode(text, key.data(), key.size(), consumed, true);
    } else {
      Botan::hex_encode(text, key.data(), key.size(), false);
    }
    return Pin(std::move(out));
  });
}

}  // namespace

PrivateText write(const ShareFile& share) {
  std::vector<Finding> findings;
  auto check = [&](bool fine, std::string_view key, const std::string& value) {
    if (!fine)
      findings.push_back({"'" + value + "' is no value of '" + std::string(key) + ":'", "share file",
                          "give it the form of the format document"});
  };
  check(is_origin(share.origin), "origin", share.origin);
  check(is_ceremony(share.ceremony), "ceremony", share.ceremony);
  check(is_quorum(share.quorum), "quorum", share.quorum);
  check(is_person(share.holder), "holder", share.holder);
  check(is_kcv(share.kcv), "kcv", share.kcv);
  check_share(share, [](unsigned) { return "share file"; }, findings);
  if (!findings.empty()) throw Refused(SharesRefusal::share_file, std::move(findings));
  Octets out;
  auto add = [&](std::string_view text) { out.insert(out.end(), text.begin(), text.end()); };
  out.reserve(1024);
  add(magic);
  add("\norigin: " + share.origin + "\nceremony: " + share.ceremony + "\nquorum: " + share.quorum +
      "\nshare: " + std::to_string(share.index) + " of " + std::to_string(share.count) + ", threshold " +
      std::to_string(share.threshold) + "\nholder: " + share.holder + "\nwords: ");
  add(share.words.reveal_text());
  add("\nkcv: " + share.kcv + "\n");
  return PrivateText(std::move(out));
}

ShareFile read(std::span<const std::uint8_t> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  ShareFile out;
  std::vector<Finding> findings;
  const std::string copy = "the file was changed or is not a share; use another copy of it";
  auto line_name = [](unsigned n) { return "line " + std::to_string(n); };
  if (!text.starts_with(std::string(magic) + "\n"))
    throw Refused(SharesRefusal::share_file, "the first line is not '" + std::string(magic) + "'", line_name(1),
                  copy);
  unsigned number = 0;
  auto next = [&]() -> std::string_view {
    ++number;
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    if (end == std::string_view::npos && !text.empty())
      findings.push_back({"the line has no end", line_name(number), copy});
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
  };
  (void)next();
  bool whole = true;  // place and words are both there, so that they can be compared
  auto take_value = [&](std::string_view key, std::string_view form,
                        const std::function<bool(std::string_view)>& accept) {
    auto line = next();
    const bool there = take(line, std::string(key) + ": ");
    if (there && accept(line)) return;
    findings.push_back({"not '" + std::string(key) + ": " + std::string(form) + "'", line_name(number), copy});
    // Another line stands here than belongs here: what follows would all be wrong for the same reason.
    if (!there) throw Refused(SharesRefusal::share_file, std::move(findings));
    whole = whole && key != "share" && key != "words";
  };
  auto into = [](std::string& field, bool (*form)(std::string_view)) {
    return [&field, form](std::string_view value) {
      if (!form(value)) return false;
      field = value;
      return true;
    };
  };
  take_value("origin", "<the log's origin>", into(out.origin, is_origin));
  take_value("ceremony", "<ceremony id>", into(out.ceremony, is_ceremony));
  take_value("quorum", "<name of the quorum>", into(out.quorum, is_quorum));
  take_value("share", "<number> of <count>, threshold <number>",
             [&](std::string_view v) { return read_place(v, out); });
  take_value("holder", "<person id>", into(out.holder, is_person));
  take_value("words", "<33 words>", [&](std::string_view v) {
    out.words = ShareWords(as_view(v));
    return !v.empty();
  });
  take_value("kcv", "<16 hex digits>", into(out.kcv, is_kcv));
  if (!text.empty()) findings.push_back({"there is something after the last line", line_name(number + 1), copy});
  if (whole) check_share(out, line_name, findings);
  if (!findings.empty()) throw Refused(SharesRefusal::share_file, std::move(findings));
  return out;
}

Digest commitment(std::string_view origin, const ShareWords& words) {
  return guarded("hash a share", [&] {
    const auto hash = Botan::HashFunction::create_or_throw("SHA-256");
    for (const std::string_view part : {std::string_view("ceremony-share-commit/v1\n"), origin,
                                        std::string_view("\n"), words.reveal_text(), std::string_view("\n")})
      hash->update(as_view(part));
    Digest out;
    hash->final(out.value);
    return out;
  });
}

std::string kcv(const MasterSecret& secret) {
  return guarded("compute a key check value", [&] {
    const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-256)");
    mac->set_key(secret.reveal());
    mac->update("ceremony-kcv/v1");
    const auto out = mac->final();
    return hex(View(out).first(8));
  });
}

std::optional<PinForm> pin_form_from(std::string_view text) {
  for (const auto form : {PinForm::base32_32, PinForm::hex_16})
    if (text_of(form) == text) return form;
  return std::nullopt;
}

std::string_view text_of(PinForm form) { return form == PinForm::base32_32 ? "base32-32" : "hex-16"; }

Pin derive_user_pin(const MasterSecret& activation, PinForm form) {
  return derive_pin(activation, form, "ceremony/user-pin/v1");
}
Pin derive_so_pin(const MasterSecret& recovery, PinForm form) {
  return derive_pin(recovery, form, "ceremony/so-pin/v1");
}
Kek derive_kek(const MasterSecret& recovery) {
  return guarded("derive the KEK", [&] { return Kek(hkdf(recovery, 32, "ceremony/kek/v1")); });
}

}  // namespace ceremony::shares
