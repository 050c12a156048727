#include "base/ids.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace brine {
namespace {

constexpr std::size_t kMaxMinionId = 253;
constexpr std::size_t kJobIdDigits = 20;

bool is_minion_id_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) value = value * 10 + (text[i] - '0');
  return value;
}

std::chrono::year_month_day date_of(std::string_view text) {
  using namespace std::chrono;
  return {year{digits(text, 0, 4)}, month{static_cast<unsigned>(digits(text, 4, 2))}, day{static_cast<unsigned>(digits(text, 6, 2))}};
}

}  // namespace

template <>
Result<MinionId> MinionId::parse(std::string_view text) {
  if (text.empty()) return fail(Code::kInvalid, "a minion id cannot be empty");
  if (text.size() > kMaxMinionId) return fail(Code::kInvalid, "a minion id has at most 253 characters");
  if (text.front() == '.' || text.front() == '-') return fail(Code::kInvalid, "a minion id cannot start with '.' or '-'");
  if (!std::all_of(text.begin(), text.end(), is_minion_id_char))
    return fail(Code::kInvalid, "a minion id consists of letters, digits, '.', '_' and '-'");
  return MinionId::trusted(std::string(text));
}

template <>
Result<JobId> JobId::parse(std::string_view text) {
  if (text.size() != kJobIdDigits || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return fail(Code::kInvalid, "a jid is 20 digits, YYYYMMDDhhmmssffffff");
  if (!date_of(text).ok() || digits(text, 8, 2) > 23 || digits(text, 10, 2) > 59 || digits(text, 12, 2) > 60)
    return fail(Code::kInvalid, "a jid is a point in time, YYYYMMDDhhmmssffffff");
  return JobId::trusted(std::string(text));
}

JobId job_id_at(std::int64_t unix_us) {
  using namespace std::chrono;
  const sys_time<microseconds> time{microseconds{unix_us}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss<microseconds> clock{time - day};
  char text[64];
  std::snprintf(text, sizeof text, "%04d%02u%02u%02d%02d%02d%06d", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return JobId::trusted(std::string(text, kJobIdDigits));
}

std::int64_t unix_us_of(const JobId& jid) {
  using namespace std::chrono;
  const std::string& t = jid.str();
  if (t.size() != kJobIdDigits) return 0;
  const auto time = sys_days{date_of(t)} + hours{digits(t, 8, 2)} + minutes{digits(t, 10, 2)} + seconds{digits(t, 12, 2)} +
                    microseconds{digits(t, 14, 6)};
  return duration_cast<microseconds>(time.time_since_epoch()).count();
}

bool is_path_component(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string_view::npos &&
         text.find('\0') == std::string_view::npos;
}

}  // namespace brine
