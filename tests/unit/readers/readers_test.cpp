// When the card readers' service is started, ended and started again; and the lock between whoever uses a token and whoever would start it anew.
#include <catch2/catch_test_macros.hpp>
#include <atomic>
#include <string>
#include <thread>

#include "ceremony/init/readers.h"
#include "hsm/in_use.h"
#include "tests/unit/media/temp_folder.h"

namespace ceremony::init {
namespace {

using namespace std::chrono_literals;
using Deed = ReaderPlan::Deed;

/// A machine whose clock goes when the test says so.
struct Machine {
  ReaderPlan plan;
  ReaderPlan::Time now{1h};
  bool token_in_use = false;

  void came() { plan.came(now); }
  void ended() { plan.ended(now); }
  /// What is done at once, in words.
  std::string does() {
    std::string out;
    while (true) {
      const bool free = plan.wants(now) && !token_in_use;
      const auto deed = plan.next(now, free);
      if (deed == Deed::none) return out;
      out += (out.empty() ? "" : " ") + std::string(deed == Deed::start ? "start" : deed == Deed::stop ? "stop" : deed == Deed::kill ? "kill" : "give up");
    }
  }
  std::string after(std::chrono::milliseconds time) {
    now += time;
    return does();
  }
  /// When it would look again, from now.
  std::chrono::milliseconds wakes_in() const { return std::chrono::ceil<std::chrono::milliseconds>(plan.wake().value() - now); }
  /// The service runs, with a reader.
  void run() {
    came();
    REQUIRE(does() == "start");
    plan.up();
  }
};

}  // namespace

TEST_CASE("nothing runs before a reader came, and then the service does") {
  Machine machine;
  CHECK(machine.does().empty());
  CHECK(!machine.plan.wake());
  machine.came();
  CHECK(machine.does() == "start");
  CHECK(machine.plan.busy());
  CHECK(machine.does().empty());
  machine.plan.up();
  CHECK(!machine.plan.busy());
  CHECK(machine.after(24h).empty());
  CHECK(!machine.plan.wake());
}

TEST_CASE("a reader that comes later has the service started anew, and whoever wants readers waits meanwhile") {
  Machine machine;
  machine.run();
  machine.came();
  CHECK(machine.plan.waits());
  CHECK(machine.does() == "stop");
  CHECK(machine.plan.busy());
  CHECK(machine.after(1s).empty());
  machine.ended();
  CHECK(machine.does() == "start");
  CHECK(machine.plan.busy());
  machine.plan.up();
  CHECK(!machine.plan.busy());
  CHECK(machine.does().empty());
}

TEST_CASE("a reader that comes while a token is in use waits until it is not") {
  Machine machine;
  machine.run();
  machine.token_in_use = true;
  machine.came();
  CHECK(machine.does().empty());
  CHECK(machine.plan.waits());
  CHECK(!machine.plan.busy());
  CHECK(machine.wakes_in() == 200ms);
  CHECK(machine.after(1h).empty());
  CHECK(machine.wakes_in() == 200ms);
  machine.token_in_use = false;
  CHECK(machine.after(200ms) == "stop");
  machine.ended();
  CHECK(machine.does() == "start");
  machine.plan.up();
  CHECK(!machine.plan.waits());
}

TEST_CASE("the first reader waits for nobody: there is no service that a token could hang on") {
  Machine machine;
  machine.token_in_use = true;
  machine.came();
  CHECK(machine.does() == "start");
}

TEST_CASE("a reader that comes while the service starts may have been missed") {
  Machine machine;
  machine.came();
  CHECK(machine.does() == "start");
  machine.came();
  CHECK(machine.does().empty());
  machine.plan.up();
  CHECK(machine.does() == "stop");
  machine.ended();
  CHECK(machine.does() == "start");
}

TEST_CASE("a service that does not end is killed, once, and nobody waits for ever for one that does not answer") {
  Machine machine;
  machine.run();
  machine.came();
  CHECK(machine.does() == "stop");
  CHECK(machine.wakes_in() == 2s);
  CHECK(machine.after(2s) == "kill");
  CHECK(machine.after(10s).empty());
  machine.ended();
  CHECK(machine.does() == "start");
  CHECK(machine.wakes_in() == 10s);
  CHECK(machine.after(10s).empty());
  CHECK(!machine.plan.busy());
}

TEST_CASE("a service that ends by itself is started again, each time later, and at last with the next reader only") {
  Machine machine;
  machine.run();
  std::string waited;
  for (int time = 1; time < ReaderPlan::most_failures; ++time) {
    machine.ended();
    CHECK(machine.does().empty());
    CHECK(!machine.plan.busy());
    waited += std::to_string(machine.wakes_in() / 1s) + " ";
    CHECK(machine.after(machine.wakes_in()) == "start");
    machine.plan.up();
  }
  CHECK(waited == "1 2 4 8 ");
  machine.ended();
  CHECK(machine.does() == "give up");
  CHECK(machine.after(24h).empty());
  CHECK(!machine.plan.wake());
  machine.came();
  CHECK(machine.does() == "start");
}

TEST_CASE("one that ran for a while failed for the first time") {
  Machine machine;
  machine.run();
  for (int time = 0; time < 20; ++time) {
    machine.now += 61s;
    machine.ended();
    CHECK(machine.wakes_in() == 1s);
    CHECK(machine.after(1s) == "start");
    machine.plan.up();
  }
}

TEST_CASE("a token in use is known to whoever would take it away, and to nobody where there is no such file") {
  const TempFolder folder;
  folder.put("token", {});
  const auto file = folder.path() / "token";
  hsm::NoneInUse other(file);
  CHECK(!hsm::InUse::any());
  {
    const hsm::InUse one(file), two(file);
    CHECK(hsm::InUse::any());
    CHECK(!other.try_hold());
  }
  CHECK(!hsm::InUse::any());
  CHECK(other.try_hold());
  CHECK(other.try_hold());

  // Whoever wants to use one now waits.
  std::atomic<bool> used = false;
  std::thread user([&] {
    const hsm::InUse one(file);
    used = true;
  });
  CHECK(hsm::NoneInUse(folder.path() / "nowhere").try_hold());
  CHECK(!used);
  other.let_go();
  user.join();
  CHECK(used);
  CHECK(other.try_hold());
}

}  // namespace ceremony::init
