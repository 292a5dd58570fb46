"""A ledger's folder: records, artifacts, checkpoints, and the rules asked record for record."""
import pathlib

from second import forms, rules, rules_cert, rules_people, rules_token
from second.foreign import Bad, sha256
from second.state import State

PARTS = (rules_cert, rules_people, rules_token)  # their rules are kept when they are read


def checkpoint_of(path):
    try:
        return forms.Checkpoint(path.read_bytes())
    except Bad:
        return None


class Folder:
    def __init__(self, folder):
        self.folder, self.broken, self.spoilt, self.seen = pathlib.Path(folder), [], set(), {}
        self.state = State(self.artifact)

    def breaks(self, rule, n, what):
        self.broken.append((rule, n, what))

    def artifact(self, digest):
        if not forms.is_digest(digest):
            return None
        if digest not in self.seen:
            path = self.folder / "artifacts" / digest[:2] / digest
            content = path.read_bytes() if path.is_file() else None
            self.seen[digest] = content if content is not None and sha256(content) == digest else None
        return self.seen[digest]

    def check(self):
        lines = (self.folder / "transcript.log").read_bytes().split(b"\n")
        if lines.pop():
            return self.breaks("LOG-1", len(lines), "the last line is torn")
        records = []
        for n, line in enumerate(lines):
            try:
                records.append(forms.Record(line))
            except Bad as bad:
                return self.breaks("LOG-1", n, str(bad))
            if records[n].n != n:
                return self.breaks("LOG-2", n, f"record {records[n].n} stands here")
        heads = self.heads()
        for record, line in zip(records, lines):
            self.step(record, line, heads, len(records))
        self.check_end(heads, len(records))
        return self.check_artifacts()

    def step(self, record, line, heads, size):
        s = self.state
        wrong = rules.ask(s, record, form=True)
        if not wrong and (s.now or record.ev == "open"):
            wrong = rules.ask(s, record, form=False)
        self.broken += [(rule, record.n, what) for rule, what in wrong]
        if record.ok and record.ev == "open" and s.has_checkpoint:
            self.check_previous(record, heads.get(s.closed[-1].size))
        closes = record.ok and record.ev == "close" and s.now is not None
        s.fold(record, forms.leaf(line))
        if closes:
            head = heads.get(record.n + 1)
            if head is None and record.n + 1 == size:
                head = self.folder / "checkpoint"
            self.check_head(head)

    # --- checkpoints ---

    def heads(self):
        """size → file, of checkpoints/."""
        folder, out = self.folder / "checkpoints", {}
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if path.name.endswith(".part"):
                continue
            if path.name.isdigit():
                out[int(path.name)] = path
            else:
                self.breaks("LOG-6", None, f"checkpoints/{path.name} is no size")
        return out

    def check_previous(self, record, path):
        """What `open` names is the checkpoint kept from before, with all or some first ones of its signatures."""
        named = record.d["previous_checkpoint"]
        if path is None or not forms.is_digest(named) or checkpoint_of(path) is None:
            return
        body, mark, signatures = path.read_bytes().rpartition(b"\n\n")
        lines = signatures.splitlines(keepends=True)
        if named not in (sha256(body + mark + b"".join(lines[:count])) for count in range(1, len(lines) + 1)):
            self.breaks("LOG-5", record.n, "the previous checkpoint is not the one that is kept")

    def check_head(self, path):
        """The checkpoint of the ceremony that was just closed."""
        s, closed = self.state, self.state.closed[-1]
        n = closed.size - 1
        if not closed.signers and closed.log_signature != "yes" and (path is None or not path.is_file()):
            return None
        if path is None or not path.is_file():
            return self.breaks("LOG-7", n, f"there is no checkpoint of size {closed.size}")
        head = checkpoint_of(path)
        if head is None:
            return self.breaks("LOG-6", n, f"{path.name} is no checkpoint")
        if head.size != closed.size:
            return self.breaks("LOG-7", n, f"the checkpoint is of {head.size} records")
        wrong = []
        if head.origin != s.origin or head.root != forms.root(s.leaves):
            wrong.append(("LOG-6", "it is of another log"))
        keys = {f"{s.origin}/{person}": [known.spki] for person, known in s.people.items()}
        keys[s.origin] = [key.spki for key in s.keys.values() if key.purpose == "log"]
        good, bad = head.signed_by(keys)
        wrong += [("LOG-6", f"the signature of {name} does not verify") for name in sorted(bad)]
        by_log_key, _ = head.signed_by({s.origin: [s.log_key.spki]} if s.log_key else {})
        if closed.log_signature == "yes" and not by_log_key and s.origin not in bad:
            wrong.append(("LOG-7", "the log key did not sign"))
        wrong += [("LOG-7", f"{person} did not sign") for person in closed.signers if f"{s.origin}/{person}" not in good | bad]
        if not wrong and closed.outcome == "complete" and len([p for p in closed.clock if f"{s.origin}/{p}" in good]) < 2:
            wrong.append(("ROLE-3", "fewer than two of those who confirmed the clock signed"))
        self.broken += [(rule, n, what) for rule, what in wrong]
        return None

    def check_end(self, heads, size):
        s = self.state
        if s.now or not size:
            self.breaks("LOG-4", size - 1, "the ceremony is still open, or there is none")
        if not s.closed:
            return
        last = s.closed[-1].size
        latest = self.folder / "checkpoint"
        content = latest.read_bytes() if latest.is_file() else b""
        if last in heads and content != heads[last].read_bytes():
            head = checkpoint_of(latest) if content else None
            self.breaks("LOG-7" if head and head.size != last else "LOG-6", last - 1, "the file checkpoint is not the one of the last close")
        for other in heads.keys() - {c.size for c in s.closed}:
            self.breaks("LOG-6", None, f"checkpoints/{other} is of no ceremony's end")

    # --- artifacts ---

    def check_artifacts(self):
        s = self.state
        for path in sorted(p for p in (self.folder / "artifacts").rglob("*") if p.is_file() and not p.name.endswith(".part")):
            if path.name not in s.named | s.mentioned or path.parent.name != path.name[:2] or sha256(path.read_bytes()) != path.name:
                self.breaks("LOG-8", None, f"artifact {path.name} is not named, or not what its name says")


def verify(folder):
    """([(rule, record, what)], the log key)"""
    one = Folder(folder)
    one.check()
    key = one.state.log_key
    return one.broken, key and key.spki
