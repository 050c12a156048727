// brine-simulate --seeds 1-5000 [--tell]: one run after the other; the seed of each that goes wrong, and what was wrong with it.
#include <fmt/core.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "base/log.h"
#include "tests/simulation/world.h"

int main(int argc, char** argv) {
  unsigned long long first = 1, last = 1'000;
  bool told = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--tell") == 0) {
      told = true;
    } else if (std::strcmp(argv[i], "--seeds") == 0 && i + 1 < argc && std::sscanf(argv[++i], "%llu-%llu", &first, &last) >= 1) {
      last = std::max(std::strchr(argv[i], '-') == nullptr ? first : last, first);
    } else {
      fmt::print(stderr, "usage: brine-simulate [--seeds FIRST-LAST] [--tell]\n");
      return 2;
    }
  }
  if (!brine::log::open("brine-simulate", told ? brine::log::Level::kInfo : brine::log::Level::kQuiet, "")) return 2;
  unsigned long long failed = 0, executions = 0;
  for (auto seed = first; seed <= last; ++seed) {
    auto settings = brine::simulation::drawn_settings(seed);
    settings.told = told;
    brine::simulation::World world(seed, settings);
    const auto wrong = world.run();
    executions += world.history.executions.size();
    if (wrong.empty()) continue;
    ++failed;
    for (const std::string& text : wrong) fmt::print("seed {}: {}\n", seed, text);
    std::fflush(stdout);
  }
  fmt::print("{} schedules, {} executions; {} went wrong\n", last - first + 1, executions, failed);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
