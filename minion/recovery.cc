#include "minion/recovery.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/log.h"

namespace brine::minion {
namespace {

constexpr std::chrono::milliseconds kLook{5};
constexpr std::chrono::seconds kLongest{2};

struct ProcessStat {
  int pid = 0;
  char state = '?';
  int group = 0;
  int session = 0;
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
    if (field == 6) std::from_chars(text->data() + at, text->data() + end, stat.session);
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

// A command begins a session and a group of its own (minion/command_child.cc), so what it left behind is in both, and not older than it.
bool is_left_by(const StartedCommand& command, const ProcessStat& stat) {
  return stat.session == command.pgid && stat.start_ticks >= command.start_ticks;
}

bool is_ours(const StartedCommand& command) {
  // A start time of 0 was not known when it was written down: nothing shows whose number it is now.
  if (command.pgid <= 1 || command.pgid == ::getpgrp() || command.start_ticks == 0) return false;
  if (const auto leader = stat_of(command.pgid)) return leader->start_ticks == command.start_ticks;
  const auto members = members_of(command.pgid);
  return !members.empty() && std::ranges::all_of(members, [&](const ProcessStat& stat) { return is_left_by(command, stat); });
}

bool still_runs(const StartedCommand& command) { return is_ours(command) && !members_of(command.pgid).empty(); }

}  // namespace

void kill_leftover_commands(const std::vector<StartedCommand>& commands) {
  std::vector<StartedCommand> left;
  std::ranges::copy_if(commands, std::back_inserter(left), still_runs);
  for (const StartedCommand& command : left)
    log::warning("killing what an earlier life of this minion had started: process group {}", command.pgid);
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  while (!left.empty() && std::chrono::steady_clock::now() < deadline) {
    // Again and again: a member may have forked at the very moment of the first signal.
    for (const StartedCommand& command : left) ::kill(-command.pgid, SIGKILL);
    std::this_thread::sleep_for(kLook);
    std::erase_if(left, [](const StartedCommand& command) { return !still_runs(command); });
  }
  for (const StartedCommand& command : left) log::error("process group {} of an earlier job cannot be killed", command.pgid);
}

}  // namespace brine::minion
