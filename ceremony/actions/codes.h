// What people may photograph or scan off the screen: payloads of the format document as codes for Operator::show.
#pragma once

#include <string>

#include "ceremony/ground/bytes.h"
#include "ceremony/operator.h"
#include "media/qr_frames.h"

namespace ceremony::actions {

/// The payload's frames as QR codes. `name`: what people call it.
[[nodiscard]] Code qr_code(std::string name, media::PayloadKind kind, Bytes payload);

}  // namespace ceremony::actions
