"""The forms of ceremony/ledger/FORMAT.md and EVENTS.md: records, tree, checkpoint, proof, acts, batches, lists of a token."""
import base64
import binascii
import datetime
import functools
import hashlib
import json
import pathlib
import re
from types import SimpleNamespace

from second.foreign import Bad, openssl, verifies

PAGE = pathlib.Path(__file__).resolve().parents[3] / "ceremony/ledger/EVENTS.md"
ENVELOPE = {"c": str, "d": dict, "ev": str, "n": int, "res": str, "step": str, "t": str, "who": list}


def unbase64(text):
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Bad(f"no base64: {text!r}") from error
    if not content or base64.b64encode(content).decode() != text:
        raise Bad(f"no canonical base64: {text!r}")
    return content


# --- tree -------------------------------------------------------------------------------------------------------------------


def leaf(line):
    return hashlib.sha256(b"\0" + line).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves):
    """RFC 6962 section 2.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root(leaves[:half]), root(leaves[half:]))


def root_by_path(leaf_hash, index, size, path):
    """RFC 6962 section 2.1.1, upwards."""
    if index >= size:
        raise Bad("the index lies beyond the tree")
    if size == 1:
        if path:
            raise Bad("the path is too long")
        return leaf_hash
    if not path:
        raise Bad("the path is too short")
    half = 1 << (size - 1).bit_length() - 1
    if index < half:
        return node(root_by_path(leaf_hash, index, half, path[:-1]), path[-1])
    return node(path[-1], root_by_path(leaf_hash, index - half, size - half, path[:-1]))


# --- records ----------------------------------------------------------------------------------------------------------------


@functools.cache
def events():
    """event → {field: (type, needed)}, from the tables of the page."""
    out, event = {}, None
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            event = out.setdefault(line[3:].strip(), {})
        elif (row := re.fullmatch(r"\| `(\w+)` \| (.+) \| (yes|no) \|", line)) and event is not None:
            event[row[1]] = (row[2], row[3] == "yes")
    return out


def is_time(value):
    try:
        return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None and bool(datetime.datetime.fromisoformat(value))
    except ValueError:
        return False


def is_base64(value):
    try:
        return bool(unbase64(value))
    except Bad:
        return False


def is_digest(value):
    return re.fullmatch(r"[0-9a-f]{64}", value) is not None


def is_person(value):
    return re.fullmatch(r"[a-z0-9-]{1,16}", value) is not None


def fits(kind, value):
    if kind == "integer":
        return type(value) is int and 0 <= value <= 2 ** 53
    if kind == "boolean":
        return type(value) is bool
    if kind in ("texts", "people"):
        one = "text" if kind == "texts" else "person"
        return type(value) is list and all(fits(one, v) for v in value) and (kind == "texts" or len(set(value)) == len(value))
    if kind in ("map", "digest map"):
        one = "text" if kind == "map" else "digest"
        return type(value) is dict and all(fits("text", k) and fits(one, v) for k, v in value.items())
    if type(value) is not str:
        return False
    if kind.startswith("choice: "):
        return value in kind.removeprefix("choice: ").split(", ")
    if kind == "digest or none":
        return value == "none" or is_digest(value)
    if kind == "hex":
        return re.fullmatch(r"([0-9a-f]{2})+", value) is not None
    return {"text": lambda v: 1 <= len(v) <= 1024, "digest": is_digest, "base64": is_base64, "time": is_time, "person": is_person}[kind](value)


def level(value, at=1):
    """Depth of the deepest value; refuses what the format has no type for."""
    if type(value) is int and abs(value) <= 2 ** 53 or type(value) in (str, bool):
        return at
    if type(value) not in (list, dict):
        raise Bad(f"no such type: {value!r}")
    return max([at, *(level(v, at + 1) for v in (value.values() if type(value) is dict else value))])


class Record:
    """One line, read strictly."""

    def __init__(self, line):
        if len(line) > 8192:
            raise Bad("longer than 8192 bytes")
        try:
            record = json.loads(line.decode("ascii"))
        except (ValueError, RecursionError) as error:
            raise Bad("no JSON") from error
        if type(record) is not dict or record.keys() != ENVELOPE.keys() or any(type(record[k]) is not t for k, t in ENVELOPE.items()):
            raise Bad("not the eight fields")
        again = json.dumps(record, sort_keys=True, separators=(",", ":")).replace("\x7f", "\\u007f").encode()
        if again != line or re.search(r"(?<!\\)(\\\\)*\\ud[89ab]..(?!\\ud[c-f])", line.decode()):
            raise Bad("not canonical")
        if level(record["d"]) > 16 or not is_time(record["t"]) or record["res"] not in ("ok", "fail") or any(type(p) is not str for p in record["who"]) or not record["c"]:
            raise Bad("a field of the record is not as it should be")
        self.n, self.t, self.c, self.ev, self.who, self.d = (record[k] for k in ("n", "t", "c", "ev", "who", "d"))
        self.ok = record["res"] == "ok"
        self.time = datetime.datetime.fromisoformat(self.t)
        self.wrong = list(self.mistakes())

    def mistakes(self):
        """What is wrong with the event and its fields. A field that is lacking or of another JSON type counts as empty from here on."""
        if not fits("people", self.who):
            yield f"no people, or one twice: {self.who}"
        fields = events().get(self.ev)
        if not fields:
            yield f"no such event: {self.ev}"
            return
        needed = {"reason"} if not self.ok else {k for k, (_, due) in fields.items() if due}
        fields = fields if self.ok else {**fields, "reason": ("text", True)}
        if self.d.keys() - fields.keys() or needed - self.d.keys():
            yield f"fields that do not belong, or are lacking: {sorted(self.d.keys() ^ fields.keys())}"
        for name, (kind, _) in fields.items():
            if name in self.d and not fits(kind, self.d[name]):
                yield f"{name} is no {kind}"
                if type(self.d[name]) is not type(EMPTY.get(kind, "")):
                    del self.d[name]
            if name in needed:
                self.d.setdefault(name, EMPTY.get(kind, ""))


EMPTY = {"integer": 0, "boolean": False, "texts": [], "people": [], "map": {}, "digest map": {}}

# --- checkpoints and proofs -------------------------------------------------------------------------------------------------


class Checkpoint:
    def __init__(self, text):
        try:
            body, mark, rest = text.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise Bad("no UTF-8") from error
        lines = body.split("\n")
        if not mark or len(lines) != 3 or not re.fullmatch(r"0|[1-9]\d*", lines[1]) or len(text) > 65536 or not rest.endswith("\n"):
            raise Bad("no checkpoint of three lines")
        self.origin, self.size, self.root = lines[0], int(lines[1]), unbase64(lines[2])
        if not re.fullmatch(r"(?!/)[!-*,-~]{1,200}(?<!/)", self.origin) or len(self.root) != 32:
            raise Bad("no origin, or no root")
        self.body, self.signatures = (body + "\n").encode(), []
        for line in rest[:-1].split("\n"):
            parts = line.split(" ")
            if len(parts) != 3 or parts[0] != "\u2014" or len(blob := unbase64(parts[2])) < 5:
                raise Bad(f"no signature line: {line}")
            self.signatures.append((parts[1], blob[:4], blob[4:]))
        if len({s[:2] for s in self.signatures}) != len(self.signatures) or len(self.signatures) > 64:
            raise Bad("a signature twice, or too many")

    def signed_by(self, keys):
        """(names whose signature by that very key verifies, names whose signature does not) of {name: [spki]}."""
        good, bad = set(), set()
        for name, key_id, signature in self.signatures:
            for spki in keys.get(name, []):
                if hashlib.sha256(spki).digest()[:4] == key_id:
                    (good if verifies(spki, self.body, signature) else bad).add(name)
        return good, bad


class Proof:
    """c2sp.org/tlog-proof@v1 with its extra line."""

    def __init__(self, text):
        try:
            head, mark, rest = text.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise Bad("no UTF-8") from error
        lines = head.split("\n")
        if not mark or len(text) > 131072 or len(lines) < 3 or lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("extra "):
            raise Bad("no proof")
        if not (index := re.fullmatch(r"index (0|[1-9]\d*)", lines[2])):
            raise Bad("no index")
        self.line, self.index, self.path = unbase64(lines[1][6:]), int(index[1]), [unbase64(line) for line in lines[3:]]
        if any(len(h) != 32 for h in self.path):
            raise Bad("no hash")
        self.checkpoint = Checkpoint(rest.encode())

    def holds(self):
        try:
            return root_by_path(leaf(self.line), self.index, self.checkpoint.size, self.path) == self.checkpoint.root
        except Bad:
            return False


# --- texts that people sign, acts, batches, token lists ---------------------------------------------------------------------


def lines_of(content, head):
    """The lines behind the first, of a text whose every line ends."""
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        raise Bad("no UTF-8") from error
    if lines[0] != head or lines.pop() != "" or len(lines) < 2:
        raise Bad(f"no {head}")
    return lines[1:]


def act_of(content):
    """{key: value} of a ceremony-act/v1."""
    pairs = []
    for line in lines_of(content, "ceremony-act/v1"):
        found = re.fullmatch(r"([a-z0-9.-]{1,64}): ([^\x00-\x1f\x7f]+)", line)
        if not found:
            raise Bad("a line of the act")
        pairs.append(found.groups())
    keys = [k for k, _ in pairs]
    if keys != sorted(set(keys)) or len(content) > 65536:
        raise Bad("the act is not sorted")
    return dict(pairs)


def batch_of(content):
    """[(digest of the TBS, serial, subject)] of a ceremony-batch/v1."""
    out = []
    lines = lines_of(content, "ceremony-batch/v1")
    for line in lines:
        found = re.fullmatch(r"([0-9a-f]{64})  ([0-9a-f]{1,64})  ([^\x00-\x1f\x7f]+)", line)
        if not found:
            raise Bad("a line of the batch")
        out.append(found.groups())
    if lines != sorted(lines) or len({o[0] for o in out}) < len(out) or len({o[1] for o in out}) < len(out) or len(content) > 16 << 20:
        raise Bad("the batch is not sorted, or has something twice")
    return out


def unescaped(label):
    if label == "%":
        return b""
    raw = re.sub(r"%([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), label).encode("latin-1")
    again = "".join(chr(b) if re.fullmatch(r"[A-Za-z0-9._/:-]", chr(b)) else f"%{b:02x}" for b in raw)
    if again != label or not raw:
        raise Bad("a label of another spelling")
    return raw


def token_list(content):
    """[{class, label, id, local, extractable, wrap, key}] of a ceremony-token-list/v1."""
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        raise Bad("no UTF-8") from error
    if lines[0] != "ceremony-token-list/v1" or lines.pop() != "" or lines[1:] != sorted(lines[1:]):
        raise Bad("no list, or not sorted")
    out = []
    for line in lines[1:]:
        found = re.fullmatch(r"(private-key|public-key|secret-key|certificate|data|other) (\S+) (-|(?:[0-9a-f]{2})+) local=(yes|no|-) extractable=(yes|no|-) "
                             r"wrap=(yes|no|-) key=(-|[0-9a-f]{64})", line)
        if not found:
            raise Bad("a line of the list")
        out.append(dict(zip(("class", "label", "id", "local", "extractable", "wrap", "key"), found.groups())))
        out[-1]["label"] = unescaped(found[2])
    return out


# --- what a TPM signed ------------------------------------------------------------------------------------------------------


def quote_of(content):
    """A ceremony-quote/v1: key, attest, signature, values by name; of attest the nonce and the digest of the values."""
    names = ("key", "attest", "signature", "pcr4", "pcr7", "pcr11")
    lines = lines_of(content, "ceremony-quote/v1")
    pairs = [line.partition(": ") for line in lines]
    if [key + mark for key, mark, _ in pairs] != [name + ": " for name in names] or len(content) > 4096:
        raise Bad("not the six lines of a quote")
    texts = {key: value for key, _, value in pairs}
    key, attest, signature = (unbase64(texts[name]) for name in names[:3])
    if not openssl("pkey -pubin -inform DER -in {key} -noout", key=key) or len(key) != 91 or not key.startswith(bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")):
        raise Bad("no P-256 key")
    if not all(is_digest(texts[name]) for name in names[3:]) or len(signature) > 72:
        raise Bad("a value that is none, or no signature")
    # TPM 2.0 Library, Part 2, 10.12.12: magic, type, signer's name, nonce, clock, firmware, one selection of PCRs 4, 7 and 11 of SHA-256, their digest.
    found = re.fullmatch(rb"\xff\x54\x43\x47\x80\x18(..)(.*)", attest, re.S)
    if not found:
        raise Bad("not what a TPM says of its PCRs")
    rest = found[2][int.from_bytes(found[1], "big"):]
    found = re.fullmatch(rb"\x00\x20(.{32}).{16}[\x00\x01].{8}\x00\x00\x00\x01\x00\x0b\x03\x90\x08\x00\x00\x20(.{32})", rest, re.S)
    if not found:
        raise Bad("not what a TPM says of PCR 4, 7 and 11")
    return SimpleNamespace(key=key, attest=attest, signature=signature, values={name: texts[name] for name in names[3:]}, nonce=found[1], digest=found[2])
