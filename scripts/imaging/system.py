"""What is in the image: the programs, what they link, what they load by name, and a few files of settings. Nothing else: no shell, no
other command, no package manager."""
import hashlib
import os
import pathlib
import re
import stat
import subprocess
import tempfile

import packages

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
# Loaded by name, so that ldd does not see it: when a thread ends; what makes UTF-8 of the locale; how the console is drawn on.
BY_NAME = [f"{LIBRARIES}/libgcc_s.so.1", "/usr/lib/locale/C.utf8/LC_CTYPE", "/usr/share/terminfo/l/linux"]
# Card readers: the service, its driver and the list of readers that it knows, the module for cards, and its way to the service.
READERS = "/usr/lib/pcsc/drivers/ifd-ccid.bundle/Contents"
CARDS = ["/usr/sbin/pcscd", f"{READERS}/Linux/libccid.so", f"{READERS}/Info.plist", f"{LIBRARIES}/opensc-pkcs11.so", f"{LIBRARIES}/libpcsclite.so.1",
         f"{LIBRARIES}/libpcsclite_real.so.1"]
# HSMs on USB: the module, and its way to the device.
HSMS = [f"{LIBRARIES}/pkcs11/yubihsm_pkcs11.so", f"{LIBRARIES}/libyubihsm_usb.so.2"]
YUBIHSM = b"connector = yhusb://\n"
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
PASSWD = b"root:x:0:0:root:/:/bin/false\npeople:x:1000:1000:people:/run/ceremony/people:/bin/false\npcscd:x:901:901:card readers:/:/bin/false\n"
GROUP = b"root:x:0:\npeople:x:1000:\npcscd:x:901:\n"
SOFTHSM = b"directories.tokendir = /run/ceremony/people/tokens\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
PROCEDURES = "/usr/share/ceremony/procedures"
KEYMAPS = "/usr/share/ceremony/keymaps"
# What people choose from (ceremony/init/keymap.h), and which of console-data's it is.
KEYBOARDS = {"us": "qwerty/us", "uk": "qwerty/uk", "de": "qwertz/de-latin1-nodeadkeys", "ch-de": "qwertz/sg-latin1", "ch-fr": "qwertz/fr_CH-latin1", "fr": "azerty/fr-latin9",
             "be": "azerty/be-latin1", "es": "qwerty/es", "it": "qwerty/it", "pt": "qwerty/pt-latin1", "se": "qwerty/se-latin1", "dk": "qwerty/dk-latin1",
             "no": "qwerty/no-latin1", "pl": "qwerty/pl"}
OURS = "ceremony"


class System:
    """Path without leading slash → (mode with type, bytes, where it is from: a package, or `ceremony`)."""

    def __init__(self):
        self.entries = {}
        for link, target in LINKS.items():
            self.entries[link] = (stat.S_IFLNK | 0o777, target.encode(), OURS)

    def bytes(self, path, content, mode=0o644, source=OURS):
        path = packages.canonical(path).lstrip("/")
        found = self.entries.setdefault(path, (stat.S_IFREG | mode, content, source))
        if found[1] != content:
            raise SystemExit(f"error: two files want to be /{path}\nhint: correct scripts/imaging/system.py")

    def file(self, path):
        """One of a package, under the path it has there."""
        path = pathlib.Path(path)
        self.bytes(str(path), path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644, packages.package_of(path))

    def linked(self, program):
        done = subprocess.run(["ldd", str(program)], check=False, capture_output=True, text=True)
        if "not found" in done.stdout:
            raise SystemExit(f"error: {program} links what is not there:\n{done.stdout}\nhint: build it anew: scripts/build release")
        for library in re.findall(r"(/\S+) \(0x", done.stdout):
            self.file(library)

    def program(self, path):
        """A program or module of a package, with what it links; or a file beside it."""
        self.file(path)
        self.linked(path)

    def own(self, built, path):
        """A program of ours, without symbols, with what it links."""
        with tempfile.TemporaryDirectory() as folder:
            stripped = pathlib.Path(folder) / "stripped"
            subprocess.run(["strip", "--strip-all", "--remove-section=.comment", "-o", str(stripped), str(built)], check=True)
            self.bytes(path, stripped.read_bytes(), 0o755)
        self.linked(built)

    def keymap(self, name, source):
        """A keyboard's tables, as the kernel takes them."""
        source = pathlib.Path("/usr/share/keymaps/i386") / (source + ".kmap.gz")
        done = subprocess.run(["loadkeys", "--bkeymap", "--unicode", str(source)], capture_output=True, check=False)
        if done.returncode != 0 or done.stderr:
            raise SystemExit(f"error: no keys are made of {source}: {done.stderr.decode(errors='replace')}\nhint: look at console-data and at scripts/imaging/system.py")
        self.bytes(f"{KEYMAPS}/{name}", done.stdout, source=packages.package_of(source))

    def manifest(self, head):
        """Its text: the lines of `head`, then a line for each file and link, in the order of their paths."""
        lines = list(head)
        for path, (mode, content, source) in sorted(self.entries.items()):
            if stat.S_ISLNK(mode):
                lines.append(f"link {content.decode()} /{path}")
            else:
                version = "" if source == OURS else "=" + packages.versions()[source]
                lines.append(f"file {hashlib.sha256(content).hexdigest()} {stat.S_IMODE(mode):04o} {source}{version} /{path}")
        return "".join(line + "\n" for line in lines).encode()

    def packages(self):
        return sorted({source for _, _, source in self.entries.values() if source != OURS})


