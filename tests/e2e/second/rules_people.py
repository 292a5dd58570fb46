"""The rules of ceremony/state/RULES.md about the log itself, what was decided, and who acts."""
import datetime
import re

from second import forms
from second.certificates import Profile
from second.foreign import sha256, verifies
from second.policy import Policy
from second.rules import absolute, rule
from second.state import is_sha, named_by, read, when

EARLY = ("clock", "selftest", "medium", "enrol", "deviation", "resume", "close")


def days(count):
    return datetime.timedelta(days=count)


# --- the log ----------------------------------------------------------------------------------------------------------------


@rule("LOG-1", failed=True, form=True)
def fields_are_the_events(_s, r, _d):
    yield from r.wrong


@rule("LOG-3", failed=True)
def time_goes_on(s, r, _d):
    if s.last and r.time < s.last:
        yield "the time goes back"
    if r.ok and r.ev == "activate" and s.law and not s.now.activations and s.now.gap and s.now.gap > days(s.law.toml["limits"]["longest_gap_days"]):
        yield "the token is activated after too long a gap"


@rule("LOG-4", failed=True, form=True)
def ceremonies_do_not_overlap(s, r, _d):
    if r.ev == "open":
        if s.now or r.c in s.ids or not r.ok:
            yield "opened within another, under an id used before, or without success"
    elif s.now is None or s.now.id != r.c:
        yield "outside its ceremony"


@rule("LOG-5", "open", "token")
def the_log_before_is_named(s, r, d):
    size = len(s.leaves)
    if r.ev == "open":
        if (d.previous_size, d.previous_root) != (size, forms.root(s.leaves).hex()) or (d.previous_checkpoint == "none") != (not s.has_checkpoint):
            yield "open does not continue the log before it"
        return
    own = d.checkpoint_size
    expected = "none" if own == 0 else forms.root(s.leaves[:own]).hex() if own <= size else None
    if d.checkpoint_root != expected:
        yield "the token's own checkpoint is not of this log"


@rule("LOG-7", "close")
def all_who_acted_sign(s, r, d):
    signers, absent = set(d.signers), set(d.absent)
    if (s.now.acted | set(r.who)) - signers - absent:
        yield "somebody acted, and neither signs nor is absent"
    if signers & absent:
        yield "somebody signs and is absent"
    if d.log_signature == "yes":
        if not s.active or s.active.purpose != "checkpoint":
            yield "the log key is to sign, and the token is not active for it"
        return
    if d.log_signature == "no-key-yet" and s.log_key:
        yield "there is a log key"
    roles = {role for p in signers if p in s.people for role in s.people[p].roles}
    all_roles = {role for p in s.people.values() for role in p.roles}
    if len(signers) < min(2, len(s.people)) or len(roles) < min(2, len(all_roles)):
        yield "without the log key two people of different roles sign"


@rule("LOG-8", failed=True)
def artifacts_are_there(s, r, _d):
    due = named_by(r) | (s.now.named if r.ok and r.ev == "close" else set())
    for digest in sorted(due):
        if not is_sha(s.artifact(digest), digest):
            yield f"the artifact {digest} is not there"


@rule("LOG-9", "intent", "result", "reconcile", "close")
def every_intent_has_its_end(s, r, d):
    if r.ev == "intent":
        if d.id in s.now.intents:
            yield "the intent's id was used before"
    elif r.ev == "close":
        for intent in s.now.intents.values():
            if not s.settled(intent):
                yield f"{intent.id} has no end"
            if intent.act.startswith("sign-") and set(intent.results.values()) - intent.recorded:
                yield f"what came of {intent.id} is not recorded"
    else:
        intent = s.now.intents.get(d.id)
        if not intent or d.tbs not in intent.lines or d.tbs in intent.ends:
            yield "of no intent of this ceremony, or of one that had its end already"


