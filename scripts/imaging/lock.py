"""The lock: every package that the image takes bytes from or is made with, with its version and the digest of what it installs
(packages.py), and the kernel. What differs is printed; then it is refused (a release) or written down anew."""
import sys

import packages

# What shapes the bytes without being in them.
TOOLS = ["python3-minimal", "binutils", "zstd", "systemd-ukify", "systemd-boot-efi", "python3-pefile", "dosfstools", "mtools", "xorriso", "kbd",
         # compiled in
         "g++-14", "libstdc++-14-dev", "libc6-dev", "libbotan-3-dev", "nlohmann-json3-dev", "libcli11-dev", "libtomlplusplus-dev", "libp11-kit-dev"]
HEAD = "# What goes into the boot image and what makes it: package, version, SHA-256 of its installed files. Written by scripts/image.\n"


def lines_of(shipped, kernel):
    lines = {name: f"{name} {packages.versions()[name]} {packages.digest_of(name)}" for name in {*shipped, *TOOLS}}
    lines["kernel"] = f"kernel {kernel[0]} {kernel[1]}"
    return lines


def agrees(path, shipped, kernel, release):
    """Whether it may be made. The lock is of both images, so one of them alone never takes a line out."""
    now = lines_of(shipped, kernel)
    before = {line.split()[0]: line for line in (path.read_text().splitlines() if path.exists() else []) if line and not line.startswith("#")}
    different = [(before.get(name), line) for name, line in sorted(now.items()) if before.get(name) != line]
    for old, new in different:
        print(f"lock: {old or '(not named)'} -> {new}", file=sys.stderr)
    if different and release:
        print(f"error: {len(different)} inputs are not as scripts/image.lock names them (above)\n"
              "hint: make the image without --release, look at what changed in the lock, and commit it", file=sys.stderr)
        return False
    if different:
        path.write_text(HEAD + "".join(line + "\n" for _, line in sorted({**before, **now}.items())))
    return True
