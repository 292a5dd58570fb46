#include "media/linux_usb.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <format>
#include <optional>

#include "ceremony/ground/refused.h"

namespace ceremony::media {

/// A device's folder, held open: what is read and written below it is never another device's.
class UsbFolder final {
 public:
  explicit UsbFolder(const std::filesystem::path& path) : m_folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
  ~UsbFolder() {
    if (m_folder >= 0) ::close(m_folder);
  }
  UsbFolder(const UsbFolder&) = delete;
  UsbFolder& operator=(const UsbFolder&) = delete;

  /// All of a file, up to one byte more than `longest`; nothing where it cannot be read.
  [[nodiscard]] std::optional<std::string> file(const char* name, std::size_t longest) const {
    const int file = ::openat(m_folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::nullopt;
    std::string out;
    ssize_t got = 0;
    do {
      std::array<char, 4096> piece;
      got = ::read(file, piece.data(), std::min(piece.size(), longest + 1 - out.size()));
      if (got > 0) out.append(piece.data(), static_cast<std::size_t>(got));
    } while (got > 0 && out.size() <= longest);
    ::close(file);
    if (got < 0) return std::nullopt;
    return out;
  }
  /// A line of text without its end; empty where there is none.
  [[nodiscard]] std::string line(const char* name) const {
    auto out = file(name, 4096).value_or("");
    if (out.ends_with('\n')) out.pop_back();
    return out;
  }
  [[nodiscard]] std::optional<unsigned> number(const char* name) const {
    const auto text = line(name);
    unsigned out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
  }
  /// 0, or the error.
  [[nodiscard]] int write(const char* name, std::string_view text) const {
    const int file = ::openat(m_folder, name, O_WRONLY | O_CLOEXEC);
    if (file < 0) return errno;
    const auto written = ::write(file, text.data(), text.size());
    const int error = written < 0 ? errno : 0;
    ::close(file);
    return error;
  }

 private:
  int m_folder;
};

namespace {

constexpr const char* switch_file = "authorized";

bool is_gone(int error) { return error == ENOENT || error == ENODEV || error == EBADF; }

/// 2-1.10 as 2, 1, 10; nothing where it is no port of a device (`usb2`, `2-1:1.0`).
std::optional<std::vector<unsigned>> numbers_of(std::string_view port) {
  std::vector<unsigned> out;
  while (true) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc()) return std::nullopt;
    out.push_back(number);
    port.remove_prefix(static_cast<std::size_t>(end - port.data()));
    if (port.empty()) break;
    if (port.front() != (out.size() == 1 ? '-' : '.')) return std::nullopt;
    port.remove_prefix(1);
  }
  if (out.size() < 2) return std::nullopt;
  return out;
}

}  // namespace

bool give_usb_node(const std::string& port, unsigned number, gid_t group, const std::filesystem::path& dev) {
  const auto numbers = numbers_of(port);
  if (!numbers) return false;
  const auto node = dev / std::format("bus/usb/{:03}/{:03}", numbers->front(), number);
  // Who may give a file of their own away without a privilege of their own: into a group they are in.
  const auto before = static_cast<gid_t>(::setfsgid(group));
  const bool given = ::lchown(node.c_str(), static_cast<uid_t>(-1), group) == 0;
  ::setfsgid(before);
  return given && ::chmod(node.c_str(), 0660) == 0;
}

UsbGuard::UsbGuard(UsbRules rules, std::filesystem::path sys) : m_devices(std::move(sys) / "bus/usb/devices"), m_rules(std::move(rules)) {
  std::error_code error;
  bool any = false;
  for (auto entry = std::filesystem::directory_iterator(m_devices, error); !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (!name.starts_with("usb")) continue;
    any = true;
    if (const int failed = UsbFolder(entry->path()).write("authorized_default", "0"); failed != 0)
      throw Refused(UsbRefusal::failed, "the USB controller \"" + name + "\" cannot be told to leave new devices off: " + std::strerror(failed), "", "restart the machine");
  }
  if (!any) throw Refused(UsbRefusal::failed, "there is no USB controller", "", "use a machine whose USB ports are xHCI, and switch them on in its firmware");
}

std::vector<std::string> UsbGuard::ports() const {
  std::vector<std::pair<std::vector<unsigned>, std::string>> found;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(m_devices, error); !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    auto name = entry->path().filename().string();
    if (auto numbers = numbers_of(name)) found.emplace_back(std::move(*numbers), std::move(name));
  }
  std::ranges::sort(found);
  std::vector<std::string> out;
  for (auto& [numbers, name] : found) out.push_back(std::move(name));
  return out;
}

UsbVerdict UsbGuard::judged(const std::string& port, const UsbFolder& folder) const {
  const auto bytes = folder.file("descriptors", longest_descriptors);
  try {
    return decide(parse_usb_descriptors(as_view(bytes.value_or(""))), port, m_used, m_rules, m_phase);
  } catch (const Refused& refused) {
    return {UsbAnswer::refuse, UsbRole::none, "the USB device at port " + port + " stays off: " + refused.findings().front().what};
  }
}

