// Takes a TBS apart and puts it together again changed: how the lint tests make what no plan can make.
#pragma once

#include <functional>
#include <vector>

#include "ceremony/pki/der.h"
#include "ceremony/pki/types.h"

namespace pki_test {

using Elements = std::vector<ceremony::Bytes>;

inline Elements elements_of(ceremony::View content) {
  Elements out;
  ceremony::pki::der::Reader reader(content, "test");
  while (!reader.done()) out.push_back(ceremony::to_bytes(reader.next().whole));
  return out;
}

inline ceremony::Bytes joined(const Elements& elements) {
  ceremony::Bytes out;
  for (const auto& element : elements) out.insert(out.end(), element.begin(), element.end());
  return out;
}

inline ceremony::pki::TbsDer edit(const ceremony::pki::TbsDer& tbs, const std::function<void(Elements&)>& change) {
  namespace der = ceremony::pki::der;
  Elements elements = elements_of(der::one(tbs.view(), "test").content);
  change(elements);
  return {der::wrap(der::sequence, joined(elements))};
}

/// The extensions are the last element: [3] of a certificate, [0] of a CRL.
inline ceremony::pki::TbsDer edit_extensions(const ceremony::pki::TbsDer& tbs,
                                             const std::function<void(Elements&)>& change) {
  namespace der = ceremony::pki::der;
  return edit(tbs, [&](Elements& elements) {
    const der::Element outer = der::one(elements.back(), "test");
    Elements extensions = elements_of(der::one(outer.content, "test").content);
    change(extensions);
    elements.back() = der::wrap(outer.tag, der::wrap(der::sequence, joined(extensions)));
  });
}

}  // namespace pki_test
