"""What a log says up to a record: the fold of EVENTS.md. Which rules ask it what is in rules_*.py."""
import datetime
import json
import re
from types import SimpleNamespace

from second import certificates, forms
from second.foreign import Bad, sha256
from second.policy import Policy

ARTIFACTS = {"open": ["procedure", "policy", "binding", "tpm"], "policy": ["policy", "act_policy", "act_procedures"], "approve": ["sha256"], "intent": ["tbs"],
             "result": ["out"], "token": ["list"], "import": ["csr"], "issue": ["certificate", "tbs", "csr"], "crl": ["crl", "tbs"], "signoff": ["summary"],
             "found": ["certificate"], "waiver": ["act"], "image": ["act"], "retire": ["act"], "destroy": ["act"]}


def when(text):
    return datetime.datetime.fromisoformat(text or "1970-01-01T00:00:00Z")


def read(reader, content, *more):
    """What it reads as; None if there is nothing or it does not read."""
    try:
        return None if content is None else reader(content, *more)
    except Bad:
        return None


def named_by(record):
    """Digests of the artifacts that a record names."""
    d = record.d
    if not record.ok:
        return set()
    out = {d[field] for field in ARTIFACTS.get(record.ev, [])}
    if record.ev == "policy":
        out |= {*d["procedures"].values(), *d["profiles"].values()}
    if record.ev == "export" and d["kind"] != "backup":
        out.add(d["sha256"])
    return {digest for digest in out if forms.is_digest(digest)}


