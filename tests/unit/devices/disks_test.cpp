#include "media/linux_disks.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/media/temp_folder.h"

namespace ceremony::media {
namespace {

/// A /sys with the files that are looked at, laid out as the kernel does.
struct Sys {
  TempFolder folder;
  Sys() { folder.runs("mkdir -p block devices/pci0/usb2"); }

  void put(const std::string& path, const std::string& text) const { folder.put(path, as_bytes(text)); }
  /// A disk whose SCSI device is in `parent`.
  std::string disk(const std::string& name, const std::string& parent, const std::string& removable = "1\n", const std::string& type = "0\n") const {
    const std::string scsi = parent + "/host0/target0:0:0/0:0:0:0", about = scsi + "/block/" + name;
    put(scsi + "/type", type);
    put(scsi + "/vendor", "ACME    \n");
    put(scsi + "/model", "Stick 3000      \n");
    put(about + "/removable", removable);
    put(about + "/ro", "0\n");
    put(about + "/size", "2048\n");
    folder.runs("ln -s ../../../0:0:0:0 '" + about + "/device' && ln -s '../" + about + "' block/" + name);
    return about;
  }
  std::string usb(const std::string& port, const std::string& serial = "S1") const {
    const std::string device = "devices/pci0/usb2/" + port;
    put(device + "/idVendor", "abcd\n");
    if (!serial.empty()) put(device + "/serial", serial + "\n");
    return device + "/" + port + ":1.0";
  }
  std::string names() const {
    std::string out;
    for (const auto& disk : removable_disks(folder.path())) out += disk.name + " ";
    return out;
  }
};

}  // namespace

TEST_CASE("a stick is described as people see it") {
  const Sys sys;
  const auto about = sys.disk("sda", sys.usb("2-1.4", "0123 \xff"));
  for (const char* n : {"2", "1", "10"}) {
    sys.put(about + "/sda" + n + "/partition", std::string(n) + "\n");
    sys.put(about + "/sda" + n + "/start", "2048\n");
    sys.put(about + "/sda" + n + "/size", "100\n");
  }
  sys.put(about + "/queue/size", "no partition\n");
  const auto disks = removable_disks(sys.folder.path());
  REQUIRE(disks.size() == 1);
  const Disk& disk = disks[0];
  CHECK(disk.name == "sda");
  CHECK(disk.port == "2-1.4");
  CHECK(disk.vendor == "ACME");
  CHECK(disk.model == "Stick 3000");
  CHECK(disk.serial == "0123 \xff");
  CHECK(disk.bytes == 2048 * 512);
  CHECK_FALSE(disk.optical);
  CHECK_FALSE(disk.read_only);
  REQUIRE(disk.partitions.size() == 3);
  CHECK(disk.partitions[0].name == "sda1");
  CHECK(disk.partitions[2].number == 10);
  CHECK(disk.partitions[2].first_byte == 2048 * 512);
  CHECK(disk.partitions[2].bytes == 100 * 512);
}

TEST_CASE("only what people can take out is found") {
  const Sys sys;
  sys.disk("sdb", sys.usb("2-2"), "0\n");                    // a USB hard disk says it is fixed; the cable is not
  sys.disk("sdc", "devices/pci0/ata1", "0\n");                // an internal disk
  sys.disk("sdd", "devices/pci0/slot", "1\n");                // a card slot on another bus
  sys.disk("sr0", "devices/pci0/ata2", "1\n", "5\n");         // an optical drive
  sys.disk("st0", sys.usb("2-3"), "1\n", "1\n");              // a tape
  sys.folder.runs("mkdir -p devices/virtual/block/loop0 && ln -s ../devices/virtual/block/loop0 block/loop0");
  CHECK(sys.names() == "sdb sdd sr0 ");
  CHECK(removable_disk("sdd", sys.folder.path())->port.empty());
  CHECK(removable_disk("sr0", sys.folder.path())->optical);
  CHECK(removable_disk("sr0", sys.folder.path())->read_only);
}

TEST_CASE("a disk without a serial, without a medium, or write-protected is one all the same") {
  const Sys sys;
  const auto about = sys.disk("sda", sys.usb("2-1", ""));
  sys.put(about + "/size", "0\n");
  sys.put(about + "/ro", "1\n");
  const auto disk = removable_disk("sda", sys.folder.path());
  REQUIRE(disk);
  CHECK(disk->serial.empty());
  CHECK(disk->bytes == 0);
  CHECK(disk->read_only);
  CHECK(disk->partitions.empty());
}

TEST_CASE("a disk that is half gone, or says what no disk says, is left out") {
  for (const char* damage : {"rm -r %/size", "rm %/ro", "rm %/device", "rm -r devices/pci0/usb2/2-1/2-1:1.0/host0/target0:0:0/0:0:0:0/type", "echo -1 >%/size",
                             "echo 99999999999999999999 >%/size", "echo 18446744073709551615 >%/size", "echo 12x >%/size", ": >%/size",
                             "rm %/size && mkdir %/size", "rm block/sda && ln -s nowhere block/sda"}) {
    const Sys sys;
    const auto about = sys.disk("sda", sys.usb("2-1"));
    REQUIRE(sys.names() == "sda ");
    std::string command = damage;
    for (auto at = command.find('%'); at != std::string::npos; at = command.find('%')) command.replace(at, 1, about);
    sys.folder.runs(command);
    CAPTURE(damage);
    CHECK(sys.names().empty());
  }
}

TEST_CASE("a name that leads elsewhere names no disk, and a machine without disks has none") {
  const Sys sys;
  sys.disk("sda", sys.usb("2-1"));
  for (const char* name : {"", ".", "..", "../block/sda", "sda/../sda", "/sda", "sdb"}) CHECK_FALSE(removable_disk(name, sys.folder.path()));
  CHECK(removable_disks(sys.folder.path() / "nowhere").empty());
}

}  // namespace ceremony::media
