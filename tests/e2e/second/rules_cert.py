"""The rules of ceremony/state/RULES.md about what is signed: over the TBS at its intent, over what exists at `issue` and `crl`."""
import datetime
from types import SimpleNamespace

from second import certificates, der, forms
from second.certificates import IDENTIFIERS, Request, WeakKey, name_text, signed_by, signs
from second.foreign import Bad, sha256
from second.rules import rule
from second.rules_people import days
from second.state import read

SECOND = datetime.timedelta(seconds=1)


def year_days(years):
    """365.25 days each, rounded up."""
    return days((years * 1461 + 3) // 4)


# --- what an intent covers --------------------------------------------------------------------------------------------------


def planned(s, r):
    """[(tbs, issuer, profile, is the root)] that an intent to sign certificates covers, as far as they read."""
    out = []
    for digest in digests(s, r):
        tbs = read(certificates.tbs_of, s.artifact(digest))
        if tbs is None:
            continue
        issuer = s.keys.get(r.d["key"])
        is_root = issuer is not None and tbs.key.sha256 == issuer.spki_sha256
        if is_root and s.law:
            name = s.law.root["profile"]
        else:
            name = next((i.profile for i in reversed(s.now.imports) if i.spki_sha256 == tbs.key.sha256), None)
        out.append(SimpleNamespace(tbs=tbs, issuer=issuer, name=name, profile=s.profiles.get(name), is_root=is_root, above=None if is_root or not issuer else s.own_tbs(issuer.id)))
    return out


def digests(s, r):
    if r.ev != "intent" or r.d["act"] not in ("sign-certificate", "sign-batch"):
        return []
    if r.d["act"] == "sign-certificate":
        return [r.d["tbs"]]
    return [line[0] for line in s.read(forms.batch_of, r.d["tbs"]) or []]


def planned_crl(s, r):
    """(TBS, issuer, profile of the issuer's certificate, that certificate) of an intent to sign a CRL; None if it is none or does not read."""
    if r.ev != "intent" or r.d["act"] != "sign-crl":
        return None
    tbs, issuer = s.read(certificates.tbs_crl_of, r.d["tbs"]), s.keys.get(r.d["key"])
    if tbs is None:
        return None
    own = s.own(issuer.id) if issuer else None
    return SimpleNamespace(tbs=tbs, issuer=issuer, profile=own and s.profiles.get(own.profile), above=issuer and s.own_tbs(issuer.id))


# --- before signing ---------------------------------------------------------------------------------------------------------


@rule("ENV-2", "intent")
def rehearsals_say_so(s, r, _d):
    for p in planned(s, r):
        if ("REHEARSAL" in dict(p.tbs.subject).get("O", "")) != (s.now.environment == "rehearsal"):
            yield "the organisation name is of another world"


@rule("POL-3", "intent", "keygen")
def within_policy(s, r, d):
    if not s.law:
        return
    if r.ev == "keygen" and d.alg != (s.law.root["algorithm"] if d.purpose == "ca" else s.law.toml["log"]["algorithm"]):
        yield "another algorithm than policy's"
    if r.ev == "intent" and d.act == "sign-batch" and len(digests(s, r)) > s.law.issuing["batch_max"]:
        yield "too many in one batch"
    for p in planned(s, r):
        if p.is_root:
            if p.tbs.subject != s.law.root_subject:
                yield "another subject than policy's root"
        elif p.name and (p.name not in s.law.issuing["profiles"] or p.tbs.key.algorithm not in s.law.issuing["algorithms"]):
            yield "a profile or a key that policy does not admit"


@rule("CERT-3", "intent")
def it_is_what_its_profile_says(s, r, _d):
    for digest in digests(s, r):
        try:
            if (content := s.artifact(digest)) is not None:
                certificates.tbs_of(content)
        except WeakKey:
            pass  # CERT-6
        except Bad as bad:
            yield f"it does not read: {bad}"
    for p in planned(s, r):
        if p.profile is None:
            yield "no profile of the log says what it has to be"
        elif p.is_root or p.above:
            yield from against_profile(p, s.now.environment == "rehearsal")
    if r.d["act"] == "sign-crl":
        yield from crl_against_profile(s, r)


def against_profile(p, rehearsal):
    tbs, profile, above = p.tbs, p.profile, p.above or p.tbs
    if (profile.kind == "root") != (tbs.subject_der == tbs.issuer_der) or tbs.issuer_der != above.subject_der:
        yield "another issuer than it has to have"
    if p.above and not above.may(0x04):
        yield "the issuer may not sign certificates"
    if p.above and above.path_length is not None and (tbs.path_length is None or tbs.path_length >= above.path_length):
        yield "its path length is not below its issuer's"
    if tbs.key.algorithm not in profile.algorithms or tbs.scheme not in profile.schemes or not signs(above.key.algorithm, tbs.scheme):
        yield "a key or a signature that the profile does not allow"
    if tbs.not_after.year > 3099:
        yield "it ends after 3099"
    if not profile.subject_fits(tbs.subject, rehearsal):
        yield "its subject is not one of the profile"
    vendor = dict(above.subject).get("VID")
    if profile.matter and p.above and vendor and dict(tbs.subject).get("VID") != vendor:
        yield "another vendor id than its issuer's"
    if tbs.tbs != tbs.as_built(profile):
        yield "its bytes are not those that the profile makes"
    if profile.max_bytes:
        longest = {"p256": 72, "p384": 104}.get(above.key.algorithm) or int(above.key.algorithm[3:]) // 8
        whole = der.wrap(der.SEQUENCE, tbs.tbs, IDENTIFIERS[tbs.scheme], der.wrap(der.BITS, bytes(longest + 1)))
        if len(whole) > profile.max_bytes:
            yield "it is too large"


def crl_against_profile(s, r):
    p = planned_crl(s, r)
    if p is None:
        if s.artifact(r.d["tbs"]) is not None:
            yield "it does not read"
        return
    if not p.profile or not p.above:
        return
    if p.tbs.issuer_der != p.above.subject_der or p.tbs.akid != p.above.skid or not p.above.may(0x02):
        yield "not of this CA, or the CA may not sign CRLs"
    if p.tbs.scheme not in p.profile.schemes or not signs(p.above.key.algorithm, p.tbs.scheme):
        yield "a signature that the profile does not allow"
    if len({serial for serial, _, _ in p.tbs.entries}) != len(p.tbs.entries):
        yield "a serial is listed twice"
    if p.tbs.number is not None and p.tbs.next_update and p.tbs.tbs != p.tbs.as_built(p.profile.only_ca):
        yield "its bytes are not those that the page says"


@rule("CERT-4", "intent")
def its_validity_is_within(s, r, _d):
    for p in planned(s, r):
        begin, end = p.tbs.not_before, p.tbs.not_after
        if end <= begin:
            yield "it ends before it begins"
        if s.law and end - begin > year_days(s.law.root["years"] if p.is_root else s.law.issuing["years_max"]):
            yield "it is valid for longer than policy says"
        if p.above and (begin < p.above.not_before or end > p.above.not_after):
            yield "it is valid outside of its issuer's validity"
        if p.profile and (p.is_root or p.above):
            if end - begin + SECOND > days(p.profile.days):
                yield "it is valid for longer than its profile says"
            if not r.time - days(1) <= begin <= r.time:
                yield "it does not begin within the day before it is signed"


@rule("CERT-5", "intent")
def its_serial_is_new(s, r, _d):
    before = set()
    for p in planned(s, r):
        serial = p.tbs.serial.hex()
        if len(p.tbs.serial) < 8 or p.profile and (p.is_root or p.above) and (len(p.tbs.serial) != 17 or p.tbs.serial[0] != 1):
            yield "the serial is not 01 and 16 random bytes"
        if p.issuer:
            used = {c.serial for c in s.certificates if c.issuer == p.issuer.id} | s.maybe.get(p.issuer.id, set()) | s.found.get(p.issuer.id, set()) | before
            if serial in used:
                yield "the serial was used before"
            before.add(serial)


def taken(s, r, spki_sha256, subject, own=None):
    """Whether the key is the log's, or another live subject's."""
    return (any(k.spki_sha256 == spki_sha256 and k is not own for k in s.keys.values())
            or any(c.spki_sha256 == spki_sha256 and c.subject != subject and not c.revoked and c.not_after >= r.time for c in s.certificates))


@rule("CERT-6", "intent", "import")
def its_key_is_strong_and_its_own(s, r, d):
    if r.ev == "import":
        if taken(s, r, d.spki_sha256, d.subject):
            yield "the key is another's"
        return
    for digest in digests(s, r):
        try:
            if (content := s.artifact(digest)) is not None:
                certificates.tbs_of(content)
        except WeakKey as weak:
            yield str(weak)
        except Bad:
            pass  # CERT-3
    subjects = {}
    for p in planned(s, r):
        subject = name_text(p.tbs.subject)
        if taken(s, r, p.tbs.key.sha256, subject, p.issuer if p.is_root else None) or subjects.setdefault(p.tbs.key.sha256, subject) != subject:
            yield "the key is another's"


@rule("CERT-8", "intent")
def its_key_ids(s, r, _d):
    for p in planned(s, r):
        if p.tbs.skid != p.tbs.key.skid:
            yield "the SKID is not method 1"
        if p.issuer and p.tbs.akid != certificates.Key(p.issuer.spki).skid:
            yield "the AKID is not its issuer's SKID"


@rule("CRL-1", "intent")
def its_number_goes_up(s, r, _d):
    p = planned_crl(s, r)
    if p and p.issuer:
        last = s.crls.get(p.issuer.id)
        if not p.tbs.number or last and p.tbs.number <= last.number:
            yield "the number is not above the one before"
        if abs(p.tbs.this_update - r.time) > days(1):
            yield "thisUpdate is not within a day"


@rule("CRL-2", "intent")
def what_is_revoked_is_in_it(s, r, _d):
    p = planned_crl(s, r)
    if not p or not p.issuer:
        return
    key, last = p.issuer.id, s.crls.get(p.issuer.id)
    carried = last.entries if last else set()
    due = carried | {c.serial for c in s.certificates if c.issuer == key and c.revoked} | s.maybe.get(key, set())
    for serial in due - {e[0].hex() for e in p.tbs.entries}:
        one = next((c for c in reversed(s.certificates) if (c.issuer, c.serial) == (key, serial)), None)
        profile = one and s.profiles.get(one.profile)
        signs_code = profile and "1.3.6.1.5.5.7.3.3" in profile.purposes
        if serial not in carried or not one or one.not_after >= last.this_update or signs_code:
            yield f"the revoked {serial} is not in it"


@rule("CRL-3", "intent")
def it_lists_only_its_own(s, r, _d):
    p = planned_crl(s, r)
    if p and p.issuer:
        key = p.issuer.id
        known = {c.serial for c in s.certificates if c.issuer == key} | s.found.get(key, set()) | s.maybe.get(key, set())
        if {e[0].hex() for e in p.tbs.entries} - known:
            yield "it lists what this CA did not issue on this log"


@rule("CRL-4", "intent")
def its_next_update(s, r, _d):
    if p := planned_crl(s, r):
        limit = min(s.law.toml["crl"]["next_update_days"] if s.law else 365, p.profile.crl_days if p.profile else 365)
        if not p.tbs.next_update or not p.tbs.this_update < p.tbs.next_update <= p.tbs.this_update + days(limit):
            yield "nextUpdate is too late, or before thisUpdate"
        if p.profile and p.above and not p.above.not_before <= p.tbs.this_update <= p.above.not_after:
            yield "thisUpdate lies outside of the CA's validity"


@rule("CRL-5", "intent")
def its_entries(s, r, _d):
    if p := planned_crl(s, r):
        for _, date, reason in p.tbs.entries:
            if reason is None or date > p.tbs.this_update or p.profile and p.above and reason in (0, 6, 8):
                yield "an entry without a reason, or with one that is not used, or of later"


# --- after signing ----------------------------------------------------------------------------------------------------------


def text_of(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else "none"


def seen_and_said(s, r):
    """What the bytes of a certificate or CRL say, field by field of its record; None if they do not read."""
    if r.ev == "issue":
        made = s.read(certificates.certificate, r.d["certificate"])
        tbs = made and made[0]
        return made and {"serial": tbs.serial.hex(), "subject": name_text(tbs.subject), "spki_sha256": tbs.key.sha256, "skid": tbs.skid.hex(),
                         "not_before": text_of(tbs.not_before), "not_after": text_of(tbs.not_after)}, tbs
    made = s.read(certificates.crl, r.d["crl"])
    tbs = made and made[0]
    return made and {"number": tbs.number or 0, "this_update": text_of(tbs.this_update), "next_update": text_of(tbs.next_update), "entries": len(tbs.entries)}, tbs


@rule("CERT-1", "intent", "issue", "crl")
def signed_is_what_was_approved(s, r, d):
    if r.ev == "intent":
        if d.act == "sign-batch" and s.artifact(d.tbs) is not None and not digests(s, r):
            yield "the batch does not read"
        return
    intent, what = s.now.intents.get(d.intent), "certificate" if r.ev == "issue" else "crl"
    if not intent or d.tbs not in intent.lines:
        return  # QUORUM-1
    if intent.results.get(d.tbs) != r.d[what]:
        yield "the result is another"
    if s.artifact(r.d[what]) is None:
        return  # LOG-8
    fields, tbs = seen_and_said(s, r)
    if not fields:
        yield "it does not read"
        return
    wrong = [k for k, v in fields.items() if r.d[k] != v]
    if wrong or sha256(tbs.tbs) != d.tbs or intent.key != d.issuer:
        yield f"the record says otherwise than the bytes: {wrong or 'tbs or issuer'}"
    if intent.act == "sign-batch" and r.ev == "issue" and (d.tbs, fields["serial"], fields["subject"]) not in (s.read(forms.batch_of, intent.tbs) or []):
        yield "the batch's line was another"


@rule("CERT-2", "result", "issue", "crl")
def the_signature_verifies(s, r, d):
    if r.ev == "result":
        intent = s.now.intents.get(d.id)
        if intent and intent.act.startswith("sign-") and not {"botan", "openssl"} <= set(d.verified):
            yield "not verified by two libraries"
        return
    issuer = s.keys.get(d.issuer)
    made = s.read(certificates.certificate, d.certificate) if r.ev == "issue" else s.read(certificates.crl, d.crl)
    if issuer and made and not signed_by(issuer.spki, *made):
        yield "the signature does not verify under the issuer's key"


@rule("CERT-3", "issue")
def the_profile_is_the_one_taken_in(s, _r, d):
    issuer = s.keys.get(d.issuer)
    if issuer and issuer.spki_sha256 == d.spki_sha256:
        if s.law and d.profile != s.law.root["profile"]:
            yield "another profile than policy's root"
    elif issuer and any(i.spki_sha256 == d.spki_sha256 and i.profile != d.profile for i in s.now.imports):
        yield "another profile than was taken in"


@rule("CERT-7", "intent")
def the_request_was_for_that_subject(s, r, _d):
    for p in planned(s, r):
        asked = [i.subject for i in s.now.imports if i.spki_sha256 == p.tbs.key.sha256]
        if not p.is_root and asked and name_text(p.tbs.subject) not in asked:
            yield "the request for this key is for another subject"


@rule("CERT-7", "import", "issue")
def possession_was_shown(s, r, d):
    if r.ev == "issue":
        issuer = s.keys.get(d.issuer)
        if d.csr == "none":
            if not issuer or issuer.spki_sha256 != d.spki_sha256:
                yield "nothing shows who has its private key"
        elif not any((i.csr, i.spki_sha256, i.subject) == (d.csr, d.spki_sha256, d.subject) for i in s.now.imports):
            yield "no such request was taken in"
        return
    profile, content = s.profiles.get(d.profile), s.artifact(d.csr)
    if profile is None:
        yield "the profile is not on the log"
    elif content is not None:
        request = read(Request, content)
        subject = request and profile.subject_from(request.name, s.now.environment == "rehearsal")
        if (not request or request.key.algorithm not in profile.algorithms or not profile.subject_fits(subject, s.now.environment == "rehearsal")
                or (request.key.sha256, name_text(subject)) != (d.spki_sha256, d.subject)):
            yield "the request does not stand, or is for another key or subject"