def start_line(kind):
    """What the first process starts: the console, which asks for the disk with the files of the CA."""
    program = "/usr/bin/ceremony-rehearsal" if kind == "rehearsal" else "/usr/bin/ceremony"
    return [program, "console", "--tui", "--disks", "--files", "--procedures", PROCEDURES]


def sample_ca(source):
    """The rehearsal's: its policy, and the names of the media that people bring."""
    text = (source / "procedures/policy-rehearsal.toml").read_text()
    people = re.findall(r"^(\w+) = \[\"", text[text.index("[people]"):text.index("[exclusive]")], re.M)
    names = ["--ledger", "ledger-1", "--ledger", "ledger-2", "--backup", "backup-1", "--backup", "backup-2"]
    for name in [*people, "intake", "public", "factory-a", "factory-b"]:
        names += ["--media", name]
    return ["--policy", f"{PROCEDURES}/policy-rehearsal.toml", "--hsm", f"{PROCEDURES}/hsm-softhsm2.toml", *names]


def make_system(kind, source, built):
    """`source`: the checkout; `built`: the folder of its release build."""
    system = System()
    system.own(built / "ceremony/init/ceremony-init", "/init")
    system.own(built / "ceremony" / ("ceremony-rehearsal" if kind == "rehearsal" else "ceremony"), f"/usr/bin/{pathlib.Path(start_line(kind)[0]).name}")
    system.program("/usr/bin/zlint")
    for path in [*CARDS, *HSMS]:
        system.program(path)
    system.bytes("/etc/yubihsm_pkcs11.conf", YUBIHSM)
    if kind == "rehearsal":
        system.program("/usr/lib/softhsm/libsofthsm2.so")
        system.bytes("/etc/softhsm2.conf", SOFTHSM)
    for path in BY_NAME:
        system.file(path)
    for path in sorted((source / "procedures").rglob("*.toml")):
        name = path.relative_to(source / "procedures")
        # Samples of a CA are for rehearsals.
        if not name.name.startswith(("policy-", "hsm-")) or (kind == "rehearsal" and name.name != "policy-production.toml"):
            system.bytes(f"{PROCEDURES}/{name}", path.read_bytes())
    for name, keys in KEYBOARDS.items():
        system.keymap(name, keys)
    system.bytes("/etc/passwd", PASSWD)
    system.bytes("/etc/group", GROUP)
    system.bytes("/etc/ceremony/usb", (source / "procedures/usb.rules").read_bytes())
    system.bytes("/etc/ceremony/environment", kind.encode() + b"\n")
    start = start_line(kind) + (sample_ca(source) if kind == "rehearsal" else [])
    system.bytes("/etc/ceremony/start", "".join(argument + "\n" for argument in start).encode())
    return system
