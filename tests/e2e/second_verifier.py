#!/usr/bin/env python3
"""A second verifier of ledgers: second_verifier.py LEDGER [--pin HEX].

Written from the format pages (ceremony/ledger/FORMAT.md and EVENTS.md, ceremony/policy/FORMAT.md) and not from the programs, so that what
the two say of one log are two opinions. The table of events is read from the page itself; openssl is the only foreign program.
It covers the rules in COVERED and no others. Exit 0: consistent and pinned; 1: a rule is broken, or the pin is another's; 2: unpinned or unreadable.
"""
import argparse
import base64
import binascii
import datetime
import functools
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

PAGE = pathlib.Path(__file__).resolve().parents[2] / "ceremony/ledger/EVENTS.md"
COVERED = ("LOG-1 LOG-2 LOG-3 LOG-4 LOG-5 LOG-6 LOG-7 LOG-8 LOG-9 POL-1 ROLE-1 ENROL-1 CRED-1 QUORUM-1 QUORUM-2 QUORUM-3 SHARE-1 SHARE-4 TOKEN-1 "
           "KEY-1 KEY-5 CERT-1 CERT-2 CERT-5 CRL-1 CRL-2").split()
ENVELOPE = {"c": str, "d": dict, "ev": str, "n": int, "res": str, "step": str, "t": str, "who": list}
ACTS_OF = {"governance": "adopt-policy adopt-procedure enrol change-quorum waive retire-key destroy-key admit-image".split(),
           "activation": "init-token generate-key sign-certificate sign-crl sign-batch".split(), "recovery": "recover-key rewrap-key".split()}
ARTIFACTS = {"open": ["procedure", "policy", "binding"], "policy": ["policy", "act_policy", "act_procedures"], "approve": ["sha256"], "intent": ["tbs"],
             "result": ["out"], "token": ["list"], "import": ["csr"], "issue": ["certificate", "tbs", "csr"], "crl": ["crl", "tbs"], "signoff": ["summary"],
             "found": ["certificate"], "waiver": ["act"], "retire": ["act"], "destroy": ["act"]}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


# --- openssl ----------------------------------------------------------------------------------------------------------------


@functools.cache
def openssl(arguments, **files):
    """(worked, output) of one run; {name} in the arguments stands for a file with that content."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, content in files.items():
            paths[name] = f"{folder}/{name}"
            pathlib.Path(paths[name]).write_bytes(content)
        command = [part.format(**paths) for part in arguments.split()]
        done = subprocess.run(["openssl", *command], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    return done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")


def pem(kind, der):
    text = base64.b64encode(der).decode()
    return "\n".join([f"-----BEGIN {kind}-----", *re.findall(".{1,64}", text), f"-----END {kind}-----", ""]).encode()


def verifies(spki, text, signature, digest="sha256"):
    return openssl(f"dgst -{digest} -verify {{key}} -signature {{signature}} {{text}}", key=pem("PUBLIC KEY", spki), signature=signature, text=text)[0]


# --- bytes ------------------------------------------------------------------------------------------------------------------


class Bad(Exception):
    """What cannot be read as what it should be."""


def unbase64(text):
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Bad(f"no base64: {text!r}") from error
    if not content or base64.b64encode(content).decode() != text:
        raise Bad(f"no canonical base64: {text!r}")
    return content


def first_inside(der):
    """The first element inside a DER SEQUENCE, with its header."""

    def header(at):
        if at + 2 > len(der):
            raise Bad("short DER")
        length, begin = der[at + 1], at + 2
        if length >= 0x80:
            count = length & 0x7F
            length, begin = int.from_bytes(der[begin:begin + count]), begin + count
        return begin, begin + length

    if not der or der[0] != 0x30:
        raise Bad("no SEQUENCE")
    begin, end = header(0)
    if end != len(der):
        raise Bad("bytes behind the DER")
    return der[begin:header(begin)[1]]


def leaf(line):
    return hashlib.sha256(b"\0" + line).digest()


def root(leaves):
    """RFC 6962 section 2.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


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


