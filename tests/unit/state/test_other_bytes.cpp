// Whole logs in which something else was signed, decided or done than the happy one says, properly approved and signed by everybody: what the verifier
// says of each. Each goes to the second verifier too (broken_logs.h).
#include "ceremony/ledger/approval.h"
#include "ceremony/report/verdict.h"
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

/// Records of the happy log, changed as one story.
class Story {
 public:
  std::vector<Record> all = happy().records();

  [[nodiscard]] Ids verdict() {
    const LogImage image = happy().signed_log(all);
    MemoryEnv env;
    image.write_to(env, "/log");
    const Ids ids = ids_of(report::verify_folder(env, "/log", happy().log_pin()).violations);
    keep_log(image, ids);
    return ids;
  }

  /// Every field that names `old` names `fresh`.
  void rename(const std::string& old, const Digest& fresh) {
    for (Record& r : all)
      for (const auto& [field, value] : Value::Object(r.d.object()))
        if (value.if_text() != nullptr && *value.if_text() == old) r.d.set(field, fresh);
  }
  void sign_again(std::string_view act, const Digest& digest) {
    for (std::size_t n = 0; n < all.size(); ++n)
      if (all[n].ev == "approve" && all[n].d.text("act") == act && all[n].d.text("sha256") == hex(digest))
        all[n].d.set("sig", happy().approval(std::string(all[n].d.text("person")), before(n), act, digest));
  }

  /// The first certificate of the batch is another one, as it was approved.
  Story& certificate(const pki::CertificatePlan& plan) {
    LogBuilder& log = happy();
    const std::size_t issue = where("issue", 1);
    const std::string old_tbs(all[issue].d.text("tbs")), old_batch(all[where("intent", "act", "sign-batch")].d.text("tbs"));
    const Digest tbs = log.put(pki::build_tbs(plan).view());
    const auto der = log.certify(plan);
    const auto view = pki::read_certificate(der.view());
    auto lines = ledger::parse_batch(as_text(*log.source()(*digest_from_hex(old_batch))), "batch");
    for (auto& line : lines)
      if (hex(line.tbs) == old_tbs) line = {tbs, view.serial_hex, pki::text(view.subject)};
    const Digest batch = log.put(ledger::batch_artifact(lines));
    rename(std::string(all[issue].d.text("certificate")), log.put(der.view()));
    rename(old_tbs, tbs);
    rename(old_batch, batch);
    sign_again("sign-batch", batch);
    all[issue].d.set("serial", view.serial_hex).set("subject", pki::text(view.subject)).set("spki_sha256", view.key.spki_sha256).set("skid", hex(view.skid));
    all[issue].d.set("not_before", text_of(view.not_before)).set("not_after", text_of(view.not_after));
    return *this;
  }

  /// The second CRL is another one, as it was approved.
  Story& crl(const pki::CrlPlan& plan) {
    LogBuilder& log = happy();
    const std::size_t made = where("crl", 1);
    const Digest tbs = log.put(pki::build_crl_tbs(plan).view());
    rename(std::string(all[made].d.text("crl")), log.put(log.sign_crl(plan).view()));
    rename(std::string(all[made].d.text("tbs")), tbs);
    sign_again("sign-crl", tbs);
    all[made].d.set("number", plan.number).set("this_update", text_of(plan.this_update)).set("next_update", text_of(plan.next_update));
    all[made].d.set("entries", plan.entries.size());
    return *this;
  }

  /// Records put in before record n, at its time and in its ceremony; who acts in them signs at the end. Called from the log's end backwards.
  Story& insert(std::size_t n, std::vector<Record> fresh) {
    for (Record& r : fresh) {
      r.t = all[n].t;
      r.c = all[n].c;
      for (Record& close : all)
        if (close.ev == "close" && close.c == r.c) {
          auto signers = close.d.texts("signers");
          for (const std::string& person : r.who)
            if (std::ranges::find(signers, person) == signers.end()) signers.push_back(person);
          close.d.set("signers", signers);
        }
    }
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(n), fresh.begin(), fresh.end());
    return *this;
  }
  Story& drop(std::size_t n) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(n));
    return *this;
  }
};

Record record(std::string event, std::vector<std::string> who, Value d) {
  Record r;
  r.ev = std::move(event);
  r.who = std::move(who);
  r.d = std::move(d);
  r.step = "step";
  return r;
}

Record approve(const std::string& person, std::size_t n, const std::string& act, const Digest& digest) {
  return record("approve", {person}, {{"act", act}, {"sha256", digest}, {"person", person}, {"alg", "p256"}, {"sig", happy().approval(person, before(n), act, digest)}});
}

