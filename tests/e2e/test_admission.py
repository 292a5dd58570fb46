"""A boot image is admitted, and the ceremonies after it run on it and on no other."""
import hashlib
import shutil
import subprocess
import sys
import unittest

import story
from story import Story, setUpModule, tearDownModule
from support import BIN, PROCEDURES, Answers, admit_answers, genesis_answers, image_digest, image_manifest, issue_answers

HERE = story.__file__.rsplit("/", 1)[0]


def started_from(image, uki):
    """What the machine's first process says of itself, for one run only, on a system that has this MANIFEST."""
    return ["root=$(mktemp -d)", "mount -t tmpfs tmpfs $root",
            "for f in /*; do if [ -L $f ]; then cp -P $f $root; elif [ -d $f ]; then mkdir $root$f && mount --rbind $f $root$f; fi; done",
            f"printf '{image}' >$root/MANIFEST", "mount -t tmpfs tmpfs $root/run", "mkdir $root/run/ceremony",
            f"printf 'ceremony-boot/v1\\nenvironment: rehearsal\\nimage: {manifest_digest(image)}\\nuki: {uki}\\n' >$root/run/ceremony/boot", 'set -- chroot $root "$@"']


def manifest_digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Admission(Story):
    def admit(self, version="0.2.0", answers=None, **options):
        self.manifest = self.world.new_image(version)
        return self.world.run("admit-image", answers or admit_answers(image_digest(version)), **options)

    def agreed(self):
        """Both verifiers."""
        self.consistent()
        second = subprocess.run([sys.executable, "-B", f"{HERE}/second_verifier.py", str(self.world.ledgers[0]), "--pin", self.world.pin()], capture_output=True, text=True, check=False)
        self.assertEqual(second.returncode, 0, second.stdout)

    def failed(self, event):
        return [r["d"]["reason"] for r in self.records(event) if r["res"] == "fail"]


class OnTheRecord(Admission):
    def test_a_witness_and_governance_admit_an_image(self):
        outcome = self.admit()
        self.completes(outcome)
        self.agreed()
        evidence, = (r for r in self.records("evidence") if r["d"]["kind"] == "medium-hash")
        self.assertEqual((evidence["who"], evidence["d"]["sha256"], evidence["d"]["reference"]), (["w1"], image_digest("0.2.0"), "w1's own machine, bag 7"))
        image, = self.records("image")
        self.assertLess(evidence["n"], image["n"])
        # This policy asks nothing of a TPM: nobody was asked for what one will say.
        self.assertEqual({field: image["d"][field] for field in ("manifest", "uki", "version", "pcr4", "pcr11")},
                         {"manifest": self.manifest, "uki": image_digest("0.2.0"), "version": "0.2.0", "pcr4": "none", "pcr11": "none"})
        act = (self.world.ledgers[0] / "artifacts" / image["d"]["act"][:2] / image["d"]["act"]).read_text()
        self.assertEqual(act, f"ceremony-act/v1\nmanifest: {self.manifest}\nmedium-hash: {image_digest('0.2.0')}\nuki: {image_digest('0.2.0')}\nversion: 0.2.0\n")
        self.assertEqual({r["d"]["person"] for r in self.records("approve") if r["d"].get("act") == "admit-image"}, {"g1", "g2"})
        self.assertLessEqual({"g1", "g2", "w1"}, set(self.records("close")[-1]["d"]["signers"]))
        status = subprocess.run([BIN / "ceremony-rehearsal", "status", "--ledger", self.world.ledgers[0]], capture_output=True, text=True, check=True).stdout
        self.assertIn(f"Boot images\n  0.2.0, admitted by {image['c']}\n    manifest {self.manifest}\n    uki      {image_digest('0.2.0')}\n", status)

    def test_another_digest_is_on_the_record_and_typed_again(self):
        wrong = image_digest("0.9.9")
        spaced = " ".join(image_digest("0.2.0")[n:n + 8] for n in range(0, 64, 8))
        slips = Answers().give("medium-hash.w1", "1234").give("medium-hash.w1", wrong).give("medium-hash.w1", spaced).give("medium-hash.w1.refused", "again", 2)
        outcome = self.admit(answers=admit_answers(image_digest("0.2.0")).without("medium-hash.w1").first(slips))
        self.completes(outcome)
        self.spoken(outcome, '"1234" is no SHA-256: it has 64 characters of 0-9 and a-f, and what was typed has 4', "look for a mistake of typing; if there is none, the medium is not that image")
        self.assertEqual(self.failed("evidence"), ["the digest that w1 found on another machine is that of no kernel image in SHA256SUMS"])
        self.assertNotIn(wrong, [r["d"].get("sha256") for r in self.records("evidence") if r["res"] == "ok"])
        # Whoever mistypes is not shown what would have been right.
        self.assertNotIn(image_digest("0.2.0"), outcome.text)
        self.agreed()

    def test_a_medium_that_is_another_one_ends_it_and_nothing_is_admitted(self):
        slips = Answers().give("medium-hash.w1", image_digest("0.9.9")).give("medium-hash.w1.refused", "abort")
        outcome = self.admit(answers=admit_answers("").without("medium-hash.w1").first(slips))
        self.assertEqual(outcome.code, 1, outcome)
        self.assertEqual(self.records("image"), [])
        self.agreed()

    def test_who_stops_after_the_hash_is_not_asked_for_it_again(self):
        slips = Answers().give("members.governance", "g1").give("members.governance.refused", "stop")
        self.refused(self.admit(answers=admit_answers(image_digest("0.2.0")).first(slips)))
        again = self.world.run("admit-image", admit_answers("").without("medium-hash.w1", "hashed-on.w1", "clock.*", "compare.*", "waiver"))
        self.completes(again)
        self.assertEqual(len([r for r in self.records("evidence") if r["d"]["kind"] == "medium-hash"]), 1)
        self.assertEqual(len(self.records("image")), 1)

    def test_files_that_do_not_fit_are_refused(self):
        own = self.world.new_image("0.2.0")
        manifest, sums = self.world.folder / "intake/MANIFEST", self.world.folder / "intake/SHA256SUMS"
        for spoil, sentence in ((lambda: sums.write_text(sums.read_text().replace(own, "5" * 64)), "SHA256SUMS names another MANIFEST than this one"),
                                (lambda: manifest.write_text("not one\n"), "this is no MANIFEST of a boot image"),
                                (lambda: self.world.new_image("0.2.0", kind="production"), 'the image "0.2.0" is one of production, this CA is one of rehearsal'),
                                (sums.unlink, "SHA256SUMS")):
            with self.subTest(sentence):
                self.setUp()
                self.world.new_image("0.2.0")
                spoil()
                self.refused(self.world.run("admit-image", admit_answers(image_digest("0.2.0")).give("image.refused", "stop")), sentence)
                self.assertEqual(self.records("evidence")[-1]["d"]["kind"], "module-certificate")

    def test_an_image_is_admitted_once(self):
        self.completes(self.admit())
        self.refused(self.admit(), "is admitted already", "bring the files of the new one, or abort: there is nothing to be done")


