// The minions' side of a daemon as its configuration asks for it: a Face of worker_threads loops, with a MinionFront on each.
// Config is MasterConfig or SyndicConfig, which declare these keys together (config::declare_face).
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "front/gateway.h"
#include "front/minion_front.h"
#include "net/face.h"

namespace brine::front {

// What stands behind it, its keys and its identity are for the caller to put in.
template <typename Config>
std::shared_ptr<FrontContext> make_front_context(const Config& config) {
  auto context = std::make_shared<FrontContext>();
  // Connections are spread evenly, and each loop keeps its own account of a source.
  context->admission.unknown_per_second = static_cast<double>(config.admission.unknown_per_source_per_second) / config.worker_threads;
  context->admission.unknown_burst = std::max(1.0, static_cast<double>(config.admission.unknown_burst) / config.worker_threads);
  context->heartbeat = config.heartbeat;
  context->heartbeat_timeout = config.heartbeat_timeout;
  context->max_message = config.max_message;
  return context;
}

// Bound, not started; gateway knows its loops afterwards.
template <typename Config>
Result<std::unique_ptr<net::Face>> open_minion_face(const Config& config, const std::shared_ptr<FrontContext>& context,
                                                    LoopGateway& gateway) {
  net::FaceOptions options;
  options.name = "face";
  options.loops = static_cast<std::size_t>(config.worker_threads);
  options.tcp_interface = config.interface;
  options.tcp_port = config.ret_port;
  options.ipc_path = config.ret_ipc;
  options.ipc_mode = 0666;  // the handshake judges who comes, as it does over tcp
  options.max_message = config.max_message;
  options.handshake_timeout = config.handshake_timeout;
  options.heartbeat = config.heartbeat;
  options.heartbeat_timeout = config.heartbeat_timeout;
  std::vector<LoopGateway::Lane> lanes;
  auto face = net::Face::open(options, [&](net::FaceLoop& loop) {
    auto handler = std::make_unique<MinionFront>(loop, context);
    lanes.push_back({&loop, handler.get()});
    return handler;
  });
  if (face) gateway.set_lanes(std::move(lanes));
  return face;
}

}  // namespace brine::front
