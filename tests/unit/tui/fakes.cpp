#include "tests/unit/tui/fakes.h"

#include <map>
#include <stdexcept>

namespace ceremony::tui::testing {
namespace {

class FakeTerminal final : public Terminal {
 public:
  explicit FakeTerminal(Record& record) : m_record(record) {}
  int cols() const override { return m_record.cols; }
  int rows() const override { return m_record.rows; }
  void draw(const Grid& grid, std::optional<std::pair<int, int>> cursor) override {
    m_record.drawn.push_back(grid);
    m_record.cursors.push_back(cursor);
  }
  Key read(std::chrono::milliseconds) override {
    if (m_record.keys.empty() && m_record.falls_silent) throw Refused(OperatorRefusal::idle, "nobody touched a key for 300 s", "", "unlock to go on");
    if (m_record.keys.empty()) throw Refused(OperatorRefusal::end_of_input, "the keys of the test ended", "", "write more of them");
    const auto key = m_record.keys.front();
    m_record.keys.pop_front();
    return key;
  }
  bool utf8() const override { return true; }
  void beep() override { ++m_record.beeps; }
  void forget() override { m_record.forgotten.push_back(m_record.drawn.size()); }

 private:
  Record& m_record;
};

Key named(const std::string& name) {
  static const std::map<std::string, Key::Kind> kinds{
      {"enter", Key::enter}, {"esc", Key::escape}, {"up", Key::up}, {"down", Key::down}, {"left", Key::left}, {"right", Key::right}, {"pgup", Key::page_up}, {"pgdn", Key::page_down},
      {"home", Key::home}, {"end", Key::end}, {"bs", Key::backspace}, {"tab", Key::tab}, {"quiet", Key::quiet}, {"resized", Key::resized}, {"unknown", Key::unknown}};
  if (name.starts_with("scan ")) return {Key::scanned, 0, 0, name.substr(5)};
  if (name.starts_with("misread ")) return {Key::scan_failed, 0, 0, name.substr(8)};
  if (name.size() == 2 && name[0] == '^') return {Key::control, static_cast<char32_t>(name[1])};
  if (name.size() == 2 && name[0] == 'f') return {Key::function, 0, name[1] - '0'};
  if (const auto found = kinds.find(name); found != kinds.end()) return {found->second};
  throw std::invalid_argument("there is no key <" + name + ">");
}

constexpr std::string_view steps[] = {
    "Test the appliance", "Agree on the time", "Open the ceremony", "Enrol the people", "Governance adopts the policy", "Record the evidence",
    "Rehearse the root certificate", "Initialise the HSM", "Hand out the shares", "Generate the keys", "Write the backups", "Prove the restore",
    "Lock the root key", "Show the root certificate", "Approve the root certificate", "Sign the root certificate", "Show the first CRL",
    "Approve the first CRL", "Sign the first CRL", "Export root certificate and CRL", "Confirm the deviations", "Sign off", "Close the ceremony"};
constexpr std::size_t approving = 14;

}  // namespace

std::deque<Key> keys(std::string_view text) {
  std::deque<Key> out;
  while (!text.empty()) {
    const auto end = text.find('>');
    if (text.front() == '<' && end != std::string_view::npos && end > 1) {
      out.push_back(named(std::string(text.substr(1, end - 1))));
      text.remove_prefix(end + 1);
    } else {
      out.push_back({Key::character, take_code_point(text)});
    }
  }
  return out;
}

Time FakeDesk::now() { return *time_from_text("2026-03-14T14:07:31Z"); }

FrameView FakeDesk::usual_frame() {
  FrameView frame{"ACME ROOT G1", true, {"island", "tolerance", "sailboat"}, {}, approving, {}, false};
  for (std::size_t i = 0; i < std::size(steps); ++i)
    frame.steps.push_back({std::string(steps[i]), i == approving ? Mark::here : i == 10 ? Mark::deviation : i < approving ? Mark::done : Mark::to_come});
  return frame;
}

std::string FakeDesk::help() {
  return "Approve the root certificate\n\n"
         "Each custodian comes to the keyboard alone, compares the words of the digest with those just written down, and approves with\n"
         "their own credential.\n\n"
         "The machine: takes approvals of each prepared certificate and CRL, or of the batch.\n\n"
         "What can go wrong: a word differs. Then do not approve, and say so aloud.\n\n\n"
         "This step takes about 15 minutes. Step 15 of 23: \"approve-root\" on the paper script.\n";
}

std::vector<std::string> FakeDesk::transcript() {
  std::vector<std::string> out{"0  2026-03-14T12:01:02Z  log-init adm1", "1  2026-03-14T12:01:03Z  open adm1 so1 w1  kind: genesis  purpose: root genesis"};
  for (int i = 2; i < 50; ++i) {
    const std::string at = std::to_string(i) + "  2026-03-14T13:" + std::to_string(10 + i) + ":00Z  ";
    if (i == 20) out.push_back(at + "unlock FAILED c2  reason: credential of c2: the passphrase is wrong");
    else if (i == 33) out.push_back(at + "deviation adm1  text: the door was opened for 20 seconds to let the witness back in");
    else out.push_back(at + "medium  kind: backup  name: backup-" + std::to_string(1 + i % 2));
  }
  return out;
}

std::string FakeDesk::state() {
  return "ACME ROOT G1 (a rehearsal): 50 records, 0 closed ceremonies, last record 2026-03-14T14:06:58Z\n"
         "The ceremony \"2026-03-14-root-genesis\" (genesis) is open since 2026-03-14T12:01:03Z: 49 records, 1 failed attempts.\n"
         "Keys\n  root-g1  ca, p384, on token 7f3a9c, cannot be wrapped\n    public key 3f9a0c1d5be8f6274411d0a7c2e95b8866f1047ac3de92581be07f4dd5a86c90\n"
         "Certificates\n  none yet\nShares\n  activation: 3 of 5: c1, c2, c3, c4, c5\n"
         "People\n  adm1  administrator, key 91b0c27755aa0e3d\n  c1  custodian, key 0a55d1c39977e2b4\nDue\n  nothing\n";
}

std::string FakeDesk::stopping() {
  return "To stop here keeps the ceremony open: everything recorded stays, the token is deactivated, secrets are wiped. The same command goes on at the step \"approve-root\".\n\n"
         "To abort closes the ceremony for good, on the record, signed by those who are here. What was signed so far stays signed; the next ceremony starts from it.";
}

Stage::Stage(std::string_view typed, int cols, int rows) {
  record.cols = cols;
  record.rows = rows;
  record.keys = keys(typed);
  op = make_tui_operator(std::make_unique<FakeTerminal>(record));
  op->attend(&desk);
  step("");
}

void Stage::step(std::string_view says) {
  op->begin_step({approving + 1, std::size(steps), "approve-root", std::string(steps[approving]), std::string(says), "custodian"}, "ACME ROOT G1   *** REHEARSAL ***");
}

void Stage::step_that_says() {
  step("Each custodian comes to the keyboard alone, compares the words of the digest with those just written down, and approves with\n"
       "their own credential.\n\n"
       "Your approval is your signature on exactly these bytes. Nobody may ask you to hurry. If the words differ, do not approve, and say\n"
       "so aloud.\n");
}

void Stage::quorum(std::vector<Seat> seats, std::string doing) {
  QuorumView view{std::move(doing), 3, {}};
  for (std::size_t i = 0; i < seats.size(); ++i) view.members.emplace_back("c" + std::to_string(i + 1), seats[i]);
  desk.shown.quorum = std::move(view);
}

const Words& digest_words() {
  static const Words words{"academic", "lizard", "ancestor", "tolerance", "island", "sailboat", "kernel", "wildlife", "credit", "observe", "yoga", "pitch"};
  return words;
}

Passphrase passphrase_of(std::string_view text) { return Passphrase(Botan::secure_vector<std::uint8_t>(text.begin(), text.end())); }

Grid played(const Screen& screen, int cols, int rows) {
  Stage stage(screen.keys, cols, rows);
  try {
    screen.play(stage);
  } catch (const Refused& refusal) {
    if (!refusal.is(OperatorRefusal::end_of_input)) throw;
  }
  if (!stage.record.keys.empty()) throw std::logic_error("keys of the screen \"" + screen.name + "\" were not read");
  return stage.record.drawn.back();
}

}  // namespace ceremony::tui::testing
