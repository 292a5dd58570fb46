// The operator of rehearsals and tests: answers come from a file. Not linked into the production program, and a
// production policy refuses it.
//
// An answers file (TOML) is a list of
//   [[answer]]
//   step = "enrol"            # step id; "*" or absent: any step
//   question = "passphrase.c1"
//   give = "c1 c2 c3"         # the answer; for choose the option's text, for confirm "yes" or "no", after a refusal
//                             # "again", "stop" or "abort"
//   file = "c1.pass"          # instead of give, for secrets: the file holds it (one line; of a share's words
//                             # those that are asked for are taken); a secret that is shown is kept
//                             # there, as a person would keep a note
//   times = 2                 # how often it serves, 1 if absent; 0: as often as asked, at least once
// Answers to the same question are used in the order of the file. Where no answer fits, ordinary texts to read are taken
// as read and refusals stop the ceremony; everything else is refused.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "ceremony/ground/env.h"
#include "ceremony/operator.h"

namespace ceremony::tui {

class ScriptedOperator : public Operator {
 public:
  /// Throws Refused for what was left unused, all of it at once. To be called after the ceremony.
  virtual void all_used() const = 0;
};

/// `folder`: what relative `file`s are relative to. Log lines of what is asked go to `out`. Throws
/// Refused{OperatorRefusal::answers_file} or a TomlRefusal.
[[nodiscard]] std::unique_ptr<ScriptedOperator> make_scripted_operator(Env& env, const std::string& file_name, std::string_view text,
                                                                       const Path& folder, std::FILE* out);

}  // namespace ceremony::tui
