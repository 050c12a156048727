// One non-blocking connection to a master's operator socket, in an epoll set of its owner. It carries one job at a time: replies do not say
// to which submission they belong.
// Confined to its owner's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "loadtest/client_stream.h"
#include "wire/operator.h"

namespace brine::loadtest {

class OperatorLine {
 public:
  OperatorLine(int epoll, std::uint64_t mark, const StreamOptions& options) : epoll_(epoll), mark_(mark), options_(options) {}

  // kUnavailable: nobody accepts there, or its queue is full (try again).
  Status connect(const std::string& path, MonoTime now);
  void close();
  bool is_open() const { return socket_.valid(); }
  bool is_ready() const { return stream_ && stream_->ready(); }

  bool submit(const wire::Submit& submit);
  // What has come, in order. An Error ends the connection: what came before it is appended all the same.
  Status on_ready(std::deque<wire::OperatorReply>& replies, MonoTime now);
  // Heartbeats.
  Status beat(MonoTime now);

 private:
  Status read(MonoTime now);
  Status write();
  void watch(std::uint32_t events);

  const int epoll_;
  const std::uint64_t mark_;
  const StreamOptions& options_;
  Fd socket_;
  std::optional<ClientStream> stream_;
  std::uint32_t watched_ = 0;
  std::deque<std::string> frames_;
};

}  // namespace brine::loadtest
