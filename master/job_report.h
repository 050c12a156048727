// Jobs and returns as runners show them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "store/job_query.h"

namespace brine::master {

using Json = nlohmann::json;

// "2026, Nov 23 03:01:18.000000", as Salt shows it.
std::string start_time(const JobId& jid);
// Those given by place, and as the last one an object of those given by name.
Json arguments_list(const std::string& arguments);
Json report_of(const store::JobSummary& job);
Json report_of(const store::ReturnRecord& value);

}  // namespace brine::master
