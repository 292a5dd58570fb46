"""openssl, the one foreign program that the second verifier believes in, and digests."""
import functools
import hashlib
import base64
import re
import subprocess
import tempfile
import pathlib


class Bad(Exception):
    """What cannot be read as what it should be."""


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@functools.cache
def openssl(arguments, **files):
    """Whether one run worked; {name} in the arguments stands for a file with that content."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, content in files.items():
            paths[name] = f"{folder}/{name}"
            pathlib.Path(paths[name]).write_bytes(content)
        command = [part.format(**paths) for part in arguments.split()]
        done = subprocess.run(["openssl", *command], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    return done.returncode == 0


def pem(kind, der):
    text = base64.b64encode(der).decode()
    return "\n".join([f"-----BEGIN {kind}-----", *re.findall(".{1,64}", text), f"-----END {kind}-----", ""]).encode()


def unpem(kind, text):
    found = re.fullmatch(rf"-----BEGIN {kind}-----\n([A-Za-z0-9+/=\n]+)-----END {kind}-----\n", text)
    if not found:
        raise Bad(f"no {kind} in PEM")
    der = base64.b64decode(found[1])
    if pem(kind, der).decode() != text:
        raise Bad(f"{kind} in PEM of another spelling")
    return der


SCHEME = re.compile(r"(ecdsa|rsa-pkcs1|rsa-pss)-(sha256|sha384|sha512)")


def verifies(spki, text, signature, scheme="ecdsa-sha256"):
    """Whether the signature of that scheme by that key is one over these bytes. That key and scheme fit is asked elsewhere."""
    known = SCHEME.fullmatch(scheme)
    if not known:
        return False
    options = f"-{known[2]}"
    if known[1] == "rsa-pss":
        options += " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"
    return openssl(f"dgst {options} -verify {{key}} -signature {{signature}} {{text}}", key=pem("PUBLIC KEY", spki), signature=signature, text=text)
