// What a master shows at /metrics: every family with its name and help, and the counter behind it. docs/operations.md has the table.
#pragma once

#include <memory>
#include <vector>

#include "base/task_loop.h"
#include "config/master_config.h"
#include "engine/engine.h"
#include "front/minion_front.h"
#include "metrics/registry.h"
#include "net/face.h"
#include "returners/drain.h"

namespace brine::master {

struct MetricSources {
  const engine::Engine& engine;
  const front::FrontContext& front;
  const net::Face& minion_face;
  const net::Face& operator_face;
  const std::vector<std::unique_ptr<returners::Drain>>& drains;
  const Clock& clock;
  const TaskLoop& runner_thread;
  const config::MasterConfig& config;
};

// All sources outlive the registry's last text(); they are read, never asked to do anything.
void declare_master_metrics(metrics::Registry& registry, const MetricSources& sources);

}  // namespace brine::master
