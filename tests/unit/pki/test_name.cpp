#include "ceremony/pki/der.h"
#include "ceremony/pki/name.h"
#include "foreign.h"

using namespace pki_test;

TEST_CASE("a name is read from the form people write, and written back") {
  const Name name = parse_name("CN=Example Root CA,  O = Example GmbH , C=DE, serialNumber=42, VID=FFF1, PID=8000");
  CHECK(name.attributes.size() == 6);
  CHECK(name.get("O") == "Example GmbH");
  CHECK(text(name) == "CN=Example Root CA, O=Example GmbH, C=DE, serialNumber=42, VID=FFF1, PID=8000");
  CHECK(parse_name(text(name)) == name);
}

TEST_CASE("RFC 4514 escapes are understood both ways") {
  const Name name = parse_name(R"(CN=Smith\, Jones \+ Sons\; \"x\" \\ \c3\a9, O=\#1)");
  CHECK(name.get("CN") == "Smith, Jones + Sons; \"x\" \\ \xc3\xa9");
  CHECK(name.get("O") == "#1");
  CHECK(parse_name(text(name)) == name);
}

TEST_CASE("every mistake of a name is told at once") {
  try {
    (void)parse_name("XX=1, C=de, CN=, O, L=a+b");
    FAIL("was not refused");
  } catch (const Refused& refused) {
    CHECK(refused.is(PkiRefusal::name));
    CHECK(refused.findings().size() == 5);
  }
}

TEST_CASE("names out of bounds are refused", "[name]") {
  const std::string sixty_five(65, 'x');
  const std::string trailing = R"(CN=x\ )";
  for (const std::string& bad :
       {std::string(), std::string("CN"), "CN=" + sixty_five, std::string("C=DEU"), std::string("C=D1"),
        std::string("VID=fff1"), std::string("VID=FFF"), std::string("CN=a\\0ab"), std::string("CN=\\ff"),
        std::string("CN=a\xe2\x80\xae"
                    "b"),
        std::string("serialNumber=a_b"), std::string("CN=x,"), std::string("CN=x\\"), std::string("CN=\"x\""),
        trailing, std::string("cn=x")}) {
    CAPTURE(bad);
    CHECK_THROWS_AS((void)parse_name(bad), Refused);
  }
  CHECK_NOTHROW((void)parse_name("CN=" + std::string(64, 'x')));
}

TEST_CASE("a name's DER goes there and back, in the string types of RFC 5280") {
  const Name name = parse_name(
      "C=DE, O=\xc3\x9c"
      "bung, serialNumber=7, CN=x, VID=FFF1");
  const Bytes der = encode_name(name);
  CHECK(decode_name(der) == name);
  CHECK(hex(der).starts_with("30"));
  CHECK(hex(der).contains("060355040613024445"));                    // C: PrintableString
  CHECK(hex(der).contains("060a2b0601040182a27c02010c0446464631"));  // VID: UTF8String
  refuses(PkiRefusal::name, "empty", [] { (void)encode_name({}); });
}

TEST_CASE("DER is strict") {
  auto bad = [](const char* hexed) {
    CAPTURE(hexed);
    const Bytes bytes = *unhex(hexed);
    CHECK_THROWS_AS((void)der::one(bytes, "test"), Refused);
  };
  for (const char* hexed :
       {"",           "30",         "3080",        "30800000",   "308100", "30820001aa",       "3001",     "300000",
        "020200ff00", "02020001",   "0202ff80",    "0200",       "010101", "0102ffff",         "0500ff",   "050100",
        "030108",     "0303010001", "0300",        "0600",       "060180", "06022a80",         "0c02c3c3", "1302405f",
        "1601ff",     "1f0100",     "0000",        "2003020101", "1000",   "3106020102020101", "2400",     "0c01c3",
        "0c03e08080", "0c03eda080", "0c04f4908080"})
    bad(hexed);
  for (const char* hexed : {"3000", "020100", "0202 00ff", "0101ff", "0500", "0302 0780", "06022a03", "0c02c3a9",
                            "3106020101020102", "0c03e282ac", "0c04f09f9880"}) {
    std::string plain(hexed);
    std::erase(plain, ' ');
    CAPTURE(plain);
    const Bytes bytes = *unhex(plain);
    CHECK_NOTHROW((void)der::one(bytes, "test"));
  }
  Bytes deep{0x05, 0x00};
  for (int i = 0; i < 40; ++i) deep = der::wrap(der::sequence, deep);
  CHECK_THROWS_AS((void)der::one(deep, "test"), Refused);
}

TEST_CASE("times are UTCTime until 2049 and GeneralizedTime from 2050") {
  for (const char* text : {"1970-01-01T00:00:00Z", "2026-11-22T14:07:31Z", "2049-12-31T23:59:59Z",
                           "2050-01-01T00:00:00Z", "3099-12-31T23:59:59Z"}) {
    const der::TimeText encoded = der::from_time(at(text));
    const Bytes der = der::wrap(encoded.tag, as_view(encoded.text));
    CHECK(text_of(der::to_time(der::one(der, "test"), "test")) == text);
  }
  CHECK(der::from_time(at("2049-12-31T23:59:59Z")).text == "491231235959Z");
  CHECK(der::from_time(at("2050-01-01T00:00:00Z")).text == "20500101000000Z");
  for (const char* text : {"491331235959Z", "4912312359Z", "491231235960Z", "260229000000Z", "491231235959+0100"}) {
    const Bytes der = der::wrap(der::utc_time, as_view(text));
    CHECK_THROWS_AS((void)der::to_time(der::one(der, "test"), "test"), Refused);
  }
}

TEST_CASE("PEM is read strictly") {
  const Bytes body(100, 0x41);
  const std::string good = pem("CERTIFICATE", body);
  CHECK(unpem("CERTIFICATE", good) == body);
  CHECK(der_of("CERTIFICATE", as_view(good)) == body);
  std::string crlf;
  for (const char c : good) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  CHECK(unpem("CERTIFICATE", crlf) == body);
  CHECK(unpem("CERTIFICATE", good.substr(0, good.size() - 1)) == body);
  std::string with_header = good;
  with_header.insert(good.find('\n') + 1, "Proc-Type: 4,ENCRYPTED\n\n");
  std::string spaced = good;
  spaced.insert(40, " ");
  for (const std::string& bad :
       {good + good, "text\n" + good, good + "text\n", good + "\n", with_header, spaced, std::string(),
        std::string("-----BEGIN CERTIFICATE-----\n"),
        std::string("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), pem("CERTIFICATE REQUEST", body)}) {
    CAPTURE(bad);
    refuses(PkiRefusal::pem, "", [&] { (void)unpem("CERTIFICATE", bad); });
  }
}
