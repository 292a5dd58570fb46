// The `.tar.zst` side of bundle.h: libarchive for ustar, libzstd for the one frame around it.
#include <archive.h>
#include <archive_entry.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>

#include "ceremony/ground/refused.h"
#include "media/bundle.h"

namespace ceremony::media {
namespace {

constexpr std::size_t block = 512;             // ustar
constexpr std::size_t type_flag = 156;         // where a header says what the entry is
constexpr std::size_t record = 20 * block;     // tar pads an archive to whole records
constexpr std::int64_t latest = 077777777777;  // eleven octal digits
constexpr int level = 19;

constexpr std::string_view other_copy = "the archive is damaged or not ours; use another copy";
constexpr std::string_view pack_plainly = "pack regular files only, with `tar --format=ustar`";

[[noreturn]] void refuse(BundleRefusal code, std::string what, std::string_view hint = other_copy) {
  throw Refused(code, std::move(what), "the archive", std::string(hint));
}

/// What the library would not open, in our words.
[[noreturn]] void refuse_frame(ZSTD_ErrorCode code) {
  switch (code) {
    case ZSTD_error_frameParameter_windowTooLarge:
      refuse(BundleRefusal::compression, "the zstd frame needs more memory to unpack than a bundle ever does",
             "compress it with `zstd -19`, without --ultra and --long");
    case ZSTD_error_checksum_wrong: refuse(BundleRefusal::compression, "the checksum of the zstd frame is wrong");
    case ZSTD_error_memory_allocation:
      refuse(BundleRefusal::compression, "there is not enough memory to unpack the zstd frame", "end other programs, then try again");
    default: refuse(BundleRefusal::compression, "the zstd frame is damaged");
  }
}

std::size_t padded(std::size_t size) { return (size + block - 1) / block * block; }

bool all_zero(View bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const { Free(pointer); }
};
using Entry = std::unique_ptr<archive_entry, Freed<archive_entry_free>>;
using Writer = std::unique_ptr<archive, Freed<archive_write_free>>;
using Reader = std::unique_ptr<archive, Freed<archive_read_free>>;
using Compressor = std::unique_ptr<ZSTD_CCtx, Freed<ZSTD_freeCCtx>>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, Freed<ZSTD_freeDCtx>>;

/// Refuses what `limits` do not allow, before anything is allocated for it.
class Budget final {
 public:
  explicit Budget(const Limits& limits) : m_limits(limits) {}
  void spend(std::string_view name, std::uint64_t size) {
    const std::string hint = "check that this is the right archive; a bundle is far smaller than that";
    if (++m_files > m_limits.max_files)
      refuse(BundleRefusal::too_large, "there are more than " + std::to_string(m_limits.max_files) + " files", hint);
    if (size > m_limits.max_file)
      refuse(BundleRefusal::too_large, shown(name) + " is larger than " + std::to_string(m_limits.max_file) + " bytes", hint);
    if (size > m_limits.max_total - m_total)
      refuse(BundleRefusal::too_large, "the files together are larger than " + std::to_string(m_limits.max_total) + " bytes", hint);
    m_total += static_cast<std::size_t>(size);
  }

