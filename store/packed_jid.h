// A jid as one integer: order is kept, every jid that JobId::parse() accepts has its own number (also a 31st of February and a
// 60th second), 8 bytes instead of 20.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "base/result.h"

namespace brine::store {

using PackedJid = std::int64_t;

constexpr PackedJid kNoJid = 0;

// kInvalid for what is no jid.
Result<PackedJid> pack(const JobId& jid);
JobId unpack(PackedJid packed);  // kNoJid: the empty id

}  // namespace brine::store
