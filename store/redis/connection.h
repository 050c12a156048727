// One connection to one Redis server: commands in pipelines, replies in order, errors as values.
//
// Belongs to one thread at a time. After any error of code kUnavailable it is dead: what was sent may or may not have been done, and
// every later call fails the same way.
//
// An error reply of the server becomes: kUnavailable: full (OOM), read-only (a replica), loading, without enough replicas, a command that
// ends the wait for it; kDenied: user, password or rights; kCorrupt: a key of another type (not ours); kInternal: anything else.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/redis/endpoint.h"
#include "store/redis/reply.h"

struct redisContext;  // NOLINT(readability-identifier-naming): hiredis'

namespace brine::store::redis {

struct Login {
  std::string user;      // empty: the default user
  std::string password;  // empty: none is sent
  int database = 0;
};

// The password is what password_file holds; no file: none. Fails as read_secret() does.
Result<Login> read_login(std::string user, const std::string& password_file, int database);

using Words = std::vector<std::string_view>;

class Connection {
 public:
  // Connects and logs in. Blocks for patience at most, as every later reply does.
  static Result<Connection> open(const Address& address, const Login& login, milliseconds patience);

  // Puts a command into the pipeline; the words need not outlive the call.
  void add(const Words& words);
  // The reply to the oldest command that has none yet. Error replies of the server are errors here.
  Result<Reply> next();
  // One command and its reply. Nothing may be in the pipeline.
  Result<Reply> ask(const Words& words);
  // Reads and forgets the replies that are still to come.
  void skip_rest();

  // Ends the wait of whoever is in next() or ask(): the connection is dead from then on. Thread-safe, as long as the connection lives.
  void interrupt();

  // Waits longer than patience for the next replies; 0: as before.
  Status set_patience(milliseconds patience);
  std::size_t waiting() const { return waiting_; }
  bool alive() const;
  const std::string& address() const { return address_; }

 private:
  Connection(redisContext* context, std::string address);
  Status greet(const Login& login);
  Error lost();

  static void close(redisContext* context);
  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
  std::string address_;
  std::size_t waiting_ = 0;  // replies to come
};

// The error that a reply of the server means.
Error error_of(std::string_view text, const std::string& address);

}  // namespace brine::store::redis
