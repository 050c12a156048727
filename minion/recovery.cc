#include "minion/recovery.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/log.h"

namespace brine::minion {
namespace {

constexpr std::chrono::milliseconds kLook{5};
constexpr int kLooks = 400;

struct ProcessStat {
  int pid = 0;
  char state = '?';
  int group = 0;
  std::uint64_t start_ticks = 0;
};

// proc(5): the name in parentheses may contain anything; fields are counted from behind it.
std::optional<ProcessStat> stat_of(int pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text) return std::nullopt;
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  ProcessStat stat{.pid = pid};
  std::size_t at = name_end + 2;
  for (int field = 3; field <= 22 && at < text->size(); ++field) {
    const std::size_t end = std::min(text->find(' ', at), text->size());
    if (field == 3) stat.state = (*text)[at];
    if (field == 5) std::from_chars(text->data() + at, text->data() + end, stat.group);
    if (field == 22) std::from_chars(text->data() + at, text->data() + end, stat.start_ticks);
    at = end + 1;
  }
  return stat;
}

std::vector<ProcessStat> members_of(int group) {
  std::vector<ProcessStat> members;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) return members;
  while (const dirent* entry = ::readdir(proc)) {
    int pid = 0;
    const std::string name = entry->d_name;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size() || pid <= 0) continue;
    if (const auto stat = stat_of(pid); stat && stat->group == group && stat->state != 'Z') members.push_back(*stat);
  }
  ::closedir(proc);
  return members;
}

bool is_ours(const StartedCommand& command) {
  const auto leader = stat_of(command.pgid);
  if (leader) return leader->start_ticks == command.start_ticks;
  const auto members = members_of(command.pgid);
  return !members.empty() &&
         std::all_of(members.begin(), members.end(), [&](const ProcessStat& stat) { return stat.start_ticks >= command.start_ticks; });
}

void kill_group(const StartedCommand& command) {
  for (int look = 0; look < kLooks; ++look) {
    if (!is_ours(command) || members_of(command.pgid).empty()) return;
    ::kill(-command.pgid, SIGKILL);
    std::this_thread::sleep_for(kLook);
  }
  log::error("process group {} of an earlier job cannot be killed", command.pgid);
}

}  // namespace

void kill_leftover_commands(const std::vector<StartedCommand>& commands) {
  for (const StartedCommand& command : commands) {
    if (command.pgid <= 1 || !is_ours(command)) continue;
    log::warning("killing what an earlier life of this minion had started: process group {}", command.pgid);
    kill_group(command);
  }
}

}  // namespace brine::minion
