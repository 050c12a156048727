// The child's side of a command, between fork and exec: only async-signal-safe calls, everything prepared before the fork.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace brine::minion {

// What the child tells the parent through the report pipe. Closing it (by exec) means that the command runs.
enum class ChildStage : std::int32_t { kReady, kGroups, kGroup, kUser, kFolder, kExec };

struct ChildReport {
  ChildStage stage = ChildStage::kReady;
  std::int32_t error = 0;  // errno
};

// Pointers belong to the parent's memory before the fork.
struct ChildPlan {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  const char* cwd = nullptr;
  bool cwd_required = false;  // otherwise / is taken when cwd cannot be entered
  bool change_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;
  std::size_t group_count = 0;
  bool set_umask = false;
  mode_t umask = 0;
  int input = -1;
  int output = -1;
  int errors = -1;
  int gate = -1;
  int report = -1;
};

// Called in the child with all signals blocked.
[[noreturn]] void run_child(const ChildPlan& plan);

}  // namespace brine::minion