def record_of(line):
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
    if level(record["d"]) > 16 or not is_time(record["t"]) or record["res"] not in ("ok", "fail") or not fits("people", record["who"]):
        raise Bad("a field of the record is not as it should be")
    fields, d, failed = events().get(record["ev"]), record["d"], record["res"] == "fail"
    if not fields:
        raise Bad(f"no such event: {record['ev']}")
    if failed:
        fields = {**{k: (t, False) for k, (t, _) in fields.items()}, "reason": ("text", True)}
    if (extra := d.keys() - fields.keys()) or (lacking := [k for k, (_, needed) in fields.items() if needed and k not in d]):
        raise Bad(f"fields that do not belong: {extra}" if extra else f"fields lacking: {lacking}")
    if wrong := [k for k, v in d.items() if not fits(fields[k][0], v)]:
        raise Bad(f"of the wrong type: {wrong}")
    return record


# --- checkpoints ------------------------------------------------------------------------------------------------------------


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
        self.body, self.signatures = (body + "\n").encode(), []
        for line in rest[:-1].split("\n"):
            parts = line.split(" ")
            if len(parts) != 3 or parts[0] != "\u2014" or len(blob := unbase64(parts[2])) < 5:
                raise Bad(f"no signature line: {line}")
            self.signatures.append((parts[1], blob[:4], blob[4:]))
        if len({s[:2] for s in self.signatures}) != len(self.signatures) or len(self.signatures) > 64:
            raise Bad("a signature twice, or too many")

    def signed_by(self, keys):
        """Names whose signature verifies. A known key whose signature does not spoils the checkpoint."""
        names = []
        for name, key_id, signature in self.signatures:
            for spki in keys.get(name, []):
                if hashlib.sha256(spki).digest()[:4] == key_id:
                    if not verifies(spki, self.body, signature):
                        raise Bad(f"the signature of {name} does not verify")
                    names.append(name)
        return names


# --- the log ----------------------------------------------------------------------------------------------------------------