@rule("LOG-10", "open", "selftest")
def open_says_what_runs(_s, r, d):
    results = d.selftest if r.ev == "open" else d.results
    always, sometimes = "known-answers sha-256 random slip-0039 age p256 p384 clock memory".split(), "manifest tpm-random token-random".split()
    needed = always + ["manifest"] * (d.image != "none") if r.ev == "open" else []
    if any(results.get(test) != "ok" for test in needed) or any(results.get(test, "ok") != "ok" for test in always + sometimes):
        yield "a self-test is not named, or does not say ok"
    if r.ev == "open" and d.environment == "production" and "none" in (d.image, d.uki):
        yield "open names no image"


@rule("POL-4", "open")
def the_image_is_admitted(s, _r, d):
    policy = read(Policy, s.artifact(d.policy))
    if not policy or policy.environment == "rehearsal" and policy.images is None:
        return
    if any(image[:2] == (d.image, d.uki) for image in s.images):
        return
    images = policy.images or {"manifests": [], "ukis": []}
    for booted, admitted in ((d.image, images["manifests"]), (d.uki, images["ukis"])):
        if booted not in admitted and (booted != "none" or policy.environment == "rehearsal"):
            yield "policy does not admit the image"


@rule("POL-4", "image")
def an_image_is_governances_and_was_hashed_elsewhere(s, _r, d):
    if not s.approved("admit-image", d.act):
        yield "without governance's quorum"
    content = s.artifact(d.act)
    values = {name: value for name, value in (("pcr4", d.pcr4), ("pcr11", d.pcr11)) if forms.is_digest(value)}
    if content is not None and read(forms.act_of, content) != {"manifest": d.manifest, "medium-hash": d.uki, "uki": d.uki, "version": d.version, **values}:
        yield "another image than was approved"
    if s.law and len(values) != (2 if s.law.tpm is not None else 0):
        yield "what a TPM will say of it is not there, or nobody asked"
    approvers = s.now.approved.get(("admit-image", d.act), set())
    witnesses = {p for digest, who in s.now.hashed if digest == d.uki for p in who if p in s.people and {"witness", "auditor"} & set(s.people[p].roles)}
    if not witnesses - approvers:
        yield "nobody independent hashed it on another machine"


@rule("POL-5", "open")
def the_machine_says_what_is_expected(s, _r, d):
    policy = read(Policy, s.artifact(d.policy))
    expected = policy.tpm if policy else None
    if d.tpm == "none" and expected is not None:
        yield "no quote, and policy wants one"
    if (content := s.artifact(d.tpm)) is None:
        return
    if not (quote := read(forms.quote_of, content)):
        yield "the quote does not read"
        return
    if not verifies(quote.key, quote.attest, quote.signature):
        yield "the quote is not signed by its key"
    if d.previous_root == forms.root(s.leaves).hex() != quote.nonce.hex():
        yield "the quote is over another nonce than the last root"
    if quote.digest.hex() != sha256(b"".join(map(bytes.fromhex, quote.values.values()))):
        yield "the values are not those that were signed"
    if expected is not None:
        if sha256(quote.key) not in expected["keys"]:
            yield "the attestation key is not enrolled"
        values = quote.values
        admitted = (d.image, d.uki, values["pcr4"], values["pcr11"]) in s.images
        for name, value in values.items():
            if value not in expected[name] and not (admitted and name != "pcr7"):
                yield f"{name} is not what policy expects"


@rule("ENV-1", "open", "token", "init")
def one_world(s, r, d):
    if r.ev != "open":
        if s.law and not s.law.admits(d.model, d.token):
            yield "policy does not admit the token"
        return
    rehearsal = d.environment == "rehearsal"
    if (s.environment or d.environment, s.origin or d.origin) != (d.environment, d.origin) or d.origin.startswith("rehearsal.") != rehearsal:
        yield "another world than the log's, or than the origin's"
    if not re.fullmatch(r"(?!/)[!-*,-~]{1,200}(?<!/)", d.origin):
        yield "no origin"
    if not rehearsal and d.operator == "scripted":
        yield "a scripted operator in production"
    policy = read(Policy, s.artifact(d.policy))
    if policy and (policy.environment, policy.origin) != (d.environment, d.origin):
        yield "the policy is of another world"


