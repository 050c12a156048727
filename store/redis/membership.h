// Leases, presence and running jobs of one master in Redis.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "store/redis/connection.h"
#include "store/redis/layout.h"
#include "store/redis/scripts.h"
#include "store/shared_store.h"

namespace brine::store::redis {

class RedisMembership final : public Membership {
 public:
  // token: of this process, the fence; origin: names it in the news.
  RedisMembership(std::function<Result<Connection>()> connect, const Layout& layout, std::string origin);

  Status renew(const MasterCard& self, milliseconds life) override;
  Status leave() override;
  Result<std::vector<MasterCard>> masters() override;
  Status arrived(std::vector<Presence>& minions) override;
  Status went(const std::vector<Presence>& minions) override;
  Status running(const std::map<JobId, std::vector<std::uint32_t>>& places) override;

 private:
  // Runs the body on a connection; one that breaks is dropped.
  template <typename Body>
  auto with_connection(Body body) -> decltype(body(std::declval<Connection&>()));
  Status call(Script script, const Words& keys, const Words& arguments, const std::function<Status(ReplyView)>& take);

  const std::function<Result<Connection>()> connect_;
  const Layout& layout_;
  const std::string origin_;
  std::string master_;
  std::optional<Connection> connection_;
  std::optional<Scripts> scripts_;
};

}  // namespace brine::store::redis
