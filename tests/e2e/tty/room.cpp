#include "room.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tty {
namespace {

const std::vector<std::string> everybody{"adm1", "so1", "w1", "c1", "c2", "c3", "c4", "c5", "g1", "g2", "g3"};

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) FAIL(name << " is not set; ctest sets it");
  return value;
}

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  REQUIRE(out.good());
}

/// "passphrase.c1" is the question "passphrase" to c1.
std::pair<std::string, std::string> parts(const std::string& id) {
  const auto dot = id.find('.');
  return {id.substr(0, dot), dot == std::string::npos ? "" : id.substr(dot + 1)};
}

}  // namespace

std::string shell(const std::string& line) {
  std::FILE* pipe = ::popen((line + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> piece{};
  for (std::size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;) out.append(piece.data(), got);
  INFO(line << "\n" << out);
  REQUIRE(::pclose(pipe) == 0);
  return out;
}

Room::Room() {
  const char* tmp = std::getenv("TMPDIR");
  std::string name = std::string(tmp == nullptr ? "/tmp" : tmp) + "/ceremony-tty-XXXXXX";
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  m_folder = name + "/room";
  for (const auto* folder : {"tokens/store", "notes", "intake"}) std::filesystem::create_directories(at(folder));
  write(at("notes/dice"), "42615 33254 61162 54421 36135 24566 12344 65213");
  write(at("tokens/softhsm2.conf"), "directories.tokendir = " + at("tokens/store") + "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n");
}

Room::~Room() {
  std::error_code ignored;
  std::filesystem::remove_all(std::filesystem::path(m_folder).parent_path(), ignored);
}

Command Room::command(const std::string& procedure, const Command& more) const {
  const auto procedures = from_environment("CEREMONY_SOURCE") + "/procedures";
  Command out{from_environment("CEREMONY_BIN") + "/ceremony-rehearsal", "run", procedure, "--policy", procedures + "/policy-rehearsal.toml", "--hsm",
              procedures + "/hsm-softhsm2.toml", "--procedures", procedures, "--ledger", at("ledger-1"), "--ledger", at("ledger-2"), "--backup", at("backup-1"), "--backup", at("backup-2")};
  const auto medium = [&](const std::string& name, const std::string& folder) { out.insert(out.end(), {"--media", name + "=" + at(folder)}); };
  for (const auto& person : everybody) medium(person, "people/" + person);
  for (const auto* name : {"intake", "public", "factory-a", "factory-b"}) medium(name, name);
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

Environment Room::environment() const { return {{"SOFTHSM2_CONF", at("tokens/softhsm2.conf")}}; }

std::unique_ptr<ScreenFace> Room::screens(const std::string& procedure, Size size, const std::string& term, const Command& more) const {
  return std::make_unique<ScreenFace>(command(procedure, more), environment(), m_folder, size, term);
}

std::unique_ptr<PlainFace> Room::lines(const std::string& procedure, const Command& more) const {
  Command all = more;
  all.push_back("--plain");
  return std::make_unique<PlainFace>(command(procedure, all), environment(), m_folder);
}

void Room::request(const std::string& name) {
  (void)shell("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout " + at("tokens/" + name + ".key") + " -out " + at("intake/" + name) +
              " -subj '/C=CH/O=Example REHEARSAL/CN=Screens Issuing CA'");
}

std::string Room::note(const std::string& name) const { return text_of(at("notes/" + name)); }

void Room::answer(Face& face) {
  const auto id = face.question();
  const auto [what, whom] = parts(id);
  INFO("the question " << id << "\n" << face.last());
  const auto given = [&](const std::string& usual) { return words.contains(id) ? words.at(id) : usual; };
  if (const auto instead = people.find(id); instead != people.end()) return face.mark(instead->second);
  if (id.ends_with(".refused")) FAIL("it was refused:\n" << face.last());
  if (id == "unlock") return face.mark({"adm1"});
  if (id == "clock" || id == "compared" || id == "custody-by") return face.mark({"so1", "w1"});
  if (what == "clock" || what == "compare") return face.yes();
  if (what == "seen-by") return face.mark(whom == "so1" || whom == "w1" ? std::vector<std::string>{"adm1", "g1"} : std::vector<std::string>{"so1", "w1"});
  if (id == "members.governance") return face.mark({"g1", "g2"});
  if (id == "members.activation") return face.mark({"c2", "c4", "c5"});
  if (id == "members.recovery") return face.mark({"c2", "c3", "c4"});
  if (what == "name") return face.type(given("Zoë Person of a rehearsal"));
  if (what == "seal") return face.type(given("A-4711"));
  if (what == "evidence") return face.type(given("none: a rehearsal"));
  if (what == "remark" || id == "absent" || id == "deviation" || id == "waiver" || what == "frames") return face.type(given(""));
  if (what == "recipient") return face.type(given("factory-a"));
  if (what == "profile") return face.choose(given("issuing-generic"));
  if (what == "take") return face.choose(given("take it in"));
  if (id == "requests") return face.take_all();
  if (what == "new-passphrase") return write(at("notes/" + whom + ".credential"), face.note_secret());
  if (what == "new-share-passphrase") return write(at("notes/" + whom + ".share"), face.note_secret());
  if (id == "dice") return face.secret(note("dice"));
  if (what == "passphrase") return face.secret(note(whom + ".credential"));
  if (what == "share-passphrase") return face.secret(note(whom + ".share"));
  if (what == "words") return face.retype_words();
  for (const auto* read : {"reinsert", "show", "checkpoint", "summary", "csr", "prepared", "exported", "open", "dry-root", "locked"})
    if (what == read) return face.read();
  FAIL("nobody knows what to answer to " << id);
}

void Room::until(Face& face, const std::string& question) {
  while (true) {
    const auto now = face.question();
    if (now == question) return;
    if (now.empty() || now == "finished") FAIL("it ended before it asked " << question << "\n" << face.last());
    answer(face);
  }
}

int Room::to_the_end(Face& face) {
  while (true) {
    const auto now = face.question();
    if (now.empty() || now == "finished") return face.exit_code();
    answer(face);
  }
}

void Room::completes(Face& face) {
  while (!face.question().empty() && face.question() != "finished") answer(face);
  CHECK(face.shows("The ceremony is closed and signed"));
  REQUIRE(face.exit_code() == 0);
  verifies();
}

void Room::verifies() {
  const auto bin = from_environment("CEREMONY_BIN");
  for (const auto* ledger : {"ledger-1", "ledger-2"})
    (void)shell("set -e; pin=$(openssl pkey -pubin -in " + at("ledger-1/keys/log.pem") + " -outform DER | sha256sum | cut -d' ' -f1); " + bin + "/ceremony-verify " + at(ledger) + " --pin $pin");
  (void)shell("diff -r " + at("ledger-1") + " " + at("ledger-2"));
}

void Room::has_a_status() { (void)shell(from_environment("CEREMONY_BIN") + "/ceremony-rehearsal status --ledger " + at("ledger-1")); }

std::vector<std::string> Room::read_codes(const std::map<std::string, std::string>& pictures) const {
  std::filesystem::create_directories(at("pictures"));
  std::string line = "zbarimg --nodbus --raw -q -Sdisable -Sqrcode.enable";
  for (const auto& [name, picture] : pictures) {
    write(at("pictures/" + name + ".pgm"), picture);
    line += " " + at("pictures/" + name + ".pgm");
  }
  std::istringstream said(shell(line));
  std::vector<std::string> out;
  for (std::string one; std::getline(said, one);) out.push_back(one);
  CHECK(out.size() == pictures.size());
  return out;
}

std::vector<std::string> Room::files(const std::string& folder, const std::vector<std::string>& endings) const {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(at(folder)))
    for (const auto& ending : endings)
      if (entry.is_regular_file() && entry.path().native().ends_with(ending)) out.push_back(text_of(entry.path()));
  return out;
}

std::string Room::log() const { return text_of(at("ledger-1/transcript.log")); }

void Room::keeps_secrets(const std::string& received, const std::string& received_alone) {
  write(at("received"), received);
  write(at("received-alone"), received_alone);
  (void)shell("python3 -B '" + from_environment("CEREMONY_SOURCE") + "/tests/e2e/secrets_received.py' '" + m_folder + "'");
}

void Room::save() {
  std::filesystem::remove_all(m_folder + ".saved");
  (void)shell("cp -a " + m_folder + " " + m_folder + ".saved");
}

void Room::put_back() {
  std::filesystem::remove_all(m_folder);
  (void)shell("cp -a " + m_folder + ".saved " + m_folder);
  people.clear();
  words.clear();
}

}  // namespace tty
