#include "tests/simulation/verdict.h"

#include <fmt/core.h>

#include <algorithm>

namespace brine::simulation {
namespace {

using Part = std::pair<JobId, MinionId>;

std::string name_of(const Part& part) { return part.first.str() + " on " + part.second.str(); }

void judge_submission(const Submitted& submitted, const SharedMemory& server, std::vector<std::string>& wrong) {
  if (submitted.jids.size() > 1)
    wrong.push_back(fmt::format("DOUBLED: submission {} has {} jids", submitted.number, submitted.jids.size()));
  for (const JobId& jid : submitted.jids) {
    const auto job = server.jobs.find(jid);
    if (job == server.jobs.end()) {
      wrong.push_back("LOST: job " + jid.str() + ", that an operator was told");
      continue;
    }
    if (!std::equal(job->second.expected.begin(), job->second.expected.end(), submitted.expected.begin(), submitted.expected.end()))
      wrong.push_back("MISREPORTED: job " + jid.str() + " expects others than were asked for");
    for (const auto& [minion, payloads] : submitted.returned) {
      const auto kept = server.returns.find({jid, minion});
      if (kept == server.returns.end())
        wrong.push_back("LOST: the operator was shown the return of " + name_of({jid, minion}));
      else if (payloads != std::set{kept->second.payload})
        wrong.push_back("MISREPORTED: the operator was shown another return of " + name_of({jid, minion}));
    }
    for (const MinionId& minion : submitted.expected) {
      if (submitted.long_lived && !server.returns.contains({jid, minion})) wrong.push_back("LOST: no return of " + name_of({jid, minion}));
      if (submitted.finished && !submitted.returned.contains(minion) && !submitted.missing.contains(minion))
        wrong.push_back("MISREPORTED: the operator was told nothing of " + name_of({jid, minion}));
    }
  }
}

}  // namespace

std::vector<std::string> judge(const History& history, const SharedMemory& server) {
  std::vector<std::string> wrong;
  for (const std::string& text : history.wrongs) wrong.push_back("WRONG: " + text);
  for (const auto& [number, submitted] : history.submissions) judge_submission(submitted, server, wrong);
  for (const auto& [part, times] : history.executions) {
    if (times > 1) wrong.push_back(fmt::format("DOUBLED: {} ran {} times", name_of(part), times));
    if (!server.jobs.contains(part.first)) wrong.push_back("INVENTED: " + name_of(part) + " ran, and nobody has asked for it");
  }
  for (const auto& [part, payload] : history.answers) {
    const auto kept = server.returns.find(part);
    if (kept == server.returns.end())
      wrong.push_back("LOST: the return of " + name_of(part));
    else if (kept->second.payload != payload)
      wrong.push_back("MISREPORTED: the return of " + name_of(part) + " is kept as " + kept->second.payload + ", and was " + payload);
  }
  for (const Part& part : history.acknowledged) {
    if (!server.returns.contains(part)) wrong.push_back("LOST: " + name_of(part) + ", which was acknowledged");
  }
  std::map<Part, int> delivered;
  for (const store::OutboxEntry& entry : server.outbox) ++delivered[{entry.value.jid, entry.value.minion}];
  for (const auto& [part, value] : server.returns) {
    if (!delivered.contains(part)) wrong.push_back("UNDELIVERED: " + name_of(part));
  }
  for (const auto& [part, times] : delivered) {
    if (times > 1) wrong.push_back(fmt::format("DOUBLED: {} is in the outbox {} times", name_of(part), times));
  }
  return wrong;
}

}  // namespace brine::simulation
