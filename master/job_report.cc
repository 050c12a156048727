#include "master/job_report.h"

#include <algorithm>
#include <utility>

namespace brine::master {

std::string start_time(const JobId& jid) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::string& t = jid.str();
  const auto month = static_cast<std::size_t>(std::clamp(std::stoi(t.substr(4, 2)), 1, 12) - 1);
  return t.substr(0, 4) + ", " + kMonths[month] + " " + t.substr(6, 2) + " " + t.substr(8, 2) + ":" + t.substr(10, 2) + ":" +
         t.substr(12, 2) + "." + t.substr(14, 6);
}

Json arguments_list(const std::string& arguments) {
  const Json value = Json::parse(arguments, nullptr, false);
  if (!value.is_object()) return Json::array();
  Json list = value.value("args", Json::array());
  if (const auto kwargs = value.find("kwargs"); kwargs != value.end() && kwargs->is_object() && !kwargs->empty()) list.push_back(*kwargs);
  return list;
}

Json report_of(const store::JobSummary& job) {
  return {
      {"Function", job.function}, {"Arguments", arguments_list(job.arguments)}, {"Target", job.target},    {"Target-type", job.target_kind},
      {"User", job.user},         {"StartTime", start_time(job.jid)},           {"Minions", job.expected}, {"Returned", job.returned},
      {"Failed", job.failed}};
}

Json report_of(const store::ReturnRecord& value) {
  Json payload = Json::parse(value.payload, nullptr, false);
  if (payload.is_discarded()) payload = value.payload;
  return {{"state", to_string(value.outcome)}, {"retcode", value.retcode}, {"success", value.success}, {"return", std::move(payload)}};
}

}  // namespace brine::master
