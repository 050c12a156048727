#include "loadtest/load_tally.h"

#include <fcntl.h>

#include <cerrno>

namespace brine::loadtest {
namespace {

constexpr std::size_t kWriteAt = 1U << 20;
constexpr std::size_t kMostReasons = 10;

const char* name_of(LoadEnd end) {
  switch (end) {
    case LoadEnd::kFinished: return "finished";
    case LoadEnd::kBusy: return "busy";
    case LoadEnd::kFailed: return "failed";
    case LoadEnd::kLost: return "lost";
    case LoadEnd::kUnfinished: return "unfinished";
  }
  return "unfinished";
}

// "2057 jobs are open" and "2063 jobs are open" are one reason.
std::string without_numbers(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit)
      result.push_back(c);
    else if (!result.ends_with('#'))
      result.push_back('#');
  }
  return result;
}

}  // namespace

Status LoadTally::open(const std::string& path) {
  if (path.empty()) return {};
  file_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file_.valid()) return fail_errno("cannot open " + path, errno);
  return {};
}

void LoadTally::returned(const std::string& state, bool success) {
  ++second_.returns;
  ++states_[state];
  if (!success) ++unsuccessful_;
}

void LoadTally::ended(const LoadJob& job, LoadEnd end, const std::string& why, MonoTime now) {
  switch (end) {
    case LoadEnd::kFinished:
      ++second_.finished;
      if (job.returned == job.expected) ++second_.complete;
      second_.latency.record(std::chrono::duration_cast<microseconds>(now - job.intended));
      all_.latency.record(std::chrono::duration_cast<microseconds>(now - job.intended));
      break;
    case LoadEnd::kBusy: ++second_.busy; break;
    case LoadEnd::kFailed: ++second_.failed; break;
    case LoadEnd::kLost: ++second_.lost; break;
    case LoadEnd::kUnfinished: ++second_.unfinished; break;
  }
  second_.missing += job.missing;
  if (!why.empty()) {
    const std::string reason = without_numbers(why);
    if (reasons_.size() < kMostReasons || reasons_.contains(reason)) ++reasons_[reason];
  }
  if (!file_.valid()) return;
  lines_ += (job.jid.empty() ? "-" : job.jid) + " " + std::to_string(job.expected) + " " + std::to_string(job.returned) + " " +
            std::to_string(job.missing) + " " + name_of(end) + "\n";
  if (lines_.size() >= kWriteAt) static_cast<void>(flush());
}

Json LoadTally::Counts::json() const {
  return {{"sent", sent},
          {"accepted", accepted},
          {"busy", busy},
          {"failed", failed},
          {"lost", lost},
          {"unfinished", unfinished},
          {"finished", finished},
          {"complete", complete},
          {"returns", returns},
          {"missing", missing},
          {"latency_us",
           {{"p50", latency.quantile(0.5).count()},
            {"p90", latency.quantile(0.9).count()},
            {"p99", latency.quantile(0.99).count()},
            {"max", latency.max().count()}}}};
}

void LoadTally::add_second_to_all() {
  all_.sent += second_.sent;
  all_.accepted += second_.accepted;
  all_.busy += second_.busy;
  all_.failed += second_.failed;
  all_.lost += second_.lost;
  all_.unfinished += second_.unfinished;
  all_.finished += second_.finished;
  all_.complete += second_.complete;
  all_.returns += second_.returns;
  all_.missing += second_.missing;
}

Json LoadTally::take_second() {
  Json line = second_.json();
  add_second_to_all();
  second_ = Counts();
  return line;
}

Json LoadTally::totals() const {
  Json line = all_.json();
  line["states"] = states_;
  line["unsuccessful"] = unsuccessful_;
  line["reasons"] = reasons_;
  return line;
}

Status LoadTally::flush() {
  if (lines_.empty() || !file_.valid()) return {};
  BRINE_TRY(write_all(file_.get(), lines_));
  lines_.clear();
  return {};
}

}  // namespace brine::loadtest
