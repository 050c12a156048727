// The connecting side of a session, as a state machine: chooses a master, shakes hands, seals and opens, keeps heartbeats, and comes back
// when it is lost. The minion's agent and the syndic's relay stand on the same class; what travels in the session is theirs.
// It owns no thread, socket, file or clock. Confined to its owner's loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/handshake.h"
#include "net/master_list.h"
#include "net/session_cipher.h"
#include "net/trust.h"
#include "wire/session.h"

namespace brine::net {

// The connection to one master at a time. Calls come back to the session as on_connected(), on_frame(), on_lost().
class Link {
 public:
  virtual ~Link() = default;
  virtual void connect(const std::string& endpoint) = 0;
  virtual void disconnect() = 0;
  // False: not taken; the session has to end.
  virtual bool send(std::string_view frame) = 0;
};

// Small things kept on disk between runs, in pki_dir.
class Keepsake {
 public:
  virtual ~Keepsake() = default;
  virtual void keep_manifest(const std::string& signed_manifest) = 0;
  virtual void keep_cookie(const std::string& cookie) = 0;
};

// How an attempt to get a session came to nothing.
enum class ConnectFailure : std::uint8_t {
  kUnreachable,  // no connection, or it broke before the session was open
  kTimeout,
  kRefused,    // the master would not shake hands: busy, another version, another cluster
  kUntrusted,  // the master could not prove that it belongs to the cluster
  kPending,    // the key waits for an operator
  kRejected,
  kDenied,
  kBusy,
};
inline constexpr std::size_t kConnectFailures = 8;

enum class SessionEnd : std::uint8_t {
  kLost,       // the connection broke, or was silent for heartbeat_timeout
  kBroken,     // a message that cannot be: altered, repeated, out of place
  kStopping,   // the master stops
  kDisplaced,  // another process with this key has opened a session
  kEnded,      // ended by the master for another reason: its key was changed, or the protocol was broken
  kMoved,      // to a master that is preferred
};
inline constexpr std::size_t kSessionEnds = 6;

struct SessionOptions {
  MinionId id;
  wire::Purpose purpose = wire::Purpose::kMinion;
  std::uint64_t instance = 0;
  std::vector<std::string> masters;       // endpoints: tcp://host:port, ipc:///path
  std::string join_token = {};            // shown until a master has accepted the key (then there is a cookie)
  milliseconds recon_default{1'000};      // back-off: a random time up to this,
  milliseconds recon_max{10'000};         // doubled with every failure up to this
  milliseconds connect_deadline{15'000};  // for connecting, and for shaking hands
  milliseconds connect_to_one{5'000};     // for connecting, when there are other masters
  milliseconds rebalance_within{20'000};  // to a master that has come (back): a random time up to this
  milliseconds longest_wait{600'000};     // whatever a master tells it to wait
};

class MasterSession {
 public:
  enum class State : std::uint8_t { kWaiting, kConnecting, kHandshake, kAwaitWelcome, kOpen, kStopped };

  // Who uses the session. Called on its loop, from within the methods below.
  class Owner {
   public:
    virtual ~Owner() = default;
    // How far its journal has come, for the handshake.
    virtual wire::JournalMark journal() const = 0;
    // The session is open: messages may be sent.
    virtual void on_open(const wire::Welcome& welcome) = 0;
    // Anything but what the session itself understands. False: a master does not send this, and the session ends.
    virtual bool on_message(wire::SessionMessage&& message) = 0;
    // Whatever was sealed for the session is void. Also called when an attempt ends before the session was open.
    virtual void on_end() = 0;
    virtual void on_manifest(const std::string&) {}
    virtual void count(ConnectFailure failure) = 0;
    virtual void count(SessionEnd end) = 0;
  };

  struct Parts {
    const SigningKey& key;
    Trust& trust;
    Link& link;
    Keepsake& keepsake;
    const Clock& clock;
  };

  MasterSession(Parts parts, SessionOptions options, std::string cookie, Owner& owner);

  void on_connected();
  void on_frame(std::string_view frame);
  void on_lost();
  // Connects when it is time, sends heartbeats, gives up on slow handshakes.
  void on_tick();
  // When on_tick() has something to do next.
  MonoTime next_tick() const;

  // False when there is no open session, or it has just ended because the frame was not taken.
  bool send(const wire::SessionMessage& message) { return send_encoded(encode(message)); }
  bool send_encoded(std::string_view plain);

  // Says goodbye if it is open; once it has ended, nothing is connected to again.
  void stop();

  State state() const { return state_; }
  bool open() const { return state_ == State::kOpen; }
  bool stopping() const { return stopping_; }
  // The master's clock, as known; 0 before the first welcome.
  UnixMicros master_now() const;
  // What an operator must look at: rejected, denied, wrong root. Empty: nothing.
  const std::string& trouble() const { return trouble_; }
  // The endpoint of the master that it turns to, or has a session with. Empty: none is configured.
  std::string master() const { return masters_.empty() ? std::string() : masters_.current(); }
  // The Ed25519 key that the other side of the open session has proven.
  const std::string& peer_key() const { return peer_key_; }
  // Bytes of the largest frame that the master takes.
  std::size_t max_message() const { return max_message_; }

 private:
  void begin_connecting();
  void retry_later(milliseconds at_least, bool failure);
  void end_session();
  void lose(SessionEnd how);
  void broken(std::string_view why);
  void on_server_hello(std::string_view body);
  void on_refusal(std::string_view body);
  void on_sealed(std::string_view body);
  void on_welcome(wire::Welcome&& welcome);
  void on_accepted(const wire::Welcome& welcome);
  void on_goodbye(const wire::Goodbye& goodbye);
  void take_manifest(const std::string& manifest);
  void learn_masters(const std::vector<std::string>& live, const std::string& own);
  void move();

  const Parts parts_;
  const SessionOptions options_;
  Owner& owner_;
  std::string cookie_;
  State state_ = State::kWaiting;
  MonoTime retry_at_;
  MonoTime deadline_;
  MonoTime last_sent_;
  int failures_ = 0;
  MasterList masters_;
  std::optional<MonoTime> move_at_;  // to a master that is preferred to the one that serves
  std::optional<HeldTicket> ticket_;
  std::unique_ptr<ClientHandshake> handshake_;
  SessionKeys keys_;
  std::optional<SessionCipher> cipher_;
  std::string peer_key_;
  milliseconds heartbeat_{5'000};
  std::size_t max_message_ = 16U << 20;
  std::int64_t master_offset_us_ = 0;  // master's time minus monotonic time
  bool knows_time_ = false;
  bool stopping_ = false;
  std::string trouble_;
  std::minstd_rand random_;
};

}  // namespace brine::net
