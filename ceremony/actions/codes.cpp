#include "ceremony/actions/codes.h"

#include "media/qr_matrix.h"

namespace ceremony::actions {

Code qr_code(std::string name, media::PayloadKind kind, Bytes payload) {
  return {std::move(name), [kind, payload = std::move(payload)](int columns, int rows) {
            const auto pages = media::paginate(kind, payload, columns, rows);
            std::vector<CodePicture> out;
            for (std::size_t i = 0; i < pages.frames.size(); ++i) {
              CodePicture picture{pages.frames[i], {}};
              for (const auto& row : media::half_blocks(pages.matrices[i])) {
                auto& cells = picture.rows.emplace_back();
                for (const auto& cell : row) cells.emplace_back(cell.top_dark, cell.bottom_dark);
              }
              out.push_back(std::move(picture));
            }
            return out;
          }};
}

}  // namespace ceremony::actions
