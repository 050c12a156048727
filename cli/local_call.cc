#include "cli/local_call.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "base/file.h"
#include "base/thread.h"
#include "minion/function.h"
#include "minion/grains.h"
#include "minion/modules/all.h"
#include "minion/running_jobs.h"

namespace brine::cli {
namespace {

minion::Json for_minion(const Json& value) { return minion::Json::parse(to_text(value), nullptr, false); }

minion::Call call_of(const std::string& function, const FunctionArguments& arguments) {
  minion::Call call;
  call.function = function;
  for (const Json& value : arguments.args) call.args.push_back(for_minion(value));
  for (const auto& [name, value] : arguments.kwargs) call.kwargs[name] = for_minion(value);
  return call;
}

minion::GrainSources sources_of(const config::MinionConfig& config) {
  minion::GrainSources sources;
  sources.id = config.id;
  sources.configured = minion::Json::parse(config.grains, nullptr, false);
  return sources;
}

// False after an interrupt.
bool wait_for(int done_fd, int interrupt_fd) {
  pollfd items[] = {{done_fd, POLLIN, 0}, {interrupt_fd, POLLIN, 0}};
  while (::poll(items, 2, -1) < 0) {
  }
  return items[0].revents != 0;
}

}  // namespace

LocalResult call_locally(const config::MinionConfig& config, const std::string& function, const FunctionArguments& arguments,
                         int interrupt_fd) {
  minion::Registry registry;
  minion::add_all_functions(registry);
  minion::Grains grains(sources_of(config));
  minion::RunningJobs running;
  minion::Call call = call_of(function, arguments);
  call.registry = &registry;
  call.grains = &grains;
  call.running = &running;
  call.output_max = config.cmd_output_max;

  minion::Outcome outcome;
  const Fd done(::eventfd(0, EFD_CLOEXEC));
  {
    const std::jthread thread = start_thread("job-1", [&](std::stop_token) {
      outcome = minion::run(registry, call);
      ::eventfd_write(done.get(), 1);
    });
    if (!wait_for(done.get(), interrupt_fd)) *call.cancelled = true;
  }
  return {.value = parse_value(outcome.value.dump(-1, ' ', false, minion::Json::error_handler_t::replace)), .retcode = outcome.retcode};
}

}  // namespace brine::cli