/// In the middle of the second ceremony, before anything is approved.
std::size_t middle() { return where("import"); }

pki::CertificatePlan plan() { return happy().plan_for(0); }

}  // namespace

TEST_CASE("Whole logs: another certificate that was approved") {
  auto p = plan();
  SECTION("of the same content") { CHECK(Story().certificate(p).verdict() == Ids{}); }
  SECTION("with an organisation that does not say REHEARSAL") {
    p.subject = pki::parse_name("CN=Test Issuing 0, O=Example");
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-7", "ENV-2"});
  }
  SECTION("with a name field that its profile does not have") {
    p.subject = pki::parse_name("CN=Test Issuing 0, O=Example REHEARSAL, VID=FFF1");
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-3", "CERT-7"});
  }
  SECTION("that outlives its issuer") {
    p.not_after = *time_from_text("2052-01-01T00:00:00Z");
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-4"});
  }
  SECTION("that is valid for longer than policy says") {
    p.not_after = *time_from_text("2038-01-01T00:00:00Z");
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-4"});
  }
  SECTION("that begins before its issuer") {
    p.not_before = *time_from_text("2026-11-20T00:00:00Z");
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-4"});
  }
  SECTION("with a short serial") {
    p.serial = {*unhex("01020304")};
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-5"});
  }
  SECTION("with the serial of the root") {
    p.serial = happy().root_plan().serial;
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-5"});
  }
  SECTION("with the key of the log") {
    p.key = happy().log().info().spki;
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-3", "CERT-6", "CERT-7"});
  }
  SECTION("with another authority key id") {
    p.issuer_skid = Bytes(20, 7);
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-8"});
  }
  SECTION("with another issuer's name") {
    p.issuer = pki::parse_name("CN=Another Root, O=Example REHEARSAL");
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-3"});
  }
  SECTION("of the root's profile") {
    p.profile = &happy().profile("root-generic");
    CHECK(Story().certificate(p).verdict() == Ids{"CERT-3"});
  }
}

TEST_CASE("Whole logs: another CRL that was approved") {
  auto p = happy().crl_plan(2);
  const pki::Serial root = happy().root_plan().serial;
  const Record revoked = record("revoke", {"so1"}, {{"serial", pki::hex(root)}, {"why", "superseded"}, {"date", text_of(p.this_update)}});
  SECTION("of the same content") { CHECK(Story().crl(p).verdict() == Ids{}); }
  SECTION("with an old number") {
    p.number = 1;
    CHECK(Story().crl(p).verdict() == Ids{"CRL-1"});
  }
  SECTION("of three days ago") {
    p.this_update -= std::chrono::days(3);
    p.next_update -= std::chrono::days(3);
    CHECK(Story().crl(p).verdict() == Ids{"CRL-1"});
  }
  SECTION("without what was revoked") { CHECK(Story().crl(p).insert(middle(), {revoked}).verdict() == Ids{"CRL-2"}); }
  SECTION("with what was revoked") {
    p.entries = {{root, p.this_update, pki::Reason::superseded}};
    CHECK(Story().crl(p).insert(middle(), {revoked}).verdict() == Ids{});
  }
  SECTION("with a serial that is nobody's") {
    p.entries = {{{*unhex("01ff00ff00ff00ff00ff00ff00ff00ff00")}, p.this_update, pki::Reason::superseded}};
    CHECK(Story().crl(p).verdict() == Ids{"CRL-3"});
  }
  SECTION("with the serial of a certificate that was found") {
    auto found = plan();
    found.serial = {*unhex("01ee00ee00ee00ee00ee00ee00ee00ee00")};
    const Digest certificate = happy().put(happy().certify(found).view());
    p.entries = {{found.serial, p.this_update, pki::Reason::keyCompromise}};
    CHECK(Story().crl(p).insert(middle(), {record("found", {"so1"}, {{"certificate", certificate}, {"where", "in a shop"}})}).verdict() == Ids{});
  }
  SECTION("that lasts too long") {
    p.next_update += std::chrono::days(30);
    CHECK(Story().crl(p).verdict() == Ids{"CRL-4"});
  }
  SECTION("with an entry without a reason") {
    p.entries = {{root, p.this_update, std::nullopt}};
    CHECK(Story().crl(p).verdict() == Ids{"CRL-5"});
  }
  SECTION("with a reason that is none") {
    p.entries = {{root, p.this_update, pki::Reason::certificateHold}};
    CHECK(Story().crl(p).verdict() == Ids{"CRL-5"});
  }
  SECTION("with an entry of tomorrow") {
    p.entries = {{root, p.this_update + std::chrono::hours(1), pki::Reason::keyCompromise}};
    CHECK(Story().crl(p).verdict() == Ids{"CRL-5"});
  }
  SECTION("with an entry twice") {
    p.entries = {{root, p.this_update, pki::Reason::superseded}, {root, p.this_update, pki::Reason::superseded}};
    CHECK(Story().crl(p).verdict() == Ids{"CERT-3"});
  }
  SECTION("for more than CA certificates") {
    p.idp_only_ca = false;
    CHECK(Story().crl(p).verdict() == Ids{"CERT-3"});
  }
}

