#include "store/redis/news_reader.h"

#include <charconv>
#include <utility>

#include "store/redis/packing.h"
#include "store/redis/server.h"

namespace brine::store::redis {
namespace {

constexpr const char* kEntriesAtOnce = "256";
constexpr int kQuietWaits = 20;  // until it is looked whether anything can come

std::uint64_t position_in(std::string_view id) {
  std::uint64_t position = 0;
  std::from_chars(id.data(), id.data() + id.size(), position);  // "number-0"
  return position;
}

Status take_ids(std::string_view packed, std::vector<MinionId>& ids) {
  BRINE_LET(const std::vector<std::string> names, unpack_names(packed));
  for (const std::string& name : names) {
    BRINE_LET(MinionId id, MinionId::parse(name));
    ids.push_back(std::move(id));
  }
  return {};
}

}  // namespace

StreamNews::StreamNews(std::function<Result<Connection>()> connect, const Layout& layout, std::string origin, milliseconds patience)
    : connect_(std::move(connect)),
      layout_(layout),
      origin_(std::move(origin)),
      patience_(patience),
      general_{layout.news},
      returned_{layout.returned} {}

Status StreamNews::begin() {
  BRINE_TRY(connect());
  missed_ = false;
  return {};
}

Result<StreamNews::Ends> StreamNews::ends() {
  Ends found;
  BRINE_LET(found.history, history_of(*connection_));
  connection_->add({"HGET", layout_.counters, "news"});
  connection_->add({"HGET", layout_.outbox_state, "notices"});
  BRINE_LET(const Reply general, connection_->next());
  BRINE_LET(const Reply returned, connection_->next());
  found.general = static_cast<std::uint64_t>(general.view().integer().value_or(0));
  found.returned = static_cast<std::uint64_t>(returned.view().integer().value_or(0));
  return found;
}

// A server that took over may not have got all that was read from the one before, and have given its numbers again since.
Status StreamNews::connect() {
  BRINE_LET(Connection connection, connect_());
  connection_ = std::move(connection);
  auto found = ends();
  if (!found) {
    connection_.reset();
    return std::unexpected(found.error());
  }
  go_on_with(*found);
  return {};
}

void StreamNews::go_on_with(const Ends& found) {
  if (found.history == history_ && found.general >= general_.position && found.returned >= returned_.position) return;
  history_ = found.history;
  general_.position = found.general;
  returned_.position = found.returned;
  missed_ = true;
}

Result<News> StreamNews::wait(milliseconds longest) {
  if (!connection_) BRINE_TRY(connect());
  News news;
  news.missed = std::exchange(missed_, false);
  const milliseconds block = news.missed ? milliseconds(1) : std::max(longest, milliseconds(1));
  const std::string block_ms = std::to_string(block.count());
  const std::string general = std::to_string(general_.position) + "-0";
  const std::string returned = std::to_string(returned_.position) + "-0";
  const auto read = [&]() -> Status {
    BRINE_TRY(connection_->set_patience(block + patience_));
    BRINE_LET(const Reply reply, connection_->ask({"XREAD", "COUNT", kEntriesAtOnce, "BLOCK", block_ms, "STREAMS", layout_.news,
                                                   layout_.returned, general, returned}));
    for (std::size_t i = 0; i < reply.view().size(); ++i) BRINE_TRY(take(reply[i], news));
    // The server may have become another one's replica behind this connection: then nothing would ever come.
    if (!news.empty()) quiet_ = 0;
    if (++quiet_ < kQuietWaits) return {};
    quiet_ = 0;
    BRINE_LET(const Ends found, ends());
    go_on_with(found);
    return {};
  };
  if (auto status = read(); !status) {
    missed_ = news.missed || status.error().code == Code::kCorrupt;
    connection_.reset();
    return std::unexpected(status.error());
  }
  return news;
}

Status StreamNews::take(ReplyView stream, News& news) {
  Stream& known = stream[0].text() == general_.name ? general_ : returned_;
  const ReplyView entries = stream[1];
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint64_t position = position_in(entries[i][0].text());
    if (position != known.position + 1) news.missed = true;
    known.position = position;
    BRINE_TRY(take_entry(known, entries[i][1], news));
  }
  return {};
}

Status StreamNews::take_entry(const Stream& stream, ReplyView fields, News& news) {
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const std::string_view name = fields[i].text();
    const std::string_view value = fields[i + 1].text();
    if (name == "o" && value == origin_) return {};
    if (name == "f") news.feed = true;
    if (name == "r" && &stream == &returned_) BRINE_TRY(unpack_places(value, news.returned));
    if (name == "q") BRINE_TRY(unpack_places(value, news.running));
    if (name == "l") news.masters = true;
    if (name == "t") news.tokens = true;
    if (name == "p") BRINE_TRY(take_ids(value, news.presence));
    if (name == "k") BRINE_TRY(take_ids(value, news.keys));
    if (name == "m") BRINE_TRY(take_ids(value, news.minions));
    if (name == "e") BRINE_TRY(take_ids(value, news.mine));
    if (name == "s") {
      BRINE_LET(std::vector<std::string> settings, unpack_names(value));
      news.settings.insert(news.settings.end(), settings.begin(), settings.end());
    }
  }
  return {};
}

}  // namespace brine::store::redis
