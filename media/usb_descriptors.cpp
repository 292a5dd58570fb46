#include "media/usb_descriptors.h"

#include <algorithm>
#include <array>
#include <set>

#include "ceremony/ground/refused.h"

namespace ceremony::media {
namespace {

// USB 2.0, table 9-5 and 9.6; lengths of USB 3.2 are the same for these.
enum Type : std::uint8_t { device_type = 1, configuration_type = 2, interface_type = 4, endpoint_type = 5 };
constexpr std::size_t device_length = 18, configuration_length = 9, interface_length = 9, endpoint_length = 7, audio_endpoint_length = 9;
constexpr unsigned most_configurations = 8, most_interfaces = 32;  // as many as the kernel keeps

[[noreturn]] void malformed(const std::string& what) {
  throw Refused(UsbRefusal::malformed, "the USB device does not describe itself properly: " + what, "", "take it out and use another device");
}

std::string said(std::size_t number) { return "\"" + std::to_string(number) + "\""; }

unsigned word(View at, std::size_t offset) { return static_cast<unsigned>(at[offset]) | static_cast<unsigned>(at[offset + 1]) << 8; }

std::string hex_of(unsigned value, std::size_t digits) {
  static constexpr std::string_view letters = "0123456789abcdef";
  std::string out;
  while (digits-- > 0) out += letters[value >> (4 * digits) & 15];
  return out;
}

std::optional<unsigned> number_of(std::string_view text) {
  unsigned out = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
    out = out << 4 | static_cast<unsigned>(digit ? c - '0' : c - 'a' + 10);
  }
  return out;
}

UsbClass class_at(View at, std::size_t offset) { return {at[offset], at[offset + 1], at[offset + 2]}; }

/// Takes the next descriptor, whole.
View cut(View& rest) {
  if (rest.size() < 2) malformed("a descriptor is cut off");
  const std::size_t length = rest[0];
  if (length < 2) malformed("a descriptor has the length " + said(length));
  if (length > rest.size()) malformed("a descriptor of length " + said(length) + " is cut off");
  const auto out = rest.first(length);
  rest = rest.subspan(length);
  return out;
}

void must_have(View descriptor, std::size_t length, const char* what) {
  if (descriptor.size() != length) malformed(std::string(what) + " has the length " + said(descriptor.size()));
}

/// One configuration: interfaces, each with its endpoints, and descriptors of classes among them.
class Configuration final {
 public:
  Configuration(View head, UsbDevice& device) : m_number(head[5]), m_interfaces(head[4]), m_device(device) {}

  void take(View descriptor) {
    switch (descriptor[1]) {
      case device_type:
      case configuration_type: malformed("a descriptor of type " + said(descriptor[1]) + " is inside a configuration");
      case interface_type: return interface(descriptor);
      case endpoint_type: return endpoint(descriptor);
      default: return;  // what drivers read; no driver is chosen by it
    }
  }

  void end() {
    end_interface();
    std::set<std::uint8_t> numbers;
    for (const auto& [number, alternate] : m_seen) numbers.insert(number);
    if (numbers.size() != m_interfaces) malformed("it announces " + said(m_interfaces) + " interfaces and has " + said(numbers.size()));
    for (const auto number : numbers)
      if (!m_seen.contains({number, 0})) malformed("interface " + said(number) + " has no setting 0");
  }

 private:
  void interface(View descriptor) {
    must_have(descriptor, interface_length, "an interface");
    end_interface();
    const auto number = descriptor[2], alternate = descriptor[3];
    if (number >= most_interfaces) malformed("an interface has the number " + said(number));
    if (!m_seen.insert({number, alternate}).second) malformed("interface " + said(number) + " is there twice with setting " + said(alternate));
    m_endpoints = descriptor[4];
    m_device.interfaces.push_back({m_number, number, alternate, class_at(descriptor, 5)});
  }