TEST_CASE("Whole logs: waivers") {
  // The room's access log is not there, and governance waived the rule for the close of the genesis, or did not.
  const std::size_t n = where("evidence", "kind", "access-log");
  const std::string until = "2026-12-01T00:00:00Z";
  const Digest act = happy().put(ledger::act_artifact({{"rule", "EVID-1"}, {"reason", "no room log here"}, {"end", until}, {"event", "close"}}));
  const Record waiver = record("waiver", {}, {{"rule", "EVID-1"}, {"why", "no room log here"}, {"until", until}, {"act", act}});
  const auto story = [&](std::vector<Record> fresh) {
    Story s;
    s.all.resize(where("open", 1));
    return s.insert(n + 1, std::move(fresh)).drop(n).verdict();
  };
  CHECK(story({approve("g1", n, "waive", act), approve("g2", n, "waive", act), waiver}) == Ids{});
  CHECK(story({approve("g1", n, "waive", act), waiver}) == Ids{"WAIVER-1"});
  CHECK(story({}) == Ids{"EVID-1"});
}

TEST_CASE("Whole logs: what a signature rests on is not there") {
  SECTION("the lock of the key") { CHECK(Story().drop(where("lock")).verdict().contains("KEY-4")); }
  SECTION("a share's reading back") { CHECK(Story().drop(where("hand-in", "purpose", "read-back", 2)).verdict().contains("SHARE-2")); }
  SECTION("a CA key") {
    Story s;
    s.all[where("intent", "act", "sign-crl", 1)].d.set("key", std::string(happy().records()[where("keygen", "purpose", "log")].d.text("key")));
    CHECK(s.verdict().contains("KEY-5"));
  }
}

TEST_CASE("Whole logs: keys, shares, seals and people in the second ceremony") {
  const std::size_t n = middle();
  SECTION("the key that signs is retired") {
    const Digest act = happy().put(ledger::act_artifact({{"key", happy().root_id()}}));
    Story s;
    s.insert(n, {approve("g1", n, "retire-key", act), approve("g2", n, "retire-key", act), record("retire", {"so1"}, {{"key", happy().root_id()}, {"act", act}})});
    CHECK(s.verdict() == Ids{"KEY-6"});
  }
  SECTION("a share is void that is handed in") {
    Story s;
    s.insert(n, {record("void", {"so1"}, {{"set", "activation-1"}, {"scope", "share"}, {"index", 1}, {"holder", "c1"}, {"why", "it was lost"}})});
    CHECK(s.verdict() == Ids{"SHARE-3"});
  }
  SECTION("a seal is another than the one that was closed") {
    const auto custody = [](const std::string& act, const std::string& number) {
      return record("custody", {"so1", "w1"}, {{"item", "token bag"}, {"act", act}, {"seal", sha256(number)}, {"from", "safe"}, {"to", "table"}});
    };
    CHECK(Story().insert(n, {custody("sealed", "1"), custody("opened", "1")}).verdict() == Ids{});
    CHECK(Story().insert(n, {custody("sealed", "1"), custody("opened", "2")}).verdict() == Ids{"EVID-2"});
    CHECK(Story().insert(n, {custody("sealed", "1"), custody("opened", "1"), custody("opened", "1")}).verdict() == Ids{"EVID-2"});
  }
  SECTION("a new credential that governance did not approve") {
    // The old key goes on signing: what it signs is nobody's any more.
    Value d = happy().records()[where("enrol", "person", "so1")].d;
    const pki::ThrowawayKey fresh("p256", happy().rng);
    d.set("spki", base64(fresh.info().spki.view())).set("key", fresh.info().spki_sha256).set("replaces", hex(sha256(happy().person("so1").info().spki.view())));
    d.set("sig", happy().enrolment(fresh, before(n), d));
    CHECK(Story().insert(n, {record("enrol", {"so1"}, d)}).verdict() == Ids{"ENROL-1", "LOG-7"});
  }
  SECTION("the ceremony opens after more than a year") {
    Story s;
    for (Record& r : s.all)
      if (r.c == "issue") r.t += std::chrono::days(500);
    CHECK(s.verdict().contains("LOG-3"));
  }
}

}  // namespace ceremony::testing
