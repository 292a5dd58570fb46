// A machine whose disks are folders, and people who put them in and take them out: what a test holds instead of a mounter and hands.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ceremony/ground/refused.h"
#include "media/device_volume.h"
#include "tests/unit/media/temp_folder.h"

namespace ceremony::media::test {

class Machine final : public Mounter {
 public:
  struct Disk {
    std::string id, label = "STICK", serial;
    FilesystemKind kind = FilesystemKind::fat32;
    bool write_protected = false;
  };
  TempFolder folder;
  std::map<std::string, Disk> disks;               ///< all there are, by the name of their folder
  std::map<std::string, std::uint64_t> in;         ///< under which sequence number
  std::map<std::string, Access> mounted;           ///< by disk
  std::vector<std::function<void()>> while_waiting;  ///< one for each wait
  int calls_left = 1 << 30;

  void make(const std::string& name, const std::string& id) {
    disks[name] = {id, "STICK", name};
    std::filesystem::create_directories(folder.path() / name);
  }
  void put_in(const std::string& name) { in[name] = ++m_sequence; }
  void pull(const std::string& name) {
    in.erase(name);
    // What is still mounted gives errors.
    if (mounted.erase(name) == 0) return;
    std::filesystem::rename(folder.path() / name, folder.path() / (name + ".out"));
    folder.put(name, {});
  }
  void put_back(const std::string& name) {
    if (std::filesystem::exists(folder.path() / (name + ".out"))) {
      std::filesystem::remove(folder.path() / name);
      std::filesystem::rename(folder.path() / (name + ".out"), folder.path() / name);
    }
    put_in(name);
  }

  std::vector<MediumSeen> list(std::chrono::milliseconds wait) override {
    count();
    if (wait.count() > 0 && !while_waiting.empty()) {
      const auto next = while_waiting.front();
      while_waiting.erase(while_waiting.begin());
      next();
    }
    std::vector<MediumSeen> out;
    for (const auto& [name, sequence] : in) {
      const Disk& disk = disks.at(name);
      const bool usable = disk.kind == FilesystemKind::fat32 || disk.kind == FilesystemKind::iso9660;
      out.push_back({"sd" + name, sequence, 37'000'000, disk.write_protected, {disk.kind, usable ? disk.id : "", disk.label, usable ? "" : "it holds exFAT"}, "Stick", disk.serial, "1-1"});
    }
    return out;
  }
  Path mount(const MediumSeen& medium, Access access) override {
    count();
    const auto name = medium.node.substr(2);
    if (!in.contains(name) || in.at(name) != medium.sequence) throw Refused(VolumeRefusal::out, "the disk was taken out", "", "put it in again");
    CHECK(!mounted.contains(name));
    CHECK((access == Access::read_only || !disks.at(name).write_protected));
    mounted[name] = access;
    return folder.path() / name;
  }
  std::vector<UsbNews> usb_news() override { return std::exchange(news, {}); }
  void approve(const UsbNews& device) override {
    if (vanished) throw Refused(VolumeRefusal::out, "the device was pulled out", "", "go on");
    approved.push_back(device.port);
    if (device.role == "scanner") m_scanner = 77;
  }
  std::optional<int> take_scanner() override { return std::exchange(m_scanner, std::nullopt); }
  std::vector<UsbNews> news;
  std::vector<std::string> approved;
  bool vanished = false;
  void unmount(const Path& at) override {
    count();
    mounted.erase(at.filename().string());
  }

 private:
  void count() {
    if (calls_left-- <= 0) throw Refused(VolumeRefusal::failed, "the program that mounts disks is gone", "", "stop here and start again");
  }
  std::uint64_t m_sequence = 100;
  std::optional<int> m_scanner;
};

/// Does what the test says, question by question.
class Hands final : public DiskHands {
 public:
  std::vector<std::string> heard;                                   ///< "put in c1", "which c1: sdx, sdy"
  std::function<void(const std::string&)> does = [](const auto&) {};  ///< at put_in, with the name
  std::string chosen;                                               ///< serial; empty: none of these

  void put_in(const std::string& name, const std::string& why) override {
    heard.push_back("put in " + name + (why.empty() ? "" : ": " + why));
    REQUIRE(heard.size() < 20);
    does(name);
  }
  bool is_ours(const UsbNews& device) override {
    heard.push_back("ours? " + device.role + " " + device.port);
    if (std::exchange(leaves, false)) throw Refused(VolumeRefusal::failed, "people left", "", "come back");
    return ours;
  }
  void scan_with(int descriptor) override { heard.push_back("scan with " + std::to_string(descriptor)); }
  void told(const UsbNews& device) override {
    heard.push_back(device.role + " " + device.port + (device.state == UsbState::on ? " on" : device.state == UsbState::off ? " off" : device.state == UsbState::gone ? " gone" : " asked"));
  }
  bool leaves = false;  ///< when they are asked next
  bool ours = true;  ///< what people say of a device
  std::optional<std::size_t> which(const std::string& name, std::span<const DiskOffered> offered) override {
    std::string all;
    for (const auto& disk : offered) all += " " + disk.medium.serial;
    heard.push_back("which " + name + ":" + all);
    REQUIRE(heard.size() < 20);
    for (std::size_t i = 0; i < offered.size(); ++i)
      if (offered[i].medium.serial == chosen) return i;
    return std::nullopt;
  }
  std::vector<std::string> take() { return std::exchange(heard, {}); }
};

}  // namespace ceremony::media::test
