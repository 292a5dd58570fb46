"""The value that PCR 11 has once firmware with a TPM 2.0 has started a unified kernel image: pcr11.py FILE.

systemd's stub measures each section of the image that it uses, in an order of its own: the name with a NUL, then the content
(UAPI group, "Linux TPM PCR Registry" and "Unified Kernel Image"). A signature for Secure Boot is no section and changes nothing here.
"""
import hashlib
import pathlib
import struct
import sys

# systemd 257, src/fundamental/uki.h. `.pcrsig` is not measured: it is signed over the value.
ORDER = [".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".splash", ".dtb", ".uname", ".sbat", ".pcrpkey", ".profile", ".dtbauto", ".hwids"]


def sections(image):
    """Name → content, as it lies in memory."""
    header = struct.unpack_from("<I", image, 0x3C)[0]
    if image[:2] != b"MZ" or image[header:header + 4] != b"PE\0\0":
        raise SystemExit("error: this is no program for UEFI\nhint: give ceremony.efi")
    count, optional = struct.unpack_from("<H", image, header + 6)[0], struct.unpack_from("<H", image, header + 20)[0]
    out = {}
    for number in range(count):
        name, size, _, stored, at = struct.unpack_from("<8sIIII", image, header + 24 + optional + 40 * number)
        out[name.rstrip(b"\0").decode("ascii")] = image[at:at + min(size, stored)].ljust(size, b"\0")
    return out


def pcr11(image):
    value = bytes(32)
    found = sections(image)
    for name in ORDER:
        for measured in (name.encode() + b"\0", found[name]) if name in found else ():
            value = hashlib.sha256(value + hashlib.sha256(measured).digest()).digest()
    return value.hex()


if __name__ == "__main__":
    print(pcr11(pathlib.Path(sys.argv[1]).read_bytes()))
