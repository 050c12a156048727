// The operators' side: one Face on an ipc socket in sock_dir. The kernel tells who connects (uid); root, the daemon's own user and
// those listed in `operators` are served, others are told so and closed. Frames are wire/operator.h.
// Confined to its loop, "operator-0".
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "base/task_loop.h"
#include "engine/engine.h"
#include "master/runners.h"
#include "net/face_loop.h"
#include "wire/operator.h"

namespace brine::master {

class OperatorDesk final : public net::FaceHandler {
 public:
  OperatorDesk(net::FaceLoop& loop, engine::Engine& engine, const Runners& runners, TaskLoop& runner_thread,
               std::set<std::uint32_t> allowed);

  void on_open(net::ConnectionId connection, const net::Peer& peer) override;
  void on_message(net::ConnectionId connection, std::string_view message) override;
  void on_close(net::ConnectionId connection) override;
  void on_turn() override {}
  bool has_work() const override { return false; }

 private:
  // An operator's connection, as others may hold it: answers find their way through it, or nowhere when it has gone.
  struct Link {
    net::FaceLoop& loop;
    net::ConnectionId id;
    std::uint32_t uid;
    std::string user;
    std::atomic<bool> gone{false};
    void send(const wire::OperatorReply& reply);
  };
  class JobWatcher;

  void submit(const std::shared_ptr<Link>& link, wire::Submit&& request);
  void run(const std::shared_ptr<Link>& link, wire::Run&& request);

  net::FaceLoop& loop_;
  engine::Engine& engine_;
  const Runners& runners_;
  TaskLoop& runner_thread_;
  const std::set<std::uint32_t> allowed_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Link>> links_;
};

}  // namespace brine::master
