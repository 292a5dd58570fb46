"""Which package of the build root a file is of, and what of a package is installed, as one digest."""
import functools
import hashlib
import os
import pathlib
import subprocess

LISTS = pathlib.Path("/var/lib/dpkg/info")


def canonical(path):
    """/lib and the like are links into /usr; packages name files by either."""
    path = str(path)
    for folder in ("/bin/", "/sbin/", "/lib/", "/lib64/"):
        if path.startswith(folder):
            return "/usr" + path
    return path


@functools.cache
def versions():
    """Package → version, of all that are installed."""
    text = subprocess.run(["dpkg-query", "-W", "-f", "${binary:Package}\t${Version}\t${db:Status-Abbrev}\n"], check=True, capture_output=True, text=True).stdout
    return {line.split("\t")[0].split(":")[0]: line.split("\t")[1] for line in text.splitlines() if line.split("\t")[2].startswith("ii")}


@functools.cache
def owners():
    """Path → package."""
    out = {}
    for listing in sorted(LISTS.glob("*.list")):
        package = listing.stem.split(":")[0]
        for path in listing.read_text().splitlines():
            out[canonical(path)] = package
    return out


def package_of(path):
    """Throws KeyError for a file that is no package's."""
    path = canonical(path)
    return owners()[path] if path in owners() else owners()[canonical(os.path.realpath(path))]


def digest_of(package):
    """SHA-256 over the package's installed files: a line each, sorted, `<SHA-256>  <path>`, or `-> target` for links. Configuration
    (/etc) and documentation are left out: nothing of it is taken unless it is named in the image's own list, or linked from elsewhere."""
    lines = []
    for path in sorted({path for path, owner in owners().items() if owner == package}):
        if path.startswith(("/etc/", "/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/lintian/")):
            continue
        if os.path.islink(path):
            lines.append(f"-> {os.readlink(path)}  {path}\n")
        if os.path.isfile(path) and (not os.path.islink(path) or os.path.realpath(path).startswith("/etc/")):
            with open(path, "rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()
