#include "minion/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/bytes.h"

namespace brine::minion {
namespace {

constexpr double kTenYears = 10.0 * 366 * 86400;
constexpr double kLargestExact = 9007199254740992.0;  // 2^53

std::unexpected<Error> wrong(std::string_view what, std::string_view expected, const Json& got) {
  return fail(Code::kInvalid, fmt::format("{} must be {}, got {}", what, expected, dumped(got).substr(0, 80)));
}

std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<bool> parse_flag(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0" || text.empty()) return false;
  return std::nullopt;
}

}  // namespace

std::string dumped(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

Result<std::string> text_of(const Json& value, std::string_view what) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return std::string();
  if (value.is_number() || value.is_boolean()) return dumped(value);
  if (value.is_object() && value.size() == 1 && value.contains("__bytes__") && value["__bytes__"].is_string()) {
    return from_base64(value["__bytes__"].get<std::string>());
  }
  return wrong(what, "text", value);
}

const Json& Arguments::json(const std::string& name) const {
  static const Json kNull;
  const auto it = call_.kwargs.find(name);
  return it == call_.kwargs.end() ? kNull : it->second;
}

Result<std::string> Arguments::text(const std::string& name) const { return text_of(json(name), name); }

Result<bool> Arguments::flag(const std::string& name) const {
  const Json& value = json(name);
  if (value.is_null()) return false;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0;
  if (value.is_string()) {
    if (const auto parsed = parse_flag(value.get<std::string>())) return *parsed;
  }
  return wrong(name, "true or false", value);
}

Result<double> Arguments::number(const std::string& name) const {
  const Json& value = json(name);
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    if (const auto parsed = parse_number(value.get<std::string>())) return *parsed;
  }
  return wrong(name, "a number", value);
}

Result<std::int64_t> Arguments::integer(const std::string& name) const {
  const Json& value = json(name);
  if (value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX))
    return value.get<std::int64_t>();
  const auto parsed = number(name);
  if (!parsed || std::trunc(*parsed) != *parsed || std::abs(*parsed) > kLargestExact) return wrong(name, "a whole number", value);
  return static_cast<std::int64_t>(*parsed);
}

Result<std::optional<milliseconds>> Arguments::duration(const std::string& name) const {
  if (!given(name)) return std::optional<milliseconds>();
  BRINE_LET(const double seconds_given, number(name));
  if (seconds_given < 0 || seconds_given > kTenYears) return wrong(name, "a number of seconds, 0 or more", json(name));
  if (seconds_given == 0) return std::optional<milliseconds>();
  return std::optional(milliseconds(std::max<std::int64_t>(1, static_cast<std::int64_t>(seconds_given * 1000))));
}

Result<JobId> Arguments::job_id(const std::string& name) const {
  BRINE_LET(const std::string given_text, text(name));
  auto jid = JobId::parse(given_text);
  if (!jid) return fail(std::move(jid.error()), name);
  return jid;
}

}  // namespace brine::minion