class OnTheMachine(Admission):
    """A CA whose policy lists images, on a machine that says what it was started from."""

    OLD = image_manifest("0.1.0"), "b" * 64

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.world.folder)
        self.world.create()
        self.policy = self.world.folder / "policy.toml"
        self.policy.write_text((PROCEDURES / "policy-rehearsal.toml").read_text() + f'\n[images]\nmanifests = ["{manifest_digest(self.OLD[0])}"]\nukis = ["{self.OLD[1]}"]\n')

    def run_on(self, image, procedure, answers):
        return self.world.run(procedure, answers, policy=self.policy, mounts=started_from(*image))

    def test_the_next_ceremony_runs_on_the_admitted_image_and_on_no_other(self):
        stranger, newer = image_manifest("6.6.6"), image_manifest("0.2.0")
        self.refused(self.run_on((stranger, "d" * 64), "root-genesis", genesis_answers()), f"POL-4: neither policy nor governance admitted the image {manifest_digest(stranger)}",
                     "a new one is admitted by the procedure admit-image, on such a one")
        outcome = self.run_on(self.OLD, "root-genesis", genesis_answers())
        self.assertTrue(outcome.completed, outcome)
        self.assertEqual(self.world.new_image("0.2.0"), manifest_digest(newer))
        new = newer, image_digest("0.2.0")
        self.refused(self.run_on(new, "admit-image", admit_answers(new[1])), f"POL-4: neither policy nor governance admitted the image {manifest_digest(newer)}")
        self.completes(self.run_on(self.OLD, "admit-image", admit_answers(new[1])))
        self.world.request("a.csr")
        for other in ((newer, "e" * 64), (stranger, new[1])):
            self.refused(self.run_on(other, "issue-intermediates", issue_answers("a.csr")), "POL-4: neither policy nor governance admitted the ")
        self.completes(self.run_on(new, "issue-intermediates", issue_answers("a.csr")))
        self.agreed()
        self.assertEqual([(r["d"]["image"], r["d"]["uki"], r["d"]["selftest"]["manifest"]) for r in self.records("open") if r["res"] == "ok"],
                         [(manifest_digest(image), uki, "ok") for image, uki in (self.OLD, self.OLD, new)])
        # The old one stays admitted.
        self.world.no_requests().request("b.csr", common_name="Another Issuing CA")
        self.completes(self.run_on(self.OLD, "issue-intermediates", issue_answers("b.csr")))


if __name__ == "__main__":
    unittest.main()
