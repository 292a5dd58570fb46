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

TEST_CASE("found too late by a peer: a misspelt key usage is found when the profile is read") {
  std::string text = profile_text("issuing-generic");
  text.replace(text.find("cRLSign"), 7, "crlSign");
  refuses(toml_file::TomlRefusal::mistakes, "crlSign", [&] { (void)read_profile("x.toml", text); });
}
