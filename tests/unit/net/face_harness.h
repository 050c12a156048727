// A Face on free ports with a handler that does what the message says, and peers that speak raw ZMTP to it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "net/face.h"
#include "net/face_loop.h"
#include "net/zmtp_client.h"
#include "tests/unit/base/temporary_folder.h"

namespace brine::net {

// Long enough never to be met by a sound program.
inline constexpr milliseconds kPatience{30'000};

// What happened at all loops. Thread-safe.
class FaceRecord {
 public:
  struct Opened {
    std::size_t loop;
    ConnectionId connection;
    Peer peer;
  };
  void opened(Opened event);
  void closed();
  void said(std::string_view message);

  // True as soon as the condition holds; looks again whenever something happens, and now and then.
  bool eventually(const std::function<bool()>& condition) const;
  std::vector<Opened> all_opened() const;
  std::size_t closed_count() const;
  std::vector<std::string> all_said() const;
  // What FaceHandler::takes() answers; how often it was false.
  void set_full(bool full);
  bool takes();
  std::size_t not_taken() const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Opened> opened_;
  std::size_t closed_ = 0;
  std::vector<std::string> said_;
  bool full_ = false;
  std::size_t not_taken_ = 0;
};

// Echoes, but for these words: "auth" authenticates, "flood" sends until it is cut, "bye" answers 1 MiB and closes, "drop" closes at
// once, "pause" stops reading. All are recorded, before they are done.
class WordHandler final : public FaceHandler {
 public:
  WordHandler(FaceLoop& loop, std::shared_ptr<FaceRecord> record) : loop_(loop), record_(std::move(record)) {}
  void on_open(ConnectionId connection, const Peer& peer) override;
  bool takes(ConnectionId) override { return record_->takes(); }
  void on_message(ConnectionId connection, std::string_view message) override;
  void on_close(ConnectionId connection) override;
  void on_turn() override {}
  bool has_work() const override { return false; }

 private:
  FaceLoop& loop_;
  std::shared_ptr<FaceRecord> record_;
};

// tcp on a free port of loopback and ipc in a folder of its own, unless the options say otherwise.
class FaceHarness {
 public:
  explicit FaceHarness(FaceOptions options = {});
  Face& face() { return *face_; }
  const FaceCounters& counters() const { return face_->counters(); }
  FaceRecord& record() { return *record_; }
  std::string tcp_endpoint() const { return "tcp://127.0.0.1:" + std::to_string(face_->tcp_port()); }
  std::string ipc_endpoint() const { return "ipc://" + ipc_path_; }
  const std::string& ipc_path() const { return ipc_path_; }

 private:
  TemporaryFolder folder_;
  std::string ipc_path_;
  std::shared_ptr<FaceRecord> record_ = std::make_shared<FaceRecord>();
  std::unique_ptr<Face> face_;
};

Result<std::unique_ptr<Face>> open_face(const FaceOptions& options, const std::shared_ptr<FaceRecord>& record);

// A client that sends exactly the bytes it is told to. Answers no PING unless asked.
class RawPeer {
 public:
  static RawPeer over_tcp(std::uint16_t port);
  static RawPeer over_ipc(const std::string& path);

  void send(std::string_view bytes);
  void open();          // greeting and READY, waits for the server's
  void authenticate();  // open(), then "auth" and its echo
  void send_message(std::string_view body);
  std::string receive();  // the next message; fails the test when the connection ends first
  bool is_answered();     // a PING has come since (and is answered now)
  bool is_closed();       // waits for the end; what comes before it is lost
  std::size_t pings() const { return pings_; }
  void reset();  // closes with RST
  void hang_up() { fd_.reset(); }

 private:
  explicit RawPeer(Fd fd);
  bool read_some();
  Fd fd_;
  ZmtpClientReader reader_{64U << 20};
  std::string answers_;
  std::deque<std::string> messages_;
  std::size_t pings_ = 0;
};

}  // namespace brine::net