class Verifier:
    def __init__(self, folder):
        self.folder, self.broken, self.log_key, self.origin = pathlib.Path(folder), [], None, None
        self.people, self.all_keys, self.shares, self.keys, self.issued = {}, {}, {}, {}, []
        self.policy, self.crl_numbers, self.revoked, self.ceremonies, self.names = None, {}, {}, set(), set()
        self.now = None  # the ceremony that is open
        self.mentioned = set()  # digests of which artifacts may be there
        self.checkpoints = {}

    def breaks(self, rule, n, what):
        assert rule in COVERED
        self.broken.append((rule, n, what))

    def check(self):
        transcript = (self.folder / "transcript.log").read_bytes()
        lines = transcript.split(b"\n")
        if lines.pop():
            return self.breaks("LOG-1", len(lines), "the last line is torn")
        self.records = []
        for n, line in enumerate(lines):
            try:
                self.records.append(record_of(line))
            except Bad as bad:
                return self.breaks("LOG-1", n, str(bad))
            if self.records[n]["n"] != n:
                return self.breaks("LOG-2", n, f"record {self.records[n]['n']} stands here")
        self.leaves = [leaf(line) for line in lines]
        self.read_checkpoints()
        before = ""
        for n, record in enumerate(self.records):
            if record["t"] < before:
                self.breaks("LOG-3", n, "time goes back")
            before = record["t"]
            self.replay(n, record)
        if self.now:
            self.breaks("LOG-4", len(lines) - 1, "the ceremony is still open")
        self.check_heads()
        self.check_artifacts()
        return None

    def artifact(self, digest):
        """Its bytes, or None: then LOG-8 says so at the end."""
        path = self.folder / "artifacts" / digest[:2] / digest
        content = path.read_bytes() if path.is_file() else None
        return content if content is not None and sha256(content) == digest else None

    def replay(self, n, record):
        event, d = record["ev"], record["d"]
        if event == "open":
            self.begin(n, record)
        if self.now is None or record["c"] != self.now["id"]:
            return self.breaks("LOG-4", n, "outside a ceremony")
        self.now["acted"].update(record["who"])
        if record["res"] == "fail" or event == "reconcile":
            self.mentioned.update(re.findall('"([0-9a-f]{64})"', json.dumps(d)))
        if record["res"] == "fail":
            return None
        if self.people or event not in ("open", "clock", "selftest", "medium", "enrol"):
            for person in record["who"]:
                if person not in self.people and not (event == "enrol" and d["person"] == person):
                    self.breaks("ROLE-1", n, f"{person} is not enrolled")
        self.names |= {d[field] for field in ARTIFACTS.get(event, []) if d[field] != "none"}
        if event == "policy":
            self.names |= {*d["procedures"].values(), *d["profiles"].values()}
        if event == "export" and d["kind"] in ("bundle", "public"):
            self.names.add(d["sha256"])
        method = getattr(self, "on_" + event.replace("-", "_"), None)
        if method:
            method(n, record["d"], record)
        return None

    def begin(self, n, record):
        d = record["d"]
        if self.now is not None:
            self.breaks("LOG-4", n, "opened within another ceremony")
        if record["c"] in self.ceremonies:
            self.breaks("LOG-4", n, "the ceremony's id was used before")
        if record["res"] == "fail":
            return
        self.ceremonies.add(record["c"])
        self.origin = self.origin or d["origin"]
        self.now = {"id": record["c"], "leaf": self.leaves[n].hex(), "acted": set(), "approved": {}, "handed": set(), "intents": {}, "origin": d["origin"]}
        if (d["previous_size"], d["previous_root"]) != (n, root(self.leaves[:n]).hex()) or d["origin"] != self.origin:
            self.breaks("LOG-5", n, "open does not continue the log before it")

    def heading(self, kind):
        return f"{kind}\n{self.now['origin']}\n{self.now['id']}\n{self.now['leaf']}\n"

    def approval(self, act, digest):
        return (self.heading("ceremony-approval/v1") + f"{act}\n{digest}\n").encode()

    def on_enrol(self, n, d, _record):
        spki = unbase64(d["spki"])
        text = (f"ceremony-enrolment/v1\norigin: {self.now['origin']}\nceremony: {self.now['id']}\nopen: {self.now['leaf']}\nperson: {d['person']}\n"
                f"roles: {','.join(sorted(d['roles']))}\nkey: {d['key']}\nage: {d['age']}\nreplaces: {d['replaces']}\n").encode()
        if sha256(spki) != d["key"] or not verifies(spki, text, unbase64(d["sig"])):
            self.breaks("ENROL-1", n, "the enrolment is not signed by its key")
        old = self.people.get(d["person"])
        if d["replaces"] != (sha256(old["spki"]) if old else "none"):
            self.breaks("ENROL-1", n, "it does not replace the person's live key")
        if any(spki in keys for keys in self.all_keys.values()):
            self.breaks("CRED-1", n, "the key was enrolled before")
        self.people[d["person"]] = {"spki": spki, "roles": d["roles"]}
        self.all_keys.setdefault(d["person"], []).append(spki)

    def on_approve(self, n, d, _record):
        person = self.people.get(d["person"])
        if not person:
            return self.breaks("ROLE-1", n, f"{d['person']} is not enrolled")
        if not verifies(person["spki"], self.approval(d["act"], d["sha256"]), unbase64(d["sig"])):
            return self.breaks("QUORUM-2", n, "the approval's signature does not verify")
        self.now["approved"].setdefault((d["act"], d["sha256"]), set()).add(d["person"])
        return None

    def approved(self, act, digest, policy):
        quorum = next(q for q, acts in ACTS_OF.items() if act in acts)
        members = policy["quorums"][quorum]["members"]
        m = max(policy["quorums"][quorum]["m"], policy.get("approvals", {}).get(act, 0))
        return len(self.now["approved"].get((act, digest), set()) & set(members)) >= m

    def on_policy(self, n, d, _record):
        content = self.artifact(d["policy"])
        if content is None:
            return
        policy = tomllib.loads(content.decode())
        for act, digest in (("adopt-policy", d["act_policy"]), ("adopt-procedure", d["act_procedures"])):
            if not self.approved(act, digest, self.policy or policy):
                self.breaks("POL-1", n, f"{act} without governance's quorum")
        def text(pairs):
            return ("ceremony-act/v1\n" + "".join(f"{k}: {v}\n" for k, v in sorted(pairs.items()))).encode()
        acts = {d["act_policy"]: text({"policy": d["policy"], **{f"profile.{k}": v for k, v in d["profiles"].items()}}),
                d["act_procedures"]: text({f"procedure.{k}": v for k, v in d["procedures"].items()})}
        if any(sha256(content) != digest for digest, content in acts.items()):
            self.breaks("POL-1", n, "what was adopted is not what was approved")
        self.policy = policy

    def on_intent(self, n, d, _record):
        if d["id"] in self.now["intents"]:
            self.breaks("LOG-9", n, "the intent's id was used before")
        lines = [d["tbs"]]
        if d["act"] == "sign-batch":
            head, *rest = (self.artifact(d["tbs"]) or b"").decode(errors="replace").splitlines() or [""]
            lines = [line.split("  ")[0] for line in rest] if head == "ceremony-batch/v1" else []
        self.now["intents"][d["id"]] = {**d, "lines": lines, "ends": {}}
        if d["act"].startswith("sign-") and self.keys.get(d["key"], {}).get("purpose") != "ca":
            self.breaks("KEY-5", n, "not a CA key")
        if self.policy is None:
            return self.breaks("QUORUM-1", n, "no policy is in force")
        if self.approved(d["act"], d["tbs"], self.policy):
            return None
        return self.breaks("TOKEN-1" if d["act"] == "init-token" else "QUORUM-1", n, f"{d['act']} without the quorum's approvals")

    def ends(self, n, d):
        intent = self.now["intents"].get(d["id"])
        if not intent or d["tbs"] not in intent["lines"] or d["tbs"] in intent["ends"]:
            self.breaks("LOG-9", n, "of no intent of this ceremony, or of one that had its end already")
        else:
            intent["ends"][d["tbs"]] = d.get("out", "")

    def on_result(self, n, d, _record):
        self.ends(n, d)

    def on_reconcile(self, n, d, _record):
        self.ends(n, d)

    def on_token(self, n, d, _record):
        size, own = d["checkpoint_size"], d["checkpoint_root"]
        if own != "none" and (size > n or root(self.leaves[:size]).hex() != own):
            self.breaks("LOG-5", n, "the token's own checkpoint is not of this log")

    def on_share(self, n, d, _record):
        of_set = [s for (name, _), s in self.shares.items() if name == d["set"]]
        if any(s["holder"] == d["holder"] or s["index"] == d["index"] for s in of_set):
            self.breaks("SHARE-4", n, "a second share of the set")
        self.shares[d["set"], d["index"]] = d

    def on_hand_in(self, n, d, _record):
        share = self.shares.get((d["set"], d["index"]))
        if not share:
            return self.breaks("SHARE-1", n, "handed in without a commitment before")
        if (share["holder"], share["commitment"]) != (d["holder"], d["commitment"]):
            return self.breaks("QUORUM-3", n, "not the share that was committed to")
        line = f"{d['commitment']} {d['purpose']} {d['nth']}\n".encode()
        person = self.people.get(d["holder"])
        if not person or not verifies(person["spki"], self.approval("hand-in-share", sha256(line)), unbase64(d["sig"])):
            return self.breaks("QUORUM-3", n, "the hand-in is not signed by its holder")
        key = (d["set"], d["purpose"], d["nth"], d["holder"])
        if key in self.now["handed"]:
            return self.breaks("QUORUM-3", n, "handed in twice")
        return self.now["handed"].add(key)

    def on_activate(self, n, d, _record):
        handed = {h for s, purpose, nth, h in self.now["handed"] if (s, purpose, nth) == (d["set"], "activate", d["nth"])}
        quorum = (self.policy or {}).get("quorums", {}).get("activation", {"m": 2, "members": []})
        if len(set(d["holders"]) & handed & set(quorum["members"])) < quorum["m"] or not set(d["holders"]) <= handed:
            self.breaks("QUORUM-3", n, "activated without the shares of M members")

    def proves(self, d, key):
        text = (self.heading("ceremony-proof/v1") + f"{d['key']}\n{key['label']}\n").encode()
        kind, _, digest = d["scheme"].rpartition("-")
        if pss := kind == "rsa-pss":
            digest += " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"
        fits_kind = pss or kind == ("rsa-pkcs1" if key["alg"].startswith("rsa") else "ecdsa")
        return fits_kind and verifies(unbase64(key["spki"]), text, unbase64(d["proof"]), digest)

    def on_keygen(self, n, d, _record):
        if sha256(unbase64(d["spki"])) != d["spki_sha256"] or not self.proves(d, d):
            self.breaks("KEY-1", n, "the challenge is not signed by the key")
        self.keys[d["key"]] = d
        if d["purpose"] == "log":
            self.log_key = unbase64(d["spki"])

    def on_restore(self, n, d, _record):
        key = self.keys.get(d["key"])
        if not key or d["spki_sha256"] != key["spki_sha256"] or not self.proves(d, key):
            self.breaks("KEY-1", n, "the challenge is not signed by the restored key")

    def signed_object(self, n, d, what):
        """The bytes of a certificate or CRL, if they are those of its intent and its TBS."""
        content, tbs = self.artifact(d[what]), self.artifact(d["tbs"])
        if content is None or tbs is None:
            return None
        intent = self.now["intents"].get(d["intent"], {})
        try:
            same = first_inside(content) == tbs
        except Bad:
            same = False
        if not same or intent.get("key") != d["issuer"] or intent["ends"].get(d["tbs"]) not in (d[what], ""):
            self.breaks("CERT-1", n, "what was signed is not what was approved")
        return content

    def issuer(self, key_id):
        """The self-signed certificate of a CA key."""
        key = self.keys.get(key_id, {})
        return next((c for d, c in self.issued if d["issuer"] == key_id and d["spki_sha256"] == key.get("spki_sha256")), None)

    def on_issue(self, n, d, _record):
        if any(d["serial"] == other["serial"] for other, _ in self.issued):
            self.breaks("CERT-5", n, "the serial is not new")
        content = self.signed_object(n, d, "certificate")
        if content is None:
            return
        self.issued.append((d, content))
        certificate = pem("CERTIFICATE", content)
        shown = openssl("x509 -in {certificate} -noout -serial -pubkey", certificate=certificate)[1]
        serial = re.search(r"serial=(\w+)", shown)
        if not serial or int(serial[1], 16) != int(d["serial"], 16):
            self.breaks("CERT-5", n, "not the serial of the record")
        key = re.search(r"-----BEGIN PUBLIC KEY-----(.*?)-----END", shown, re.S)
        if not key or sha256(base64.b64decode(key[1])) != d["spki_sha256"]:
            self.breaks("CERT-1", n, "not the public key of the record")
        issuer = self.issuer(d["issuer"])
        trust = pem("CERTIFICATE", issuer) if issuer else b""
        if not openssl("verify -no_check_time -check_ss_sig -CAfile {trust} {certificate}", trust=trust, certificate=certificate)[0]:
            self.breaks("CERT-2", n, "the signature does not verify under the issuer's key")

    def on_revoke(self, _n, d, _record):
        self.revoked[d["serial"].lstrip("0")] = d

    def on_crl(self, n, d, _record):
        if d["number"] <= self.crl_numbers.get(d["issuer"], 0):
            self.breaks("CRL-1", n, "the number is not above the one before")
        self.crl_numbers[d["issuer"]] = d["number"]
        content, issuer = self.signed_object(n, d, "crl"), self.issuer(d["issuer"])
        if content is None:
            return
        crl = pem("X509 CRL", content)
        shown = openssl("crl -in {crl} -noout -crlnumber -text", crl=crl)[1]
        number = re.search(r"crlNumber=0x([0-9A-F]+)", shown, re.I)
        if not number or int(number[1], 16) != d["number"]:
            self.breaks("CERT-1", n, "not the number of the record")
        listed = {s.lower().lstrip("0") for s in re.findall(r"Serial Number: ([0-9A-F]+)", shown)}
        for serial in self.revoked:
            expired = any(o["serial"].lstrip("0") == serial and o["not_after"] < d["this_update"] for o, _ in self.issued)
            if serial not in listed and not expired:
                self.breaks("CRL-2", n, f"the revoked {serial} is not in it")
        trust = pem("CERTIFICATE", issuer) if issuer else b""
        if "verify OK" not in openssl("crl -in {crl} -CAfile {trust} -noout", crl=crl, trust=trust)[1]:
            self.breaks("CERT-2", n, "the CRL's signature does not verify under the issuer's key")

    def on_close(self, n, d, _record):
        for intent in self.now["intents"].values():
            if lacking := set(intent["lines"]) - intent["ends"].keys():
                self.breaks("LOG-9", n, f"{intent['id']} has no result for {lacking}")
        if silent := self.now["acted"] - set(d["signers"]) - d["absent"].keys():
            self.breaks("LOG-7", n, f"acted, and neither signs nor is absent: {sorted(silent)}")
        size, head = n + 1, self.checkpoints.get(n + 1)
        if head is None:
            self.breaks("LOG-7", n, f"there is no checkpoint of size {size}")
        elif head.root == root(self.leaves[:size]):
            signed = self.signatures(size, head)
            wanted = [f"{self.origin}/{p}" for p in d["signers"]] + ([self.origin] if d["log_signature"] == "yes" else [])
            if lacking := set(wanted) - set(signed):
                self.breaks("LOG-7", n, f"not signed by {sorted(lacking)}")
        self.now = None

    # --- heads and artifacts ---

    def read_checkpoints(self):
        folder = self.folder / "checkpoints"
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if path.name.endswith(".part"):
                continue
            try:
                head = Checkpoint(path.read_bytes())
                if path.name != str(head.size):
                    raise Bad(f"it is of size {head.size}")
                self.checkpoints[head.size] = head
            except Bad as bad:
                self.breaks("LOG-6", None, f"checkpoints/{path.name}: {bad}")

    def signatures(self, size, head):
        keys = {f"{self.origin}/{person}": spkis for person, spkis in self.all_keys.items()}
        keys[self.origin] = [self.log_key] if self.log_key else []
        try:
            return head.signed_by(keys)
        except Bad as bad:
            self.breaks("LOG-6", size - 1, str(bad))
            return []

    def check_heads(self):
        latest = None
        try:
            latest = Checkpoint((self.folder / "checkpoint").read_bytes())
        except FileNotFoundError:
            if not self.now:
                self.breaks("LOG-7", None, "there is no checkpoint")
        except Bad as bad:
            self.breaks("LOG-6", None, f"checkpoint: {bad}")
        for head in [*self.checkpoints.values(), *([latest] if latest else [])]:
            if head.origin != self.origin or head.size > len(self.leaves) or head.root != root(self.leaves[:head.size]):
                self.breaks("LOG-6", head.size - 1, f"the checkpoint of size {head.size} is not of this log")
            self.signatures(head.size, head)
        ends = {n + 1 for n, r in enumerate(self.records) if r["ev"] == "close" and r["res"] == "ok"}
        if latest and latest.size != max(ends, default=0):
            self.breaks("LOG-7", latest.size - 1, f"the latest checkpoint is of {latest.size} records and of no last ceremony")
        if foreign := self.checkpoints.keys() - ends:
            self.breaks("LOG-6", None, f"checkpoints of no ceremony's end: {foreign}")

    def check_artifacts(self):
        there = {path.name: path for path in (self.folder / "artifacts").rglob("*") if path.is_file() and not path.name.endswith(".part")}
        for digest in sorted(self.names - there.keys()):
            if not self.now:
                self.breaks("LOG-8", None, f"artifact {digest} is not there")
        for name, path in sorted(there.items()):
            if name not in self.names | self.mentioned or path.parent.name != name[:2] or sha256(path.read_bytes()) != name:
                self.breaks("LOG-8", None, f"artifact {name} is not named, or not what its name says")


def verify(folder, pin=None):
    """(exit code, [(rule, record, what)])"""
    verifier = Verifier(folder)
    try:
        verifier.check()
    except OSError as error:
        return 2, [("unreadable", None, str(error))]
    except Bad as bad:
        return 1, verifier.broken + [("LOG-1", None, str(bad))]
    if verifier.broken:
        return 1, verifier.broken
    if pin is None:
        return 2, []
    return (0, []) if verifier.log_key and sha256(verifier.log_key) == pin else (1, [("pin", None, "the log key is another")])


def main():
    parser = argparse.ArgumentParser(description="A second opinion on a ledger.")
    parser.add_argument("ledger")
    parser.add_argument("--pin")
    options = parser.parse_args()
    code, broken = verify(options.ledger, options.pin)
    for rule, n, what in broken:
        print(rule if n is None else f"{rule} at record {n}", what, sep=": ")
    print({0: "consistent", 1: "NOT consistent", 2: "not pinned, or not readable"}[code])
    return code


if __name__ == "__main__":
    sys.exit(main())
