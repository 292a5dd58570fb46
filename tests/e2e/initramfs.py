"""A guest's initramfs: programs of the build root with what they link, busybox, and single files; packed as newc cpio + zstd."""
import pathlib
import re
import shutil
import stat
import subprocess

BUSYBOX = "/bin/busybox"
# Loaded by name when a thread ends; ldd does not see it.
BY_NAME = "/lib/x86_64-linux-gnu/libgcc_s.so.1"
# Without it the locale C.UTF-8, which init sets, is the plain C one, and a screen shows no QR code.
LOCALE = "/usr/lib/locale/C.utf8/LC_CTYPE"


def applets():
    return subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()


def linked(program):
    """Absolute paths of the libraries a program links, its loader among them; none for scripts and static programs."""
    done = subprocess.run(["ldd", program], check=False, capture_output=True, text=True)
    if "not found" in done.stdout:
        raise RuntimeError(f"{program} links what is not there:\n{done.stdout}")
    found = re.findall(r"(/\S+) \(0x", done.stdout)
    return found + [BY_NAME] if found else []


class Initramfs:
    """What is put in is found under the same path in the guest unless another is named."""

    def __init__(self, init):
        self.entries = {}  # path without leading slash → (mode, bytes)
        self.names = {name for name in applets()}
        self.program(BUSYBOX)
        for name in sorted(self.names):
            if name != "busybox":
                self.entries.setdefault(f"bin/{name}", (stat.S_IFLNK | 0o777, b"busybox"))
        self.bytes("/init", pathlib.Path(init).read_bytes(), 0o755)
        self.file(LOCALE)
        self.bytes("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
        self.bytes("/etc/group", b"root:x:0:\nnogroup:x:65534:\n")

    def bytes(self, path, content, mode=0o644):
        self.entries[path.lstrip("/")] = (stat.S_IFREG | mode, content)

    def file(self, source, path=None):
        source = pathlib.Path(source)
        self.bytes(str(path or source.absolute()), source.read_bytes(), 0o755 if source.stat().st_mode & 0o100 else 0o644)

    def program(self, source, path=None):
        self.file(source, path)
        for library in linked(source):
            self.file(library)

    def command(self, name):
        """Puts a command in and returns what to call it by: a path, a busybox applet, or a program of the root."""
        if "/" not in name:
            if name in self.names:
                return name
            found = shutil.which(name)
            if not found:
                raise FileNotFoundError(f"there is no program \"{name}\" in the build root")
            name = found
        path = str(pathlib.Path(name).absolute())
        self.program(path)
        return path

    def packed(self):
        folders = {str(p) for path in self.entries for p in pathlib.PurePosixPath(path).parents if str(p) != "."}
        folders |= {"dev", "proc", "sys"}
        everything = dict(self.entries) | {folder: (stat.S_IFDIR | 0o755, b"") for folder in folders}
        out = bytearray()
        for number, (path, (mode, content)) in enumerate(sorted(everything.items()), 1):
            out += member(path, mode, content, number)
        out += member("TRAILER!!!", 0, b"", 0)
        return subprocess.run(["zstd", "-q", "-3", "-T1", "-c"], input=bytes(out), check=True, capture_output=True).stdout


def member(path, mode, content, number):
    name = path.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)
