// Descriptors of USB devices as tests write them: a list of configurations, each a list of interfaces by class.
#pragma once

#include <string>
#include <vector>

#include "ceremony/ground/bytes.h"
#include "media/usb_descriptors.h"

namespace ceremony::media::test {

inline void add(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

/// An interface with its number, setting and endpoints.
inline Bytes interface(unsigned number, const std::string& kind, unsigned endpoints = 1, unsigned alternate = 0) {
  const auto c = usb_class_from(kind).value();
  const auto byte = [](unsigned value) { return static_cast<std::uint8_t>(value); };
  Bytes out{9, 4, byte(number), byte(alternate), byte(endpoints), c.base, c.sub, c.protocol, 0};
  for (unsigned i = 0; i < endpoints; ++i) add(out, {7, 5, byte(0x81 + i), 3, 8, 0, 10});
  return out;
}

inline Bytes configuration(unsigned interfaces, const std::vector<Bytes>& inside, unsigned number = 1) {
  Bytes out{9, 2, 0, 0, static_cast<std::uint8_t>(interfaces), static_cast<std::uint8_t>(number), 0, 0xa0, 50};
  for (const auto& each : inside) add(out, each);
  out[2] = static_cast<std::uint8_t>(out.size());
  out[3] = static_cast<std::uint8_t>(out.size() >> 8);
  return out;
}

inline Bytes device(const std::string& model, const std::vector<Bytes>& configurations, const std::string& kind = "00/00/00") {
  const auto m = usb_model_from(model).value();
  const auto c = usb_class_from(kind).value();
  const auto low = [](unsigned value) { return static_cast<std::uint8_t>(value); };
  Bytes out{18, 1, 0, 2, c.base, c.sub, c.protocol, 64, low(m.vendor), low(m.vendor >> 8), low(m.product), low(m.product >> 8), 0, 1, 1, 2, 3, low(static_cast<unsigned>(configurations.size()))};
  for (const auto& each : configurations) add(out, each);
  return out;
}

/// A device of one configuration with these interfaces.
inline Bytes device_with(const std::string& model, const std::vector<std::string>& kinds, const std::string& kind = "00/00/00") {
  std::vector<Bytes> inside;
  for (unsigned i = 0; i < kinds.size(); ++i) inside.push_back(interface(i, kinds[i]));
  return device(model, {configuration(static_cast<unsigned>(kinds.size()), inside)}, kind);
}

}  // namespace ceremony::media::test
