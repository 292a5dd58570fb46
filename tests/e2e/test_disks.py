"""Ceremonies over real FAT disks, in a guest under the appliance's kernel: put in, written, taken out, put in again, read back. Then this
machine, which had no part in it, looks at every disk."""
import pathlib
import shutil
import unittest

from disks import Table, make_guest
from support import BIN, SECOND, SOURCE, Answers, endings, genesis_answers, make_folder, passphrases, run

REQUEST = """oid_section = oids
[oids]
VID = 1.3.6.1.4.1.37244.2.1
PID = 1.3.6.1.4.1.37244.2.2
[req]
prompt = no
string_mask = utf8only
distinguished_name = name
[name]
CN = Example Matter PAI
O = Example REHEARSAL
VID = FFF1
PID = 8000
"""


def issue_answers():
    answers = Answers().give("clock", "adm2 so2").give("clock.adm2", "yes").give("clock.so2", "yes")
    answers.give("compared", "so2 w2").give("compare.so2", "yes").give("compare.w2", "yes").give("waiver", "")
    answers.give("profile.m.csr", "issuing-matter-pai").give("recipient.m.csr", "factory-m").give("members.activation", "m2 m3", 0)
    people = "adm2 so2 w2 m1 m2 m3".split()
    answers.entries += passphrases(people).entries + endings(people, "so2 w2").entries
    return answers


class Disks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.guest = make_guest().start()
        cls.addClassCleanup(cls.guest.close)
        cls.table = Table(cls.guest, pathlib.Path(make_folder()), SECOND)
        cls.addClassCleanup(shutil.rmtree, cls.table.folder)
        names = ["ledger-1", "ledger-2", "backup-1", "backup-2", *SECOND.people, "public"]
        answers = genesis_answers(SECOND)
        answers.entries += cls.table.answers_for(*names).entries
        done = cls.table.run("root-genesis", answers, [*SECOND.people, "public"], 400)
        if done.code != 0 or not done.completed:
            raise AssertionError(f"the genesis: {done}")

    def test_a_genesis_and_an_issuance(self):
        table = self.table
        (table.folder / "request.cnf").write_text(REQUEST)
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", table.folder / "m.key", "-out", table.folder / "m.csr",
            "-config", table.folder / "request.cnf")
        table.add("intake", files={"m.csr": (table.folder / "m.csr").read_bytes()})
        answers = issue_answers()
        answers.entries += table.answers_for("intake", "factory-m").entries
        done = table.run("issue-intermediates", answers, [*SECOND.people, *SECOND.media], 300)
        self.assertEqual(done.code, 0, done)
        self.assertTrue(done.completed, done)
        table.take_all_out()
        self.check(table)

    def check(self, table):
        """This machine looks at every disk."""
        folder = table.folder
        for name, disk in table.disks.items():
            disk.is_sound()
            disk.copy_to(folder / name)
            self.assertEqual([str(path.relative_to(folder)) for path in (folder / name).rglob("*.part")], [])
        ledgers = [folder / "ledger-1", folder / "ledger-2"]
        for ledger in ledgers:
            self.assertIn(b"origin: rehearsal.", (ledger / "ceremony-medium").read_bytes())
            (ledger / "ceremony-medium").unlink()
        run("diff", "-r", *ledgers)
        pin = run("sh", "-c", f"openssl pkey -pubin -in {ledgers[0]}/keys/log.pem -outform DER | sha256sum").decode()[:64]
        bundle, = (folder / "factory-m").glob("bundle-*/")
        for what in [*ledgers, bundle]:
            run(BIN / "ceremony-verify", what, "--pin", pin)
        run("sha256sum", "--quiet", "-c", "MANIFEST", cwd=bundle)
        crl, = (bundle / "crl").glob("*.crl")
        run("openssl", "crl", "-inform", "DER", "-in", crl, "-out", folder / "crl.pem")
        run("openssl", "verify", "-x509_strict", "-check_ss_sig", "-crl_check_all", "-CRLfile", folder / "crl.pem", "-CAfile", bundle / "certs/root.pem", bundle / "certs/issuing.pem")


if __name__ == "__main__":
    unittest.main()
