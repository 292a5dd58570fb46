// The command line of the program `ceremony`. The production program and the rehearsal program share it; only the
// rehearsal one is linked with the scripted operator, which it hands in here.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ceremony/ground/env.h"
#include "ceremony/operator.h"

namespace ceremony {

/// An operator that answers from a file, and what to ask it at the end.
struct Scripted {
  std::unique_ptr<Operator> op;
  std::function<void()> all_used;
};
using MakeScripted = std::function<Scripted(Env& env, const std::string& answers_file)>;

/// `make_scripted` is empty in the production program. Returns the exit code: 0 good, 1 the answer is no, 2 could not be
/// done.
[[nodiscard]] int run_program(int argc, char** argv, const MakeScripted& make_scripted);

}  // namespace ceremony
