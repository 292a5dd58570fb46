#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "ceremony/ground/bytes.h"
#include "ceremony/ground/env.h"
#include "ceremony/ground/refused.h"
#include "ceremony/ground/secret.h"

using namespace ceremony;

namespace {

class Folder final {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "ground-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    m_path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(m_path); }
  Path operator/(std::string_view name) const { return m_path / name; }
  [[nodiscard]] const Path& path() const { return m_path; }

 private:
  Path m_path;
};

template <typename Act>
Refused refusal_of(Act&& act) {
  try {
    act();
  } catch (const Refused& refused) {
    return refused;
  }
  FAIL("nothing was refused");
  std::abort();
}

}  // namespace

TEST_CASE("hex takes lower case, even lengths and nothing else") {
  CHECK(hex(Bytes{0x00, 0xab, 0xff}) == "00abff");
  CHECK(unhex("00abff") == Bytes{0x00, 0xab, 0xff});
  CHECK(unhex("") == Bytes{});
  for (const auto bad : {"0", "0A", "0g", " 00", "00\n", "0x00"}) CHECK(unhex(bad) == std::nullopt);
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2
  CHECK(digest_from_hex(hex(sha256("abc"))) == sha256("abc"));
  CHECK(digest_from_hex("ba78") == std::nullopt);
}

TEST_CASE("base64 has one form for one value") {
  // RFC 4648 section 10
  CHECK(base64(as_view("foobar")) == "Zm9vYmFy");
  CHECK(base64(as_view("foob")) == "Zm9vYg==");
  CHECK(unbase64("Zm9vYg==") == as_bytes("foob"));
  CHECK(unbase64("") == Bytes{});
  for (const auto bad :
       {"Zm9vYg", "Zm9vYh==", "Zm9vYg= =", "Zm9v\n", "Zm9vYg==Zm9v", "Zm9-", "====", "Zg==\n\n\n\n", "A==="}) {
    INFO(bad);
    CHECK(unbase64(bad) == std::nullopt);
  }
}

TEST_CASE("a time has one spelling") {
  const auto t = time_from_text("2026-11-22T14:07:31Z");
  REQUIRE(t.has_value());
  CHECK(text_of(*t) == "2026-11-22T14:07:31Z");
  CHECK(time_from_text("2024-02-29T00:00:00Z").has_value());
  for (const auto bad : {"2026-11-22T14:07:31", "2026-11-22 14:07:31Z", "2026-02-29T00:00:00Z",
                         "2026-11-22T24:00:00Z", "2026-11-22T23:59:60Z", "2026-13-01T00:00:00Z",
                         "2026-11-22T14:07:31z", "2026-11-22T14:07:31.0Z", "+026-11-22T14:07:31Z", ""})
    CHECK(time_from_text(bad) == std::nullopt);
}

TEST_CASE("a refusal knows its code and says fact and hint") {
  const Refused one(EnvRefusal::full, "the medium is full", "stick", "take another");
  CHECK(one.is(EnvRefusal::full));
  CHECK_FALSE(one.is(EnvRefusal::exists));
  CHECK(one.code() == "env/full");
  CHECK(std::string(one.what()) == "error: stick: the medium is full\nhint: take another");
  // Advice that repeats is said once, after the last.
  const Refused two(EnvRefusal::failed,
                    std::vector<Finding>{{"a", "", "same"}, {"b", "x", "same"}, {"c", "", "other"}});
  CHECK(std::string(two.what()) == "error: a\nerror: x: b\nhint: same\nerror: c\nhint: other");
}

TEST_CASE("a secret moves and leaves nothing behind") {
  Pin a(as_view("1234"));
  Pin b = std::move(a);
  CHECK(a.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  CHECK(b.reveal_text() == "1234");
  CHECK(b.same(b.duplicate()));
  CHECK_FALSE(b.same(Pin(as_view("1235"))));
  CHECK_FALSE(b.same(Pin(as_view("123"))));
  b.wipe();
  CHECK(b.empty());
  static_assert(!std::is_copy_constructible_v<Pin> && !std::is_convertible_v<Pin, Passphrase>);
}

TEST_CASE("files are made whole, under a free name, and never through a link") {
  const auto env = make_posix_env();
  const Folder f;
  const Bytes hello = as_bytes("hello");
  env->make_folder(f / "a/b");
  env->make_folder(f / "a/b");
  env->create(f / "a/b/file", hello);
  CHECK(env->read(f / "a/b/file", 5) == hello);
  CHECK(refusal_of([&] { (void)env->read(f / "a/b/file", 4); }).is(EnvRefusal::too_large));
  CHECK(refusal_of([&] { env->create(f / "a/b/file", hello); }).is(EnvRefusal::exists));
  env->append(f / "a/b/file", as_bytes(" you"));
  CHECK(as_text(env->read(f / "a/b/file", 100)) == "hello you");
  env->truncate(f / "a/b/file", 5);
  CHECK(env->read(f / "a/b/file", 100) == hello);
  env->replace(f / "a/b/file", as_bytes("new"));
  CHECK(as_text(env->read(f / "a/b/file", 100)) == "new");
  env->create(f / "taken", hello);
  CHECK(refusal_of([&] { env->rename(f / "a/b/file", f / "taken"); }).is(EnvRefusal::exists));
  env->rename(f / "a/b/file", f / "a/moved");
  CHECK(env->list(f.path()) == std::vector<std::string>{"a/moved", "taken"});
  CHECK(refusal_of([&] { (void)env->read(f / "absent", 1); }).is(EnvRefusal::absent));
  CHECK(refusal_of([&] { env->append(f / "absent", hello); }).is(EnvRefusal::absent));
  CHECK(refusal_of([&] { (void)env->read(f / "a", 1); }).is(EnvRefusal::not_a_file));
  CHECK(refusal_of([&] { env->create(f / "none/file", hello); }).is(EnvRefusal::absent));
  std::filesystem::create_symlink(f / "taken", f / "link");
  CHECK(refusal_of([&] { (void)env->read(f / "link", 100); }).is(EnvRefusal::not_a_file));
  CHECK(refusal_of([&] { env->append(f / "link", hello); }).is(EnvRefusal::not_a_file));
  CHECK(refusal_of([&] { (void)env->list(f.path()); }).is(EnvRefusal::not_a_file));
  env->remove(f / "link");
  env->remove(f / "taken");
  env->remove(f / "taken");
  CHECK_FALSE(env->exists(f / "taken"));
}

TEST_CASE("a half-written left-over of a crash does not block the next run") {
  const auto env = make_posix_env();
  const Folder f;
  env->create(f / "file.part", as_bytes("half"));
  env->create(f / "file", as_bytes("whole"));
  CHECK(env->list(f.path()) == std::vector<std::string>{"file"});
}

TEST_CASE("the kernel's randomness fills what it is given") {
  const auto env = make_posix_env();
  std::array<std::uint8_t, 64> a{};
  std::array<std::uint8_t, 64> b{};
  env->random(a);
  env->random(b);
  CHECK(a != b);
}
