"""Ceremonies over real FAT disks, in a guest under the appliance's kernel: put in, written, taken out, put in again, read back. Then this
machine, which had no part in it, looks at every disk."""
import json
import pathlib
import shutil
import time
import unittest

from disks import MOUNTER, Disc, Table, escaped, make_guest
from guest import mtools
from support import BIN, SECOND, Answers, endings, genesis_answers, make_folder, passphrases, run

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
    answers.give("profile.m.csr", "issuing-matter-pai").give("recipient.m.csr", "factory-m").give("take.m.csr", "take it in").give("members.activation", "m2 m3", 0)
    people = "adm2 so2 w2 m1 m2 m3".split()
    answers.entries += passphrases(people).entries + endings(people, "so2 w2").entries
    return answers


# A program that speaks to the mounter, in shell.
ASK = r"""answer() { dd bs=65536 count=1 <&3 2>/dev/null; }
ask() { printf 'ceremony-mounter/v1\n%s\n' "$1" >&3; answer; }
mount_it() { ask "mount sda $(cat /sys/block/sda/diskseq) $1"; }
"""
LABEL = "ceremony-medium/v1\norigin: {}\nname: adm2\nid: 4f1c0d7b5a0e4b6f9a51d2c38e7760b1\n"


def damage(path, at, content):
    with open(path, "r+b") as image:
        image.seek(at)
        image.write(content)


def add_strangers(table):
    """Disks that are in nobody's way but useless: of another CA, damaged at the start and inside, and of another filesystem."""
    table.add("foreign", files={"ceremony-medium": LABEL.format("rehearsal.elsewhere/g1").encode()})
    damage(table.add("damaged").path, 14, b"\0\0")
    inside = table.add("inside").path
    mtools("mmd", inside, "::sub")
    # The folder's cluster, 3, is free by the first table and by the second: the chain ends in nothing.
    boot = inside.read_bytes()[:512]
    reserved, length = int.from_bytes(boot[14:16], "little"), int.from_bytes(boot[36:40], "little")
    for table_at in (reserved, reserved + length):
        damage(inside, table_at * 512 + 3 * 4, bytes(4))
    damage(table.add("exfat").path, 3, b"EXFAT   ")
    table.disks["links"] = Disc(table.folder / "links.iso", "LINKS", {}, {"ceremony-medium": "/etc/passwd"})
    return ["foreign", "damaged", "inside", "exfat", "links"]


def genesis(table):
    """With strangers' disks first, one that is not taken out, and one that is swapped."""
    strangers = add_strangers(table)
    table.add("g5", partitioned=True)
    table.add("stray")

    def put_in_strangers(at):
        for name in strangers:
            at.put_in(name)

    def put_in_the_right_one(at):
        for name in strangers:
            at.take_out(name)
        at.put_in("adm2")

    def swap(at):
        at.take_out("public")
        at.put_in("stray")

    def put_right(at):
        at.take_out("stray")
        at.put_in("public")

    table.instead = {("waits", "adm2"): [put_in_strangers, put_in_the_right_one], ("reads", "adm2"): [lambda at: None], ("reads", "public"): [swap]}
    table.heard_of = {"this is another medium than the one that was written": put_right}
    # Of the strangers' disks one at most is taken for what was asked for; people are asked about the others.
    answers = genesis_answers(SECOND).give("export.public.refused", "again", 0).give("usb.disk", "yes", 0)
    answers.entries += table.answers_for("ledger-1", "ledger-2", "backup-1", "backup-2", *SECOND.people, "public").entries
    return table.run("root-genesis", answers, [*SECOND.people, "public"], 900)


def stopped_issuance(table):
    """Begun from the console. A ledger is pulled out in the middle, and the factory's disk cannot be written: it is stopped."""
    (table.folder / "request.cnf").write_text(REQUEST)
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", table.folder / "m.key", "-out", table.folder / "m.csr",
        "-config", table.folder / "request.cnf")
    table.disks["intake"] = Disc(table.folder / "requests.iso", "INTAKE", {"m.csr": (table.folder / "m.csr").read_bytes(), "\x1b[2J.csr": b"", "$(reboot).csr": b"", "Zürich.csr": b"", "huge.csr": b"x"}, crowd=100_000).pretend("huge.csr", 0xFFFFF000)
    table.add("protected").read_only = True

    def lose_a_ledger(at):
        at.take_out("ledger-2")
        at.put_in("intake")

    table.instead = {("waits", "intake"): [lose_a_ledger], ("waits", "factory-m"): [lambda at: at.put_in("protected")]}
    answers = issue_answers().give("csr.huge.csr.refused", "again").give("dashboard", "issue-intermediates").give("begin", "yes").give("step.export-bundles.refused", "stop")
    answers.entries += table.answers_for("intake").entries + Answers().give("medium.factory-m", escaped(table.disks["protected"].option())).entries
    return table.run(None, answers, [*SECOND.people, *SECOND.media])