void UsbGuard::switch_on(UsbSeen& seen, const UsbFolder& folder) {
  const int error = folder.write(switch_file, "1");
  seen.on = error == 0;
  if (error != 0) {
    seen.verdict = {UsbAnswer::refuse, seen.verdict.role, seen.verdict.sentence + "; but the kernel could not switch it on: " + std::strerror(error)};
    return;
  }
  std::erase_if(m_used, [&](const UsbUsed& one) { return one.port == seen.port || (one.role == UsbRole::keyboard && seen.verdict.role == UsbRole::keyboard); });
  m_used.push_back({seen.port, seen.model, seen.verdict.role, true});
}

void UsbGuard::forget(const UsbSeen& seen) {
  for (auto& one : m_used)
    if (one.port == seen.port) one.there = false;
  // Only the keyboard may come back as what it was.
  std::erase_if(m_used, [](const UsbUsed& one) { return !one.there && one.role != UsbRole::keyboard; });
}

std::vector<UsbSeen> UsbGuard::look() {
  std::vector<UsbSeen> out;
  const auto now = ports();
  std::erase_if(m_seen, [&](auto& entry) {
    auto& [port, seen] = entry;
    if (UsbFolder(m_devices / port).number("devnum") == seen.number) return false;
    if (seen.on) forget(seen);
    seen.news = UsbSeen::News::gone;
    seen.on = false;
    out.push_back(std::move(seen));
    return true;
  });
  for (const auto& port : now) {
    const UsbFolder folder(m_devices / port);
    const auto number = folder.number("devnum"), on = folder.number(switch_file);
    if (!number || !on) continue;  // half gone
    const auto known = m_seen.find(port);
    if (*on == 1 && (known == m_seen.end() || !known->second.on)) {
      if (const int error = folder.write(switch_file, "0"); error != 0 && !is_gone(error))
        throw Refused(UsbRefusal::failed, "the USB device at port " + port + " was on before it was looked at, and cannot be switched off: " + std::strerror(error), "",
                      "take it out and restart the machine");
    }
    if (known != m_seen.end()) continue;
    UsbSeen seen;
    seen.port = port;
    seen.number = *number;
    // The kernel read these when the device came; they may be empty.
    seen.model = usb_model_from(folder.line("idVendor") + ":" + folder.line("idProduct")).value_or(UsbModel{});
    seen.maker = folder.line("manufacturer");
    seen.product = folder.line("product");
    seen.serial = folder.line("serial");
    seen.verdict = judged(port, folder);
    if (seen.verdict.answer == UsbAnswer::authorise) switch_on(seen, folder);
    if (folder.number("devnum") != number) {  // gone while it was looked at: it was not there
      if (seen.on) forget(seen);
      continue;
    }
    out.push_back(seen);
    m_seen.emplace(port, std::move(seen));
  }
  return out;
}

void UsbGuard::approve(const std::string& port, unsigned number) {
  const auto known = m_seen.find(port);
  const UsbFolder folder(m_devices / port);
  if (known == m_seen.end() || known->second.number != number || folder.number("devnum") != number)
    throw Refused(UsbRefusal::gone, "the USB device that was at port " + port + " is not there any more", "", "put it in again and look at what is asked");
  auto& seen = known->second;
  if (seen.on) return;
  if (seen.verdict.answer != UsbAnswer::ask)
    throw Refused(UsbRefusal::not_asked, "nobody can approve the USB device at port " + port + ": " + seen.verdict.sentence, "", "take it out");
  // What was approved meanwhile may leave no room for this one.
  auto verdict = judged(port, folder);
  if (verdict.answer == UsbAnswer::refuse) {
    seen.verdict = std::move(verdict);
    throw Refused(UsbRefusal::not_asked, seen.verdict.sentence, "", "take it out");
  }
  switch_on(seen, folder);
  if (!seen.on) throw Refused(UsbRefusal::failed, seen.verdict.sentence, "", "put it in again");
}

void UsbGuard::turn_off(const std::string& port) {
  const auto known = m_seen.find(port);
  if (known == m_seen.end() || !known->second.on) return;
  if (const int error = UsbFolder(m_devices / port).write(switch_file, "0"); error != 0 && !is_gone(error))
    throw Refused(UsbRefusal::failed, "the USB device at port " + port + " cannot be switched off: " + std::strerror(error), "", "take it out");
  known->second.on = false;
  forget(known->second);
}

std::vector<UsbSeen> UsbGuard::devices() const {
  std::vector<UsbSeen> out;
  for (const auto& [port, seen] : m_seen) out.push_back(seen);
  return out;
}

}  // namespace ceremony::media