# --- what was decided -------------------------------------------------------------------------------------------------------


def is_act(s, digest, pairs):
    """Whether the act names just these; one that is not there is LOG-8's."""
    content = s.artifact(digest)
    return content is None or read(forms.act_of, content) == pairs


@rule("POL-1")
def policy_was_adopted(s, r, d):
    if r.ev == "open":
        if s.policy_digest and (d.policy != s.policy_digest or not s.policy):
            yield "open names a policy that is not in force"
        if (content := s.artifact(d.policy)) is not None and read(Policy, content) is None:
            yield "the policy does not read"
        return
    if r.ev != "policy":
        if not s.policy_digest and r.ev not in (*EARLY, "evidence", "custody", "approve"):
            yield "before any policy is in force"
        return
    if not s.policy_digest and d.policy != s.now.policy:
        yield "not the policy that open names"
    if not s.approved("adopt-policy", d.act_policy) or not s.approved("adopt-procedure", d.act_procedures):
        yield "without governance's quorum"
    if not is_act(s, d.act_policy, {"policy": d.policy, **{f"profile.{k}": v for k, v in d.profiles.items()}}):
        yield "the policy that was approved is another"
    if not is_act(s, d.act_procedures, {f"procedure.{k}": v for k, v in d.procedures.items()}):
        yield "the procedures that were approved are others"
    for name, digest in d.profiles.items():
        content = s.artifact(digest)
        profile = read(Profile, content)
        if content is not None and (profile is None or profile.id != name):
            yield f"the profile {name} does not read, or calls itself otherwise"


@rule("POL-2", "open", "policy")
def procedure_is_admitted(s, r, d):
    if r.ev == "open":
        if s.policy_digest and s.procedures.get(d.kind) != d.procedure:
            yield "no such procedure is admitted"
        return
    if d.procedures.get(s.now.kind) != s.now.procedure:
        yield "the procedure of this very ceremony is not adopted"
    for name, digest in d.procedures.items():
        if s.law and (name not in s.law.procedures or s.law.procedures[name].get("sha256", digest) != digest):
            yield f"policy does not admit the procedure {name}"


# --- people -----------------------------------------------------------------------------------------------------------------


@rule("ROLE-1", failed=True)
def who_acts_is_enrolled(s, r, d):
    genesis = not s.policy_digest
    if r.ev == "open" and genesis:
        return
    if genesis and not s.people and r.ok and r.ev not in EARLY:
        yield "before anybody is enrolled"
    for person in r.who:
        if s.law and person not in s.law.people:
            yield f"policy does not know {person}"
        elif not (genesis and r.ev in EARLY) and person not in s.people:
            yield f"{person} is not enrolled"
    if r.ok and (field := {"approve": "person", "hand-in": "holder", "enrol": "person"}.get(r.ev)) and r.d[field] not in r.who:
        yield "the record is of somebody who does not act"
    if r.ok and r.ev == "enrol" and s.law and not set(s.law.people.get(d.person, ["?"])) <= set(d.roles):
        yield "enrolled without a role that policy gives, or unknown to policy"


@rule("ROLE-2", "enrol")
def roles_are_kept_apart(s, _r, d):
    if s.law and any(pair <= set(d.roles) for pair in s.law.exclusive):
        yield "two roles that exclude each other"
    if s.law and d.person in s.law.people and not set(d.roles) <= set(s.law.people[d.person]):
        yield "a role that policy does not give"


@rule("ROLE-3", "enrol", "approve", "hand-in", "intent")
def the_clock_was_confirmed(s, _r, _d):
    if not s.now.signed and len(s.now.clock) < 2:
        yield "the clock was not confirmed by two people"


