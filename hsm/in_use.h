// Whether a token is in use: a lock on an empty file, between the program that uses tokens and whoever could take one away from under it
// (the appliance's first process, which starts the card readers' service anew when a reader comes: ceremony/init/readers.h).
//
// The kernel keeps it and lets go of it with the process that holds it, however that ends. The program holds it together with all others
// that use tokens; the first process holds it alone, for a moment. The file is made by the first process; at a desk there is none, and
// nobody waits for anybody. Holding it gives the program no power but to have a new reader wait.
#pragma once

#include <filesystem>

namespace ceremony::hsm {

inline constexpr const char* in_use_file = "/run/ceremony/token";

/// A token of this process is in use as long as one of these lives. Waits while the readers' service is being started anew.
class InUse final {
 public:
  explicit InUse(const std::filesystem::path& file = in_use_file);
  ~InUse();
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

  /// Of this process.
  [[nodiscard]] static bool any();

 private:
  int m_file;
};

/// The other side: no token is in use while it is held, and none comes into use.
class NoneInUse final {
 public:
  explicit NoneInUse(const std::filesystem::path& file = in_use_file);
  ~NoneInUse();
  NoneInUse(const NoneInUse&) = delete;
  NoneInUse& operator=(const NoneInUse&) = delete;

  /// Does not wait. Whether it is held now.
  [[nodiscard]] bool try_hold();
  void let_go();

 private:
  int m_file;
  bool m_held = false;
};

}  // namespace ceremony::hsm
