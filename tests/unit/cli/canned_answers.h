// A master that answers runners from a list, and remembers what it was asked.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/runner_request.h"

namespace brine::cli {

class CannedAnswers {
 public:
  void set(const std::string& runner, RunnerAnswer answer) { answers_[runner] = std::move(answer); }
  void set(const std::string& runner, const char* json) { answers_[runner] = Json::parse(json); }

  AskMaster ask() {
    return [this](const std::string& runner, const std::string& arguments) -> Result<RunnerAnswer> {
      asked.emplace_back(runner, arguments);
      const auto found = answers_.find(runner);
      if (found == answers_.end()) return fail(Code::kUnavailable, "no master is listening");
      return found->second;
    };
  }

  std::vector<std::pair<std::string, std::string>> asked;

 private:
  std::map<std::string, RunnerAnswer> answers_;
};

}  // namespace brine::cli
