"""The rules of ceremony/state/RULES.md about tokens and keys."""
from second import forms
from second.certificates import Key, signs
from second.foreign import Bad, sha256, verifies
from second.rules import rule
from second.state import read

ALWAYS = {"token", "deactivate", "result", "reconcile", "deviation", "resume", "selftest"}
ALLOWED = {"generate": {"intent", "keygen", "export"}, "restore": {"intent", "init", "hand-in", "restore"}, "lock": {"lock"}, "sign": {"intent", "issue", "crl"},
           "checkpoint": {"close"}}


def to_sign(r):
    return r.ev == "intent" and r.d["act"].startswith("sign-")


@rule("TOKEN-1", "intent", "init")
def initialised_when_approved(s, r, d):
    if r.ev == "intent":
        if d.act == "init-token":
            if not s.approved("init-token", d.tbs):
                yield "without the quorum's approvals"
            if (content := s.artifact(d.tbs)) is not None and read(forms.act_of, content) is None:
                yield "what was approved is no act"
        return
    intent = next((i for i in s.now.intents.values() if i.act == "init-token" and not s.settled(i)), None)
    act = s.read(forms.act_of, intent.tbs) if intent else None
    if not intent:
        yield "without an approved intent"
    elif act is not None:
        if (act.get("label"), act.get("role")) != (d.label, d.role):
            yield "approved was another label or role"
        if act.get("then") != "erase" if d.purpose == "erase" else act.get("token") != d.before:
            yield "approved was another token, or not its erasing"
    for key in s.live_on(d.before):
        erasing = d.purpose == "erase" and key.token != d.before and all(o.token != d.before or o.erased or o.disposition == "erase" for o in key.restores)
        if not erasing:
            yield f"the token held the key {key.label}"
    if d.role == "main" and not d.throwaway_refused:
        yield "the throw-away PIN still opens it"


def unexpected(s, token, objects):
    """What is on the token and should not be, or should and is not, or otherwise."""
    expected = {}
    for key in s.keys.values():
        if key.destroyed:
            continue
        if key.token == token:
            expected[key.id] = (key, "yes", key.extractable, True)
        for restored in key.restores:
            if restored.token == token and not restored.erased:
                expected.setdefault(key.id, (key, "no", restored.extractable, False))
    seen = set()
    for o in objects:
        if o["class"] == "data":
            if o["label"] not in [f"checkpoint-{c.size}".encode() for c in s.closed]:
                yield "a data object that is no checkpoint"
            continue
        if o["class"] not in ("private-key", "public-key") or o["id"] not in expected or (o["class"], o["id"]) in seen:
            yield "an object that is not on the log, or twice"
            continue
        seen.add((o["class"], o["id"]))
        key, local, extractable, _ = expected[o["id"]]
        if o["label"] != key.label.encode() or o["key"] not in ("-", key.spki_sha256):
            yield "another label or public key"
        if o["class"] == "private-key" and (o["local"] != local or o["extractable"] != ("yes" if extractable else "no") or o["wrap"] == "yes"):
            yield "other attributes"
    for key_id, (_, _, _, made_here) in expected.items():
        if ("private-key", key_id) not in seen or made_here and ("public-key", key_id) not in seen:
            yield f"the key {key_id} is missing"


@rule("TOKEN-2")
def objects_are_listed(s, r, d):
    if r.ev == "token" and (content := s.artifact(d.list)) is not None:
        try:
            yield from unexpected(s, d.token, forms.token_list(content))
        except Bad as bad:
            yield str(bad)
    if s.active:
        if (r.ev in ("intent", "keygen") or r.ev == "close" and s.active.purpose == "checkpoint") and not s.active.listed:
            yield "before the objects were listed"
        if r.ev == "deactivate" and d.reason_for == "done" and not s.active.listed_at_end:
            yield "deactivated without listing the objects"


@rule("TOKEN-3", "activate", "token")
def the_token_is_the_one_known(s, r, d):
    known = s.tokens.get(d.token)
    if r.ev == "activate":
        if not known or not known.model or known.role != "main":
            yield "activated was a token that was not taken in as main token"
        return
    if not known or known.role != d.role or known.model and (known.model, known.manufacturer) != (d.model, d.manufacturer):
        yield "another token than the log's"
    if s.active and d.purpose != "admit" and s.active.token != d.token:
        yield "listed was another token than the active one"


def proves(s, d, key_id, label, spki):
    text = (s.heading("ceremony-proof/v1") + f"{key_id}\n{label}\n").encode()
    try:
        return signs(Key(spki).algorithm, d.scheme) and verifies(spki, text, forms.unbase64(d.proof), d.scheme)
    except Bad:
        return False


