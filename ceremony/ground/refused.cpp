#include "ceremony/ground/refused.h"

namespace ceremony {

void Refused::make_text() {
  for (std::size_t i = 0; i < m_findings.size(); ++i) {
    const Finding& f = m_findings[i];
    if (!m_text.empty()) m_text += '\n';
    m_text += "error: " + (f.where.empty() ? "" : f.where + ": ") + f.what;
    // The same advice for a run of mistakes is said once, after the last of them.
    const bool repeated = i + 1 < m_findings.size() && m_findings[i + 1].hint == f.hint;
    if (!f.hint.empty() && !repeated) m_text += "\nhint: " + f.hint;
  }
}

}  // namespace ceremony
