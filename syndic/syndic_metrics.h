// The metrics of a syndic. docs/operations.md says what to watch.
#pragma once

#include "config/syndic_config.h"
#include "front/minion_front.h"
#include "metrics/registry.h"
#include "net/face.h"
#include "store/return_spool.h"
#include "syndic/relay.h"
#include "syndic/spool_writer.h"
#include "syndic/uplink_counters.h"

namespace brine::syndic {

// All of it outlives the registry's last text().
struct MetricSources {
  const RelayCounters& relay;
  const UplinkCounters& uplink;
  const SpoolWriter& writer;
  const store::ReturnSpool& spool;
  const front::FrontContext& front;
  const net::Face& face;
  const config::SyndicConfig& config;
};

void declare_syndic_metrics(metrics::Registry& registry, const MetricSources& sources);

}  // namespace brine::syndic
