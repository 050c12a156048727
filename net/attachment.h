// The word of a minion that it has its session with a certain syndic, and of a syndic that it has one with another: signed, so that no
// syndic can speak for a minion that is not behind it. Signed is
//   "brine-behind-v1" NUL cluster root (32 bytes) key of the syndic (32 bytes) id NUL issued (8 bytes, little-endian).
// Pure, thread-safe.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/crypto.h"
#include "wire/relay.h"

namespace brine::net {

store::Attachment attach(const SigningKey& own, const MinionId& id, std::string_view cluster_root, std::string_view syndic_key,
                         UnixMicros issued);

// Whether each link is signed for the next one, and the last one for this syndic. Who the links are is not judged. kDenied otherwise.
Status verify_chain(const wire::Chain& chain, std::string_view cluster_root, std::string_view syndic_key);

}  // namespace brine::net
