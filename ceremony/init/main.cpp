// The program `ceremony-init`: the appliance's first process.
//
// It makes a world for programs, and then is two processes: the first only waits, so that whatever happens the machine is switched off
// at the end; the second takes the boot medium's digest, has it taken out, asks which keyboard this is, and runs the people's program, as
// a user without privileges, with the mounter beside it. What is started stands in the image, one argument a line, in
// /etc/ceremony/start. There is no shell, no login and no second program; when the people's program has ended it is begun anew, or the
// machine goes off.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ceremony/boot.h"
#include "ceremony/ground/refused.h"
#include "ceremony/init/boot_medium.h"
#include "ceremony/init/keyboard.h"
#include "ceremony/init/readers_process.h"
#include "ceremony/init/screen.h"
#include "ceremony/init/world.h"
#include "ceremony/shares/words.h"
#include "media/linux_mounter.h"

namespace ceremony::init {
namespace {

/// The devices that this machine may use besides (media/FORMAT.md).
constexpr const char* usb_rules = "/etc/ceremony/usb";

/// The program and its arguments. Throws Refused{InitRefusal::start}.
std::vector<std::string> read_start(Env& env) {
  std::vector<std::string> out;
  const auto text = as_text(env.read("/etc/ceremony/start", 1 << 16));
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (out.empty() || !out.front().starts_with('/')) throw Refused(InitRefusal::start, "the image does not say what is to be started", "/etc/ceremony/start", "make the boot medium anew");
  return out;
}

void show_words(Screen& screen, const std::string& what, const Digest& digest) {
  screen.say(what + hex(digest));
  std::string line;
  for (const auto word : shares::words_of(digest)) line += (line.empty() ? "            " : " ") + std::string(word);
  screen.say(line + "\n");
}

void note_usb(const media::UsbNews& news) {
  const auto* what = news.state == media::UsbState::gone ? ": gone" : news.state == media::UsbState::on ? " is on: " : " stays off: ";
  note("USB " + news.port + " " + news.role + what + (news.state == media::UsbState::gone ? "" : news.sentence));
}

/// What the readers' service has to know of it.
void tell_readers(const media::UsbNews& news, CardReaders& readers) {
  if (news.state == media::UsbState::on && news.role == text_of(media::UsbRole::reader)) readers.came();
}

/// With USB guarded; where it cannot be, people are told, and every device that the kernel leaves off stays off.
std::unique_ptr<media::Devices> make_devices(Env& env, Screen& screen, CardReaders& readers) {
  try {
    const auto rules = media::parse_usb_rules(as_text(env.read(usb_rules, 1 << 16)), usb_rules);
    return media::make_linux_devices(people_user, people_group, rules, [&readers](const media::UsbNews& news) { note_usb(news), tell_readers(news, readers); }, readers_group);
  } catch (const Refused& refusal) {
    screen.say(refusal.what());
    note(refusal.findings().front().what);
    return media::make_linux_devices(people_user, people_group);
  }
}

std::string title_of(bool production) { return "ceremony " CEREMONY_VERSION + std::string(production ? "" : "   *** REHEARSAL ***"); }
bool is_production(Env& env) { return as_text(env.read("/etc/ceremony/environment", 64)) == "production\n"; }

/// What this system is, on the screen and for the program.
Boot take_identity(Env& env, Screen& screen, CardReaders& readers, std::unique_ptr<media::Devices>& devices) {
  Boot boot;
  boot.production = is_production(env);
  boot.image = sha256(env.read("/MANIFEST", std::size_t{16} << 20));
  set_usual_font();
  screen.clear();
  screen.say(title_of(boot.production) + "\n");
  show_words(screen, "image       ", *boot.image);
  note("first screen");
  screen.say("Reading the boot medium. Leave it in.");
  devices = make_devices(env, screen, readers);
  const auto medium = find_boot_medium(*boot.image, std::chrono::seconds(15));
  if (medium) {
    boot.uki = medium->uki;
    note("uki " + hex(medium->uki));
    screen.say("");
    show_words(screen, "uki         ", medium->uki);
    screen.say("Compare both with what was published, then take the boot medium out. The machine goes on when it is out.");
    wait_until_out(medium->disk);
    note("the boot medium is out");
  } else {
    note("no boot medium");
    screen.say("The boot medium was not found: no digest of it goes on the record. Press Enter to go on.");
    screen.read_line();
  }
  return boot;
}

void set_environment() {
  ::clearenv();
  ::setenv("PATH", "/usr/bin:/bin", 1);
  ::setenv("HOME", people_folder, 1);
  ::setenv("TERM", "linux", 1);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("TZ", "UTC", 1);
  ::setenv("SOFTHSM2_CONF", "/etc/softhsm2.conf", 1);
  ::setenv("YUBIHSM_PKCS11_CONF", "/etc/yubihsm_pkcs11.conf", 1);
}

/// All of it; returns when the machine is to be switched off.
void attend(Screen& screen) {
  const auto env = make_posix_env();
  auto start = read_start(*env);
  CardReaders readers(!is_production(*env));
  std::unique_ptr<media::Devices> devices;
  const Boot boot = take_identity(*env, screen, readers, devices);
  env->create(boot_file, as_view(text_of(boot)));
  // The keyboard may be chosen anew later.
  media::keep_what_mounting_needs({CAP_SYS_TTY_CONFIG});
  std::vector<char*> arguments;
  for (auto& argument : start) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  while (true) {
    ask_keyboard(*env, screen, title_of(boot.production));
    screen.clear();
    note("the program begins");
    const int code = media::run_with_mounter(*devices, media::mount_folder, people_user, people_group, arguments.data());
    note("the program ended with " + std::to_string(code));
    screen.say("\nThe program has ended" + (code == 0 ? std::string() : " (exit code " + std::to_string(code) + ")") +
               ". Enter switches the machine off; the word again and Enter begin anew.");
    if (screen.read_line() != "again") return;
  }
}

/// In a process of its own.
[[noreturn]] void attend_and_end() {
  Screen screen;
  try {
    set_environment();
    attend(screen);
  } catch (const std::exception& failure) {
    note(failure.what());
    screen.say(std::string("\n") + failure.what() + "\nPress Enter to switch the machine off.");
    screen.read_line();
  }
  ::_exit(0);
}

/// Takes in every process whose parent is gone, until that one ends.
void wait_for(pid_t process) {
  while (true) {
    const pid_t ended = ::waitpid(-1, nullptr, 0);
    if (ended == process || (ended < 0 && errno == ECHILD)) return;
  }
}

}  // namespace
}  // namespace ceremony::init

int main() {
  using namespace ceremony::init;
  if (::getpid() != 1) {
    std::fprintf(stderr, "error: this is the first process of the appliance\nhint: make a boot medium with scripts/image and start a machine from it\n");
    return 2;
  }
  try {
    make_world();
  } catch (const ceremony::Refused& refusal) {
    // There may be no console to say it on; the kernel's log goes there too.
    note(refusal.what());
    Screen screen;
    screen.say(refusal.what());
    screen.read_line();
    power_off();
  }
  note("started");
  const pid_t process = ::fork();
  if (process == 0) attend_and_end();
  if (process > 0) wait_for(process);
  note("switching off");
  power_off();
}