@rule("ROLE-4", "close")
def sign_off_has_every_role(s, r, d):
    if d.outcome != "complete" or not s.law:
        return
    roles = {role for p in d.signers if p in s.people for role in s.people[p].roles}
    if not set(s.law.procedures.get(s.now.kind, {}).get("sign_off", [])) <= roles:
        yield "a role that policy demands does not sign"
    if made_a_root(s, r) and ("security-officer" not in roles or not roles & {"auditor", "witness"}):
        yield "a root ceremony without security officer, or without somebody independent"


def made_a_root(s, r):
    return any(k.ceremony == r.c and k.purpose == "ca" for k in s.keys.values())


@rule("ROLE-5", "open", "activate")
def two_compared_the_checkpoint(s, r, d):
    if r.ev == "open":
        if not set(d.compared) <= s.people.keys():
            yield "somebody compared the previous checkpoint and is not enrolled"
    elif not s.now.activations and s.has_checkpoint and len(s.now.compared) < 2:
        yield "fewer than two people compared the previous checkpoint"


def enrolment(s, d):
    return (f"ceremony-enrolment/v1\norigin: {s.now.origin}\nceremony: {s.now.id}\nopen: {s.now.leaf}\nperson: {d.person}\n"
            f"roles: {','.join(sorted(set(d.roles)))}\nkey: {d.key}\nage: {d.age}\nreplaces: {d.replaces}\n").encode()


@rule("ENROL-1", "enrol")
def the_new_key_signs(s, _r, d):
    spki, statement = forms.unbase64(d.spki), enrolment(s, d)
    if sha256(spki) != d.key or not verifies(spki, statement, forms.unbase64(d.sig)):
        yield "the enrolment is not signed by its key"
    if d.replaces != (s.people[d.person].key if d.person in s.people else "none"):
        yield "it does not replace the person's live key"
    if s.policy_digest and not s.approved("enrol", sha256(statement)):
        yield "governance did not approve it"


@rule("ENROL-2", "enrol")
def two_saw_the_document(s, _r, d):
    if len([p for p in d.seen_by if p != d.person and (not s.law or p in s.law.people)]) < 2:
        yield "fewer than two others saw the document"


@rule("CRED-1", "enrol")
def a_key_belongs_to_one(s, _r, d):
    if d.key in s.credentials:
        yield "the key was enrolled before"


# --- quorums ----------------------------------------------------------------------------------------------------------------


@rule("QUORUM-1", "approve", "intent", "issue", "crl", "keygen")
def members_approved(s, r, d):
    if r.ev == "approve" and s.law:
        if d.person in s.people and d.person not in s.law.quorum_of(d.act)["members"]:
            yield "no member of the quorum approves"
        if d.person in s.now.approved.get((d.act, d.sha256), ()):
            yield "the same member approves twice"
    if r.ev == "intent" and d.act != "init-token" and not s.approved(d.act, d.tbs):
        yield f"{d.act} without the quorum's approvals"
    if r.ev in ("issue", "crl"):
        intent = s.now.intents.get(d.intent)
        if not intent or not intent.act.startswith("sign-") or d.tbs not in intent.lines:
            yield "signed without an approved intent"
    if r.ev == "keygen":
        intent = next((i for i in s.now.intents.values() if i.act == "generate-key" and i.key == d.key and not s.settled(i)), None)
        if not intent:
            yield "generated without an approved intent"
        elif act := s.read(forms.act_of, intent.tbs):
            prefix = {"ca": "root", "log": "log"}[d.purpose]
            if [act.get(k) for k in (f"{prefix}.algorithm", f"{prefix}.id", f"{prefix}.label", "token")] != [d.alg, d.key, d.label, d.token]:
                yield "another key than was approved"


