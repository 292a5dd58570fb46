#include "ceremony/toml/reader.h"
#include "foreign.h"

using namespace pki_test;

TEST_CASE("every shipped profile loads and is named like its file") {
  for (const char* id :
       {"root-generic", "issuing-generic", "issuing-802.1ar", "root-matter-paa", "issuing-matter-pai"}) {
    const Profile read = profile(id);
    CHECK(read.id == id);
    CHECK(read.key_usage == std::vector<std::string>{"keyCertSign", "cRLSign"});
    CHECK(read.zlint_sources == std::vector<std::string>{"RFC5280"});
    CHECK(read.digest == sha256(profile_text(id)));
    for (const std::string& algorithm : read.key_algorithms) CHECK(allows_scheme(read, scheme_for(algorithm)));
  }
  CHECK(profile("root-generic").max_days == 10958);
  CHECK_FALSE(profile("root-generic").path_length);
  CHECK(profile("issuing-generic").path_length == 0);
  CHECK(profile("root-matter-paa").path_length == 1);
}

TEST_CASE("all mistakes of a profile come back at once, with their places") {
  try {
    (void)read_profile("bad.toml", R"(id = "Bad Id"
title = "x"
kind = "leaf"
colour = "red"
[key]
algorithms = ["p521"]
[signature]
schemes = []
[validity]
max_years = 30
max_days = 3
[subject]
allowed = ["CN", "CN"]
required = ["O"]
from_csr = ["CN"]
[subject.fixed]
C = "DE"
CN = "x"
[extensions]
key_usage = ["cRLSigning"]
extended_key_usage = ["serverAuth", "1.3.6.1.5.5.7.3.1", "nonsense"]
policies = ["1.2"]
crl_distribution_points = ["ftp://x"]
path_length = -1
[crl]
max_days = 0
)");
    FAIL("was not refused");
  } catch (const Refused& refused) {
    INFO(refused.what());
    CHECK(refused.is(toml_file::TomlRefusal::mistakes));
    const std::string all = refused.what();
    for (const char* word : {"Bad Id", "leaf", "colour", "p521", "'schemes' is empty", "one of the two",
                             "'CN' stands twice", "'O' is not in 'allowed'", "fixed field 'C'", "cRLSigning",
                             "lacks 'keyCertSign'", "'1.3.6.1.5.5.7.3.1' stands twice", "nonsense",
                             "'1.2' is no dotted OID", "ftp://x", "path_length", "max_days", "lint", "bad.toml:1:"}) {
      CAPTURE(word);
      CHECK(all.contains(word));
    }
  }
}

TEST_CASE("found too late by a peer: a misspelt key usage is found when the profile is read") {
  std::string text = profile_text("issuing-generic");
  text.replace(text.find("cRLSign"), 7, "crlSign");
  refuses(toml_file::TomlRefusal::mistakes, "crlSign", [&] { (void)read_profile("x.toml", text); });
}

TEST_CASE("a root has no extended key usage, policies or distribution points") {
  for (const char* line : {"extended_key_usage = [\"serverAuth\"]", "policies = [\"2.23.140.1.2.1\"]",
                           "crl_distribution_points = [\"http://crl.example.com/x.crl\"]"}) {
    std::string text = profile_text("root-generic");
    text.insert(text.find("[crl]"), std::string(line) + "\n");
    refuses(toml_file::TomlRefusal::mistakes, "a root has no", [&] { (void)read_profile("x.toml", text); });
  }
}
