// A token that comes after the module was started: seen by starting the module anew, which takes nothing away from anybody.
#include "hsm/in_use.h"
#include "soft_token.h"

using namespace ceremony::hsm;
using ceremony::Refused;

TEST_CASE("a token that the module has not seen is found by starting the module anew, once nothing of it is in use") {
  SoftHsm soft;
  const auto serial = soft.ready("later")->identity().serial;
  // SoftHSM2 reads its settings when it starts: so it does not know of the token, as a module does not know of a reader.
  std::filesystem::create_directory(soft.file("nothing"));
  const std::string settings = "\nobjectstore.backend = file\nlog.level = ERROR\n";
  soft.write("empty.conf", ceremony::as_view("directories.tokendir = " + soft.file("nothing").string() + settings));
  ::setenv("SOFTHSM2_CONF", soft.file("empty.conf").c_str(), 1);
  soft.reopen();
  ::setenv("SOFTHSM2_CONF", soft.file("softhsm2.conf").c_str(), 1);

  CHECK(!InUse::any());
  {
    const auto other = soft.module().blank();
    CHECK(InUse::any());
    try {
      (void)soft.module().by_serial(serial);
      FAIL("the module was started anew under a token that is in use");
    } catch (const Refused& refused) {
      CHECK(refused.is(HsmRefusal::token_absent));
    }
    CHECK(!other->identity().initialized);
  }
  CHECK(!InUse::any());
  CHECK(soft.module().by_serial(serial)->identity().label == "later");
  CHECK(soft.module().by_label("later")->identity().serial == serial);
  // One that is nowhere is missed all the same.
  try {
    (void)soft.module().by_label("nowhere");
    FAIL("there is no such token");
  } catch (const Refused& refused) {
    CHECK(refused.is(HsmRefusal::token_absent));
  }
}
