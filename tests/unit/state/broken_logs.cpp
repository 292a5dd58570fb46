#include "tests/unit/state/broken_logs.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/interfaces/catch_interfaces_capture.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "ceremony/report/verdict.h"

namespace ceremony::testing {
namespace {

std::set<std::string> named_by_verifier(const LogImage& image) {
  MemoryEnv env;
  image.write_to(env, "/log");
  std::set<std::string> ids;
  for (const state::Violation& violation : report::verify_folder(env, "/log", happy().log_pin()).violations) ids.insert(violation.rule);
  return ids;
}

Path target() {
  const char* folder = std::getenv("CEREMONY_BROKEN_LOGS");
  return folder == nullptr ? Path() : Path(folder);
}

void write(const Path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string lines_of(const std::set<std::string>& ids) {
  std::string out;
  for (const std::string& id : ids) out += id + "\n";
  return out;
}

Path write_log(const LogImage& image, const std::set<std::string>& broke, const Digest& pin = happy().log_pin()) {
  static int count = 0;
  const std::string number = std::to_string(++count);
  const Path folder = target() / (std::string(number.size() < 4 ? 4 - number.size() : 0, '0') + number);
  // The files that load_ledger reads, without flushing each: these logs live as long as a test.
  MemoryEnv env;
  image.write_to(env, "/log");
  for (const std::string& name : env.list("/log")) write(folder / name, as_text(env.read(Path("/log") / name, std::size_t{1} << 30)));
  write(folder / "broke", lines_of(broke));
  write(folder / "pin", hex(pin));
  write(folder / "test", Catch::getResultCapture().getCurrentTestName());
  return folder;
}

void write_log(const LogImage& image, const std::set<std::string>& expected, const std::set<std::string>& broke, const Digest& pin = happy().log_pin()) {
  write(write_log(image, broke, pin) / "expected", lines_of(expected));
}

}  // namespace

bool keeps_logs() { return !target().empty(); }

void keep_log(const LogImage& image, const std::set<std::string>& named, const Digest& pin) {
  if (keeps_logs()) write_log(image, named, named, pin);
}

void keep_unjudged_log(const LogImage& image) {
  if (keeps_logs()) write_log(image, {});
}

void keep_record(std::size_t n, const ledger::Record& changed, const std::set<std::string>& broke) {
  if (!keeps_logs()) return;
  const auto left_out = [&](const std::string& why) {
    std::ofstream(target() / "left-out", std::ios::app) << Catch::getResultCapture().getCurrentTestName() << ": record " << n << ", " << changed.ev << ": " << why << "\n";
  };
  auto records = happy().records();
  const auto end = std::ranges::find_if(records.begin() + static_cast<std::ptrdiff_t>(n), records.end(), [](const auto& r) { return r.ev == "close"; });
  records.erase(end + 1, records.end());
  records[n] = changed;
  try {
    const LogImage image = happy().signed_log(std::move(records));
    const auto expected = named_by_verifier(image);
    if (std::ranges::includes(expected, broke)) return write_log(image, expected, broke);
    left_out("a whole log does not show " + *broke.begin());
  } catch (const Refused& refused) {
    left_out(refused.findings().front().what);
  }
}

}  // namespace ceremony::testing
