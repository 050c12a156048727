// Waits for what other masters commit: two streams, each entry with a number of its own, so that a gap is seen.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "store/redis/connection.h"
#include "store/redis/layout.h"
#include "store/shared_store.h"

namespace brine::store::redis {

class StreamNews final : public NewsReader {
 public:
  // connect gives a connection to the store, verified to be the same one. origin: whose own entries are left out.
  StreamNews(std::function<Result<Connection>()> connect, const Layout& layout, std::string origin, milliseconds patience);

  // Sets the positions to the present.
  Status begin();
  Result<News> wait(milliseconds longest) override;

 private:
  struct Stream {
    const std::string& name;
    std::uint64_t position = 0;
  };

  struct Ends {
    std::string history;                      // of the server
    std::uint64_t general = 0, returned = 0;  // numbers of the newest entries
  };

  Status connect();
  Result<Ends> ends();
  void go_on_with(const Ends& found);
  Status take(ReplyView stream, News& news);
  Status take_entry(const Stream& stream, ReplyView fields, News& news);

  const std::function<Result<Connection>()> connect_;
  const Layout& layout_;
  const std::string origin_;
  const milliseconds patience_;
  std::string history_;
  Stream general_;
  Stream returned_;
  std::optional<Connection> connection_;
  bool missed_ = false;
  int quiet_ = 0;
};

}  // namespace brine::store::redis
