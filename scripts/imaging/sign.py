"""Signs a boot image for Secure Boot, inside the build root: sign.py FOLDER KEY CERTIFICATE (scripts/sign-image calls it).

The signature is made apart from the image and kept, FOLDER/ceremony.efi.p7: it holds the time of signing, so it is an input. Image and
signature together always give the same bytes; whoever has both gets the signed image without the key.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from build import make_media, sha256


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"error: {command[0]} refuses: {done.stderr.strip() or done.stdout.strip()}\nhint: look at the key and the certificate that were given")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("key", type=pathlib.Path)
    parser.add_argument("certificate", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, required=True)
    arguments = parser.parse_args()
    os.umask(0o022)
    folder = arguments.folder
    unsigned, signature, signed = folder / "ceremony.efi", folder / "ceremony.efi.p7", folder / "ceremony.signed.efi"
    media, = (path for path in folder.glob("ceremony-*.img") if not path.stem.endswith("-signed"))
    if str(arguments.key) != "-":
        run("sbsign", "--detached", "--key", arguments.key, "--cert", arguments.certificate, "--output", signature, unsigned)
    elif not signature.exists():
        sys.exit(f"error: there is neither a key nor a signature {signature.name}\nhint: give the key, or put the published signature there")
    shutil.copyfile(unsigned, signed)
    run("sbattach", "--attach", signature, signed)
    run("sbverify", "--cert", arguments.certificate, signed)
    with tempfile.TemporaryDirectory() as work:
        make_media(signed, folder, media.stem + "-signed", arguments.seconds, pathlib.Path(work))
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    (folder / "SHA256SUMS").write_text("".join(f"{sha256(folder / name)}  {name}\n" for name in names))


if __name__ == "__main__":
    main()
