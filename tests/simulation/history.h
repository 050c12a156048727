// What was seen in a simulation by those who took part in it, beside the product's own memory. Plain values.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "engine/job_board.h"

namespace brine::simulation {

struct Submitted {
  int number = 0;
  std::set<JobId> jids;                                // that the operator was told
  std::set<MinionId> expected;                         // as it was meant
  bool long_lived = false;                             // longer than the run: everybody has to answer
  std::map<MinionId, std::set<std::string>> returned;  // that the operator was shown, by payload
  std::set<MinionId> missing;                          // that it was told at its end
  bool finished = false;
};

struct History {
  std::map<int, Submitted> submissions;
  std::map<std::pair<JobId, MinionId>, int> executions;
  std::map<std::pair<JobId, MinionId>, std::string> answers;  // the payload that the minion stands by
  std::set<std::pair<JobId, MinionId>> acknowledged;
  std::vector<std::string> wrongs;  // that were noticed at once
};

}  // namespace brine::simulation
