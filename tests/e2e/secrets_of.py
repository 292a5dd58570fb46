"""The secrets of a room (everything that its people, its media and its HSM hold), and a search for any spelling of them."""
import base64
import re

from support import World, derived, recover, run


def forms_of_bytes(secret):
    """Every spelling in which bytes could lie about, by name."""
    out = {"raw": secret, "hex": secret.hex().encode(), "HEX": secret.hex().upper().encode(), "hex with colons": secret.hex(":").encode(),
           "base32": base64.b32encode(secret).rstrip(b"=")}
    for shift in range(3):
        # The characters that depend on what stands before and after are cut off.
        text = base64.b64encode(bytes(shift) + secret).rstrip(b"=")
        out[f"base64 at {shift}"] = text[(shift * 8 + 5) // 6:-1]
    return out


def forms_of_words(words):
    """The words as text, and every run of four."""
    out = forms_of_bytes(" ".join(words).encode())
    for i in range(len(words) - 3):
        out[f"words {i + 1} to {i + 4}"] = " ".join(words[i:i + 4]).encode()
        out[f"words {i + 1} to {i + 4}, joined"] = "".join(words[i:i + 4]).encode()
    return out


def haystacks(content):
    """A content as it is, with single spaces, and with none (base64 and hex are wrapped, comments begin with #)."""
    return content, re.sub(rb"\s+", b" ", content), re.sub(rb"[\s#]+", b"", content)


def find(secrets, contents):
    """What of the secrets is where. `secrets`: name → {form: bytes}; `contents`: (place, bytes)."""
    found, done = [], {}
    for place, content in contents:
        if content in done:
            continue
        done[content] = place
        for hay in dict.fromkeys(haystacks(content)):
            for name, forms in secrets.items():
                found += [(name, form, str(place)) for form, needle in forms.items() if needle in hay]
    return found


def files_below(folder, leave_out=()):
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] not in leave_out:
            yield path, path.read_bytes()


def scalar_of(key, *form):
    """The private number of an elliptic-curve key."""
    text = run("openssl", "pkey", "-in", key, *form, "-noout", "-text").decode()
    number = bytes.fromhex(re.sub(r"[\s:]", "", re.search(r"priv:\n((?:    .*\n)+)", text)[1]))
    return number


def take(secrets, room, work, ca, people, custodians, threshold):
    """Adds one CA's secrets, taken from their media with age, shamir and openssl; its user PIN."""
    world, shares = World(room), {"activation": [], "recovery": []}
    work.mkdir()
    for person in people:
        passphrase = world.note(f"{person}.credential")
        secrets[f"{ca}credential passphrase of {person}"] = forms_of_words(passphrase.split())
        text = world.open_age(room / "people" / person / "credential.age", passphrase, work / f"{person}.credential")
        age = re.search(r"^AGE-SECRET-KEY-1\w+$", text, re.M)[0]
        secrets[f"{ca}age identity of {person}"] = {"text": age.encode(), "lower": age.lower().encode(), **forms_of_bytes(age.encode())}
        pem = "".join(line[2:] + "\n" for line in text.splitlines() if line.startswith("# ") and ": " not in line and "ceremony-credential" not in line)
        (work / f"{person}.pem").write_text(pem)
        secrets[f"{ca}signing key of {person}"] = forms_of_bytes(scalar_of(work / f"{person}.pem"))
        secrets[f"{ca}PKCS#8 of {person}"] = {"line": pem.splitlines()[1].encode(), "joined": "".join(pem.splitlines()[1:-1]).encode()}
    if dice := world.note("dice"):
        # As typed, and any dozen of the rolls.
        rolls = "".join(dice.split())
        secrets[ca + "dice"] = {**forms_of_bytes(dice.encode()), **{f"rolls from {i + 1}": rolls[i:i + 24].encode() for i in range(0, len(rolls) - 23, 3)}}
    for person in custodians:
        passphrase = world.note(f"{person}.share")
        secrets[f"{ca}share passphrase of {person}"] = forms_of_words(passphrase.split())
        medium = room / "people" / person
        texts = {"recovery": world.open_age(medium / "share-recovery-1.age", passphrase, work / f"{person}.share"),
                 "activation": run("age", "-d", "-i", work / f"{person}.credential", medium / "share-activation-1.age").decode()}
        for kind, text in texts.items():
            words = re.search(r"^words: (.*)$", text, re.M)[1].split()
            shares[kind].append(words)
            secrets[f"{ca}{kind} share of {person}"] = forms_of_words(words)
    # Words 1 to 3 (identifier, exponent, group) are the set's, not the share's; a run of four has one of the share's.
    activation, recovery = recover(shares["activation"][:threshold]), recover(shares["recovery"][-threshold:])
    secrets[ca + "activation secret"] = forms_of_bytes(bytes.fromhex(activation))
    secrets[ca + "recovery secret"] = forms_of_bytes(bytes.fromhex(recovery))
    pins = {"user PIN": derived(activation, "ceremony/user-pin/v1", 20), "SO PIN": derived(recovery, "ceremony/so-pin/v1", 20)}
    for name, pin in pins.items():
        secrets[ca + name] = {**forms_of_bytes(pin), **{"as text, " + k: v for k, v in forms_of_bytes(base64.b32encode(pin)).items()}}
    kek = derived(recovery, "ceremony/kek/v1", 32)
    secrets[ca + "KEK"] = forms_of_bytes(kek)
    backup = next(room.glob("backup-1/backup/*.kwp"))
    run("openssl", "enc", "-d", "-id-aes256-wrap-pad", "-K", kek.hex(), "-iv", "A65959A6", "-in", backup, "-out", work / "root.pk8")
    secrets[ca + "root private key"] = forms_of_bytes(scalar_of(work / "root.pk8", "-inform", "DER"))
    return base64.b32encode(pins["user PIN"]).decode()
