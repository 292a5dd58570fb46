// A factory's bundle proves itself: certificate, CRL and their quorum, from log/ alone.
#include <cstdlib>

#include "ceremony/ledger/checkpoint.h"
#include "ceremony/ledger/proof.h"
#include "ceremony/report/bundle_records.h"
#include "ceremony/report/verdict.h"
#include "tests/unit/state/rule_story.h"

namespace ceremony::testing {
namespace {

Bytes artifact(const Digest& digest) { return *happy().source()(digest); }

struct Shipment {
  LogImage image = happy().signed_log();
  std::size_t exported = where("export", "kind", "bundle");
  ledger::Tree tree;
  std::vector<std::uint64_t> which;
  report::Files files;

  Shipment() {
    for (const std::string& line : image.lines) tree.append(ledger::leaf_hash(line));
    const Digest certificate = field_digest(exported, "certificate"), manifest = field_digest(exported, "sha256");
    which = report::records_for_bundle(happy().records(), {certificate}, manifest);
    files["MANIFEST"] = artifact(manifest);
    files["certs/issuing.der"] = artifact(certificate);
    files["certs/root.der"] = artifact(field_digest(where("issue"), "certificate"));
    files["crl/root.crl"] = artifact(field_digest(where("crl", 1), "crl"));
    files["log/checkpoint"] = as_bytes(image.checkpoint);
    files["log/policy.toml"] = artifact(field_digest(where("policy"), "policy"));
    files["log/keys/log.pem"] = as_bytes(ledger::write_public_pem(happy().log().info().spki.view()));
    for (const std::string id : {"c1", "c2"}) files["log/keys/" + id + ".pem"] = as_bytes(ledger::write_public_pem(happy().person(id).info().spki.view()));
    files["MANIFEST.tlog-proof"] = proof(exported);
    write_records();
  }
  [[nodiscard]] Bytes proof(std::uint64_t n) const {
    return as_bytes(ledger::write_proof({image.lines[n], n, tree.inclusion_proof(n, tree.size()), image.checkpoint}));
  }
  void write_records() { files["log/records.jsonl"] = as_bytes(report::write_bundle_records(image.lines, tree, image.checkpoint, which)); }
  [[nodiscard]] Ids verdict() const { return ids_of(report::verify_bundle(files, {}, happy().log_pin()).violations); }
};

}  // namespace

TEST_CASE("A bundle that left a ceremony is verified under the pin") {
  const Shipment shipment;
  const auto verdict = report::verify_bundle(shipment.files, {}, happy().log_pin());
  CHECK(ids_of(verdict.violations) == Ids{});
  CHECK(verdict.exit_code() == 0);
  CHECK(report::verify_bundle(shipment.files, {}, std::nullopt).exit_code() == 2);
  CHECK(report::verify_bundle(shipment.files, {}, sha256("another")).exit_code() == 1);
  REQUIRE(verdict.approvals.size() == 2);
  CHECK(verdict.approvals[0].people == std::vector<std::string>{"c1", "c2"});
  CHECK(report::text(verdict).find("quorum re-checked") != std::string::npos);
  // The records: policy, 2 opens, 2 enrolments, 4 approvals, 2 intents, 2 results, issue, crl, export.
  CHECK(shipment.which.size() == 16);
}

TEST_CASE("A batch's list that goes along is checked too") {
  Shipment shipment;
  const Digest batch = field_digest(where("intent", "act", "sign-batch"), "tbs");
  shipment.files["log/batch.txt"] = artifact(batch);
  const auto verdict = report::verify_bundle(shipment.files, {}, happy().log_pin());
  CHECK(ids_of(verdict.violations) == Ids{});
  shipment.files["log/batch.txt"] = as_bytes(ledger::batch_artifact({{sha256("x"), "01", "CN=X"}}));
  CHECK(shipment.verdict() == Ids{"QUORUM-1"});
}

TEST_CASE("What is wrong with a bundle is named") {
  Shipment shipment;
  const auto drop = [&](std::string_view event) {
    std::erase_if(shipment.which, [&](std::uint64_t n) { return happy().records()[n].ev == event; });
    shipment.write_records();
  };
  SECTION("another certificate") {
    // Keys are new in every run, and with them the order of the exports: the other one of the two is meant.
    const Digest first = field_digest(where("issue", 1), "certificate"), second = field_digest(where("issue", 2), "certificate");
    shipment.files["certs/issuing.der"] = artifact(field_digest(shipment.exported, "certificate") == first ? second : first);
    CHECK(shipment.verdict().contains("CERT-1"));
  }
  SECTION("the CRL of the ceremony before") {
    shipment.files["crl/root.crl"] = artifact(field_digest(where("crl"), "crl"));
    CHECK(shipment.verdict() == Ids{"CERT-1"});
  }
  SECTION("another root") {
    shipment.files["certs/root.der"] = shipment.files["certs/issuing.der"];
    CHECK(shipment.verdict() == Ids{"CERT-2"});
  }
  SECTION("a MANIFEST that does not fit its files") {
    CHECK(ids_of(report::verify_bundle(shipment.files, {"README.txt differs"}, happy().log_pin()).violations) == Ids{"EXPORT-1"});
  }
  SECTION("a MANIFEST that no export names") {
    shipment.files["MANIFEST"].push_back('\n');
    CHECK(shipment.verdict() == Ids{"EXPORT-1"});
  }
  SECTION("an approval is left out") {
    shipment.which.erase(std::ranges::find(shipment.which, where("approve", "act", "sign-batch")));
    shipment.write_records();
    CHECK(shipment.verdict() == Ids{"QUORUM-1"});
  }
  SECTION("an enrolment is left out") {
    drop("enrol");
    CHECK(shipment.verdict() == Ids{"QUORUM-1", "QUORUM-2"});
  }
  SECTION("a policy that asks for less") {
    auto text = as_text(shipment.files["log/policy.toml"]);
    shipment.files["log/policy.toml"] = as_bytes(text + "# one more line\n");
    CHECK(shipment.verdict().contains("POL-1"));
  }
  SECTION("a record changed by a byte") {
    std::string text = as_text(shipment.files["log/records.jsonl"]);
    text[text.find("\"record\":") + 40] ^= 1;
    shipment.files["log/records.jsonl"] = as_bytes(text);
    CHECK(shipment.verdict().contains("LOG-1"));
  }
  SECTION("a proof of another log") {
    shipment.image.lines.back()[0] = ' ';
    shipment.tree = {};
    for (const std::string& line : shipment.image.lines) shipment.tree.append(ledger::leaf_hash(line));
    shipment.files["MANIFEST.tlog-proof"] = shipment.proof(shipment.exported);
    CHECK(shipment.verdict() == Ids{"LOG-6"});
  }
  SECTION("a checkpoint signed by another key in the log's name") {
    const pki::ThrowawayKey foreign("p256", happy().rng);
    shipment.files["log/checkpoint"] = as_bytes(happy().checkpoint_of(shipment.image.lines, {"c1"}, &foreign));
    CHECK(shipment.verdict() == Ids{"LOG-7"});
  }
  SECTION("the other key beside it is found by the pin") {
    const pki::ThrowawayKey foreign("p256", happy().rng);
    shipment.files["log/checkpoint"] = as_bytes(happy().checkpoint_of(shipment.image.lines, {"c1"}, &foreign));
    shipment.files["log/keys/log.pem"] = as_bytes(ledger::write_public_pem(foreign.info().spki.view()));
    const auto verdict = report::verify_bundle(shipment.files, {}, happy().log_pin());
    CHECK(verdict.consistent);
    CHECK(verdict.exit_code() == 1);
  }
}

TEST_CASE("What is no bundle is refused") {
  Shipment shipment;
  shipment.files.erase("log/records.jsonl");
  try {
    (void)shipment.verdict();
    FAIL("not refused");
  } catch (const Refused& refused) {
    CHECK(refused.is(report::ReportRefusal::not_a_bundle));
  }
}

TEST_CASE("records.jsonl has one spelling") {
  const std::string good = as_text(Shipment().files["log/records.jsonl"]);
  CHECK(report::read_bundle_records(good).size() == 16);
  for (const std::string& bad : {good.substr(0, good.size() - 1), " " + good, good + "\n", good + "{}\n"})
    CHECK_THROWS_AS(report::read_bundle_records(bad), Refused);
}

/// The corpora of the fuzz targets `replay` and `bundle_records`: run with this tag and CORPUS set to their parent folder.
TEST_CASE("Corpora for fuzzing", "[.corpus]") {
  const char* folder = std::getenv("CORPUS");
  if (folder == nullptr) SKIP("CORPUS is not set");
  const auto env = make_posix_env();
  const Shipment shipment;
  env->replace(Path(folder) / "bundle_records" / "happy.jsonl", shipment.files.at("log/records.jsonl"));
  std::string transcript;
  for (const std::string& line : shipment.image.lines) transcript += line + "\n";
  env->replace(Path(folder) / "replay" / "happy.log", as_view(transcript));
  const std::size_t n = where("token", "purpose", "activation", 5);
  env->replace(Path(folder) / "token_list" / "happy.txt", artifact(field_digest(n, "list")));
}

}  // namespace ceremony::testing
