// The real screens on the real console of a guest, with QR codes on them: show_codes LETTER=FILE… (a payload each, its kind by the letter
// of the frame's TYPE). Shows one page from which the codes are reached, and ends when it is left.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "ceremony/actions/codes.h"
#include "ceremony/ground/refused.h"
#include "tui/tui_operator.h"

int main(int argc, char** argv) {
  using namespace ceremony;
  try {
    Page page{"What is shown here is read off the screen.", {"academic", "lizard", "ancestor", "tolerance", "island", "sailboat", "kernel", "wildlife"}, {}};
    for (int i = 1; i < argc; ++i) {
      const std::string argument = argv[i];
      const auto kind = media::kind_from(argument.at(0));
      std::ifstream file(argument.substr(2), std::ios::binary);
      if (!kind || !file) return 2;
      page.codes.push_back(actions::qr_code(std::string(media::text_of(*kind)), *kind, Bytes{std::istreambuf_iterator<char>(file), {}}));
    }
    const auto people = tui::make_tui_operator(tui::make_curses_terminal(std::chrono::seconds(300)));
    people->show({"exported.public", "administrator", "Read the codes."}, page);
  } catch (const Refused& refused) {
    std::fprintf(stderr, "%s\n", refused.what());
    return 1;
  }
  return 0;
}
