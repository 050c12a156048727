// Returns and events as syslog messages (RFC 5424): to a local socket, over TCP with counted octets (RFC 6587), or UDP (RFC 5426).
//
// Syslog has no acknowledgements: channel.h says what counts as delivered instead. Windows of about a mebibyte are sent and confirmed one
// after the other; what was sent of a window that was not confirmed is sent again on the next connection.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/returner_config.h"
#include "returners/returner.h"

namespace brine::returners {

// kInvalid when the address cannot be read. Connects with the first delivery.
Result<std::unique_ptr<Returner>> open_syslog_returner(const config::SyslogReturnerConfig& config);

}  // namespace brine::returners
