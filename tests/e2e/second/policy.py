"""The policy by ceremony/policy/FORMAT.md."""
import functools
import re
import tomllib

from second import certificates
from second.foreign import Bad

ROLES = {"administrator", "custodian", "security-officer", "witness", "auditor", "governance"}
ACTS = {"governance": "adopt-policy adopt-procedure enrol change-quorum waive retire-key destroy-key admit-image".split(),
        "activation": "init-token generate-key sign-certificate sign-crl sign-batch".split(), "recovery": "recover-key rewrap-key".split()}
INTENDED = "init-token generate-key sign-certificate sign-crl sign-batch".split()
ALGORITHMS = {"p256", "p384", "rsa3072", "rsa4096"}
TABLES = {"": "format name origin environment people exclusive quorums approvals witness root log issuing crl shares backup limits tokens procedures waivers images tpm",
          "witness": "acts", "root": "algorithm subject profile years", "log": "algorithm", "issuing": "profiles algorithms years_max batch_max", "crl": "next_update_days",
          "shares": "scrypt_log_n passphrases recovery", "backup": "media", "limits": "longest_gap_days", "tokens": "models serials", "waivers": "rules",
          "images": "manifests ukis", "tpm": "keys pcr4 pcr7 pcr11"}


def need(holds, what):
    if not holds:
        raise Bad(f"the policy: {what}")


def within(value, low, high):
    return type(value) is int and low <= value <= high


@functools.cache
class Policy:
    """Raises Bad for what the page calls a mistake."""

    def __init__(self, content):
        try:
            text = content.decode()
            toml = tomllib.loads(text)
            self.toml = toml
            self.check()
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
            raise Bad(f"no policy: {error}") from error

    def check(self):
        toml = self.toml
        need(toml["format"] == "ceremony-policy/v1", "another format")
        for table, keys in TABLES.items():
            need((toml[table] if table else toml).keys() <= set(keys.split()) if table in toml or not table else True, f"unknown key in [{table}]")
        self.origin, self.environment, self.people = toml["origin"], toml["environment"], toml["people"]
        need(self.environment in ("rehearsal", "production"), "environment")
        production = self.environment == "production"
        need(re.fullmatch(r"[!-*,-~]{1,100}", self.origin) and self.origin.startswith("rehearsal.") != production, "origin")
        need(self.people and all(re.fullmatch("[a-z0-9-]{1,16}", p) and r and set(r) <= ROLES and len(set(r)) == len(r) for p, r in self.people.items()), "people")
        self.exclusive = {frozenset((one, other)) for one, others in toml["exclusive"].items() for other in others}
        need(all(len(pair) == 2 and pair <= ROLES for pair in self.exclusive), "exclusive")
        need(not any(pair <= set(roles) for pair in self.exclusive for roles in self.people.values()), "somebody holds two roles that are kept apart")
        self.quorums, self.raised = toml["quorums"], toml.get("approvals", {})
        for name, role in (("governance", "governance"), ("activation", "custodian"), ("recovery", "custodian")):
            members = self.quorums[name]["members"]
            need(within(self.quorums[name]["m"], 2, len(members)) and len(members) <= 16 and len(set(members)) == len(members), f"quorum {name}")
            need(all(role in self.people.get(m, []) for m in members), f"members of {name}")
        need(self.quorums["recovery"]["m"] >= self.quorums["activation"]["m"], "recovery below activation")
        for act, m in self.raised.items():
            quorum = self.quorum_of(act)
            need(quorum and within(m, quorum["m"], len(quorum["members"])), f"approvals of {act}")
        self.witnessed = toml["witness"]["acts"] if "witness" in toml else []
        need("witness" not in toml or self.witnessed and len(set(self.witnessed)) == len(self.witnessed) and set(self.witnessed) <= set(INTENDED), "witness")
        witnesses = {person for person, roles in self.people.items() if "witness" in roles}
        for act in self.witnessed:
            members = self.quorum_of(act)["members"]
            need(witnesses - set(members) or witnesses and len(members) > self.needed(act), f"nobody is left to witness {act}")
        self.root, self.issuing = toml["root"], toml["issuing"]
        self.root_subject = certificates.name_from(self.root["subject"])
        organisation = dict(self.root_subject).get("O", "")
        need(self.root["algorithm"] in ALGORITHMS and within(self.root["years"], 1, 60) and "CN" in dict(self.root_subject) and organisation, "root")
        need(("REHEARSAL" in organisation) != production, "the root's organisation")
        need(toml["log"]["algorithm"] == "p256", "the log's algorithm")
        need(self.issuing["algorithms"] and set(self.issuing["algorithms"]) <= ALGORITHMS and within(self.issuing["years_max"], 1, self.root["years"])
             and within(self.issuing["batch_max"], 1, 10000), "issuing")
        need(within(toml["crl"]["next_update_days"], 1, 365) and within(toml["backup"]["media"], 2, 8) and within(toml["limits"]["longest_gap_days"], 1, 3660), "limits")
        shares = toml["shares"]
        need(within(shares["scrypt_log_n"], 18 if production else 14, 20) and shares["passphrases"] in (("proposed",) if production else ("proposed", "any")), "shares")
        self.recovery_form = {"age-passphrase": "age-passphrase", "words": "words-shown"}[shares.get("recovery", "age-passphrase")]
        tokens = toml["tokens"]
        need(tokens["models"] and production == bool(tokens.get("serials")) and not (production and any("softhsm" in m.lower() for m in tokens["models"])), "tokens")
        held = {role for roles in self.people.values() for role in roles}
        for name, procedure in toml["procedures"].items():
            roles = set(procedure["sign_off"])
            need(roles and roles <= held, f"who signs {name} off")
            need(name != "root-genesis" or "security-officer" in roles and roles & {"witness", "auditor"}, "who signs a genesis off")
        self.images, self.tpm = toml.get("images"), toml.get("tpm")
        for table, name in ((self.images, "images"), (self.tpm, "tpm")):
            for digests in (table[key] for key in TABLES[name].split()) if table is not None else ():
                need(digests and len(set(digests)) == len(digests) and all(re.fullmatch("[0-9a-f]{64}", d) for d in digests), name)
        self.procedures, self.waivable = toml["procedures"], toml.get("waivers", {}).get("rules", [])

    def quorum_of(self, act):
        return next((self.quorums[q] for q, acts in ACTS.items() if act in acts), None)

    def needed(self, act):
        return max(self.quorum_of(act)["m"], self.raised.get(act, 0))

    def admits(self, model, serial):
        tokens = self.toml["tokens"]
        return model in tokens["models"] and (self.environment == "rehearsal" or serial in tokens["serials"])
