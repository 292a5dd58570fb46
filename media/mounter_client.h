// The unprivileged side of mounting, as the rest of the program sees it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ceremony/ground/env.h"
#include "media/mounter_protocol.h"

namespace ceremony::media {

/// Throws Refused{VolumeRefusal} with sentences for people; `where` is empty.
class Mounter {
 public:
  virtual ~Mounter() = default;
  /// What is in; after a wait, as ListRequest says.
  [[nodiscard]] virtual std::vector<MediumSeen> list(std::chrono::milliseconds wait = {}) = 0;
  /// The folder on which it is mounted now.
  [[nodiscard]] virtual Path mount(const MediumSeen& medium, Access access) = 0;
  virtual void unmount(const Path& folder) = 0;
  /// What USB devices came and went since this was asked before; all that are there, the first time.
  [[nodiscard]] virtual std::vector<UsbNews> usb_news() { return {}; }
  /// People said that the device is theirs.
  virtual void approve(const UsbNews&) {}
  /// The event node of a scanner that was just approved: open and grabbed. The caller closes it.
  [[nodiscard]] virtual std::optional<int> take_scanner() { return std::nullopt; }
};

/// Over the socket that the privileged program left open.
class MounterClient final : public Mounter {
 public:
  /// Takes the descriptor; it is closed in programs started from here. Throws Refused{failed} where no mounter is behind it.
  MounterClient(int socket, Path folder);
  ~MounterClient() override;
  MounterClient(const MounterClient&) = delete;
  MounterClient& operator=(const MounterClient&) = delete;

  [[nodiscard]] std::vector<MediumSeen> list(std::chrono::milliseconds wait) override;
  [[nodiscard]] Path mount(const MediumSeen& medium, Access access) override;
  void unmount(const Path& folder) override;
  [[nodiscard]] std::vector<UsbNews> usb_news() override;
  void approve(const UsbNews& device) override;
  [[nodiscard]] std::optional<int> take_scanner() override { return std::exchange(m_scanner, std::nullopt); }

 private:
  /// Refusals are thrown, and what is no answer to what was asked.
  template <typename Wanted>
  [[nodiscard]] Wanted ask(const Request& request);

  /// A message, at most so long; what came with it is kept.
  [[nodiscard]] std::string receive();

  int m_socket;
  std::optional<int> m_scanner;
  Path m_folder;
};

}  // namespace ceremony::media
