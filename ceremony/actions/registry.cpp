#include <algorithm>
#include <array>
#include <utility>

#include "ceremony/actions/action.h"

namespace ceremony::actions {

Action find_action(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Action>, 29> all{{
      {"self_test", self_test},
      {"agree_clock", agree_clock},
      {"open", open},
      {"enrol_people", enrol_people},
      {"adopt_policy", adopt_policy},
      {"record_waiver", record_waiver},
      {"record_custody", record_custody},
      {"record_deviation", record_deviation},
      {"record_evidence", record_evidence},
      {"dry_lint_root", dry_lint_root},
      {"gather_entropy", gather_entropy},
      {"initialise_token", initialise_token},
      {"split_secrets", split_secrets},
      {"generate_keys", generate_keys},
      {"back_up_key", back_up_key},
      {"prove_restore", prove_restore},
      {"lock_key", lock_key},
      {"prepare_root", prepare_root},
      {"prepare_crl", prepare_crl},
      {"take_csrs", take_csrs},
      {"prepare_certificates", prepare_certificates},
      {"approve_signatures", approve_signatures},
      {"sign_prepared", sign_prepared},
      {"export_payload", export_payload},
      {"export_bundles", export_bundles},
      {"admit_image", admit_image},
      {"confirm_deviations", confirm_deviations},
      {"sign_off", sign_off},
      {"close", close},
  }};
  const auto* const found = std::ranges::find(all, name, [](const auto& entry) { return entry.first; });
  return found == all.end() ? nullptr : found->second;
}

}  // namespace ceremony::actions