@rule("WITNESS-1", "intent")
def a_witness_saw_it(s, r, d):
    if not s.law or d.act not in s.law.witnessed:
        return
    approvers = s.now.approved.get((d.act, d.tbs), set())
    if not any(p in s.people and "witness" in s.people[p].roles and p not in approvers for p in r.who):
        yield f"{d.act} without a witness who did not approve it"


@rule("QUORUM-2", "approve")
def the_approval_is_signed(s, _r, d):
    person = s.people.get(d.person)
    if person and not verifies(person.spki, s.approval(d.act, d.sha256), forms.unbase64(d.sig)):
        yield "the approval's signature does not verify"


def short_of_shares(s, name, quorum, purpose, nth):
    share_set = s.sets.get(name)
    return not share_set or share_set.quorum != quorum or len(s.handed(purpose, nth, name)) < share_set.threshold


@rule("QUORUM-3", "hand-in", "activate", "restore", "export")
def shares_were_handed_in(s, r, d):
    if r.ev == "hand-in":
        yield from handed_in(s, d)
    if r.ev == "activate":
        nth = s.due("activate")
        if d.nth != nth or short_of_shares(s, d.set, "activation", "activate", d.nth) or set(d.holders) != s.handed("activate", d.nth, d.set):
            yield "activated without the shares of M members, or of others than are named"
    if r.ev == "restore" and short_of_shares(s, d.set, "recovery", "restore", s.due("restore")):
        yield "restored without the shares of M members"
    if r.ev == "export" and d.kind == "backup" and short_of_shares(s, r.d.get("set"), "recovery", "wrap", s.now.rounds.get("wrap", 0)):
        yield "wrapped without the shares of M members"


def handed_in(s, d):
    share, due = s.share(d), s.due(d.purpose)
    if share and (share.holder, share.commitment) != (d.holder, d.commitment):
        yield "not the share that was committed to"
    given_up = d.purpose != "read-back" and d.nth == due + 1 and (d.purpose, due) in s.now.handed
    if d.nth != due and not given_up:
        yield "of another round than is due"
    if d.holder in s.handed(d.purpose, d.nth, d.set):
        yield "handed in twice"
    line = f"{d.commitment} {d.purpose} {d.nth}\n".encode()
    person = s.people.get(d.holder)
    if person and not verifies(person.spki, s.approval("hand-in-share", sha256(line)), forms.unbase64(d.sig)):
        yield "the hand-in is not signed by its holder"


@rule("QUORUM-4", "share")
def the_set_is_policys(s, r, d):
    if not s.law:
        return
    quorum, others = s.law.quorums[d.quorum], s.sets.get(d.set)
    if not 2 <= d.threshold <= d.count <= 16 or not 1 <= d.index <= d.count or (d.threshold, d.count) != (quorum["m"], len(quorum["members"])):
        yield "another M of N than policy's"
    if d.holder not in quorum["members"]:
        yield "the holder is no member"
    if others and ((others.quorum, others.threshold, others.count, others.ceremony) != (d.quorum, d.threshold, d.count, r.c)
                   or next(iter(others.shares.values())).kcv != d.kcv):
        yield "it does not fit the others of its set"


# --- shares -----------------------------------------------------------------------------------------------------------------


@rule("SHARE-1", "hand-in", "share")
def commitments_come_first(s, r, d):
    share_set = s.sets.get(d.set)
    if r.ev == "hand-in" and (not s.share(d) or len(share_set.shares) != share_set.count):
        yield "handed in without all commitments before"
    if r.ev == "share" and share_set and any(share.read_back for share in share_set.shares.values()):
        yield "committed to after another was read back"


@rule("SHARE-2", "activate", "restore", "export")
def every_share_was_read_back(s, r, d):
    share_set = s.sets.get(r.d.get("set"))
    if share_set and (r.ev != "export" or d.kind == "backup") and not all(share.read_back for share in share_set.shares.values()):
        yield "a share was never read back"


