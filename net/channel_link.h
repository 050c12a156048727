// A MasterSession's link over libzmq.
#pragma once

#include <string>
#include <string_view>

#include "base/log.h"
#include "net/dealer_channel.h"
#include "net/master_session.h"

namespace brine::net {

// Confined to the thread of its channel.
class ChannelLink final : public Link {
 public:
  explicit ChannelLink(DealerChannel& channel) : channel_(channel) {}
  void connect(const std::string& endpoint) override {
    if (auto opened = channel_.open(endpoint); !opened) log::error("{}", opened.error().message);
  }
  void disconnect() override { channel_.close(); }
  bool send(std::string_view frame) override { return channel_.send(frame).has_value(); }

 private:
  DealerChannel& channel_;
};

}  // namespace brine::net
