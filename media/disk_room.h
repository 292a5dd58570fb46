// Which of the disks that are in is which medium of this run.
//
// A disk is known by its filesystem's id and label once it was taken for a medium, and by its label file, `ceremony-medium`, where
// that names this CA and the medium. For one that nothing is known of, people say which it is. What is not in is asked for.
// Invariants: one disk is never two media of a run; a disk that was taken for a medium is looked for again by what it is, not by
// where it is plugged in; while nobody was asked, nothing is written.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ceremony/ground/env.h"
#include "media/mounter_client.h"

namespace ceremony::media {

struct DiskOffered {
  MediumSeen medium;
  std::uint64_t free_bytes = 0;
};

/// What people do and say about disks. May throw to stop.
class DiskHands {
 public:
  virtual ~DiskHands() = default;
  /// Returns when they say that the medium is in. `why`: what is in instead, or what was not done; empty the first time.
  virtual void put_in(const std::string& name, const std::string& why) = 0;
  /// Whether the USB device is theirs, and is switched on.
  [[nodiscard]] virtual bool is_ours(const UsbNews& device) = 0;
  /// The event node of a scanner, open and grabbed; theirs to close.
  virtual void scan_with(int descriptor) = 0;
  /// A device that is used, or is not any more.
  virtual void told(const UsbNews& device) = 0;
  /// Which of these disks is the medium; nothing: none of them.
  [[nodiscard]] virtual std::optional<std::size_t> which(const std::string& name, std::span<const DiskOffered> disks) = 0;
};

class DiskRoom final {
 public:
  /// `origin`: of the CA whose media they are. `patience`: how long a disk may take to show up after people said that it is in. What is
  /// handed in outlives this.
  DiskRoom(Env& env, Mounter& mounter, DiskHands& hands, std::string origin, std::chrono::milliseconds patience = std::chrono::seconds(5))
      : m_env(env), m_mounter(mounter), m_hands(hands), m_origin(std::move(origin)), m_patience(patience) {}

  /// The medium's disk, once it is in. `left`: the sequence number under which it was ejected, when it has to have been taken out since;
  /// another disk that was put in meanwhile is then {wrong_medium}. `discs`: whether one that cannot be written will do.
  [[nodiscard]] MediumSeen find(const std::string& name, std::optional<std::uint64_t> left, bool discs);
  [[nodiscard]] bool is_in(const MediumSeen& medium);
  /// Whoever has a medium mounted that others need not have at the same time says here how it is put away; it is when the next one comes.
  void give_way(std::function<void()> put_away);

  /// What somebody else was told over USB, and did not deal with.
  void hear(std::vector<UsbNews> news) { m_news = std::move(news); }
  void look_at_sockets() { static_cast<void>(look_at_usb(false)); }
  /// Looks at what was plugged in and pulled out, asks about what wants to be asked about, and returns what belongs on the record, since it
  /// was returned before.
  [[nodiscard]] std::vector<std::string> take_notes();

  [[nodiscard]] Env& env() { return m_env; }
  [[nodiscard]] Mounter& mounter() { return m_mounter; }

 private:
  struct Identity {
    std::string id, label;
    bool operator==(const Identity&) const = default;
  };
  struct Peeked {
    std::uint64_t sequence = 0;
    std::string name;     ///< that the label says; empty: there is none
    std::string fault;    ///< why it cannot be one of this run's
    std::uint64_t free_bytes = 0;
  };
  struct Look {
    std::optional<MediumSeen> found;
    std::vector<DiskOffered> offered;
    std::string why;
    bool absent = false;   ///< what is known of it is not in
    bool another = false;  ///< and one that is nobody's was put in after ours was taken out
  };
  [[nodiscard]] Look look(const std::string& name, std::optional<std::uint64_t> left, bool discs);
  [[nodiscard]] Look look_for_known(const std::string& name, std::optional<std::uint64_t> left);
  [[nodiscard]] Look look_for_new(const std::string& name, bool discs);
  /// `awaited`: people were asked for a disk, and said that it is in: one that came needs no further question. Whether there was one.
  bool look_at_usb(bool awaited);
  [[nodiscard]] Look settle(const std::string& name, std::optional<std::uint64_t> left, bool discs);
  [[nodiscard]] const Peeked& peek(const MediumSeen& medium);
  [[nodiscard]] Peeked peeked_now(const MediumSeen& medium);
  /// Whose it is in this run; empty: nobody's.
  [[nodiscard]] std::string owner_of(const MediumSeen& medium) const;
  [[nodiscard]] static Identity identity_of(const MediumSeen& medium) { return {medium.filesystem.id, medium.filesystem.label}; }
  MediumSeen assign(const std::string& name, const MediumSeen& medium);

  Env& m_env;
  Mounter& m_mounter;
  DiskHands& m_hands;
  std::string m_origin;
  std::chrono::milliseconds m_patience;
  std::map<std::string, Identity> m_known;
  std::map<std::string, Peeked> m_peeked;  ///< by node
  std::function<void()> m_put_away;
  std::vector<std::string> m_notes;
  std::vector<UsbNews> m_news;  ///< not dealt with yet
};

/// How people tell a disk from others: `QEMU HARDDISK, serial "C1", 64 MB, "CEREMONY"`.
[[nodiscard]] std::string description(const MediumSeen& medium);
/// `63 MB`, `15 GB`: rounded down.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace ceremony::media
