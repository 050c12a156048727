// A real PostgreSQL for tests: on a Unix socket in a folder of its own, gone with its owner.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/store/scratch_folder.h"

struct pg_conn;

namespace brine::returners {

// A session of a test: statements of which each must succeed; throws when one does not.
class Psql {
 public:
  explicit Psql(const std::string& dsn);
  // Rows of columns; "NULL" for null.
  std::vector<std::vector<std::string>> query(const std::string& sql);
  // Of the first row; "" when there is none.
  std::string value(const std::string& sql);

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Close> connection_;
};

// The binaries are those that ./dev test --parts unpacks, or installed ones. A role is let in without a password, but for "guarded".
class PostgresServer {
 public:
  PostgresServer();  // returns when it serves; throws when it does not
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  // For an empty role: the superuser.
  std::string dsn(const std::string& role = "postgres") const;
  void start();  // again, on what it has kept
  void kill();   // -9, with all its processes: those that serve a connection would end what they do

 private:
  pid_t run(const std::string& program, std::vector<std::string> words) const;

  store::ScratchFolder folder_;
  std::string binaries_;
  pid_t pid_ = -1;
};

}  // namespace brine::returners