 private:
  const Limits m_limits;
  std::size_t m_files = 0;
  std::size_t m_total = 0;
};

la_ssize_t append(archive*, void* to, const void* data, std::size_t size) {
  const View bytes(static_cast<const std::uint8_t*>(data), size);
  auto& out = *static_cast<Bytes*>(to);
  out.insert(out.end(), bytes.begin(), bytes.end());
  return static_cast<la_ssize_t>(size);
}

Bytes tar_of(const Files& files, Time mtime) {
  Bytes out;
  // The only calls that can fail here fail for lack of memory or by misuse, so a result is asserted, not handled.
  [[maybe_unused]] int ok = ARCHIVE_OK;
  const Writer writer(archive_write_new());
  ok |= archive_write_set_format_ustar(writer.get());
  ok |= archive_write_add_filter_none(writer.get());
  ok |= archive_write_set_bytes_per_block(writer.get(), static_cast<int>(record));
  ok |= archive_write_set_bytes_in_last_block(writer.get(), static_cast<int>(record));
  ok |= archive_write_open2(writer.get(), &out, nullptr, append, nullptr, nullptr);
  for (const auto& [name, content] : files) {
    const Entry entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), mtime.time_since_epoch().count(), 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    ok |= archive_write_header(writer.get(), entry.get());
    if (!content.empty() &&
        archive_write_data(writer.get(), content.data(), content.size()) != static_cast<la_ssize_t>(content.size()))
      ok = ARCHIVE_FATAL;
  }
  ok |= archive_write_close(writer.get());
  assert(ok == ARCHIVE_OK);
  return out;
}

Bytes compressed(View bytes) {
  const Compressor context(ZSTD_createCCtx());
  const auto set = [&](ZSTD_cParameter parameter, int value) {
    [[maybe_unused]] const std::size_t result = ZSTD_CCtx_setParameter(context.get(), parameter, value);
    assert(ZSTD_isError(result) == 0);
  };
  set(ZSTD_c_compressionLevel, level);
  set(ZSTD_c_windowLog, Limits{}.window_log);
  set(ZSTD_c_checksumFlag, 1);  // no worker threads are set: the output depends on nothing but the input
  Bytes out(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  assert(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

Bytes decompressed(View in, const Limits& limits) {
  constexpr std::array<std::uint8_t, 4> magic{0x28, 0xB5, 0x2F, 0xFD};  // RFC 8878, 3.1.1
  if (in.size() < magic.size() || !std::ranges::equal(magic, in.first(magic.size())))
    refuse(BundleRefusal::compression, "this is not compressed with zstd", "bring the archive as a .tar.zst; nothing else is opened");
  // The tar around contents that keep the limits: a header and less than a block of padding each, and the end.
  const std::size_t most = limits.max_total + limits.max_files * 2 * block + record + 2 * block;
  const Decompressor context(ZSTD_createDCtx());
  [[maybe_unused]] const std::size_t set = ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, limits.window_log);
  assert(ZSTD_isError(set) == 0);
  Bytes out;
  Bytes piece(ZSTD_DStreamOutSize());
  ZSTD_inBuffer source{in.data(), in.size(), 0};
  while (true) {
    ZSTD_outBuffer sink{piece.data(), piece.size(), 0};
    const std::size_t left = ZSTD_decompressStream(context.get(), &sink, &source);
    if (ZSTD_isError(left) != 0)
      refuse_frame(ZSTD_getErrorCode(left));
    if (sink.pos > most - out.size())
      refuse(BundleRefusal::too_large, "the archive unpacks to more than " + std::to_string(most) + " bytes",
             "check that this is the right archive; a bundle is far smaller than that");
    out.insert(out.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(sink.pos));
    if (left == 0) break;
    if (source.pos == source.size && sink.pos < sink.size)
      refuse(BundleRefusal::compression, "the zstd frame is cut off after " + std::to_string(in.size()) + " bytes");
  }
  if (source.pos != source.size)
    refuse(BundleRefusal::compression, "something follows the zstd frame (bytes: " + std::to_string(source.size - source.pos) + ")");
  return out;
}

/// The name of an entry that is a plain ustar regular file and nothing else.
std::string name_of_plain(archive* reader, archive_entry* entry) {
  const char* raw = archive_entry_pathname(entry);
  const std::string name = raw == nullptr ? "" : raw;
  const std::string hint(pack_plainly);
  if (archive_format(reader) != ARCHIVE_FORMAT_TAR_USTAR)
    refuse(BundleRefusal::kind, shown(name) + " has a header that is not plain ustar", hint);
  if (archive_entry_hardlink(entry) != nullptr) refuse(BundleRefusal::kind, shown(name) + " is a hard link", hint);
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: break;
    case AE_IFDIR: refuse(BundleRefusal::kind, shown(name) + " is a folder entry; folders are implied by names", hint);
    case AE_IFLNK: refuse(BundleRefusal::kind, shown(name) + " is a symbolic link", hint);
    default: refuse(BundleRefusal::kind, shown(name) + " is a device or other special file", hint);
  }
  if (const auto fault = fault_of_name(name); !fault.empty())
    refuse(BundleRefusal::name, "the name " + shown(name) + " is refused: " + std::string(fault),
           "do not use this archive; ask where it comes from");
  return name;
}

Files files_of(View tar, const Limits& limits) {
  const Reader reader(archive_read_new());
  if (archive_read_support_format_tar(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), tar.data(), tar.size()) != ARCHIVE_OK)
    refuse(BundleRefusal::archive, "this is not a tar archive");
  Files out;
  Budget budget(limits);
  std::size_t at = 0;  // where the next header must be: nothing may hide between entries
  archive_entry* entry = nullptr;
  int result = ARCHIVE_OK;
  while ((result = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
    const std::string name = name_of_plain(reader.get(), entry);
    const auto size = archive_entry_size(entry);
    if (archive_entry_size_is_set(entry) == 0 || size < 0) refuse(BundleRefusal::archive, shown(name) + " has no size");
    budget.spend(name, static_cast<std::uint64_t>(size));
    if (archive_read_header_position(reader.get()) != static_cast<la_int64_t>(at))
      refuse(BundleRefusal::archive, "there is something other than a file before " + shown(name));
    const auto length = static_cast<std::size_t>(size);
    if (tar.size() - at < block + padded(length)) refuse(BundleRefusal::archive, shown(name) + " is cut off");
    // libarchive takes an entry of a type it does not know for a regular file, as POSIX tells it to.
    if (tar[at + type_flag] != '0')
      refuse(BundleRefusal::kind, shown(name) + " is of a type that is not a regular file's", std::string(pack_plainly));
    Bytes content(length);
    if (length != 0 && archive_read_data(reader.get(), content.data(), length) != size)
      refuse(BundleRefusal::archive, shown(name) + " is cut off");
    if (!all_zero(tar.subspan(at + block + length, padded(length) - length)))
      refuse(BundleRefusal::archive, "the padding behind " + shown(name) + " is not zero");
    at += block + padded(length);
    if (!out.emplace(name, std::move(content)).second)
      refuse(BundleRefusal::duplicate, shown(name) + " is there twice", "do not use this archive; ask where it comes from");
  }
  if (result != ARCHIVE_EOF) refuse(BundleRefusal::archive, "this is not a whole tar archive");
  if (out.empty()) refuse(BundleRefusal::archive, "the archive holds no file");
  // POSIX.1-1988 ustar: at least two blocks of zeros end the archive.
  const View rest = tar.subspan(at);
  if (rest.size() < 2 * block || rest.size() % block != 0 || !all_zero(rest))
    refuse(BundleRefusal::archive, "the archive does not end in zeros after " + std::to_string(at) + " bytes");
  return out;
}

}  // namespace

Bytes pack(const Files& files, Time mtime) {
  check_names(files);
  if (files.empty()) refuse(BundleRefusal::archive, "there is no file to pack", "put at least one file into it");
  if (const auto seconds = mtime.time_since_epoch().count(); seconds < 0 || seconds > latest)
    refuse(BundleRefusal::archive, "the time " + text_of(mtime) + " cannot be written in a tar archive", "set the clock right");
  Budget budget{Limits{}};
  for (const auto& [name, content] : files) budget.spend(name, content.size());
  return compressed(tar_of(files, mtime));
}

Files unpack(View archive, const Limits& limits) {
  Files out = files_of(decompressed(archive, limits), limits);
  check_names(out);
  return out;
}

}  // namespace ceremony::media
