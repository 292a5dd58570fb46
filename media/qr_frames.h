// QR codes as transport: a payload cut into frames of text, and the frames joined again in any order. FORMAT.md has the
// grammar. Every character of a frame is one of QR's alphanumeric mode and means the same in any code page.
//
// Pure: works on memory. Anybody may call it.
// Invariants: a payload comes out only whole, with the SHA-256 that its frames name; what `frames` makes, a FrameCollector
// takes in any order; a collector never holds more than 64 frames of 4,096 characters, whatever it is fed.
// Never: says who made a payload (that is proved inside it), carries a secret in the clear (a share is an age file by then),
// corrects what it reads.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ceremony/ground/bytes.h"

namespace ceremony::media {

enum class QrRefusal {
  magic,          ///< not a frame of ours at all
  layout,         ///< a frame that a keyboard layout has changed
  length,         ///< shorter or longer than a frame can be
  character,      ///< one that a frame has not in that place
  check,          ///< CHK does not fit: damaged or cut
  kind,           ///< unknown, or another one than wanted
  range,          ///< IDX and TOT are not numbers of frames
  other_payload,  ///< the SID of something else
  contradiction,  ///< two frames that cannot both belong to one payload
  payload,        ///< the joined frames are not what their SID says
  empty,          ///< there is nothing to send
  too_long,       ///< more than 64 frames
  area,           ///< the place on the screen holds no QR code
  failed,         ///< the library did not make a QR code
};
[[nodiscard]] constexpr std::string_view name_of(QrRefusal code) {
  switch (code) {
    case QrRefusal::magic: return "qr/magic";
    case QrRefusal::layout: return "qr/layout";
    case QrRefusal::length: return "qr/length";
    case QrRefusal::character: return "qr/character";
    case QrRefusal::check: return "qr/check";
    case QrRefusal::kind: return "qr/kind";
    case QrRefusal::range: return "qr/range";
    case QrRefusal::other_payload: return "qr/other-payload";
    case QrRefusal::contradiction: return "qr/contradiction";
    case QrRefusal::payload: return "qr/payload";
    case QrRefusal::empty: return "qr/empty";
    case QrRefusal::too_long: return "qr/too-long";
    case QrRefusal::area: return "qr/area";
    case QrRefusal::failed: return "qr/failed";
  }
  return "qr/?";
}

enum class PayloadKind { share, checkpoint, proof, certificate, crl, csr, manifest, digest };
inline constexpr std::string_view kind_letters = "STPCRQMD";  ///< In the order of PayloadKind.
[[nodiscard]] constexpr char letter_of(PayloadKind kind) { return kind_letters[static_cast<std::size_t>(kind)]; }
[[nodiscard]] std::optional<PayloadKind> kind_from(char letter);
/// As people call it: `share`, `checkpoint`, `proof`, `certificate`, `CRL`, `CSR`, `manifest`, `digest`.
[[nodiscard]] std::string_view text_of(PayloadKind kind);

inline constexpr std::size_t most_frames = 64;
inline constexpr std::size_t frame_overhead = 22;  ///< Characters of a frame that are not DATA.
inline constexpr std::size_t shortest_frame = frame_overhead + 1;
inline constexpr std::size_t longest_frame = 4096;

/// How many frames of at most `max_characters` the payload needs; may be more than most_frames.
/// Throws Refused{empty}; {length} where max_characters is less than a frame has.
[[nodiscard]] std::size_t frame_count(View payload, std::size_t max_characters);

/// The payload as frames of at most `max_characters` each (above 4,096 counts as 4,096): as few as possible, all of one
/// length but the last, which may be shorter.
/// Throws as frame_count does, and Refused{too_long} where more than 64 are needed.
[[nodiscard]] std::vector<std::string> frames(PayloadKind kind, View payload, std::size_t max_characters);

/// The frame of which `body` is everything before CHK.
[[nodiscard]] std::string with_check(std::string_view body);

/// Frames of one payload, as a scanner or a person gives them.
class FrameCollector final {
 public:
  /// `wanted`: frames of any other kind are refused.
  explicit FrameCollector(std::optional<PayloadKind> wanted = std::nullopt) : m_wanted(wanted) {}

  struct Taken {
    std::size_t index = 0;  ///< from 1
    std::size_t total = 0;
    bool repeated = false;  ///< the same frame was there before; that is fine
    std::string says;       ///< the sentence for the people: what was taken and what is still missing
  };

  /// One line, with or without white space around it; upper case only. A refused line changes nothing, apart from
  /// {payload}, thrown with the last missing frame, after which all frames have to be read again.
  /// Throws Refused{magic, layout, length, character, check, kind, range, other_payload, contradiction, payload}.
  Taken take(std::string_view line);

  /// Every frame is there and the payload is the one they name.
  [[nodiscard]] bool complete() const { return !m_payload.empty(); }
  /// "frames 3 and 5 of 7 are missing", "all 7 frames are here", "no frame has been read".
  [[nodiscard]] std::string progress() const;
  /// Only when complete.
  [[nodiscard]] const Bytes& payload() const;
  /// Of the frames taken so far.
  [[nodiscard]] std::optional<PayloadKind> kind() const { return m_kind; }
  /// Forgets every frame.
  void start_anew();

 private:
  struct Frame {
    PayloadKind kind;
    std::string_view sid;
    std::size_t index;
    std::size_t total;
    std::string_view data;
  };
  static Frame parsed(std::string_view line);
  void check_belongs(const Frame& frame) const;
  void join();

  std::optional<PayloadKind> m_wanted;
  std::optional<PayloadKind> m_kind;
  std::string m_sid;
  std::vector<std::string> m_data;  ///< DATA of each frame, empty where it is missing; its size is TOT
  Bytes m_payload;
};

}  // namespace ceremony::media
