"""Certificates, CRLs and requests by ceremony/pki/PROFILE.md: taken apart, and written again as the page says they are."""
import functools
import hashlib
import math
import re
import tomllib

from second import der
from second.foreign import Bad, openssl, pem, sha256, verifies

NAMES = {"CN": ("2.5.4.3", 64), "O": ("2.5.4.10", 64), "OU": ("2.5.4.11", 64), "C": ("2.5.4.6", 2), "ST": ("2.5.4.8", 128), "L": ("2.5.4.7", 128),
         "serialNumber": ("2.5.4.5", 64), "VID": ("1.3.6.1.4.1.37244.2.1", 4), "PID": ("1.3.6.1.4.1.37244.2.2", 4)}
TYPES = {o: t for t, (o, _) in NAMES.items()}
PRINTABLE = ("C", "serialNumber")
UNSEEN = re.compile("[\0-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\U000e0000-\U0010ffff]")
USAGES = ["digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign"]
PURPOSES = {"serverAuth": "1.3.6.1.5.5.7.3.1", "clientAuth": "1.3.6.1.5.5.7.3.2", "codeSigning": "1.3.6.1.5.5.7.3.3", "emailProtection": "1.3.6.1.5.5.7.3.4",
            "timeStamping": "1.3.6.1.5.5.7.3.8", "OCSPSigning": "1.3.6.1.5.5.7.3.9", "anyExtendedKeyUsage": "2.5.29.37.0"}
RSA, EC = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
CURVES = {"1.2.840.10045.3.1.7": ("p256", 65), "1.3.132.0.34": ("p384", 97)}
BC, KU, EKU, CP, SKID, AKID, CDP = "2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.32", "2.5.29.14", "2.5.29.35", "2.5.29.31"
CRL_NUMBER, IDP, REASON = "2.5.29.20", "2.5.29.28", "2.5.29.21"


# --- algorithms -------------------------------------------------------------------------------------------------------------


