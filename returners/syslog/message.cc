#include "returners/syslog/message.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/bytes.h"

namespace brine::returners {
namespace {

// Severities of RFC 5424, section 6.2.1.
constexpr int kError = 3;
constexpr int kNotice = 5;
constexpr int kInformational = 6;

constexpr std::string_view kNil = "-";
constexpr std::size_t kLongestMessageId = 32;
constexpr std::size_t kLongestHostname = 255;
constexpr std::int64_t kEndOfYear9999 = 253'402'300'800;  // seconds since 1970

bool is_printable(char c) { return c > ' ' && c <= '~'; }
bool is_control(char c) { return (c >= 0 && c < ' ') || c == 0x7f; }

// PRINTUSASCII of the header: at most so many, others than printable ones as '_'.
std::string header_field(std::string_view text, std::size_t longest) {
  std::string field(text.substr(0, longest));
  std::replace_if(field.begin(), field.end(), [](char c) { return !is_printable(c); }, '_');
  return field.empty() ? std::string(kNil) : field;
}

std::string timestamp(UnixMicros at) {
  const std::int64_t second = at / 1'000'000;
  if (at <= 0 || second >= kEndOfYear9999) return std::string(kNil);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(static_cast<std::time_t>(second)), at % 1'000'000);
}

void append_parameter(std::string& data, std::string_view name, std::string_view value) {
  const bool utf8 = is_utf8(value);
  data.append(" ").append(name).append("=\"");
  for (const char c : value) {
    if (c == '"' || c == '\\' || c == ']') data.push_back('\\');
    data.push_back(is_control(c) || (c < 0 && !utf8) ? '?' : c);
  }
  data.push_back('"');
}

std::string return_data(const store::OutboxEntry& entry, std::string_view master) {
  std::string data = "[brine@32473";
  append_parameter(data, "jid", entry.value.jid.str());
  append_parameter(data, "id", entry.value.minion.str());
  append_parameter(data, "fun", entry.function);
  append_parameter(data, "outcome", to_string(entry.value.outcome));
  append_parameter(data, "retcode", std::to_string(entry.value.retcode));
  append_parameter(data, "master", master);
  return data + "]";
}

std::string event_data(const store::EventRecord& event, std::string_view master) {
  std::string data = "[brine@32473";
  append_parameter(data, "event_id", event.id);
  append_parameter(data, "tag", event.tag);
  append_parameter(data, "master", master);
  return data + "]";
}

}  // namespace

std::string syslog_message(const Record& record, const SyslogStyle& style) {
  const store::OutboxEntry& entry = record.entry;
  const bool event = entry.is_event();
  const std::string_view master = record.master;
  const int severity = event ? kNotice : entry.value.success ? kInformational : kError;
  return fmt::format("<{}>1 {} {} {} - {} {} {}", style.facility * 8 + severity, timestamp(event ? entry.event.at : entry.value.received),
                     header_field(event ? master : std::string_view(entry.value.minion.str()), kLongestHostname), style.app_name,
                     header_field(event ? entry.event.tag : entry.function, kLongestMessageId),
                     event ? event_data(entry.event, master) : return_data(entry, master), record.json);
}

}  // namespace brine::returners
