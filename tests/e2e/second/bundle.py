"""A bundle by itself: ceremony/report/FORMAT.md."""
import re
from types import SimpleNamespace

from second import archive, certificates, forms
from second.certificates import signed_by
from second.foreign import Bad, sha256, unpem, verifies
from second.policy import Policy
from second.state import read

NEEDED = "MANIFEST certs/issuing.der certs/root.der log/checkpoint log/keys/log.pem log/records.jsonl log/policy.toml".split()


def records_of(content):
    """[(record, leaf, proof)] of log/records.jsonl."""
    lines = content.split(b"\n")
    if lines.pop() or len(lines) > 4096:
        raise Bad("the last line does not end, or too many")
    out = []
    for line in lines:
        found = re.fullmatch(rb'\{"proof":"([A-Za-z0-9+/=]*)","record":(.*)\}', line, re.S)
        if not found:
            raise Bad("a line of log/records.jsonl")
        record, proof = forms.Record(found[2]), forms.Proof(forms.unbase64(found[1].decode()))
        if proof.line != found[2]:
            raise Bad("the proof is of another record")
        out.append(SimpleNamespace(r=record, d=record.d, leaf=forms.leaf(found[2]).hex(), proof=proof))
    return out


class Bundle:
    def __init__(self, files):
        self.files, self.broken, self.keys, self.records, self.policy, self.root = files, [], {}, [], None, None
        if lacking := [name for name in NEEDED if name not in files]:
            raise Bad(f"no bundle: {lacking} is not there")
        self.checkpoint = forms.Checkpoint(files["log/checkpoint"])

    def breaks(self, rule, what, n=None):
        self.broken.append((rule, n, what))

    def find(self, event, **fields):
        return next((p for p in self.records if p.r.ok and p.r.ev == event and fields.items() <= p.d.items()), None)

    def check(self):
        for fault in archive.manifest_faults(self.files):
            self.breaks("EXPORT-1", fault)
        self.read_keys()
        try:
            self.records = records_of(self.files["log/records.jsonl"])
        except Bad as bad:
            self.breaks("LOG-1", str(bad))
        for p in self.records:
            if p.proof.index != p.r.n:
                self.breaks("LOG-2", "the record stands elsewhere", p.r.n)
            self.check_proof(p.proof)
        for name, content in self.files.items():
            if name.endswith(".tlog-proof"):
                self.check_proof(read(forms.Proof, content))
        self.check_policy()
        self.check_checkpoint()
        self.check_export()
        self.check_certificate()
        for name, content in self.files.items():
            if re.fullmatch(r"crl/.+\.crl", name):
                self.check_made("crl", certificates.crl, content)

    def read_keys(self):
        for name, content in self.files.items():
            if found := re.fullmatch(r"log/keys/(.+)\.pem", name):
                try:
                    self.keys[found[1]] = unpem("PUBLIC KEY", content.decode())
                except (Bad, ValueError):
                    self.breaks("LOG-6", f"{name} is no key")

    def check_proof(self, proof):
        if proof is None or not proof.holds() or proof.checkpoint.body != self.checkpoint.body:
            self.breaks("LOG-6", "a proof that does not lead to this checkpoint")

    def check_policy(self):
        content, adopted = self.files["log/policy.toml"], self.find("policy")
        self.policy = read(Policy, content) if adopted and adopted.d["policy"] == sha256(content) else None
        if self.policy is None:
            self.breaks("POL-1", "log/policy.toml is not the policy that the log adopted")

    def check_checkpoint(self):
        origin = self.checkpoint.origin
        good, bad = self.checkpoint.signed_by({origin if who == "log" else f"{origin}/{who}": [spki] for who, spki in self.keys.items()})
        for name in bad:
            self.breaks("LOG-6", f"the signature of {name} does not verify")
        if origin not in good:
            self.breaks("LOG-7", "the log key did not sign")
        for p in self.records:
            if p.r.ok and p.r.ev == "enrol" and p.d["person"] in self.keys and sha256(self.keys[p.d["person"]]) != p.d["key"]:
                self.breaks("LOG-6", "a key that is not the one enrolled", p.r.n)

    def check_export(self):
        exported = self.find("export", kind="bundle", sha256=sha256(self.files["MANIFEST"]))
        if not exported or exported.d.get("certificate") != sha256(self.files["certs/issuing.der"]):
            self.breaks("EXPORT-1", "no export names this MANIFEST and certificate")

    def check_certificate(self):
        if self.find("issue", certificate=sha256(self.files["certs/issuing.der"])):
            self.root = read(certificates.certificate, self.files["certs/root.der"])
        self.check_made("certificate", certificates.certificate, self.files["certs/issuing.der"])

    def check_made(self, what, reader, content):
        made = self.find("issue" if what == "certificate" else "crl", **{what: sha256(content)})
        view = read(reader, content)
        if not made or not view or what == "certificate" and not self.root:
            return self.breaks("CERT-1", "not issued on this log, or it does not read")
        if sha256(view[0].tbs) != made.d["tbs"]:
            self.breaks("CERT-1", "not what was approved", made.r.n)
        if self.root and not signed_by(self.root[0].key.spki, *view):
            self.breaks("CERT-2", "not signed by certs/root.der", made.r.n)
        return self.check_quorum(made)

    def check_quorum(self, made):
        of_ceremony = [p for p in self.records if p.r.ok and p.r.c == made.r.c]
        intent = next((p for p in of_ceremony if p.r.ev == "intent" and p.d["id"] == made.d["intent"]), None)
        opened = next((p for p in of_ceremony if p.r.ev == "open"), None)
        if not intent or not opened or not self.policy:
            return self.breaks("QUORUM-1", "intent, open or policy is not there", made.r.n)
        if opened.d["policy"] != sha256(self.files["log/policy.toml"]):
            self.breaks("POL-1", "another policy was in force", opened.r.n)
        act, digest = intent.d["act"], intent.d["tbs"]
        self.check_covered(made, intent)
        people = set()
        for p in of_ceremony:
            if p.r.ev != "approve" or (p.d["act"], p.d["sha256"]) != (act, digest):
                continue
            text = f"ceremony-approval/v1\n{opened.d['origin']}\n{made.r.c}\n{opened.leaf}\n{act}\n{digest}\n".encode()
            spki = self.key_of(p.d["person"], p.r.n)
            if spki is None or not verifies(spki, text, forms.unbase64(p.d["sig"])):
                self.breaks("QUORUM-2", "the approval does not verify", p.r.n)
            elif p.d["person"] in self.policy.quorum_of(act)["members"]:
                people.add(p.d["person"])
        if len(people) < self.policy.needed(act):
            self.breaks("QUORUM-1", f"{len(people)} members approved", intent.r.n)
        return None

    def check_covered(self, made, intent):
        if intent.d["act"] != "sign-batch":
            if intent.d["tbs"] != made.d["tbs"]:
                self.breaks("QUORUM-1", "approved were other bytes", intent.r.n)
        elif (batch := self.files.get("log/batch.txt")) is not None:
            if sha256(batch) != intent.d["tbs"] or made.d["tbs"] not in [line[0] for line in read(forms.batch_of, batch) or []]:
                self.breaks("QUORUM-1", "not on the list that was approved", intent.r.n)

    def key_of(self, person, n):
        """The key of the newest enrolment before record n, if its own signature holds."""
        enrolled = [p for p in self.records if p.r.ok and p.r.ev == "enrol" and p.d["person"] == person and p.r.n < n]
        opened = next((p for p in self.records if enrolled and p.r.ok and p.r.ev == "open" and p.r.c == enrolled[-1].r.c), None)
        if not opened:
            return None
        d = enrolled[-1].d
        spki = forms.unbase64(d["spki"])
        if sha256(spki) != d["key"]:
            return None
        text = (f"ceremony-enrolment/v1\norigin: {opened.d['origin']}\nceremony: {opened.r.c}\nopen: {opened.leaf}\nperson: {person}\n"
                f"roles: {','.join(sorted(set(d['roles'])))}\nkey: {d['key']}\nage: {d['age']}\nreplaces: {d['replaces']}\n").encode()
        if not verifies(spki, text, forms.unbase64(d["sig"])):
            self.breaks("ENROL-1", "the enrolment is not signed by its key", enrolled[-1].r.n)
            return None
        return spki


def verify(path):
    """([(rule, record, what)], the log key)"""
    one = Bundle(archive.files_of(path))
    one.check()
    return one.broken, one.keys.get("log")
