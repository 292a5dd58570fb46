"""Names, MANIFEST and archive by media/FORMAT.md."""
import pathlib
import re
import subprocess
import tempfile

from second.foreign import Bad, sha256

BLOCK = 512
LARGEST, LARGEST_FILE, MOST_FILES = 64 << 20, 16 << 20, 4096
PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?"


def is_name(name):
    return len(name) <= 100 and re.fullmatch(rf"{PART}(?:/{PART}){{0,3}}", name) is not None


def check_names(files):
    """No two alike but for upper and lower case, and no file where another has a folder."""
    spelled = {}
    for name in files:
        if not is_name(name):
            raise Bad(f"the name {name!r}")
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            one = "/".join(parts[:depth])
            if spelled.setdefault(one.lower(), (one, depth == len(parts))) != (one, depth == len(parts)):
                raise Bad(f"{name!r} cannot stand beside another name")


def listed(name):
    return name != "MANIFEST" and not name.startswith("log/") and not name.endswith(".tlog-proof")


def manifest_faults(files):
    """What is wrong between a MANIFEST and its files."""
    lines = files["MANIFEST"].decode("latin-1").split("\n")
    found = [re.fullmatch(r"([0-9a-f]{64})  (.+)", line) for line in lines[:-1]]
    if lines[-1] or not found or not all(found):
        return ["no MANIFEST"]
    names = [row[2] for row in found]
    if names != sorted(set(names)) or not all(is_name(n) and listed(n) for n in names):
        return ["the MANIFEST is not sorted, or lists what it must not"]
    out = [f"{row[2]} is not what was listed" for row in found if row[2] not in files or sha256(files[row[2]]) != row[1]]
    return out + [f"{name} is not listed" for name in files if listed(name) and name not in names]


def unzstd(content):
    """What exactly one frame holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "archive.zst"
        path.write_bytes(content)
        told = subprocess.run(["zstd", "-lv", str(path)], capture_output=True, text=True, check=False, timeout=60)
        done = subprocess.run(["zstd", "-dcq", "--memory=8MB", str(path)], capture_output=True, check=False, timeout=60)
    frames = re.search(r"Frames: (\d+)", told.stdout + told.stderr) or re.search(r"Zstandard Frames: (\d+)", told.stdout)
    skipped = re.search(r"Skippable Frames: (\d+)", told.stdout)
    if done.returncode or not content.startswith(b"\x28\xb5\x2f\xfd") or not frames or int(frames[1]) != 1 or skipped and int(skipped[1]):
        raise Bad("not one zstd frame")
    return done.stdout


def octal(field):
    if not (found := re.fullmatch(rb"([0-7]+)[ \0]*", field)):
        raise Bad("no octal number")
    return int(found[1], 8)


def untar(tar):
    """{name: content} of a plain ustar archive."""
    out, at, total = {}, 0, 0
    while any(header := tar[at:at + BLOCK]):
        size = octal(header[124:136])
        counted = sum(header) - sum(header[148:156]) + 8 * 0x20
        if len(header) < BLOCK or header[257:263] != b"ustar\0" or header[156:157] != b"0" or any(header[157:257]) or any(header[345:500]) or octal(header[148:156]) != counted:
            raise Bad("a header that is not plain ustar")
        name, content = header[:100].rstrip(b"\0").decode("latin-1"), tar[at + BLOCK:at + BLOCK + size]
        padding = tar[at + BLOCK + size:at + BLOCK + -(-size // BLOCK) * BLOCK]
        total += size
        if name in out or len(content) < size or any(padding) or size > LARGEST_FILE or total > LARGEST or len(out) == MOST_FILES:
            raise Bad(f"{name!r} is there twice, cut off, or too large")
        out[name] = content
        at += BLOCK + size + len(padding)
    if len(tar) - at < 2 * BLOCK or any(tar[at:]) or not out:
        raise Bad("the archive does not end in zeros")
    return out


def files_of(path):
    """{name: content} of a bundle's folder or archive."""
    if path.is_dir():
        return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}
    files = untar(unzstd(path.read_bytes()))
    check_names(files)
    return files
