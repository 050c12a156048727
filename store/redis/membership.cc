#include "store/redis/membership.h"

#include <utility>

#include "store/redis/packing.h"

namespace brine::store::redis {
namespace {

constexpr std::size_t kPresencesPerCall = 1'000;

}  // namespace

RedisMembership::RedisMembership(std::function<Result<Connection>()> connect, const Layout& layout, std::string origin)
    : connect_(std::move(connect)), layout_(layout), origin_(std::move(origin)) {}

template <typename Body>
auto RedisMembership::with_connection(Body body) -> decltype(body(std::declval<Connection&>())) {
  if (!connection_) {
    BRINE_LET(Connection connection, connect_());
    BRINE_LET(Scripts scripts, Scripts::load(connection));
    connection_ = std::move(connection);
    scripts_ = std::move(scripts);
  }
  auto result = body(*connection_);
  if (!result && result.error().code == Code::kUnavailable) connection_.reset();
  if (connection_) connection_->skip_rest();
  return result;
}

Status RedisMembership::call(Script script, const Words& keys, const Words& arguments, const std::function<Status(ReplyView)>& take) {
  return with_connection([&](Connection& connection) -> Status {
    scripts_->call(connection, script, keys, arguments);
    BRINE_LET(const Reply reply, connection.next());
    return take(reply.view());
  });
}

Status RedisMembership::renew(const MasterCard& self, milliseconds life) {
  master_ = self.id;
  const std::string card = pack_card(self), life_ms = std::to_string(life.count());
  return call(Script::kLease, {layout_.lease + self.id, layout_.masters, layout_.counters, layout_.news}, {origin_, life_ms, self.id, card},
              [&](ReplyView reply) -> Status {
                if (reply.text() == "held") return {};
                const auto holder = unpack_card(reply.text());
                return fail(Code::kExists, "another master calls itself '" + self.id + "'" +
                                               (holder ? ", at " + holder->address : std::string()) + ": give one of them another id");
              });
}

Status RedisMembership::leave() {
  return call(Script::kLeave, {layout_.lease + master_, layout_.masters, layout_.counters, layout_.news}, {origin_, master_},
              [](ReplyView) { return Status(); });
}

Result<std::vector<MasterCard>> RedisMembership::masters() {
  return with_connection([&](Connection& connection) -> Result<std::vector<MasterCard>> {
    BRINE_LET(const Reply cards, connection.ask({"HGETALL", layout_.masters}));
    std::vector<MasterCard> live;
    for (std::size_t i = 0; i + 1 < cards.view().size(); i += 2) connection.add({"EXISTS", layout_.lease + cards[i].string()});
    for (std::size_t i = 0; i + 1 < cards.view().size(); i += 2) {
      BRINE_LET(const Reply exists, connection.next());
      if (exists.view().integer() != 1) continue;
      BRINE_LET(MasterCard card, unpack_card(cards[i + 1].text()));
      live.push_back(std::move(card));
    }
    return live;
  });
}

Status RedisMembership::arrived(std::vector<Presence>& minions) {
  for (std::size_t from = 0; from < minions.size(); from += kPresencesPerCall) {
    const std::size_t end = std::min(minions.size(), from + kPresencesPerCall);
    std::vector<std::string> names, values;
    for (std::size_t i = from; i < end; ++i) {
      names.push_back(minions[i].id.str());
      values.push_back(minions[i].id.str());
      values.push_back(pack_presence(minions[i]));
    }
    const std::string packed = pack_names(names);
    Words words{origin_, packed};
    words.insert(words.end(), values.begin(), values.end());
    BRINE_TRY(call(Script::kArrived, {layout_.lease + master_, layout_.presence, layout_.counters, layout_.news}, words,
                   [&](ReplyView first) -> Status {
                     const auto generation = static_cast<std::uint64_t>(first.integer().value_or(0));
                     for (std::size_t i = from; i < end; ++i) minions[i].generation = generation + (i - from);
                     return {};
                   }));
  }
  return {};
}

Status RedisMembership::went(const std::vector<Presence>& minions) {
  for (std::size_t from = 0; from < minions.size(); from += kPresencesPerCall) {
    const std::size_t end = std::min(minions.size(), from + kPresencesPerCall);
    std::vector<std::string> names, values;
    for (std::size_t i = from; i < end; ++i) {
      names.push_back(minions[i].id.str());
      values.push_back(minions[i].id.str());
      values.push_back(padded(minions[i].generation));
      values.push_back(pack_presence(minions[i]));
    }
    const std::string packed = pack_names(names);
    const std::string named = std::to_string(sizeof(std::uint32_t) + master_.size());  // as packed: length and text
    Words words{origin_, packed, named};
    words.insert(words.end(), values.begin(), values.end());
    BRINE_TRY(call(Script::kWent, {layout_.lease + master_, layout_.presence, layout_.counters, layout_.news}, words,
                   [](ReplyView) { return Status(); }));
  }
  return {};
}

Status RedisMembership::running(const std::map<JobId, std::vector<std::uint32_t>>& places) {
  const std::string packed = pack_places(places);
  return call(Script::kRunning, {layout_.lease + master_, layout_.counters, layout_.news}, {origin_, packed},
              [](ReplyView) { return Status(); });
}

}  // namespace brine::store::redis
