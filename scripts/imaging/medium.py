"""The boot media: a stick (GPT, one EFI system partition) and a disc that is a stick too. Each is a pure function of the files in it."""
import os
import pathlib
import struct
import subprocess
import zlib

SECTOR, ISO_SECTOR = 512, 2048
ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
# Made up once. What tells a stick from another is its image's digest.
DISK_ID, ESP_ID = "43455245-4D4F-4E59-8001-000000000001", "43455245-4D4F-4E59-8001-000000000002"
FIRST = 2048  # the partition's first sector
SERIAL = "43455245"


def run(*command, seconds):
    subprocess.run([str(part) for part in command], check=True, capture_output=True,
                   env={"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": str(seconds), "TZ": "UTC", "LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1"})


def esp(path, files, seconds):
    """A FAT16 filesystem that just holds `files`: {path in it: file here}. Firmware reads it from removable media, and nobody takes it for
    a medium of a ceremony, which are FAT32."""
    clusters = 1 + sum(-(-os.path.getsize(source) // 4096) for source in files.values()) + 8
    # Below 4085 clusters firmware would read it as FAT12.
    kib = max(clusters, 4200) * 4 + 64
    with open(path, "wb") as image:
        image.truncate(kib * 1024)
    run("mkfs.fat", "--invariant", "-F", "16", "-s", "8", "-r", "512", "-n", "CEREMONY", "-i", SERIAL, path, seconds=seconds)
    made = set()
    for name, source in files.items():
        for parent in reversed(pathlib.PurePosixPath(name).parents[:-1]):
            if parent not in made:
                made.add(parent)
                run("mmd", "-i", path, f"::{parent}", seconds=seconds)
        run("mcopy", "-i", path, source, f"::{name}", seconds=seconds)
    return path


def guid(text):
    a, b, c, d, e = text.split("-")
    return struct.pack("<IHH", int(a, 16), int(b, 16), int(c, 16)) + bytes.fromhex(d + e)


def stick(path, partition):
    """A GPT with that one partition (UEFI 2.10, 5.3)."""
    content = pathlib.Path(partition).read_bytes()
    last = FIRST + len(content) // SECTOR - 1
    total = last + 1 + 33
    entry = guid(ESP_TYPE) + guid(ESP_ID) + struct.pack("<QQQ", FIRST, last, 0) + "CEREMONY".encode("utf-16-le").ljust(72, b"\0")
    table = entry.ljust(128 * 128, b"\0")

    def header(here, other, where):
        def packed(checksum):
            return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x00010000, 92, checksum, 0, here, other, 34, total - 34, guid(DISK_ID), where, 128, 128, zlib.crc32(table))
        return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")

    protective = bytes(446) + struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, total - 1) + bytes(48) + b"\x55\xaa"
    with open(path, "wb") as image:
        image.write(protective + header(1, total - 1, 2) + table)
        image.write(bytes((FIRST - 34) * SECTOR) + content)
        image.write(table + header(total - 1, 1, total - 33))
    return path


def disc(path, partition, files, work, seconds):
    """An ISO that firmware starts from a disc (El Torito) and from a stick (the partition); `files` can be read on the disc as well, and
    are there once: the folders name the very sectors that they have in the partition."""
    tree, names = work / "iso", {}
    for number, name in enumerate(files):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        names[name] = f"in place of {name}, {number}\n".encode().ljust(ISO_SECTOR, b"\0")
        target.write_bytes(names[name])
        os.chmod(target, 0o644)
    for folder, _, _ in os.walk(tree, topdown=False):
        os.chmod(folder, 0o755)
        os.utime(folder, (seconds, seconds))
    for name in files:
        os.utime(tree / name, (seconds, seconds))
    run("xorriso", "-as", "mkisofs", "-quiet", "-V", "CEREMONY", "-r", "-o", path, "-partition_offset", "16", "-append_partition", "2", ESP_TYPE, partition,
        "-appended_part_as_gpt", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot", tree, seconds=seconds)
    image, there = bytearray(pathlib.Path(path).read_bytes()), pathlib.Path(partition).read_bytes()
    begin = image.index(there)
    for name, source in files.items():
        content = pathlib.Path(source).read_bytes()
        point_to(image, pathlib.PurePosixPath(name).name, image.index(names[name]), begin + there.index(content), len(content))
    pathlib.Path(path).write_bytes(image)
    return path


def both_orders(value):
    return struct.pack("<I", value) + struct.pack(">I", value)


def point_to(image, name, instead, at, size):
    """Every folder's entry of that name (ECMA-119, 9.1) says that the file is at `at`; it said `instead`. There are two: one counts from the
    start of the first partition."""
    wanted, found = b"%c%s;1" % (len(name) + 2, name.encode()), -1
    while (found := image.find(wanted, found + 1)) >= 0:
        where, = struct.unpack_from("<I", image, found - 30)
        start = instead // ISO_SECTOR - where
        if at % ISO_SECTOR or start < 0 or image[found - 30:found - 14] != both_orders(where) + both_orders(ISO_SECTOR):
            raise AssertionError(f"the disc's entry of {name} is not as expected")
        image[found - 30:found - 14] = both_orders(at // ISO_SECTOR - start) + both_orders(size)