def resumed_issuance(table):
    """The ledger is back. The factory's disk is full, the next one is pulled out while it is written, the third takes it all."""
    table.add("full").fill(but=20_000)
    table.add("pulled").slow = 20
    names = ["full", "pulled", "factory-m"]

    def pull_while_writing(at):
        at.put_in("pulled")
        disk, limit = at.inserted["pulled"][0], time.monotonic() + 60
        while at.guest.writes(disk) < 40:
            assert time.monotonic() < limit, "nothing was written"
        at.take_out("pulled")

    def put_in_with_company(at):
        """Somebody plugs in a network card and a keyboard as well."""
        at.guest.attach("card", "usb-net", port="10")
        at.guest.attach_second_keyboard("keys", port="9")
        at.put_in("full")

    table.instead = {("waits", "factory-m"): [put_in_with_company, pull_while_writing, lambda at: at.put_in("factory-m")]}
    table.heard_of = {"the medium has room for": lambda at: at.take_out("full")}
    answers = Answers().give("usb.scanner", "no").give("export.factory-m.refused", "again", 0).give("members.activation", "m2 m3", 0)
    people = "adm2 so2 w2 m1 m2 m3".split()
    answers.entries += passphrases(people).entries + endings(people, "so2 w2").entries
    for name in names:
        answers.give("medium.factory-m", escaped(table.disks[name].option()))
    return table.run("issue-intermediates", answers, [*SECOND.people, *SECOND.media])


def setUpModule():
    global TABLE, GENESIS, STOPPED, RESUMED
    guest = make_guest().start()
    unittest.addModuleCleanup(guest.close)
    TABLE = Table(guest, pathlib.Path(make_folder()), SECOND)
    unittest.addModuleCleanup(shutil.rmtree, TABLE.folder)
    GENESIS = genesis(TABLE)
    if not GENESIS.completed:
        raise AssertionError(f"the genesis: {GENESIS}")
    TABLE.take_all_out()
    STOPPED = stopped_issuance(TABLE)
    if STOPPED.code != 2 or "Nothing is lost" not in STOPPED.out:
        raise AssertionError(f"the issuance that is stopped: {STOPPED}")
    TABLE.take_all_out()
    RESUMED = resumed_issuance(TABLE)
    if not RESUMED.completed:
        raise AssertionError(f"the issuance that is resumed: {RESUMED}")
    TABLE.take_all_out()
    for name, disk in TABLE.disks.items():
        if name not in ("intake", "damaged", "exfat", "inside", "links", "pulled"):
            disk.copy_to(TABLE.folder / name)


