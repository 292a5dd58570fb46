#include "media/bundle.h"

#include <algorithm>
#include <utility>

#include "ceremony/ground/refused.h"

namespace ceremony::media {
namespace {

constexpr std::string_view manifest_file = "MANIFEST";
constexpr std::size_t digest_length = 64;

[[noreturn]] void refuse_line(std::size_t number, std::string what) {
  throw Refused(BundleRefusal::manifest, std::move(what), "MANIFEST:" + std::to_string(number),
                "the list is not as it was written; use another copy of the bundle");
}

}  // namespace

void check_names(const Files& files) {
  struct Seen {
    std::string_view spelled;
    bool is_file;
  };
  std::map<std::string, Seen> seen;  // every name and every folder above one, in lower case
  for (const auto& [name, content] : files) {
    if (const auto fault = fault_of_name(name); !fault.empty())
      throw Refused(BundleRefusal::name, "the name " + shown(name) + " is refused: " + std::string(fault), "",
                    "rename the file with letters, digits, \".\", \"_\" and \"-\" only");
    for (std::size_t end = name.find('/');; end = name.find('/', end + 1)) {
      const std::string_view spelled = std::string_view(name).substr(0, end);
      const bool is_file = end == std::string::npos;
      const auto [at, is_new] = seen.try_emplace(folded(spelled), Seen{spelled, is_file});
      if (!is_new && (at->second.spelled != spelled || at->second.is_file != is_file))
        throw Refused(BundleRefusal::duplicate,
                      at->second.spelled == spelled
                          ? shown(spelled) + " is the name of a file and of a folder"
                          : "the names " + shown(at->second.spelled) + " and " + shown(spelled) + " differ in upper and lower case only, which some media do not tell apart",
                      "", "rename one of the two");
      if (is_file) break;
    }
  }
}

bool is_in_manifest(std::string_view name) {
  return name != manifest_file && !name.starts_with("log/") && !name.ends_with(".tlog-proof");
}

std::string manifest(const Files& files) {
  check_names(files);
  std::string out;
  for (const auto& [name, content] : files)
    if (is_in_manifest(name)) out += hex(sha256(content)) + "  " + name + "\n";
  if (out.empty())
    throw Refused(BundleRefusal::manifest, "a bundle holds nothing that a MANIFEST lists", "", "put at least one payload file into it");
  return out;
}

std::map<std::string, Digest> parse_manifest(std::string_view text) {
  std::map<std::string, Digest> out;
  std::size_t number = 0;
  if (text.empty()) refuse_line(1, "the list is empty");
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) refuse_line(number, "the last line has no line feed");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.size() < digest_length + 3 || line.substr(digest_length, 2) != "  ")
      refuse_line(number, "the line " + shown(line) + " is not a digest, two spaces and a name");
    const auto digest = digest_from_hex(line.substr(0, digest_length));
    if (!digest) refuse_line(number, shown(line.substr(0, digest_length)) + " is not 64 lower-case hex digits");
    const std::string name(line.substr(digest_length + 2));
    if (const auto fault = fault_of_name(name); !fault.empty())
      refuse_line(number, "the name " + shown(name) + " is refused: " + std::string(fault));
    if (!is_in_manifest(name)) refuse_line(number, shown(name) + " does not belong into the list");
    if (out.contains(name)) refuse_line(number, shown(name) + " is listed twice");
    if (!out.empty() && name < out.rbegin()->first)
      refuse_line(number, shown(name) + " does not sort after " + shown(out.rbegin()->first));
    out.emplace(name, *digest);
  }
  return out;
}

std::vector<std::string> check_manifest(const Files& files) {
  const auto list = files.find(std::string(manifest_file));
  if (list == files.end()) return {"there is no MANIFEST"};
  std::map<std::string, Digest> expected;
  try {
    expected = parse_manifest(as_text(list->second));
  } catch (const Refused& refused) {
    return {refused.findings().front().where + ": " + refused.findings().front().what};
  }
  std::vector<std::string> out;
  for (const auto& [name, digest] : expected) {
    const auto at = files.find(name);
    if (at == files.end()) out.push_back(shown(name) + " is listed but not there");
    else if (sha256(at->second) != digest) out.push_back(shown(name) + " is not the file that was listed");
  }
  for (const auto& [name, content] : files)
    if (is_in_manifest(name) && !expected.contains(name)) out.push_back(shown(name) + " is there but not listed");
  return out;
}

}  // namespace ceremony::media
