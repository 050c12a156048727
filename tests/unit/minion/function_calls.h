// A minion small enough for a test: all functions, grains of the fixture, running jobs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "minion/function.h"
#include "minion/grains.h"
#include "minion/modules/all.h"
#include "minion/running_jobs.h"

namespace brine::minion {

class FunctionCalls {
 public:
  FunctionCalls() { add_all_functions(registry); }

  Call call(std::string function, std::vector<Json> args = {}, std::map<std::string, Json> kwargs = {}) {
    Call made;
    made.function = std::move(function);
    made.args = std::move(args);
    made.kwargs = std::move(kwargs);
    made.registry = &registry;
    made.grains = &grains;
    made.running = &running;
    return made;
  }

  Outcome run(std::string function, std::vector<Json> args = {}, std::map<std::string, Json> kwargs = {}) {
    return minion::run(registry, call(std::move(function), std::move(args), std::move(kwargs)));
  }

  std::string text(std::string function, std::vector<Json> args = {}, std::map<std::string, Json> kwargs = {}) {
    const Json value = run(std::move(function), std::move(args), std::move(kwargs)).value;
    return value.is_string() ? value.get<std::string>() : value.dump();
  }

  Registry registry;
  Json static_grains = {{"roles", {"web", "db"}}, {"site", {{"name", "north"}, {"racks", {{{"row", 1}}, {{"unit", 7}}}}}}};
  Grains grains{{.id = MinionId::trusted("m1"), .root = BRINE_TEST_DATA "/debian12", .configured = static_grains}};
  RunningJobs running;
};

}  // namespace brine::minion
