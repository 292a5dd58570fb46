"""Makes one boot image inside the build root: build.py KIND OUT (scripts/image calls it; its tests too, twice).

Everything comes from the arguments and the build root; neither the clock nor the time zone, the umask, the folder or the order in which a
folder is read has a part in it. scripts/FORMAT.md says what the outputs are.
"""
import argparse
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import cpio
import lock
import medium
from system import make_system

STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"
COMMAND_LINE = "usbcore.authorized_default=0 panic=60 "
# People see their own screen only; the log of a rehearsal can be read over a serial line.
CONSOLE = {"production": "console=tty0 quiet loglevel=3", "rehearsal": "console=ttyS0 loglevel=6"}


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def packed(entries, seconds):
    done = subprocess.run(["zstd", "-q", "-19", "-T1", "-c"], input=cpio.archive(entries, seconds), check=True, capture_output=True)
    return done.stdout


def make_uki(out, work, manifest, arguments, command_line):
    release = work / "os-release"
    release.write_text(f'ID=ceremony\nNAME=ceremony\nPRETTY_NAME="ceremony {arguments.version} ({arguments.kind})"\nVERSION_ID={arguments.version}\n'
                       f"CEREMONY_MANIFEST={hashlib.sha256(manifest).hexdigest()}\n")
    uki = out / "ceremony.efi"
    subprocess.run(["ukify", "build", f"--linux={arguments.kernel}", f"--initrd={out / 'initrd.zst'}", f"--cmdline={command_line}", f"--os-release=@{release}",
                    f"--uname={arguments.uname}", f"--stub={STUB}", f"--output={uki}"], check=True, capture_output=True,
                   env={"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": str(arguments.seconds), "TZ": "UTC", "LC_ALL": "C.UTF-8"})
    os.chmod(uki, 0o644)
    return uki


def make_media(uki, out, name, seconds, work):
    """A stick's image and a disc's around a unified kernel image, signed or not."""
    files = {"EFI/BOOT/BOOTX64.EFI": uki}
    partition = medium.esp(work / "esp", files, seconds)
    return medium.stick(out / f"{name}.img", partition), medium.disc(out / f"{name}.iso", partition, files, work, seconds)


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["rehearsal", "production"])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--source", type=pathlib.Path, required=True, help="the checkout")
    parser.add_argument("--built", type=pathlib.Path, required=True, help="its release build")
    parser.add_argument("--kernel", type=pathlib.Path, required=True)
    parser.add_argument("--uname", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--seconds", type=int, required=True, help="the time that everything in it carries")
    parser.add_argument("--release", action="store_true", help="refuse what the lock does not name")
    parser.add_argument("--lock", type=pathlib.Path, required=True)
    return parser.parse_args()


def main():
    arguments = parsed()
    os.umask(0o022)
    system = make_system(arguments.kind, arguments.source, arguments.built)
    kernel = sha256(arguments.kernel)
    if not lock.agrees(arguments.lock, system.packages(), (arguments.uname, kernel), arguments.release):
        sys.exit(1)
    command_line = COMMAND_LINE + CONSOLE[arguments.kind]
    manifest = system.manifest(["ceremony-image/v1", f"version {arguments.version}", f"kind {arguments.kind}", f"source {arguments.commit}",
                                f"kernel {kernel} {arguments.uname}", f"command-line {command_line}"])
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    (arguments.out / "MANIFEST").write_bytes(manifest)
    entries = {path: (mode, content) for path, (mode, content, _) in system.entries.items()}
    entries["MANIFEST"] = (stat.S_IFREG | 0o644, manifest)
    # Nothing of what is mounted there is in the image.
    entries |= {folder: (stat.S_IFDIR | 0o755, b"") for folder in ("dev", "proc", "sys", "run", "tmp")}
    (arguments.out / "initrd.zst").write_bytes(packed(entries, arguments.seconds))
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        uki = make_uki(arguments.out, work, manifest, arguments, command_line)
        for name in ["initrd.zst", "MANIFEST"]:
            os.chmod(arguments.out / name, 0o644)
        make_media(uki, arguments.out, f"ceremony-{arguments.version}-{arguments.kind}", arguments.seconds, pathlib.Path(tempfile.mkdtemp(dir=folder)))
    names = sorted(path.name for path in arguments.out.iterdir())
    (arguments.out / "SHA256SUMS").write_text("".join(f"{sha256(arguments.out / name)}  {name}\n" for name in names))


if __name__ == "__main__":
    main()
