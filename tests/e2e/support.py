"""What the end-to-end tests share: a rehearsal's folder, the answers of its people, and other people's programs."""
import hashlib
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("CEREMONY_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("CEREMONY_BIN", SOURCE / ".build/release/ceremony"))
PROCEDURES = SOURCE / "procedures"
PEOPLE = "adm1 so1 w1 c1 c2 c3 c4 c5 g1 g2 g3".split()
CUSTODIANS = "c1 c2 c3 c4 c5".split()

os.umask(0o077)


def make_folder():
    return pathlib.Path(tempfile.mkdtemp(prefix="ceremony-e2e-", dir=os.environ.get("TMPDIR", "/tmp")))


def run(*command, **options):
    """A foreign program that must succeed; its standard output as bytes."""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
    return done.stdout


def on_a_terminal(command, passphrases, cwd=None, seconds=60):
    """Runs a command on a terminal of its own and types one line at each prompt for a passphrase: (exit code, what it showed)."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            if cwd:
                os.chdir(cwd)
            os.execvp(command[0], [str(c) for c in command])
        finally:
            os._exit(127)
    shown, answered, left = b"", 0, list(passphrases)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
        while shown.count(b"passphrase") > answered and left:
            answered += 1
            os.write(terminal, left.pop(0).encode() + b"\n")
    else:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")


def derived(secret, info, length):
    """HKDF-SHA-256 of a secret in hex, by openssl."""
    return run("openssl", "kdf", "-binary", "-keylen", length, "-kdfopt", "digest:SHA2-256", "-kdfopt", f"hexkey:{secret}", "-kdfopt", f"info:{info}", "HKDF")


def recover(shares):
    """The secret of some lists of words, by shamir, in hex."""
    text = run("shamir", "recover", input="".join(" ".join(w) + "\n" for w in shares).encode(), stdin=None).decode()
    return re.search(r"Your master secret is: ([0-9a-f]{64})", text)[1]


class Answers:
    """An answers file. Answers to one question serve in their order, so what is said first is asked first."""

    def __init__(self):
        self.entries = []

    def give(self, question, answer, times=1, step=None):
        self.entries.append((question, "give", answer, times, step))
        return self

    def file(self, question, name, times=1, step=None):
        self.entries.append((question, "file", name, times, step))
        return self

    def first(self, other):
        """The same with the other's answers before it."""
        self.entries = other.entries + self.entries
        return self

    def without(self, *patterns):
        self.entries = [e for e in self.entries if not any(re.fullmatch(p, e[0]) for p in patterns)]
        return self

    def text(self):
        out = ""
        for question, kind, answer, times, step in self.entries:
            out += f'[[answer]]\nquestion = "{question}"\n{kind} = "{answer}"\ntimes = {times}\n'
            out += f'step = "{step}"\n\n' if step else "\n"
        return out


def passphrases(people):
    answers = Answers()
    for person in people:
        answers.file(f"passphrase.{person}", f"notes/{person}.credential", 0)
    return answers


def endings(people, custody="so1 w1"):
    """The HSM's bag has one number in all stories, before and after: what differs is said there."""
    answers = Answers().give("custody-by", custody, 0).give("seal.hsm-bag", "A-4711", 0).give("absent", "").give("deviation", "")
    for person in people:
        answers.give(f"remark.{person}", "agrees")
    return answers


# Ninety-nine rolls, as people type them.
DICE = "42615 33254 61162 54421 36135 24566 12344 65213 31652 46351 25143 62214 53361 14625 43512 26634 15263 41536 62415 3321\n"


class Ca:
    """Who keeps a CA, and under which files."""

    def __init__(self, policy, binding, people, custodians, clock, seen, governance, activation, recovery, media):
        self.policy, self.binding = PROCEDURES / policy, PROCEDURES / binding
        self.people, self.custodians, self.media = people, custodians, media
        self.clock, self.seen, self.governance, self.activation, self.recovery = clock, seen, governance, activation, recovery


FIRST = Ca("policy-rehearsal.toml", "hsm-softhsm2.toml", PEOPLE, CUSTODIANS, "so1 w1", "adm1 g1", "g1 g2", "c1 c3 c5", "c2 c3 c4",
           ("intake", "public", "factory-a", "factory-b"))
SECOND = Ca("policy-rehearsal-matter.toml", "hsm-softhsm2-matter.toml", "adm2 so2 w2 m1 m2 m3 g4 g5".split(), "m1 m2 m3".split(), "so2 w2", "adm2 g4", "g4 g5", "m1 m3",
            "m2 m3", ("intake", "public", "factory-m"))


def genesis_answers(ca=FIRST):
    answers = Answers().give("clock", ca.clock)
    for person in ca.clock.split():
        answers.give(f"clock.{person}", "yes")
    for person in ca.people:
        answers.give(f"seen-by.{person}", ca.seen if person in ca.clock.split() else ca.clock)
        answers.give(f"name.{person}", f"Person {person} of a story")
        answers.file(f"new-passphrase.{person}", f"notes/{person}.credential")
    answers.entries += passphrases(ca.people).entries
    answers.give("members.governance", ca.governance, 0).give("members.activation", ca.activation, 0).give("members.recovery", ca.recovery, 0)
    for person in ca.custodians:
        answers.file(f"new-share-passphrase.{person}", f"notes/{person}.share")
        answers.file(f"share-passphrase.{person}", f"notes/{person}.share", 0)
    for kind in ("video", "access-log", "module-certificate"):
        answers.give(f"evidence.{kind}", "none: a rehearsal")
    answers.file("dice", "notes/dice", 0)
    answers.give("waiver", "").give("seal.hsm-bag", "T-1001").give("seal.backup-bag-1", "A-4712").give("seal.backup-bag-2", "A-4713")
    answers.entries += endings(ca.people, ca.clock).entries
    return answers


def opening_answers():
    return (Answers().give("clock", "adm1 so1").give("clock.adm1", "yes").give("clock.so1", "yes")
            .give("compared", "so1 w1").give("compare.so1", "yes").give("compare.w1", "yes").give("waiver", ""))


def request_answers(*names, refused=()):
    """`refused` by the machine: nobody is asked whether they are taken in."""
    answers = Answers()
    for name in (*names, *refused):
        answers.give(f"profile.{name}", "issuing-generic").give(f"recipient.{name}", "factory-a")
    for name in names:
        answers.give(f"take.{name}", "take it in")
    return answers


def issue_answers(*names, refused=(), quorum="c2 c4 c5", people=("adm1", "so1", "w1", *CUSTODIANS)):
    answers = opening_answers()
    answers.entries += request_answers(*names, refused=refused).entries
    answers.give("members.activation", quorum, 0)
    answers.entries += passphrases(people).entries + endings(people).entries
    return answers


# The one file that the MANIFEST of a test's boot image names.
NAMED = "/usr/lib/os-release"


def image_manifest(version, kind="rehearsal"):
    """That of a boot image; of a system, since every file that it names is here."""
    named = pathlib.Path(NAMED)
    return (f"ceremony-image/v1\nversion {version}\nkind {kind}\nsource {'c' * 40}\nkernel {'1' * 64} 6.12.118\ncommand-line usbcore.authorized_default=0 panic=60\n"
            f"file {hashlib.sha256(named.read_bytes()).hexdigest()} {named.stat().st_mode & 0o7777:04o} base-files=13.8 {named}\n")


def image_digest(version):
    """Of the kernel image that World.new_image() speaks of."""
    return hashlib.sha256(f"kernel image {version}".encode()).hexdigest()


def admit_answers(digest):
    """`digest`: what the witness found on another machine."""
    answers = opening_answers().give("medium-hash.w1", digest).give("hashed-on.w1", "w1's own machine, bag 7")
    answers.give("members.governance", "g1 g2", 0).give("members.activation", "c2 c4 c5", 0)
    people = ("adm1", "so1", "w1", "g1", "g2")
    answers.entries += passphrases((*people, "c2", "c4", "c5")).entries + endings(people).entries
    return answers


class Outcome:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def text(self):
        return self.out + self.err

    @property
    def completed(self):
        return "The ceremony is closed and signed" in self.out

    def __str__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class World:
    """A room with its media, token store and notes. Media are known by their path too, so a saved world is put back
    where it was."""

    def __init__(self, folder, ca=FIRST):
        self.folder, self.ca, self.procedures = pathlib.Path(folder), ca, PROCEDURES
        self.ledgers = [self.folder / "ledger-1", self.folder / "ledger-2"]

    def create(self):
        for name in ("tokens/store", "notes", "intake"):
            (self.folder / name).mkdir(parents=True)
        # The CA of the second policy wants no dice.
        (self.folder / "notes/dice").write_text(DICE if self.ca is FIRST else "")
        (self.folder / "tokens/softhsm2.conf").write_text(
            f"directories.tokendir = {self.folder}/tokens/store\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n")
        return self

    def save(self, where):
        shutil.copytree(self.folder, where, symlinks=True)

    def put_back(self, where):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(where, self.folder, symlinks=True)
        return self

    def environment(self, **more):
        return {**os.environ, "SOFTHSM2_CONF": str(self.folder / "tokens/softhsm2.conf"), **more}

    def command(self, procedure, answers, policy=None, binding=None, procedures=None, media=None, backups=2):
        """`media`: folders in place of the usual ones; None for one that is not named."""
        if isinstance(answers, Answers):
            answers = answers.text()
        if answers is not None:
            (self.folder / "answers.toml").write_text(answers)
        command = [str(BIN / "ceremony-rehearsal"), "run", str(procedure), "--policy", str(policy or self.ca.policy), "--hsm", str(binding or self.ca.binding),
                   "--procedures", str(procedures or self.procedures)]
        for ledger in self.ledgers:
            command += ["--ledger", str(ledger)]
        for n in range(1, backups + 1):
            command += ["--backup", str(self.folder / f"backup-{n}")]
        places = {person: self.folder / "people" / person for person in self.ca.people} | {medium: self.folder / medium for medium in self.ca.media} | (media or {})
        for name, place in places.items():
            if place is not None:
                command += ["--media", f"{name}={place}"]
        return command + (["--answers", str(self.folder / "answers.toml")] if answers is not None else [])

    def run(self, procedure, answers, mounts=(), more=None, **options):
        """`mounts`: shell lines that mount what only this run sees; `more`: of the environment."""
        command = self.command(procedure, answers, **options)
        if mounts:
            command = ["unshare", "--mount", "sh", "-euc", "\n".join([*mounts, 'exec "$@"']), "sh", *command]
        done = subprocess.run(command, env=self.environment(**(more or {})), cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=300)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def run_and_kill(self, procedure, answers, records, delay=0.0):
        """Lets it go on until its log holds so many records, waits the delay, and kills it: False if it had ended by then."""
        process = subprocess.Popen(self.command(procedure, answers), env=self.environment(), cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while process.poll() is None and self.size() < records:
                time.sleep(0.002)
            time.sleep(delay)
            killed = process.poll() is None
        finally:
            process.kill()
            process.wait()
        return killed

    def size(self):
        try:
            return (self.ledgers[0] / "transcript.log").read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def log(self):
        return (self.ledgers[0] / "transcript.log").read_text()

    def verify(self, what=None, pin=None):
        done = subprocess.run([str(BIN / "ceremony-verify"), str(what or self.ledgers[0]), "--pin", pin or self.pin()], capture_output=True, text=True,
                              check=False, timeout=120)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def pin(self):
        key = run("openssl", "pkey", "-pubin", "-in", self.ledgers[0] / "keys/log.pem", "-outform", "DER")
        return hashlib.sha256(key).hexdigest()

    def note(self, name):
        return (self.folder / "notes" / name).read_text().strip()

    def new_image(self, version, kind="rehearsal", digest=None):
        """MANIFEST and SHA256SUMS of a boot image, as scripts/image writes them, on the medium `intake`; the MANIFEST's digest."""
        manifest = image_manifest(version, kind)
        own = hashlib.sha256(manifest.encode()).hexdigest()
        (self.folder / "intake/MANIFEST").write_text(manifest)
        (self.folder / "intake/SHA256SUMS").write_text(f"{own}  MANIFEST\n{'3' * 64}  ceremony-{version}-{kind}.img\n{digest or image_digest(version)}  ceremony.efi\n{'4' * 64}  initrd.zst\n")
        return own

    # --- requests -----------------------------------------------------------------------------------------------------

    def no_requests(self):
        for old in (self.folder / "intake").glob("*.csr"):
            old.unlink()
        return self

    def request(self, name, *wishes, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), common_name="Story Issuing CA"):
        """A certification request as openssl makes it; its path."""
        path = self.folder / "intake" / name
        run("openssl", "req", "-new", "-newkey", *key, "-noenc", "-keyout", self.folder / "tokens" / f"{name}.key", "-out", path,
            "-subj", f"/C=CH/O=Example REHEARSAL/CN={common_name}", *wishes)
        return path

    def open_age(self, path, passphrase, out):
        """Real age opens a file that is encrypted to a passphrase."""
        code, shown = on_a_terminal(["age", "-d", "-o", str(out), str(path)], [passphrase])
        if code != 0:
            raise AssertionError(f"age -d {path}: exit {code}: {shown}")
        return pathlib.Path(out).read_text()