@rule("KEY-1", "keygen", "restore")
def made_on_its_token(s, r, d):
    if r.ev == "keygen":
        spki = forms.unbase64(d.spki)
        if not d.local or not d.sensitive or d.purpose == "log" and d.extractable:
            yield "not LOCAL and SENSITIVE, or a log key that is extractable"
        if sha256(spki) != d.spki_sha256 or not proves(s, d, d.key, d.label, spki):
            yield "the challenge is not signed by the key"
        return
    key = s.keys.get(d.key)
    if not key:
        yield "no key of the log"
        return
    if d.extractable or d.local or d.token == key.token or (d.set, d.blob) not in [(b.set, b.blob) for b in key.backups if not b.destroyed]:
        yield "extractable, made there, on its own token, or from no backup of the log"
    if not proves(s, d, d.key, key.label, key.spki):
        yield "the challenge is not signed by the key"


@rule("KEY-2", "keygen", "restore")
def new_or_the_same(s, r, d):
    if r.ev == "keygen":
        if d.key in s.keys or any(d.label == k.label for k in s.live_on(d.token)):
            yield "label or id is taken"
        if d.spki_sha256 in [k.spki_sha256 for k in s.keys.values()] + [c.spki_sha256 for c in s.certificates]:
            yield "the public key is on the log already"
    elif d.key in s.keys and s.keys[d.key].spki_sha256 != d.spki_sha256:
        yield "another public key"


@rule("KEY-3", "intent")
def a_backup_was_restored(s, r, d):
    key = s.keys.get(d.key)
    if to_sign(r) and key and key.purpose == "ca" and not any(o.erased or o.disposition == "standby" for o in key.restores):
        yield "no backup was restored"


@rule("KEY-4", "intent")
def nothing_is_extractable(s, r, d):
    key = s.keys.get(d.key)
    if to_sign(r) and key and any(k.extractable for k in s.keys.values() if k.token == key.token and not k.destroyed):
        yield "a key on the token is extractable"


@rule("KEY-5", "intent")
def a_ca_key_signs(s, r, d):
    if to_sign(r) and (d.key not in s.keys or s.keys[d.key].purpose != "ca"):
        yield "no CA key"


@rule("KEY-6", "intent", "retire", "destroy")
def retired_and_destroyed_keys(s, r, d):
    key = s.keys.get(d.key)
    if to_sign(r) and key and (key.destroyed or key.retired and d.act != "sign-crl"):
        yield "the key is destroyed, or retired"
    if r.ev == "intent" or r.ev == "destroy" and d.what != "key":
        return
    if not key or key.destroyed:
        yield "there is no such key"
        return
    if not s.approved("destroy-key" if r.ev == "destroy" else "retire-key", d.act):
        yield "without governance's quorum"
    act = s.read(forms.act_of, d.act)
    if s.artifact(d.act) is not None and (act or {}).get("key") != d.key:
        yield "another key than was approved"
    if r.ev == "retire":
        return
    places = {f"token {token}" for token in (key.token, *(c.token for c in key.restores if not c.erased))}
    places = sorted(places | {f"medium {medium}" for b in key.backups if not b.destroyed for medium in b.media})
    if d.where != places or act and act.get("where") != ", ".join(places):
        yield "not every place that the key is in"
    listed = s.crls[d.key].entries if d.key in s.crls else set()
    if key.purpose == "ca" and s.own(d.key) and d.key not in s.crls:
        yield "no last CRL"
    if (s.maybe.get(d.key, set()) | s.found.get(d.key, set())) - listed:
        yield "a serial is not on the last CRL"
    for c in s.certificates:
        if c.issuer == d.key and not (key and c.spki_sha256 == key.spki_sha256) and c.not_after >= r.time and c.serial not in listed:
            yield f"{c.subject} is neither expired nor on the last CRL"
    if not any("witness" in s.people[p].roles for p in r.who if p in s.people):
        yield "no witness"


@rule("KEY-7", "export")
def a_backup_is_on_its_media(s, r, d):
    if d.kind != "backup":
        return
    if len(set(d.media)) < (s.law.toml["backup"]["media"] if s.law else 2) or any(s.now.media.get(m) != "backup" for m in d.media):
        yield "too few media, or not backup media"
    key = s.keys.get(r.d.get("key"))
    if not key or key.purpose != "ca" or not r.d.get("length"):
        yield "of no CA key"
    if d.sha256 in s.named or s.artifact(d.sha256) is not None:
        yield "the wrapped key is a public artifact"


@rule("KEY-8")
def active_only_for_its_purpose(s, r, d):
    act = d.act if r.ev == "intent" else ""
    purpose, signing = s.active.purpose if s.active else "", act.startswith("sign-")
    if signing and purpose != "sign" or "generate-key" in (act, r.ev.replace("keygen", "generate-key")) and purpose != "generate" or r.ev == "lock" and purpose != "lock":
        yield "while no token is active for it"
        return
    if not s.active:
        return
    if r.ev not in ALWAYS | ALLOWED[purpose] or act == "init-token" and purpose != "restore" or r.ev == "export" and d.kind != "backup":
        yield f"while the token is active to {purpose}"
    key = s.keys.get(d.key) if signing or r.ev == "lock" else None
    if key and key.token != s.active.token or r.ev == "keygen" and d.token != s.active.token:
        yield "of another token than the active one"
    if r.ev == "lock" and (d.extractable or not d.wrap_refused):
        yield "the key can still be wrapped"
