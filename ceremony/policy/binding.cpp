#include "ceremony/policy/binding.h"

#include <algorithm>

namespace ceremony::policy {

namespace {

using toml_file::Document;
using toml_file::quoted;
using toml_file::Table;

bool printable(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && text.front() != ' ' && text.back() != ' ' &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
}

TokenBinding read_token(const Table& table) {
  TokenBinding token;
  token.label = table.text("label");
  if (!printable(token.label, 32)) {  // CK_TOKEN_INFO: 32 bytes, padded with spaces
    table.note("label", "the token label is " + quoted(token.label), "write 1 to 32 printable ASCII characters, no space at the ends");
  }
  if (table.has("serial")) {
    token.serial = table.text("serial");
    if (!printable(*token.serial, 16)) {  // CK_TOKEN_INFO: 16 bytes
      table.note("serial", "the token serial is " + quoted(*token.serial), "write it as the token shows it, or leave the line out");
    }
  }
  return token;
}

}  // namespace

std::string_view name_of(PinForm form) { return form == PinForm::base32_32 ? "base32-32" : "hex-16"; }

Binding read_binding(std::string file_name, std::string_view text) {
  Document document(std::move(file_name), text);
  document.require_format("binding to an HSM", "ceremony-hsm/v1");
  const Table root = document.root();
  Binding binding;
  binding.digest = sha256(text);
  binding.module = root.text("module");
  const bool bare = !binding.module.empty() && binding.module.size() <= 64 && binding.module.front() != '.' &&
                    std::ranges::all_of(binding.module, [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
                    });
  if (!bare) {
    root.note("module", quoted(binding.module) + " is no name of a module", "write its bare name, like \"softhsm2\": modules are loaded from the image's own folders only");
  }
  const std::string form = root.text("pin_form");
  if (form == name_of(PinForm::hex_16)) {
    binding.pin_form = PinForm::hex_16;
  } else if (form != name_of(PinForm::base32_32)) {
    root.note("pin_form", "there is no PIN form " + quoted(form), "write \"base32-32\", or \"hex-16\" for a token that takes 16 characters at most");
  }
  binding.token = read_token(root.table("token"));
  if (const auto table = root.table_if("restore_token")) {
    TokenBinding restore = read_token(*table);
    restore.blank = table->boolean_or("blank", true);
    if (restore.label == binding.token.label) {
      table->note("label", "the restore token has the label " + quoted(restore.label) + " of the token", "give it one of its own");
    }
    if (restore.serial && restore.serial == binding.token.serial) {
      table->note("serial", "the restore token has the serial " + quoted(*restore.serial) + " of the token", "a restore is proven on another device");
    }
    binding.restore_token = std::move(restore);
  }
  document.done();
  return binding;
}

}  // namespace ceremony::policy