@rule("SHARE-3", "hand-in", "void", "destroy")
def void_is_void(s, r, d):
    if r.ev == "hand-in" and (share := s.share(d)) and share.void:
        yield "the share is void"
    left = [(key.id, backup) for key in s.keys.values() for backup in key.backups if backup.set == r.d.get("set") and not backup.destroyed]
    if r.ev == "void" and d.scope == "share":
        share_set = s.sets.get(d.set)
        share = share_set and share_set.shares.get(r.d.get("index"))
        if not share or share.holder != r.d.get("holder"):
            yield "there is no such share"
    if r.ev == "void" and d.scope == "set" and (d.set not in s.sets or left):
        yield "there is no such set, or it opens a backup that is not destroyed"
    if r.ev == "destroy" and d.what == "backup":
        media = {f"medium {medium}" for key_id, backup in left if key_id == d.key for medium in backup.media}
        if not media or d.where != sorted(media) or len(r.who) < 2:
            yield "no backup, not all of its media, or fewer than two people"


@rule("SHARE-4", "share")
def one_member_one_share(s, _r, d):
    others = s.sets[d.set].shares if d.set in s.sets else {}
    if d.index in others or any(o.holder == d.holder or o.commitment == d.commitment for o in others.values()):
        yield "a second share of the set"


# --- exports, evidence, waivers, deviations ---------------------------------------------------------------------------------


@rule("EXPORT-1", "export")
def what_left_was_read_back(s, _r, d):
    if not d.read_back or not d.media or d.kind != "backup" and not set(d.media) <= s.now.media.keys():
        yield "not read back, or on no medium of the log"


@rule("EXPORT-2", "share")
def a_secret_leaves_to_its_holder(s, _r, d):
    if d.form != ("age-identity" if d.quorum == "activation" else s.law.recovery_form if s.law else d.form):
        yield "in another form"
    if d.form == "words-shown":
        if (d.file, d.medium) != ("none", "none"):
            yield "as words and as a file"
    elif d.file == "none" or s.now.media.get(d.medium) in (None, "ledger", "backup"):
        yield "in no file, or on no share medium"


@rule("EVID-1", "close")
def a_genesis_has_evidence(s, r, d):
    if d.outcome == "complete" and made_a_root(s, r):
        for kinds in ({"video", "auditor"}, {"access-log"}, {"module-certificate"}):
            if not kinds & s.now.evidence:
                yield f"no {' or '.join(sorted(kinds))}"


@rule("EVID-2", "custody")
def a_seal_is_the_one_last_closed(s, _r, d):
    act, seal = s.seals.get(d.item, ("", ""))
    if d.act == "sealed" and d.seal == "none" or d.act == "opened" and act and (act, seal) != ("sealed", d.seal):
        yield "sealed without a number, or opened with another than the last, or opened twice"


@rule("WAIVER-1", "waiver")
def a_waiver_is_governances(s, r, d):
    if absolute().get(d.rule, True) or s.law and d.rule not in s.law.waivable:
        yield "no rule that can be waived"
    if when(d.until) < r.time:
        yield "it ended before it began"
    if not s.approved("waive", d.act):
        yield "without governance's quorum"
    content = s.artifact(d.act)
    act = read(forms.act_of, content)
    if content is not None and (act is None or (act.get("rule"), act.get("reason"), act.get("end")) != (d.rule, d.why, d.until) or "event" not in act):
        yield "another waiver than was approved"


@rule("DEV-1", "deviation", "signoff", "close")
def deviations_were_confirmed(s, r, d):
    if r.ev == "deviation" and d.source == "person" and not r.who:
        yield "nobody saw it"
    if r.ev == "signoff" and d.deviations != s.now.deviations:
        yield "another number of deviations than the log has"
    if r.ev == "close" and d.outcome == "complete" and not s.now.signoffs:
        yield "complete without sign-off"
