// Removable disks as the media of a run: what people are asked about them, and the two ledgers, which stay in all the time.
#include <algorithm>
#include <array>

#include "ceremony/run_media.h"
#include "hsm/in_use.h"
#include "media/device_volume.h"
#include "media/linux_mounter.h"
#include "media/linux_scanner.h"

namespace ceremony {
namespace {

std::string called(const std::string& name) { return "\"" + name + "\""; }

/// As a question's id has it: `card-reader`.
std::string kind_of(const media::UsbNews& device) {
  std::string out = device.role;
  std::ranges::replace(out, ' ', '-');
  return out;
}

bool is_reader(const media::UsbNews& device) { return device.role == "card reader"; }

class OperatorHands final : public media::DiskHands {
 public:
  OperatorHands(Operator& op, const policy::Policy& policy, media::ScannerPlace& scanner) : m_op(op), m_policy(policy), m_scanner(scanner) {}
  void is(const std::string& name, const std::string& what) { m_what[name] = what; }

  void put_in(const std::string& name, const std::string& why) override {
    const std::string wanted = "Put in the medium " + called(name) + " (" + what_is(name) + ").";
    m_op.progress("waiting for the medium " + called(name) + (why.empty() ? "" : ": " + why));
    m_op.await_medium({"insert." + name, "administrator", (why.empty() ? "" : "It is not in: " + why + ".\n") + wanted});
    m_op.progress("looking for the medium " + called(name));
  }

  bool is_ours(const media::UsbNews& device) override {
    return m_op.confirm({"usb." + kind_of(device), "administrator", device.sentence + ".\nDid one of you plug it in, for this ceremony?"});
  }

  void scan_with(int descriptor) override { m_scanner.put(media::make_linux_scanner(descriptor, true)); }

  void told(const media::UsbNews& device) override {
    if (device.state == media::UsbState::gone) return;
    if (device.state == media::UsbState::off)
      m_op.show_text({"usb-off." + kind_of(device), "everyone", "A USB device is kept off."}, device.sentence + ".\n\nIt goes on the record. Pull it out, and find out who plugged it in.");
    else m_op.progress(device.sentence + (is_reader(device) && hsm::InUse::any() ? ", but only once the token that is active is not any more" : ""));
  }

  std::optional<std::size_t> which(const std::string& name, std::span<const media::DiskOffered> disks) override {
    std::vector<std::string> options;
    for (const auto& disk : disks) options.push_back(media::description(disk.medium) + ", " + media::size_text(disk.free_bytes) + " free");
    options.emplace_back("none of these");
    const auto chosen = m_op.choose({"medium." + name, "administrator",
                                     "Which disk is the medium " + called(name) + " (" + what_is(name) + ")? These carry no label of a ceremony yet. It is remembered, and written to; what is on it stays."},
                                    options);
    if (chosen + 1 == options.size()) return std::nullopt;
    return chosen;
  }

 private:
  std::string what_is(const std::string& name) const {
    if (const auto found = m_what.find(name); found != m_what.end()) return found->second;
    if (m_policy.people.contains(name)) return "the own medium of " + name;
    return name == "intake" ? "requests of factories, which are read from it" : name == "public" ? "what is published" : "what is handed to " + name;
  }

  Operator& m_op;
  const policy::Policy& m_policy;
  media::ScannerPlace& m_scanner;
  std::map<std::string, std::string> m_what;
};

class DiskMedia final : public RunMedia {
 public:
  DiskMedia(Env& env, const Options& o, const policy::Policy& policy, Operator& op, media::ScannerPlace& scanner, std::vector<media::UsbNews> news)
      : m_client(media::mounter_descriptor, media::mount_folder), m_hands(op, policy, scanner), m_room(env, m_client, m_hands, policy.origin), m_volumes(m_room) {
    m_room.hear(std::move(news));
    for (const auto& name : o.backups) m_volumes.add("backup", name), m_hands.is(name, "a backup of the wrapped key");
    for (const auto& name : o.media) m_volumes.add("media", name);
    op.begin_step({0, 0, "disks", "The disks of the two ledgers", "", "administrator"}, policy.name + (policy.environment == policy::Environment::rehearsal ? "   *** REHEARSAL ***" : ""));
    for (const auto& name : o.ledgers) {
      if (!media::is_medium_name(name) || std::ranges::contains(o.backups, name) || std::ranges::contains(o.media, name) || (!m_ledgers.empty() && m_ledgers.front()->name() == name))
        throw Refused(ProgramRefusal::arguments, called(name) + " cannot be the name of a ledger's disk", "--ledger", "give each disk a name of its own, of letters, digits, \".\", \"_\" and \"-\"");
      m_hands.is(name, "a ledger, which stays in to the end");
      m_ledgers.push_back(std::make_unique<media::DeviceVolume>(m_room, name, true, false));
      insert_ledger(env, op, *m_ledgers.back(), policy.origin);
    }
  }

  media::Volumes& volumes() override { return m_volumes; }

  std::vector<Path> ledgers() const override {
    std::vector<Path> out;
    for (const auto& ledger : m_ledgers) out.push_back(ledger->folder());
    return out;
  }

  std::map<Path, std::string> ledger_names() const override {
    std::map<Path, std::string> out;
    for (const auto& ledger : m_ledgers) out[ledger->folder()] = ledger->name();
    return out;
  }

  std::string fault_of(const Path& ledger) override {
    const auto found = std::ranges::find_if(m_ledgers, [&](const auto& one) { return one->folder() == ledger; });
    try {
      return found != m_ledgers.end() && (*found)->inserted() == media::Inserted::no ? "it was pulled out" : "";
    } catch (const Refused&) {
      return {};  // the mounter fails too; what the file said has to do
    }
  }

  std::string put_away() override {
    m_room.give_way({});
    for (const auto& ledger : m_ledgers) {
      try {
        ledger->eject();
      } catch (const Refused& refusal) {
        return "Take no disk out before this program has ended: " + ledger->name() + ": " + refusal.findings().front().what + ".";
      }
    }
    return "All disks may be taken out now.";
  }

 private:
  static void insert_ledger(Env& env, Operator& op, media::DeviceVolume& ledger, const std::string& origin) {
    while (true) {
      try {
        ledger.insert_writable();
        std::array<std::uint8_t, 16> random{};
        env.random(random);
        (void)ledger.label_if_new(origin, ledger.name(), random);
        op.progress("the medium " + called(ledger.name()) + " is in: leave it in to the end");
        return;
      } catch (const Refused& refusal) {
        if (refusal.is(OperatorRefusal::back) || refusal.is(OperatorRefusal::idle)) continue;
        if (refusal.code().starts_with("operator/") ||
            op.refused({"medium." + ledger.name() + ".refused", "administrator", "The ledger's disk cannot be used. Try again, or stop?"}, refusal) != Next::again)
          throw;
        ledger.put_away();
      }
    }
  }

  media::MounterClient m_client;
  OperatorHands m_hands;
  media::DiskRoom m_room;
  media::DeviceVolumes m_volumes;
  std::vector<std::unique_ptr<media::DeviceVolume>> m_ledgers;
};

}  // namespace

std::unique_ptr<RunMedia> make_disk_media(Env& env, const Options& options, const policy::Policy& policy, Operator& op, media::ScannerPlace& scanner, std::vector<media::UsbNews> news) {
  return std::make_unique<DiskMedia>(env, options, policy, op, scanner, std::move(news));
}

}  // namespace ceremony
