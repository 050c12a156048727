#include "loadtest/execution_log.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <functional>

#include "minion/journal_record.h"

namespace brine::loadtest {
namespace {

constexpr std::size_t kWriteAt = 1U << 20;

// MurmurHash3's finalizer (A. Appleby, public domain).
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ value >> 33) * 0xff51afd7ed558ccdULL;
  value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53ULL;
  return value ^ value >> 33;
}

}  // namespace

Status ExecutionLog::open(const std::string& folder) {
  if (folder.empty()) return {};
  const std::string path = folder + "/executions.log";
  file_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file_.valid()) return fail_errno("cannot open " + path, errno);
  return {};
}

void ExecutionLog::add(const JobId& jid, const MinionId& minion, bool repeatable) {
  const std::uint64_t mark = mixed(minion::pack(jid).value_or(0)) ^ mixed(std::hash<std::string>{}(minion.str()) + 1);
  (repeatable ? repeatable_ : once_).push_back(mark);
  write(jid, minion, "\n");
}

void ExecutionLog::gone(const JobId& jid, const MinionId& minion) { write(jid, minion, " gone\n"); }

void ExecutionLog::write(const JobId& jid, const MinionId& minion, std::string_view end) {
  if (!file_.valid()) return;
  lines_ += jid.str();
  lines_ += ' ';
  lines_ += minion.str();
  lines_ += end;
  if (lines_.size() >= kWriteAt) static_cast<void>(flush());
}

Status ExecutionLog::flush() {
  if (lines_.empty() || !file_.valid()) return {};
  BRINE_TRY(write_all(file_.get(), lines_));
  lines_.clear();
  return {};
}

std::uint64_t ExecutionLog::beyond_first(std::vector<std::uint64_t>& marks) {
  std::ranges::sort(marks);
  std::uint64_t count = 0;
  for (std::size_t i = 1; i < marks.size(); ++i) count += marks[i] == marks[i - 1] ? 1 : 0;
  return count;
}

}  // namespace brine::loadtest