class Disks(unittest.TestCase):
    def says(self, outcome, *sentences):
        for sentence in sentences:
            self.assertIn(sentence, outcome.text, outcome)

    def records(self, event):
        lines = (TABLE.folder / "ledger-1/transcript.log").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["ev"] == event]

    # --- what people were told ------------------------------------------------------------------------------------------

    def test_ceremonies_end_well_and_nothing_stays_mounted(self):
        for outcome in (GENESIS, RESUMED):
            self.assertEqual(outcome.code, 0, outcome)
            self.says(outcome, "All disks may be taken out now.")
        self.assertEqual(TABLE.guest.run("grep -c /run/ceremony /proc/mounts", code=None).out, "0\n")

    def test_a_stranger_s_disk_is_not_taken_and_says_why(self):
        disk = 'the disk QEMU HARDDISK, serial "{}", 37 MB'
        self.says(GENESIS, 'waiting for the medium "adm2": ', disk.format("FOREIGN") + ', "CEREMONY" is labelled "adm2" of another CA, "rehearsal.elsewhere/g1"',
                  disk.format("DAMAGED") + " cannot be used: it begins like FAT32, but its tables are impossible", disk.format("EXFAT") + " cannot be used: it holds exFAT",
                  'serial "LINKS", 0 MB, "REQUESTS" cannot be used: a symbolic link is not followed', disk.format("INSIDE") + ', "CEREMONY" is damaged inside: ')

    def test_names_that_are_meant_for_the_terminal_or_a_shell_are_left_out(self):
        self.says(STOPPED, 'left out: "\\x1b[2J.csr": a character that is not one of', 'left out: "$(reboot).csr": ', 'left out: "Z\\xc3\\xbcrich.csr": ')
        self.assertNotIn("\x1b", STOPPED.text)
        self.assertEqual([record["d"]["medium"] for record in self.records("import")], ["intake", "intake"])

    def test_a_file_of_four_gib_among_a_hundred_thousand_is_left_out_and_the_request_is_not(self):
        self.says(STOPPED, "huge.csr: the file is larger than 65536 bytes")
        self.assertEqual([(record["res"], record["d"].get("subject", "")[:3]) for record in self.records("import")], [("fail", ""), ("ok", "CN=")])

    def test_a_disk_that_was_not_taken_out_is_not_read_back(self):
        self.says(GENESIS, 'waiting for the medium "adm2": it was not taken out: pull it out, and put it in again')

    def test_a_disk_that_is_swapped_is_found_out(self):
        self.says(GENESIS, 'error: public: this is another medium than the one that was written: the disk that is in (QEMU HARDDISK, serial "STRAY", ',
                  "hint: insert the medium that was just taken out")
        self.assertEqual(list((TABLE.folder / "stray").iterdir()), [])

    def test_a_ledger_that_is_pulled_out_is_a_deviation_and_comes_back_equal(self):
        self.says(STOPPED, "a ledger medium failed: ledger-2: it was pulled out; the ceremony goes on with the other")
        self.assertTrue(any("ledger medium failed: it was pulled out" in record["d"]["text"] for record in self.records("deviation")))
        resumed, = self.records("resume")
        self.assertTrue(any("caught-up on ledger-2" in repair for repair in resumed["d"]["repairs"]), resumed)

    def test_a_disk_that_cannot_be_written_says_so(self):
        self.says(STOPPED, "error: factory-m: the medium is write-protected\nhint: slide its write-protect switch, or use another medium")

    def test_a_full_disk_is_left_as_it_was(self):
        self.says(RESUMED, "error: factory-m: the medium has room for ", "nothing was written to this one")
        self.assertEqual(sorted(path.name for path in (TABLE.folder / "full").iterdir()), ["ceremony-medium", "film"])

    def test_a_disk_that_is_pulled_out_while_it_is_written_loses_nothing_of_the_ceremony(self):
        self.says(RESUMED, "error: factory-m: the medium was pulled out while it was in use\nhint: put \"factory-m\" in again, or an empty one")

    def test_a_network_card_and_a_second_keyboard_stay_off_and_are_on_the_record(self):
        texts = [record["d"]["text"] for record in self.records("deviation")]
        self.assertTrue(any("0525:a4a2 at port 1-10 stays off: it calls itself one thing (network or modem" in text for text in texts), texts)
        self.assertTrue(any(text.startswith("the second keyboard 0627:0001 at port 1-9") and text.endswith("people said that it is not theirs") for text in texts), texts)
        self.assertEqual(TABLE.guest.run("grep -c 'USB Keyboard' /proc/bus/input/devices; ls /sys/class/net").out.split(), ["1", "lo"])

    # --- who may do what ------------------------------------------------------------------------------------------------

    def under_mounter(self, script, code=0, user="1000:1000"):
        TABLE.guest.put("/run/script", script.encode())
        return TABLE.guest.run([MOUNTER, "--user", user, "--", "sh", "/run/script"], code=code)

    def test_the_program_has_no_privileges_and_no_other_descriptor(self):
        TABLE.put_in_and_switch_on("stray")
        found = self.under_mounter("id -u; id -g; grep -E '^(Groups|NoNewPrivs|CapInh|CapPrm|CapEff|CapAmb)' /proc/self/status; ls /proc/self/fd\n"
                                   "mount -t tmpfs tmpfs /mnt && echo mounted; echo x >/run/ceremony/x && echo written; (: </dev/sda) && echo opened; exit 7\n", code=7)
        TABLE.take_out("stray")
        self.assertEqual(found.out.split(), "1000 1000 Groups: CapInh: 0000000000000000 CapPrm: 0000000000000000 CapEff: 0000000000000000 CapAmb: 0000000000000000 NoNewPrivs: 1 0 1 2 3 4".split(), found)

    def test_the_mounter_keeps_what_it_needs(self):
        job = TABLE.guest.start_job([MOUNTER, "--user", "1000", "--", "sleep", "1000"])
        found = TABLE.guest.run("until pidof sleep; do /bin/sh -c :; done >/dev/null; grep -E '^(NoNewPrivs|CapPrm|CapEff)' /proc/$(pidof ceremony-mounter)/status; kill $(pidof ceremony-mounter)").out
        kept = f"{1 << 21 | 1 << 7 | 1 << 6 | 1 << 5:016x}"  # CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_KILL
        self.assertEqual(found.split(), ["CapPrm:", kept, "CapEff:", kept, "NoNewPrivs:", "1"])
        # What ends it ends the program, and the program's end is its own.
        self.assertEqual(TABLE.guest.wait_job(job).code, 128 + 15)

    def test_what_a_program_left_mounted_is_unmounted_when_it_is_gone(self):
        TABLE.put_in_and_switch_on("stray")
        found = self.under_mounter(ASK + "ask 'list 0'; mount_it rw; grep /run/ceremony /proc/mounts; echo hello >/run/ceremony/media/0/hello; kill -9 $$\n", code=137)
        TABLE.take_out("stray")
        self.assertRegex(found.out, r"mounted 0\n/dev/sda /run/ceremony/media/0 vfat rw,nosuid,nodev,noexec,noatime,nosymfollow,uid=1000,gid=1000,fmask=0077,dmask=0077,")
        self.assertEqual(TABLE.guest.run("grep -c /run/ceremony /proc/mounts", code=1).out, "0\n")
        TABLE.disks["stray"].is_sound()
        self.assertEqual(mtools("mtype", TABLE.disks["stray"].path, "::hello"), b"hello\n")

    def test_what_is_not_in_the_list_is_not_mounted(self):
        TABLE.put_in_and_switch_on("stray")
        found = self.under_mounter(ASK + "ask 'mount ../dev/sda 1 ro'; ask 'mount sda 99999 ro'; ask 'mount ram0 1 ro'; ask 'unmount 0'; printf x >&3; answer; mount_it ro; mount_it ro\n")
        TABLE.take_out("stray")
        self.assertEqual([line for line in found.out.splitlines() if line != "ceremony-mounter/v1"],
                         ['no media/failed "a message of the program that mounts disks is not one: \\x22../dev/sda\\x22 names no disk" "restart the machine; if it comes again, do not use this image"',
                          'no media/out "the disk was taken out" "put it in again"', 'no media/out "the disk was taken out" "put it in again"', 'no media/out "nothing is mounted there" "put the disk in again"',
                          'no media/failed "a message of the program that mounts disks is not one: it has no \\x22ceremony-mounter/v1\\x5cx0a\\x22 where one has to be" "restart the machine; if it comes again, do not use this image"',
                          "mounted 0", 'no media/failed "the disk is in use already" "use another disk"'])

    def test_only_root_mounts_and_only_for_others(self):
        refused = self.under_mounter("", code=2, user="0")
        self.assertIn("hint: name an ordinary user", refused.err)
        again = self.under_mounter(f"{MOUNTER} --user 1001 -- true\n", code=2)
        self.assertIn("error: disks cannot be mounted by this user", again.err)

    # --- what another machine finds -------------------------------------------------------------------------------------

    def test_every_disk_that_was_written_is_sound(self):
        for name in TABLE.names():
            if name == "intake":
                continue
            with self.subTest(name):
                TABLE.disks[name].is_sound(was_pulled=name == "ledger-2")
                self.assertEqual([path for path in (TABLE.folder / name).rglob("*") if path.suffix == ".part"], [])

    def test_media_are_on_the_record_as_disks_with_their_ids(self):
        for record in self.records("medium"):
            if record["res"] == "ok" and record["d"]["medium"] in SECOND.people:
                image = TABLE.disks[record["d"]["medium"]]
                at = image.offset + 67
                self.assertEqual(record["d"]["ident"], "fat-" + image.path.read_bytes()[at:at + 4][::-1].hex())
        intake, = [record["d"]["ident"] for record in self.records("medium") if record["d"]["medium"] == "intake"]
        self.assertRegex(intake, r"^iso-\d{16}-REQUESTS$")

    def test_the_ledgers_and_the_bundle_verify(self):
        folder = TABLE.folder
        ledgers = [folder / "ledger-1", folder / "ledger-2"]
        run("diff", "-r", "--exclude=ceremony-medium", *ledgers)
        pin = run("sh", "-c", f"openssl pkey -pubin -in {ledgers[0]}/keys/log.pem -outform DER | sha256sum").decode()[:64]
        bundle, = (folder / "factory-m").glob("bundle-*/")
        for what in [*ledgers, bundle]:
            run(BIN / "ceremony-verify", what, "--pin", pin)
        run("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=ledgers[1])
        run("sha256sum", "--quiet", "-c", "MANIFEST", cwd=bundle)
        crl, = (bundle / "crl").glob("*.crl")
        run("openssl", "crl", "-inform", "DER", "-in", crl, "-out", folder / "crl.pem")
        run("openssl", "verify", "-x509_strict", "-check_ss_sig", "-crl_check_all", "-CRLfile", folder / "crl.pem", "-CAfile", bundle / "certs/root.pem", bundle / "certs/issuing.pem")


if __name__ == "__main__":
    unittest.main()
