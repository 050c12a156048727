// A return or an event as a message of RFC 5424.
#pragma once

#include <cstdint>
#include <string>

#include "returners/returner.h"

namespace brine::returners {

struct SyslogStyle {
  std::uint8_t facility = 3;
  std::string app_name = "brine";
};

// "<30>1 TIME HOST APP - MSGID [brine@32473 ...] JSON", without a trailer and without line breaks. HOST is where it comes from: the minion,
// for an event the master. docs/returners.md describes every part.
std::string syslog_message(const Record& record, const SyslogStyle& style);

}  // namespace brine::returners
