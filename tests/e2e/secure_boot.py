"""Secure Boot with keys of one's own: a firmware that has them, and images signed with them."""
import os
import pathlib
import shutil
import subprocess

from guest import OVMF_VARIABLES

SOURCE = pathlib.Path(os.environ.get("CEREMONY_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
OWNER = "43455245-4d4f-4e59-8001-000000000003"


def run(*command, cwd):
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")


class Keys:
    """`folder` then holds PK, KEK and db, each as .key and .pem; `variables` are a firmware's with all three enrolled and Secure Boot on."""

    def __init__(self, folder):
        self.folder, self.variables = folder, folder / "variables"
        for name in ("PK", "KEK", "db"):
            run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-noenc", "-days", "9125", "-subj", f"/CN=test {name}", "-keyout", f"{name}.key", "-out", f"{name}.pem", cwd=folder)
        run("virt-fw-vars", "--input", OVMF_VARIABLES, "--output", self.variables, "--set-pk", OWNER, "PK.pem", "--add-kek", OWNER, "KEK.pem", "--add-db", OWNER, "db.pem", "--secure-boot", cwd=folder)

    def copy_and_sign(self, image, to):
        """A copy of a folder that scripts/image made, signed."""
        shutil.copytree(image, to, ignore=shutil.ignore_patterns("*signed*", "*.p7", "*.iso"))
        return self.sign(to, self.folder / "db.key")

    def sign(self, image, key):
        """As scripts/sign-image does; `key` may be `-`. The signed stick."""
        run("python3", "-B", SOURCE / "scripts/imaging/sign.py", image, key, self.folder / "db.pem", "--seconds", "1790000000", cwd=self.folder)
        path, = image.glob("*-signed.img")
        return path
