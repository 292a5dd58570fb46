// Why this folder says no. One closed list, so that a test asserts the reason and the conductor tells "try again"
// (a mistyped word, a wrong passphrase) from "this medium is not what it should be".
#pragma once

#include <string_view>

namespace ceremony::shares {

enum class SharesRefusal {
  // SLIP-0039
  word_count,    ///< not 20 words or more, or a count no share has
  unknown_word,  ///< a word that is not on the list
  checksum,      ///< words of the list, but one is wrong, missing or swapped
  header,        ///< the fixed fields contradict each other
  padding,       ///< bits that must be zero are not
  quorum,        ///< split: M and N outside 2 <= M <= N <= 16, or a secret of a wrong length
  mixed_sets,    ///< shares of different secrets
  mixed_thresholds,
  same_share,  ///< one share given twice
  too_few,
  digest,  ///< shares that look right give a secret whose digest is wrong
  // age
  age_armor,
  age_header,
  age_hmac,
  age_payload,
  age_no_match,  ///< none of the identities opens it
  age_work_factor,
  age_key,  ///< a malformed age1… recipient or AGE-SECRET-KEY-1… identity
  wrong_passphrase,
  // ours
  share_file,
  credential,
  failed,  ///< a library could not do its work (memory)
};

[[nodiscard]] constexpr std::string_view name_of(SharesRefusal code) {
  switch (code) {
    case SharesRefusal::word_count:
      return "shares/word-count";
    case SharesRefusal::unknown_word:
      return "shares/unknown-word";
    case SharesRefusal::checksum:
      return "shares/checksum";
    case SharesRefusal::header:
      return "shares/header";
    case SharesRefusal::padding:
      return "shares/padding";
    case SharesRefusal::quorum:
      return "shares/quorum";
    case SharesRefusal::mixed_sets:
      return "shares/mixed-sets";
    case SharesRefusal::mixed_thresholds:
      return "shares/mixed-thresholds";
    case SharesRefusal::same_share:
      return "shares/same-share";
    case SharesRefusal::too_few:
      return "shares/too-few";
    case SharesRefusal::digest:
      return "shares/digest";
    case SharesRefusal::age_armor:
      return "shares/age-armor";
    case SharesRefusal::age_header:
      return "shares/age-header";
    case SharesRefusal::age_hmac:
      return "shares/age-hmac";
    case SharesRefusal::age_payload:
      return "shares/age-payload";
    case SharesRefusal::age_no_match:
      return "shares/age-no-match";
    case SharesRefusal::age_work_factor:
      return "shares/age-work-factor";
    case SharesRefusal::age_key:
      return "shares/age-key";
    case SharesRefusal::wrong_passphrase:
      return "shares/wrong-passphrase";
    case SharesRefusal::share_file:
      return "shares/share-file";
    case SharesRefusal::credential:
      return "shares/credential";
    case SharesRefusal::failed:
      return "shares/failed";
  }
  return "shares/?";
}

}  // namespace ceremony::shares