  void endpoint(View descriptor) {
    if (descriptor.size() != endpoint_length && descriptor.size() != audio_endpoint_length) must_have(descriptor, endpoint_length, "an endpoint");
    if (m_seen.empty()) malformed("an endpoint stands before any interface");
    if (m_endpoints-- == 0) malformed("an interface has more endpoints than it announces");
  }

  void end_interface() const {
    if (m_endpoints != 0) malformed("an interface has fewer endpoints than it announces");
  }

  std::uint8_t m_number;
  std::size_t m_interfaces;
  std::size_t m_endpoints = 0;  ///< that the last interface still has to have
  std::set<std::pair<std::uint8_t, std::uint8_t>> m_seen;  ///< number, alternate
  UsbDevice& m_device;
};

/// Takes one configuration from the rest of the file; its number.
std::uint8_t configuration(View& rest, UsbDevice& device) {
  const auto head = cut(rest);
  if (head[1] != configuration_type) malformed("where a configuration begins is a descriptor of type " + said(head[1]));
  must_have(head, configuration_length, "a configuration");
  const std::size_t whole = word(head, 2);
  if (whole < configuration_length || whole - configuration_length > rest.size()) malformed("a configuration of length " + said(whole) + " is cut off");
  auto inside = rest.first(whole - configuration_length);
  rest = rest.subspan(inside.size());
  Configuration made(head, device);
  while (!inside.empty()) made.take(cut(inside));
  made.end();
  return head[5];
}

}  // namespace

std::string text_of(UsbClass kind) { return hex_of(kind.base, 2) + "/" + hex_of(kind.sub, 2) + "/" + hex_of(kind.protocol, 2); }

std::optional<UsbClass> usb_class_from(std::string_view text) {
  if (text.size() != 8 || text[2] != '/' || text[5] != '/') return std::nullopt;
  const auto base = number_of(text.substr(0, 2)), sub = number_of(text.substr(3, 2)), protocol = number_of(text.substr(6, 2));
  if (!base || !sub || !protocol) return std::nullopt;
  return UsbClass{static_cast<std::uint8_t>(*base), static_cast<std::uint8_t>(*sub), static_cast<std::uint8_t>(*protocol)};
}

std::string text_of(UsbModel model) { return hex_of(model.vendor, 4) + ":" + hex_of(model.product, 4); }

std::optional<UsbModel> usb_model_from(std::string_view text) {
  if (text.size() != 9 || text[4] != ':') return std::nullopt;
  const auto vendor = number_of(text.substr(0, 4)), product = number_of(text.substr(5));
  if (!vendor || !product) return std::nullopt;
  return UsbModel{static_cast<std::uint16_t>(*vendor), static_cast<std::uint16_t>(*product)};
}

UsbDevice parse_usb_descriptors(View file) {
  if (file.size() > longest_descriptors) malformed("it has more than " + said(longest_descriptors) + " bytes of descriptors");
  auto rest = file;
  const auto head = cut(rest);
  if (head[1] != device_type) malformed("the first descriptor has the type " + said(head[1]));
  must_have(head, device_length, "the device descriptor");
  UsbDevice device;
  device.kind = class_at(head, 4);
  device.model = {static_cast<std::uint16_t>(word(head, 8)), static_cast<std::uint16_t>(word(head, 10))};
  const unsigned count = head[17];
  if (count == 0 || count > most_configurations) malformed("it announces " + said(count) + " configurations");
  std::set<std::uint8_t> numbers;
  for (unsigned i = 0; i < count; ++i)
    if (const auto number = configuration(rest, device); number == 0 || !numbers.insert(number).second)
      malformed("a configuration has the number " + said(number) + (number == 0 ? "" : ", as another has"));
  if (!rest.empty()) malformed(said(rest.size()) + " bytes are left behind the last configuration");
  if (device.interfaces.empty()) malformed("it has no interface");
  return device;
}

}  // namespace ceremony::media