def algorithms():
    """AlgorithmIdentifier → name of the scheme (RFC 5758, RFC 4055)."""
    out = {}
    for bits, ecdsa, pkcs1, digest in ((256, 2, 11, 1), (384, 3, 12, 2), (512, 4, 13, 3)):
        name = f"sha{bits}"
        out[der.wrap(der.SEQUENCE, der.oid(f"1.2.840.10045.4.3.{ecdsa}"))] = f"ecdsa-{name}"
        out[der.wrap(der.SEQUENCE, der.oid(f"1.2.840.113549.1.1.{pkcs1}"), der.wrap(der.NULL))] = f"rsa-pkcs1-{name}"
        hashed = der.wrap(der.SEQUENCE, der.oid(f"2.16.840.1.101.3.4.2.{digest}"), der.wrap(der.NULL))
        masked = der.wrap(der.SEQUENCE, der.oid("1.2.840.113549.1.1.8"), hashed)
        pss = der.wrap(der.SEQUENCE, der.wrap(0xA0, hashed), der.wrap(0xA1, masked), der.wrap(0xA2, der.number(bits // 8)))
        out[der.wrap(der.SEQUENCE, der.oid("1.2.840.113549.1.1.10"), pss)] = f"rsa-pss-{name}"
    return out


SCHEMES = algorithms()
IDENTIFIERS = {name: identifier for identifier, name in SCHEMES.items()}


def scheme_in(reader):
    if (scheme := SCHEMES.get(reader.next(der.SEQUENCE)[2])) is None:
        raise Bad("a signature's algorithm that is not ours")
    return scheme


def signs(key_algorithm, scheme):
    return key_algorithm.startswith("rsa") == scheme.startswith("rsa")


# --- keys -------------------------------------------------------------------------------------------------------------------


class WeakKey(Bad):
    """A key that reads, and should not be used; or that is no key of ours."""


@functools.cache
class Key:
    """A SubjectPublicKeyInfo: algorithm, key id by method 1. Raises WeakKey for what CERT-6 says."""

    def __init__(self, spki):
        self.spki, self.sha256 = spki, sha256(spki)
        try:
            outer = der.Reader(der.one(spki))
            algorithm = outer.enter()
            kind = algorithm.oid()
            if kind == RSA:
                algorithm.next(der.NULL)
            elif kind == EC:
                curve = algorithm.oid()
            else:
                raise WeakKey(f"a key of kind {kind}")
            algorithm.end()
            bits = outer.bits()
            outer.end()
            self.skid = hashlib.sha1(bits).digest()
            if kind == EC:
                self.algorithm, size = CURVES[curve]
                if len(bits) != size or bits[0] != 4 or not openssl("pkey -pubin -pubcheck -noout -in {key}", key=pem("PUBLIC KEY", spki)):
                    raise WeakKey("no uncompressed point on the curve")
            else:
                rsa = der.Reader(der.one(bits))
                n, e = (int.from_bytes(rsa.integer(), "big", signed=True) for _ in range(2))
                rsa.end()
                self.algorithm = f"rsa{n.bit_length()}"
                check_rsa(n, e)
        except (KeyError, Bad) as error:
            raise WeakKey(str(error)) from error


def check_rsa(n, e):
    size = n.bit_length()
    if n < 0 or not 3072 <= size <= 8192 or size % 8 or e < 65537 or e % 2 == 0 or e.bit_length() > 256:
        raise WeakKey(f"RSA of {size} bits with exponent {e}")
    primes = [p for p in range(2, 752) if all(p % q for q in range(2, math.isqrt(p) + 1))]
    if any(n % p == 0 for p in primes):
        raise WeakKey("a small factor")
    if all(n % p in {pow(65537, k, p) for k in range(p)} for p in primes if 2 < p <= 167):
        raise WeakKey("the fingerprint of ROCA")
    a = math.isqrt(n - 1) + 1
    if any(math.isqrt(rest := (a + k) ** 2 - n) ** 2 == rest for k in range(100)):
        raise WeakKey("two close primes")


# --- names ------------------------------------------------------------------------------------------------------------------


def wrong_value(kind, value):
    """Whether a name cannot hold this."""
    if kind not in NAMES or not value or UNSEEN.search(value) or value != value.strip(" ") or len(value) > NAMES[kind][1]:
        return True
    if kind in PRINTABLE and not re.fullmatch(r"[A-Za-z0-9 '()+,./:=?-]+", value):
        return True
    return kind == "C" and not re.fullmatch("[A-Z]{2}", value) or kind in ("VID", "PID") and not re.fullmatch("[0-9A-F]{4}", value)


def read_name(whole, lenient=False):
    """[(type, value)]. A request's name is read leniently: what we have no use for is left out."""
    out, rdns = [], der.Reader(der.one(whole))
    while rdns.rest:
        rdn, found = rdns.enter(der.SET), []
        while rdn.rest:
            pair = rdn.enter()
            kind, (tag, content, _) = TYPES.get(pair.oid()), pair.next()
            pair.end()
            found.append((kind, tag, content))
        for kind, tag, content in found:
            value = content.decode("utf-8", "replace") if tag in (der.UTF8, der.PRINTABLE, 22) else ""
            good = len(found) == 1 and not wrong_value(kind, value) and "\ufffd" not in value
            if not good and not lenient:
                raise Bad(f"a name that certificates of ours cannot have: {value!r}")
            if good and not (lenient and kind in dict(out)):
                out.append((kind, value))
    return out


def write_name(name):
    return der.wrap(der.SEQUENCE, *[der.wrap(der.SET, der.wrap(der.SEQUENCE, der.oid(NAMES[k][0]), der.wrap(der.PRINTABLE if k in PRINTABLE else der.UTF8, v.encode())))
                                    for k, v in name])


def name_text(name):
    """As records spell it."""
    parts = []
    for kind, value in name:
        text = re.sub(r'[,+"\\<>;=]', lambda m: "\\" + m[0], value)
        parts.append(f"{kind}=" + ("\\" + text if text.startswith("#") else text))
    return ", ".join(parts)


def name_from(text):
    """A name as people write it in a policy."""
    out = []
    for part in re.findall(r"(?:[^,\\]|\\.)+", text):
        kind, equals, value = part.strip(" ").partition("=")
        value = re.sub(r"((?:\\[0-9a-fA-F]{2})+)|\\(.)", lambda m: bytes.fromhex(m[1].replace("\\", "")).decode() if m[1] else m[2], value.strip(" "))
        if not equals or wrong_value(kind, value):
            raise Bad(f"no name: {text}")
        out.append((kind, value))
    return out


# --- profiles ---------------------------------------------------------------------------------------------------------------


class Profile:
    def __init__(self, content):
        try:
            toml = tomllib.loads(content.decode())
            if toml["format"] != "ceremony-profile/v1":
                raise Bad("no profile")
            self.id, self.kind = toml["id"], toml["kind"]
            self.max_bytes, self.matter = toml.get("max_bytes", 0), toml.get("matter", False)
            self.algorithms, self.schemes = toml["key"]["algorithms"], toml["signature"]["schemes"]
            validity, self.subject, extensions = toml["validity"], toml["subject"], toml["extensions"]
            self.days = validity["max_days"] if "max_days" in validity else math.ceil(validity["max_years"] * 365.25)
            self.path_length, self.usage = extensions.get("path_length"), extensions["key_usage"]
            self.purposes = [PURPOSES.get(p, p) for p in extensions.get("extended_key_usage", [])]
            self.policies, self.points = extensions.get("policies", []), extensions.get("crl_distribution_points", [])
            self.crl_days, self.only_ca = toml["crl"]["max_days"], toml["crl"].get("only_contains_ca_certs", False)
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise Bad(f"no profile: {error}") from error
        if self.kind not in ("root", "issuing") or self.kind == "root" and (self.purposes or self.policies or self.points):
            raise Bad("no profile of a root or an issuing CA")

    def subject_fits(self, name, rehearsal):
        fixed = self.subject.get("fixed", {})
        seen = dict(name)
        if rehearsal and seen.get("O", "").startswith("REHEARSAL "):
            seen["O"] = seen["O"].removeprefix("REHEARSAL ")
        return (len(seen) == len(name) and seen.keys() <= set(self.subject["allowed"]) and set(self.subject["required"]) <= seen.keys()
                and all(seen.get(k) == v for k, v in fixed.items()))

    def subject_from(self, requested, rehearsal):
        """The subject that a request gets."""
        fixed, wishes = self.subject.get("fixed", {}), dict(requested)
        subject = [(k, fixed[k]) if k in fixed else (k, wishes[k]) for k in self.subject["allowed"] if k in fixed or k in wishes and k in self.subject["from_csr"]]
        if not rehearsal:
            return subject
        marked = [(k, f"REHEARSAL {v}" if k == "O" and "REHEARSAL" not in v else v) for k, v in subject]
        return marked if "O" in dict(marked) else [*marked, ("O", "REHEARSAL")]

    def extensions(self, key_id, issuer_key_id):
        def extension(kind, critical, value):
            return der.wrap(der.SEQUENCE, der.oid(kind), der.wrap(der.TRUE, b"\xff") if critical else b"", der.wrap(der.OCTETS, value))
        bits = sum(0x80 >> USAGES.index(u) for u in self.usage)
        unused = (bits & -bits).bit_length() - 1
        out = [extension(BC, True, der.wrap(der.SEQUENCE, der.wrap(der.TRUE, b"\xff"), b"" if self.path_length is None else der.number(self.path_length))),
               extension(KU, True, der.wrap(der.BITS, bytes([unused, bits])))]
        if self.purposes:
            out.append(extension(EKU, False, der.wrap(der.SEQUENCE, *map(der.oid, self.purposes))))
        if self.policies:
            out.append(extension(CP, False, der.wrap(der.SEQUENCE, *[der.wrap(der.SEQUENCE, der.oid(p)) for p in self.policies])))
        out += [extension(SKID, False, der.wrap(der.OCTETS, key_id)), extension(AKID, False, der.wrap(der.SEQUENCE, der.wrap(0x80, issuer_key_id)))]
        if self.points:
            out.append(extension(CDP, False, der.wrap(der.SEQUENCE, *[der.wrap(der.SEQUENCE, der.wrap(0xA0, der.wrap(0xA0, der.wrap(0x86, p.encode())))) for p in self.points])))
        return der.wrap(der.SEQUENCE, *out)


# --- certificates -----------------------------------------------------------------------------------------------------------


def split_signed(content):
    """(TBS, scheme, signature) of a certificate, CRL or request; the scheme outside is compared with the one inside by whoever reads the TBS."""
    reader = der.Reader(der.one(content))
    tbs, scheme, signature = reader.next(der.SEQUENCE)[2], scheme_in(reader), reader.bits()
    reader.end()
    return tbs, scheme, signature


def read_extensions(reader):
    """{oid: value} of a list of extensions, none twice."""
    out = {}
    while reader.rest:
        one = reader.enter()
        kind = one.oid()
        if one.has(der.TRUE):
            one.next()
        if kind in out:
            raise Bad(f"{kind} twice")
        out[kind] = one.next(der.OCTETS)[1]
        one.end()
    return out


def akid_in(extensions):
    return der.Reader(der.one(extensions[AKID])).next(0x80)[1] if AKID in extensions else b""


class Tbs:
    """A TBSCertificate."""

    def __init__(self, tbs):
        self.tbs = tbs
        body = der.Reader(der.one(tbs))
        if der.one(body.next(0xA0)[1], der.INTEGER) != b"\2":
            raise Bad("not version 3")
        self.serial = body.integer()
        if self.serial[0] >= 0x80 or not any(self.serial) or len(self.serial) > 20:
            raise Bad("the serial is not positive, or longer than 20 octets")
        self.scheme, self.issuer_der = scheme_in(body), body.next(der.SEQUENCE)[2]
        validity = body.enter()
        self.not_before, self.not_after = validity.time(), validity.time()
        validity.end()
        self.subject_der = body.next(der.SEQUENCE)[2]
        self.subject, self.issuer = read_name(self.subject_der), read_name(self.issuer_der)
        self.key = Key(body.next(der.SEQUENCE)[2])
        extensions = read_extensions(der.Reader(der.one(der.one(body.next(0xA3)[2], 0xA3))))
        body.end()
        self.skid = der.one(extensions[SKID], der.OCTETS) if SKID in extensions else b""
        self.akid, self.path_length = akid_in(extensions), None
        constraints = der.Reader(der.one(extensions[BC])) if BC in extensions else der.Reader(b"")
        self.is_ca = constraints.has(der.TRUE) and constraints.next()[1] == b"\xff"
        if constraints.rest:
            self.path_length = int.from_bytes(constraints.integer(), "big")
        self.usage = der.one(extensions[KU], der.BITS)[1:] if KU in extensions else b""

    def may(self, bit):
        """Whether it is a CA's and its key usage has that bit."""
        return self.is_ca and bool(self.usage) and self.usage[0] & bit != 0

    def as_built(self, profile):
        """The bytes that this content has under the profile."""
        return der.wrap(der.SEQUENCE, der.wrap(0xA0, der.number(2)), der.wrap(der.INTEGER, self.serial), IDENTIFIERS[self.scheme], write_name(self.issuer),
                        der.wrap(der.SEQUENCE, der.time(self.not_before), der.time(self.not_after)), write_name(self.subject), self.key.spki,
                        der.wrap(0xA3, profile.extensions(self.skid, self.akid)))


@functools.cache
def tbs_of(content):
    return Tbs(content)


@functools.cache
def certificate(content):
    """(Tbs, signature) of a certificate."""
    tbs, scheme, signature = split_signed(content)
    out = tbs_of(tbs)
    if out.scheme != scheme:
        raise Bad("another algorithm inside than outside")
    return out, signature


class TbsCrl:
    """A TBSCertList."""

    def __init__(self, tbs):
        self.tbs = tbs
        body = der.Reader(der.one(tbs))
        if body.integer() != b"\1":
            raise Bad("not version 2")
        self.scheme, self.issuer_der = scheme_in(body), body.next(der.SEQUENCE)[2]
        self.issuer = read_name(self.issuer_der)
        self.this_update = body.time()
        self.next_update = body.time() if body.has(der.UTC, der.GENERAL) else None
        self.entries = []
        if body.has(der.SEQUENCE):
            entries = body.enter()
            while entries.rest:
                entry = entries.enter()
                serial, date, reason = entry.integer(), entry.time(), None
                if entry.rest:
                    value = read_extensions(entry.enter()).get(REASON)
                    reason = int.from_bytes(der.one(value, der.ENUM), "big") if value else None
                entry.end()
                self.entries.append((serial, date, reason))
        extensions = read_extensions(der.Reader(der.one(der.one(body.next(0xA0)[2], 0xA0))))
        body.end()
        self.akid = akid_in(extensions)
        self.number = int.from_bytes(der.one(extensions[CRL_NUMBER], der.INTEGER), "big") if CRL_NUMBER in extensions else None

    def as_built(self, only_ca):
        """The bytes that this content has."""
        entries = []
        for serial, date, reason in self.entries:
            code = b"" if reason is None else der.wrap(der.SEQUENCE, der.wrap(der.SEQUENCE, der.oid(REASON), der.wrap(der.OCTETS, der.wrap(der.ENUM, bytes([reason])))))
            entries.append(der.wrap(der.SEQUENCE, der.wrap(der.INTEGER, serial), der.time(date), code))
        extensions = [der.wrap(der.SEQUENCE, der.oid(AKID), der.wrap(der.OCTETS, der.wrap(der.SEQUENCE, der.wrap(0x80, self.akid)))),
                      der.wrap(der.SEQUENCE, der.oid(CRL_NUMBER), der.wrap(der.OCTETS, der.number(self.number or 0)))]
        if only_ca:
            point = der.wrap(der.SEQUENCE, der.wrap(0x82, b"\xff"))
            extensions.append(der.wrap(der.SEQUENCE, der.oid(IDP), der.wrap(der.TRUE, b"\xff"), der.wrap(der.OCTETS, point)))
        return der.wrap(der.SEQUENCE, der.number(1), IDENTIFIERS[self.scheme], write_name(self.issuer), der.time(self.this_update),
                        der.time(self.next_update) if self.next_update else b"", der.wrap(der.SEQUENCE, *entries) if entries else b"",
                        der.wrap(0xA0, der.wrap(der.SEQUENCE, *extensions)))


@functools.cache
def tbs_crl_of(content):
    return TbsCrl(content)


@functools.cache
def crl(content):
    """(TbsCrl, signature) of a CRL."""
    tbs, scheme, signature = split_signed(content)
    out = tbs_crl_of(tbs)
    if out.scheme != scheme:
        raise Bad("another algorithm inside than outside")
    return out, signature


class Request:
    """A certification request (RFC 2986) in DER whose self-signature is good."""

    def __init__(self, content):
        tbs, scheme, signature = split_signed(content)
        body = der.Reader(der.one(tbs))
        if body.integer() != b"\0":
            raise Bad("not version 1")
        self.name, self.key = read_name(body.next(der.SEQUENCE)[2], lenient=True), Key(body.next(der.SEQUENCE)[2])
        body.next(0xA0)
        body.end()
        if not signs(self.key.algorithm, scheme) or not verifies(self.key.spki, tbs, signature, scheme):
            raise Bad("the self-signature is not good")


def signed_by(spki, signed, signature):
    """Whether this key signed that Tbs or TbsCrl."""
    return signs(Key(spki).algorithm, signed.scheme) and verifies(spki, signed.tbs, signature, signed.scheme)
