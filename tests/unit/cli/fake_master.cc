#include "tests/unit/cli/fake_master.h"

#include <zmq.hpp>

#include "wire/frame.h"

namespace brine::cli {
namespace {

constexpr int kLookForStopMs = 10;
constexpr int kLingerMs = 5'000;

}  // namespace

FakeMaster::FakeMaster(const std::string& path, std::vector<Life> lives, bool stays) : lives_(std::move(lives)) {
  thread_ = std::thread([this, path, stays] {
    for (std::size_t i = 0; i < lives_.size() && !stop_; ++i) live(path, lives_[i], i + 1 < lives_.size() || !stays);
  });
  listening_.wait(false);
}

FakeMaster::~FakeMaster() {
  stop_ = true;
  thread_.join();
}

std::vector<wire::OperatorRequest> FakeMaster::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

// The context ends with the life: the connection is closed and the socket file gone before the next one binds.
void FakeMaster::live(const std::string& path, const Life& life, bool ends) {
  zmq::context_t context(1);
  zmq::socket_t router(context, zmq::socket_type::router);
  router.set(zmq::sockopt::linger, kLingerMs);
  router.set(zmq::sockopt::rcvtimeo, kLookForStopMs);
  router.bind("ipc://" + path);
  listening_ = true;
  listening_.notify_all();
  while (!stop_) {
    zmq::message_t peer;
    zmq::message_t body;
    if (!router.recv(peer) || !router.recv(body)) continue;
    const auto frame = wire::parse_frame(body.to_string_view());
    auto request = wire::decode_request(frame->body);
    const std::vector<wire::OperatorReply> replies = life(*request);
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(std::move(*request));
    }
    for (const wire::OperatorReply& reply : replies) {
      router.send(zmq::buffer(peer.to_string_view()), zmq::send_flags::sndmore);
      router.send(zmq::buffer(wire::encode_reply(reply)), zmq::send_flags::none);
    }
    if (ends) return;
  }
}

}  // namespace brine::cli
