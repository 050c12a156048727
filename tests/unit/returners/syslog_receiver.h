// Syslog servers within the process: they read what comes, on a thread of their own, and keep the messages. What they have not read fills
// the kernel's buffers soon.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::returners {

enum class Wire : std::uint8_t { kUnixDatagram, kUnixStream, kTcp, kUdp };

class SyslogReceiver {
 public:
  explicit SyslogReceiver(Wire wire);  // serves at once
  SyslogReceiver(const SyslogReceiver&) = delete;
  SyslogReceiver& operator=(const SyslogReceiver&) = delete;
  ~SyslogReceiver();

  std::string address() const;
  // Everything that has arrived here, read or still in the kernel; "malformed: ..." for what has no frame.
  std::vector<std::string> messages();
  // Reads what has arrived, and closes everything.
  void close();
  // Closes everything without having read what has arrived since pause().
  void die();
  void open();   // again, at the same address
  void pause();  // reads nothing
  void resume();

 private:
  struct Connection {
    Fd fd;
    std::string unread;
  };

  void serve(const std::stop_token& stop);
  void read_all();
  void read_datagrams();
  void accept_all();
  bool read_stream(Connection& connection);
  void take_frames(std::string& unread);
  bool streams() const { return wire_ == Wire::kUnixStream || wire_ == Wire::kTcp; }
  bool local() const { return wire_ == Wire::kUnixStream || wire_ == Wire::kUnixDatagram; }

  const Wire wire_;
  store::ScratchFolder folder_;
  std::mutex mutex_;  // guards all below
  std::uint16_t port_ = 0;
  bool paused_ = false;
  Fd listener_;
  std::string buffer_ = std::string(128U << 10, '\0');
  std::vector<Connection> connections_;
  std::vector<std::string> messages_;
  std::jthread thread_;
};

}  // namespace brine::returners
