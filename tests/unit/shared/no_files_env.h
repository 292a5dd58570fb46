// An operating system without files, for tests that hold its clock and its randomness.
#pragma once

#include <string>
#include <vector>

#include "ceremony/ground/env.h"

namespace ceremony::test {

class NoFilesEnv : public Env {
 public:
  Time now() override { return {}; }
  bool exists(const Path&) override { return false; }
  Bytes read(const Path&, std::size_t) override { return {}; }
  std::vector<std::string> list(const Path&) override { return {}; }
  void make_folder(const Path&) override {}
  void create(const Path&, View) override {}
  void append(const Path&, View) override {}
  void truncate(const Path&, std::size_t) override {}
  void rename(const Path&, const Path&) override {}
  void replace(const Path&, View) override {}
  void remove(const Path&) override {}
};

}  // namespace ceremony::test
