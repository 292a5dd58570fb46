// The rehearsal program: the same, and a script of answers may stand for the people.
#include "ceremony/program.h"
#include "tui/scripted_operator.h"

int main(int argc, char** argv) {
  return ceremony::run_program(argc, argv, [](ceremony::Env& env, const std::string& file) {
    const auto text = ceremony::as_text(env.read(file, 1 << 20));
    auto op = ceremony::tui::make_scripted_operator(env, file, text, ceremony::Path(file).parent_path(), stdout);
    const auto* scripted = op.get();
    return ceremony::Scripted{std::move(op), [scripted] { scripted->all_used(); }};
  });
}