class State:
    def __init__(self, artifact):
        self.artifact = artifact  # digest → bytes or None
        self.leaves, self.last, self.origin, self.environment = [], None, None, None
        self.policy_digest, self.policy, self.proposed, self.procedures, self.profiles = None, None, None, {}, {}
        self.people, self.credentials, self.sets, self.tokens, self.keys = {}, set(), {}, {}, {}
        self.certificates, self.crls, self.found, self.maybe = [], {}, {}, {}
        self.seals, self.images = {}, set()
        self.ids, self.named, self.mentioned, self.closed = set(), set(), set(), []
        self.now = self.active = None  # the ceremony that is open, the activation

    # --- questions ---

    @property
    def law(self):
        """The policy in force; before there is one, the policy that open names."""
        return self.policy or self.proposed

    def read(self, reader, digest):
        return read(reader, self.artifact(digest))

    def heading(self, kind):
        return f"{kind}\n{self.now.origin}\n{self.now.id}\n{self.now.leaf}\n"

    def approval(self, act, digest):
        return (self.heading("ceremony-approval/v1") + f"{act}\n{digest}\n").encode()

    def approved(self, act, digest):
        """Whether M distinct members approved; where no policy reads nothing is asked."""
        if self.law is None:
            return True
        people = self.now.approved.get((act, digest), set()) & set(self.law.quorum_of(act)["members"]) & self.people.keys()
        return len(people) >= self.law.needed(act)

    def due(self, purpose):
        """The round of hand-ins that is due."""
        return 1 if purpose == "read-back" else self.now.rounds.get(purpose, 0) + 1

    def handed(self, purpose, nth, share_set):
        return {h for s, h in self.now.handed.get((purpose, nth), []) if s == share_set}

    def own(self, key_id):
        """The newest certificate over the key of that id."""
        key = self.keys.get(key_id)
        return next((c for c in reversed(self.certificates) if key and c.spki_sha256 == key.spki_sha256), None)

    def own_tbs(self, key_id):
        own = self.own(key_id)
        both = self.read(certificates.certificate, own.digest) if own else None
        return both and both[0]

    @property
    def log_key(self):
        return next((k for k in reversed(self.keys.values()) if k.purpose == "log" and not k.retired and not k.destroyed), None)

    def live_on(self, token):
        """Keys whose private half is on the token: made there, or restored there and not erased."""
        return [k for k in self.keys.values() if not k.destroyed and (k.token == token or any(r.token == token and not r.erased for r in k.restores))]

    def settled(self, intent):
        return intent.lines and all(line in intent.ends for line in intent.lines)

    @property
    def has_checkpoint(self):
        """Whether a ceremony that was closed left one: somebody signed it."""
        return any(c.signers or c.log_signature == "yes" for c in self.closed)

    # --- the fold ---

    def fold(self, record, leaf):
        d = record.d
        named = named_by(record)
        self.named |= named
        if not record.ok or record.ev == "reconcile":
            self.mentioned.update(re.findall('"([0-9a-f]{64})"', json.dumps(d)))
        if record.ok and record.ev == "open":
            self.fold_open(record, leaf)
        if self.now:
            self.now.named |= named
            self.now.acted.update(record.who)
            if record.ok and self.active and record.ev not in ("token", "deviation"):
                self.active.listed_at_end = False
            if record.ok and record.ev in ("enrol", "approve", "hand-in", "intent"):
                self.now.signed = True
            method = getattr(self, "fold_" + record.ev.replace("-", "_"), None)
            if record.ok and method and record.ev != "open":
                method(record, SimpleNamespace(**d))
        self.leaves.append(leaf)
        self.last = record.time

    def fold_open(self, r, leaf):
        d = r.d
        self.origin, self.environment = self.origin or d["origin"], self.environment or d["environment"]
        if self.policy is None:
            self.proposed = read(Policy, self.artifact(d["policy"]))
        self.ids.add(r.c)
        self.now = SimpleNamespace(id=r.c, origin=d["origin"], kind=d["kind"], policy=d["policy"], procedure=d["procedure"], environment=d["environment"], leaf=leaf.hex(),
                                   gap=r.time - self.last if self.last else None, acted=set(), approved={}, handed={}, rounds={}, intents={}, clock=set(), media={},
                                   evidence=set(), hashed=[], imports=[], deviations=0, signoffs=0, waivers=[], named=set(), signed=False,
                                   activations=0, compared=d["compared"])

    def fold_clock(self, r, _d):
        self.now.clock.update(r.who)

    def fold_medium(self, _r, d):
        self.now.media[d.medium] = d.kind

    def fold_enrol(self, r, d):
        self.credentials.add(d.key)
        self.people[d.person] = SimpleNamespace(roles=d.roles, key=d.key, spki=read(forms.unbase64, d.spki) or b"")

    def fold_policy(self, _r, d):
        self.policy, self.policy_digest, self.proposed = read(Policy, self.artifact(d.policy)), d.policy, None
        self.procedures = d.procedures
        profiles = {name: read(certificates.Profile, self.artifact(digest)) for name, digest in d.profiles.items()}
        self.profiles = {name: profile for name, profile in profiles.items() if profile}

    def fold_evidence(self, r, d):
        self.now.evidence.add(d.kind)
        if d.kind == "medium-hash":
            self.now.hashed.append((r.d.get("sha256"), r.who))

    def fold_image(self, _r, d):
        self.images.add((d.manifest, d.uki, d.pcr4, d.pcr11))

    def fold_approve(self, _r, d):
        self.now.approved.setdefault((d.act, d.sha256), set()).add(d.person)

    def fold_init(self, _r, d):
        for key in self.keys.values():
            for restored in key.restores:
                restored.erased = restored.erased or restored.token in (d.before, d.token)
        if d.before != d.token:
            self.tokens.pop(d.before, None)
        self.tokens[d.token] = SimpleNamespace(role=d.role, manufacturer="", model="")

    def fold_token(self, _r, d):
        self.tokens[d.token] = SimpleNamespace(role=d.role, manufacturer=d.manufacturer, model=d.model)
        if self.active and self.active.token == d.token:
            self.active.listed = self.active.listed or d.purpose == "activation"
            self.active.listed_at_end = self.active.listed_at_end or d.purpose == "deactivation"

    def fold_share(self, r, d):
        share_set = self.sets.setdefault(d.set, SimpleNamespace(id=d.set, ceremony=r.c, shares={}, void=False))
        share_set.quorum, share_set.threshold, share_set.count, share_set.ceremony = d.quorum, d.threshold, d.count, r.c
        share_set.shares[d.index] = SimpleNamespace(holder=d.holder, commitment=d.commitment, kcv=d.kcv, read_back=False, void=False)

    def share(self, d):
        share_set = self.sets.get(d.set)
        return share_set and share_set.shares.get(d.index)

    def fold_hand_in(self, _r, d):
        share = self.share(d)
        if d.purpose == "read-back" and share:
            share.read_back = True
        if d.purpose != "read-back" and d.nth > self.due(d.purpose):
            self.now.rounds[d.purpose] = d.nth - 1
        self.now.handed.setdefault((d.purpose, d.nth), []).append((d.set, d.holder))

    def fold_void(self, r, d):
        if share_set := self.sets.get(d.set):
            whole = d.scope == "set"
            share_set.void = share_set.void or whole
            for index, share in share_set.shares.items():
                share.void = share.void or whole or index == r.d.get("index")

    def fold_activate(self, _r, d):
        self.active = SimpleNamespace(token=d.token, purpose=d.purpose, listed=False, listed_at_end=False)
        if ("wrap", self.due("wrap")) in self.now.handed:
            self.now.rounds["wrap"] = self.due("wrap")
        self.now.rounds["activate"] = self.due("activate")
        self.now.activations += 1

    def fold_deactivate(self, _r, _d):
        self.active = None

    def fold_intent(self, _r, d):
        lines = [d.tbs] if d.act != "sign-batch" else [line[0] for line in self.read(forms.batch_of, d.tbs) or []]
        self.now.intents[d.id] = SimpleNamespace(id=d.id, act=d.act, key=d.key, tbs=d.tbs, lines=lines, ends={}, results={}, recorded=set())

    def fold_result(self, _r, d):
        if intent := self.now.intents.get(d.id):
            intent.ends[d.tbs] = intent.results[d.tbs] = d.out

    def fold_reconcile(self, _r, d):
        intent = self.now.intents.get(d.id)
        if not intent:
            return
        if d.outcome != "signed-again":
            intent.ends[d.tbs] = d.outcome
        if d.outcome == "maybe-issued":
            if intent.act == "sign-batch":
                serial = next((s for tbs, s, _ in self.read(forms.batch_of, intent.tbs) or [] if tbs == d.tbs), None)
            else:
                tbs = self.read(certificates.tbs_of, d.tbs)
                serial = tbs and tbs.serial.hex()
            if serial:
                self.maybe.setdefault(intent.key, set()).add(serial)

    def fold_keygen(self, r, d):
        self.keys[d.key] = SimpleNamespace(id=d.key, label=d.label, purpose=d.purpose, alg=d.alg, spki=read(forms.unbase64, d.spki) or b"", spki_sha256=d.spki_sha256, token=d.token,
                                           extractable=d.extractable, ceremony=r.c, retired=False, destroyed=False, restores=[], backups=[])

    def fold_restore(self, _r, d):
        self.now.rounds["restore"] = self.due("restore")
        if key := self.keys.get(d.key):
            key.restores.append(SimpleNamespace(token=d.token, disposition=d.disposition, extractable=d.extractable, erased=False))

    def fold_lock(self, _r, d):
        if key := self.keys.get(d.key):
            key.extractable = d.extractable

    def fold_issue(self, _r, d):
        if intent := self.now.intents.get(d.intent):
            intent.recorded.add(d.certificate)
        self.certificates.append(SimpleNamespace(digest=d.certificate, serial=d.serial, issuer=d.issuer, subject=d.subject, profile=d.profile, spki_sha256=d.spki_sha256,
                                                 not_after=when(d.not_after), revoked=False))

    def fold_crl(self, _r, d):
        if intent := self.now.intents.get(d.intent):
            intent.recorded.add(d.crl)
        made = self.read(certificates.crl, d.crl)
        self.crls[d.issuer] = SimpleNamespace(number=d.number, this_update=when(d.this_update), entries={s.hex() for s, _, _ in made[0].entries} if made else set())

    def fold_revoke(self, _r, d):
        for certificate in self.certificates:
            certificate.revoked = certificate.revoked or certificate.serial == d.serial

    def fold_found(self, _r, d):
        if found := self.read(certificates.certificate, d.certificate):
            for key in self.keys.values():
                if key.purpose == "ca" and certificates.signed_by(key.spki, *found):
                    self.found.setdefault(key.id, set()).add(found[0].serial.hex())

    def fold_import(self, _r, d):
        self.now.imports.append(d)

    def fold_export(self, r, d):
        key = self.keys.get(r.d.get("key"))
        if d.kind == "backup" and key:
            key.backups.append(SimpleNamespace(set=r.d.get("set"), blob=d.sha256, media=d.media, destroyed=False))

    def fold_deviation(self, _r, _d):
        self.now.deviations += 1

    def fold_waiver(self, _r, d):
        act = self.read(forms.act_of, d.act) or {}
        self.now.waivers.append((d.rule, act.get("event"), when(d.until)))

    def fold_retire(self, _r, d):
        if key := self.keys.get(d.key):
            key.retired = True

    def fold_destroy(self, r, d):
        if key := self.keys.get(d.key):
            whole = d.what == "key"
            key.destroyed = key.destroyed or whole
            for backup in key.backups:
                backup.destroyed = backup.destroyed or whole or backup.set == r.d.get("set")

    def fold_custody(self, _r, d):
        if d.act != "handed":
            self.seals[d.item] = (d.act, d.seal)

    def fold_signoff(self, _r, _d):
        self.now.signoffs += 1

    def fold_close(self, r, d):
        self.closed.append(SimpleNamespace(id=self.now.id, size=r.n + 1, outcome=d.outcome, log_signature=d.log_signature, signers=d.signers, clock=self.now.clock))
        self.now = self.active = None


def is_sha(content, digest):
    return content is not None and sha256(content) == digest
