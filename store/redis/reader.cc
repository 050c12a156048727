#include "store/redis/reader.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "store/packed_jid.h"
#include "store/redis/packing.h"
#include "store/redis/replication.h"

namespace brine::store::redis {
namespace {

constexpr std::size_t kVersionDigits = 20;  // in front of a key and a presence
constexpr std::size_t kPage = 1'000;
constexpr std::size_t kMinePage = 64;        // minions, each with a MiB at most
constexpr std::size_t kFirstOutboxPage = 4;  // entries, whose sizes are not known yet
constexpr std::size_t kOutboxGrowth = 8;     // of the pages after it
constexpr std::size_t kEntryOverhead = 64;

Error damaged(std::string_view what) { return {Code::kCorrupt, std::string(what) + " in Redis is damaged"}; }

// The value of a field in the flat list of a stream's entry.
ReplyView field(ReplyView fields, std::string_view name) {
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text() == name) return fields[i + 1];
  }
  return ReplyView(nullptr);
}

Result<std::uint64_t> position_of(ReplyView entry) {
  std::string_view id = entry[0].text();
  if (!id.ends_with("-0")) return std::unexpected(damaged("a position"));
  id.remove_suffix(2);
  std::uint64_t position = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), position);
  if (error != std::errc() || end != id.data() + id.size()) return std::unexpected(damaged("a position"));
  return position;
}

Result<KeyRecord> key_of(std::string_view field_name, std::string_view value) {
  const bool denied = field_name.ends_with('!');
  if (denied) field_name.remove_suffix(1);
  const auto id = MinionId::parse(field_name);
  if (!id || value.size() < kVersionDigits) return std::unexpected(damaged("a key"));
  BRINE_LET(KeyRecord key, unpack_key(*id, value.substr(kVersionDigits)));
  if (denied != (key.state == KeyState::kDenied)) return std::unexpected(damaged("a key"));
  return key;
}

Result<Presence> presence_of_value(const MinionId& id, std::string_view value) {
  std::uint64_t generation = 0;
  const std::string_view digits = value.substr(0, kVersionDigits);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), generation);
  if (digits.size() < kVersionDigits || error != std::errc() || end != digits.data() + digits.size())
    return std::unexpected(damaged("a presence"));
  return unpack_presence(id, generation, value.substr(kVersionDigits));
}

Result<OutboxEntry> outbox_entry_of(ReplyView entry) {
  const ReplyView fields = entry[1];
  OutboxEntry result;
  BRINE_LET(result.position, position_of(entry));
  if (field(fields, "l").text() == "2") {
    BRINE_LET(result.event, unpack_event(field(fields, "m").string(), field(fields, "f").string(), field(fields, "v").text()));
    return result;
  }
  result.late = field(fields, "l").text() == "1";
  result.function = field(fields, "f").string();
  BRINE_LET(const JobId jid, JobId::parse(field(fields, "j").text()));
  BRINE_LET(const MinionId minion, MinionId::parse(field(fields, "m").text()));
  BRINE_LET(result.value, unpack_return(jid, minion, field(fields, "v").text()));
  return result;
}

std::string exclusive(std::uint64_t position) { return "(" + std::to_string(position) + "-0"; }

std::uint64_t number(ReplyView reply) { return static_cast<std::uint64_t>(reply.integer().value_or(0)); }

// The smallest index that holds all jobs of a query.
std::string job_index(const Layout& layout, const JobQuery& query) {
  if (query.ending == JobQuery::Ending::kFailed) return layout.failed;
  if (!query.target.empty()) return layout.jobs_by + index_name("target", query.target);
  if (!query.function.empty()) return layout.jobs_by + index_name("function", query.function);
  if (!query.user.empty()) return layout.jobs_by + index_name("user", query.user);
  return layout.jobs;
}

std::vector<std::string> texts(const std::vector<MinionId>& ids) {
  std::vector<std::string> all;
  for (const MinionId& id : ids) all.push_back(id.str());
  return all;
}

}  // namespace

template <typename Take>
Status Reader::scan(const std::string& hash, Take take) {
  std::string cursor = "0";
  do {
    BRINE_LET(const Reply reply, connection_.ask({"HSCAN", hash, cursor, "COUNT", std::to_string(kPage)}));
    cursor = reply[0].string();
    const ReplyView fields = reply[1];
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) BRINE_TRY(take(fields[i].text(), fields[i + 1].text()));
  } while (cursor != "0" && !cursor.empty());
  return {};
}

template <typename Take>
Status Reader::pick(const std::string& hash, const std::vector<std::string>& fields, Take take) {
  for (std::size_t from = 0; from < fields.size(); from += kPage) {
    const std::size_t end = std::min(fields.size(), from + kPage);
    Words words{"HMGET", hash};
    words.insert(words.end(), fields.begin() + static_cast<std::ptrdiff_t>(from), fields.begin() + static_cast<std::ptrdiff_t>(end));
    BRINE_LET(const Reply reply, connection_.ask(words));
    for (std::size_t i = from; i < end; ++i) {
      if (!reply[i - from].is_nil()) BRINE_TRY(take(i, reply[i - from].text()));
    }
  }
  return {};
}

// ---- keys, grains and what is small ----------------------------------------------------------------------------------------

Result<std::vector<KeyRecord>> Reader::keys() {
  std::map<std::string, KeyRecord, std::less<>> all;  // a scan may show an element twice
  BRINE_TRY(scan(layout_.keys, [&](std::string_view name, std::string_view value) -> Status {
    BRINE_LET(all[std::string(name)], key_of(name, value));
    return {};
  }));
  std::vector<KeyRecord> list;
  for (auto& [name, key] : all) list.push_back(std::move(key));
  return list;
}

Result<std::vector<KeyRecord>> Reader::keys_of(const std::vector<MinionId>& ids) {
  std::vector<std::string> fields;
  for (const MinionId& id : ids) {
    fields.push_back(id.str());
    fields.push_back(id.str() + '!');
  }
  std::vector<KeyRecord> list;
  BRINE_TRY(pick(layout_.keys, fields, [&](std::size_t i, std::string_view value) -> Status {
    BRINE_LET(KeyRecord key, key_of(fields[i], value));
    list.push_back(std::move(key));
    return {};
  }));
  return list;
}

Result<std::vector<TokenRecord>> Reader::tokens() {
  std::map<std::string, TokenRecord, std::less<>> all;
  BRINE_TRY(scan(layout_.tokens, [&](std::string_view id, std::string_view value) -> Status {
    BRINE_LET(all[std::string(id)], unpack_token(std::string(id), value));
    all[std::string(id)].used = all[std::string(id)].uses;
    return {};
  }));
  BRINE_TRY(scan(layout_.tokens_left, [&](std::string_view id, std::string_view value) -> Status {
    const auto found = all.find(id);
    std::uint32_t left = 0;
    std::from_chars(value.data(), value.data() + value.size(), left);
    if (found != all.end()) found->second.used = found->second.uses - std::min(left, found->second.uses);
    return {};
  }));
  std::vector<TokenRecord> list;
  for (auto& [id, token] : all) list.push_back(std::move(token));
  return list;
}

Result<std::vector<GrainsRecord>> Reader::grains() {
  std::map<std::string, std::string, std::less<>> all;
  BRINE_TRY(scan(layout_.grains, [&](std::string_view name, std::string_view value) -> Status {
    all[std::string(name)] = value;
    return {};
  }));
  std::vector<GrainsRecord> list;
  for (auto& [name, json] : all) {
    BRINE_LET(MinionId id, MinionId::parse(name));
    list.push_back({std::move(id), std::move(json)});
  }
  return list;
}

Result<std::vector<GrainsRecord>> Reader::grains_of(const std::vector<MinionId>& ids) {
  std::vector<GrainsRecord> list;
  BRINE_TRY(pick(layout_.grains, texts(ids), [&](std::size_t i, std::string_view json) -> Status {
    list.push_back({ids[i], std::string(json)});
    return {};
  }));
  return list;
}

Result<std::vector<JournalMark>> Reader::journals() {
  std::map<std::string, JournalMark, std::less<>> all;
  BRINE_TRY(scan(layout_.journals, [&](std::string_view name, std::string_view value) -> Status {
    BRINE_LET(MinionId id, MinionId::parse(name));
    BRINE_LET(all[std::string(name)], unpack_mark(id, value));
    return {};
  }));
  std::vector<JournalMark> list;
  for (auto& [name, mark] : all) list.push_back(std::move(mark));
  return list;
}

Result<std::vector<JournalMark>> Reader::journals_of(const std::vector<MinionId>& ids) {
  std::vector<JournalMark> list;
  BRINE_TRY(pick(layout_.journals, texts(ids), [&](std::size_t i, std::string_view value) -> Status {
    BRINE_LET(JournalMark mark, unpack_mark(ids[i], value));
    list.push_back(std::move(mark));
    return {};
  }));
  return list;
}

Result<std::vector<MineRecord>> Reader::mine() {
  std::set<std::string> names;
  std::string cursor = "0";
  do {
    BRINE_LET(const Reply reply, connection_.ask({"SSCAN", layout_.mine, cursor, "COUNT", std::to_string(kPage)}));
    cursor = reply[0].string();
    const ReplyView members = reply[1];
    for (std::size_t i = 0; i < members.size(); ++i) names.insert(members[i].string());
  } while (cursor != "0" && !cursor.empty());
  std::vector<MinionId> ids;
  for (const std::string& name : names) {
    BRINE_LET(MinionId id, MinionId::parse(name));
    ids.push_back(std::move(id));
  }
  return mine_of(ids);
}

Result<std::vector<MineRecord>> Reader::mine_of(const std::vector<MinionId>& ids) {
  std::vector<MineRecord> list;
  for (std::size_t from = 0; from < ids.size(); from += kMinePage) {
    const std::size_t end = std::min(ids.size(), from + kMinePage);
    for (std::size_t i = from; i < end; ++i) connection_.add({"HGETALL", layout_.mine_entries + ids[i].str()});
    for (std::size_t i = from; i < end; ++i) {
      BRINE_LET(const Reply reply, connection_.next());
      const ReplyView fields = reply.view();
      for (std::size_t at = 0; at + 1 < fields.size(); at += 2) {
        BRINE_LET(MineRecord entry, unpack_mine(ids[i], fields[at].string(), fields[at + 1].text()));
        list.push_back(std::move(entry));
      }
    }
  }
  std::sort(list.begin(), list.end(),
            [](const MineRecord& a, const MineRecord& b) { return std::tie(a.id, a.name) < std::tie(b.id, b.name); });
  return list;
}

Result<std::vector<Presence>> Reader::presence() {
  std::map<std::string, Presence, std::less<>> all;
  BRINE_TRY(scan(layout_.presence, [&](std::string_view name, std::string_view value) -> Status {
    BRINE_LET(MinionId id, MinionId::parse(name));
    BRINE_LET(all[std::string(name)], presence_of_value(id, value));
    return {};
  }));
  std::vector<Presence> list;
  for (auto& [name, presence] : all) list.push_back(std::move(presence));
  return list;
}

Result<std::vector<Presence>> Reader::presence_of(const std::vector<MinionId>& ids) {
  std::vector<Presence> list;
  BRINE_TRY(pick(layout_.presence, texts(ids), [&](std::size_t i, std::string_view value) -> Status {
    BRINE_LET(Presence presence, presence_of_value(ids[i], value));
    list.push_back(std::move(presence));
    return {};
  }));
  return list;
}

Result<std::optional<std::string>> Reader::setting(const std::string& name) {
  BRINE_LET(const Reply reply, connection_.ask({"HGET", layout_.settings, name}));
  if (reply.view().is_nil()) return std::nullopt;
  return reply.view().string();
}

// ---- jobs ------------------------------------------------------------------------------------------------------------------

Result<JobId> Reader::last_jid() {
  BRINE_LET(const Reply reply, connection_.ask({"HGET", layout_.counters, "jid"}));
  if (reply.view().is_nil()) return JobId();
  return JobId::parse(reply.view().text());
}

Result<FeedPosition> Reader::feed_end() {
  BRINE_LET(const Reply reply, connection_.ask({"HGET", layout_.counters, "feed"}));
  return FeedPosition{epoch_, number(reply.view())};
}

Result<std::vector<FeedEntry>> Reader::feed_after(FeedPosition after, std::size_t max) {
  const std::uint64_t from = after.epoch == epoch_ ? after.counter : 0;
  BRINE_LET(const Reply reply, connection_.ask({"XRANGE", layout_.feed, exclusive(from), "+", "COUNT", std::to_string(max)}));
  std::vector<FeedEntry> entries;
  for (std::size_t i = 0; i < reply.view().size(); ++i) {
    FeedEntry entry;
    entry.position.epoch = epoch_;
    BRINE_LET(entry.position.counter, position_of(reply[i]));
    BRINE_LET(entry.jid, JobId::parse(field(reply[i][1], "j").text()));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::optional<JobRecord>> Reader::job(const JobId& jid) {
  BRINE_TRY(pack(jid));
  BRINE_LET(const Reply reply, connection_.ask({"HMGET", layout_.job + jid.str(), "s", "e", "m", "r"}));
  if (reply[0].is_nil()) return std::nullopt;
  BRINE_LET(const ExpectedSet expected, ExpectedSet::decode(reply[1].text()));
  BRINE_LET(JobSummary summary, unpack_summary(jid, reply[2].text()));
  BRINE_LET(const std::string submission, from_hex(reply[0].text()));
  JobRecord job;
  if (submission.size() != job.submission.bytes.size()) return std::unexpected(damaged("a submission"));
  std::copy(submission.begin(), submission.end(), job.submission.bytes.begin());
  BRINE_TRY(unpack_rest(reply[3].text(), job));
  job.jid = jid;
  job.function = std::move(summary.function);
  job.arguments = std::move(summary.arguments);
  job.target_kind = std::move(summary.target_kind);
  job.target = std::move(summary.target);
  job.user = std::move(summary.user);
  job.issued = summary.issued;
  job.not_after = summary.not_after;
  job.expected = expected.ids();
  return job;
}

Result<std::optional<JobId>> Reader::job_of(const SubmissionId& submission) {
  BRINE_LET(const Reply reply, connection_.ask({"GET", layout_.submission + to_hex(as_view(submission.bytes))}));
  if (reply.view().is_nil()) return std::nullopt;
  BRINE_LET(JobId jid, JobId::parse(reply.view().text()));
  return jid;
}

Result<std::vector<JobId>> Reader::open_jobs(UnixMicros now) {
  BRINE_LET(const Reply reply, connection_.ask({"ZRANGEBYSCORE", layout_.open, std::to_string(now), "+inf"}));
  std::vector<JobId> jobs;
  for (std::size_t i = 0; i < reply.view().size(); ++i) {
    BRINE_LET(JobId jid, JobId::parse(reply[i].text()));
    jobs.push_back(std::move(jid));
  }
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

Result<JobPage> Reader::list_jobs(const JobQuery& query) {
  const JidRange range = jids_of(query);
  const std::string index = job_index(layout_, query);
  const std::string oldest = range.first.empty() ? "-" : "[" + range.first.str();
  std::string newest = range.end.empty() ? "+" : "(" + range.end.str();
  JobSieve sieve(query);
  std::size_t portion = std::min({query.max, query.max_looked_at, kPage - 1}) + 1;
  for (bool more = true; more; portion = std::min(portion * 8, kPage)) {
    BRINE_LET(const Reply jids, connection_.ask({"ZREVRANGEBYLEX", index, newest, oldest, "LIMIT", "0", std::to_string(portion)}));
    const std::size_t count = jids.view().size();
    if (count > 0) newest = "(" + jids[count - 1].string();
    BRINE_LET(const bool room, judge_jobs(jids.view(), sieve));
    more = room && count == portion;
  }
  return sieve.take();
}

// False: the page is full. A return that comes meanwhile is counted as failed rather than as returned: no job succeeds for a moment.
Result<bool> Reader::judge_jobs(ReplyView jids, JobSieve& sieve) {
  for (std::size_t i = 0; i < jids.size(); ++i) {
    connection_.add({"HLEN", layout_.returns + jids[i].string()});
    connection_.add({"HMGET", layout_.job + jids[i].string(), "m", "n"});
  }
  for (std::size_t i = 0; i < jids.size(); ++i) {
    BRINE_LET(const JobId jid, JobId::parse(jids[i].text()));
    if (!sieve.look_at(jid)) {
      connection_.skip_rest();
      return false;
    }
    BRINE_LET(const Reply returned, connection_.next());
    BRINE_LET(const Reply record, connection_.next());
    if (record[0].is_nil()) continue;  // its time is over; the index will follow
    BRINE_LET(JobSummary job, unpack_summary(jid, record[0].text()));
    job.returned = static_cast<std::uint32_t>(number(returned.view()));
    job.failed = static_cast<std::uint32_t>(number(record[1]));
    sieve.judge(std::move(job));
  }
  return true;
}

// ---- returns ---------------------------------------------------------------------------------------------------------------

Result<ExpectedSet> Reader::expected_of(const JobId& jid) {
  BRINE_TRY(pack(jid));
  BRINE_LET(const Reply reply, connection_.ask({"HGET", layout_.job + jid.str(), "e"}));
  return ExpectedSet::decode(reply.view().text());
}

Result<std::vector<ReturnRecord>> Reader::returns_of(const JobId& jid, const MinionId& after, std::size_t max) {
  BRINE_LET(const ExpectedSet expected, expected_of(jid));
  std::vector<ReturnRecord> list;
  std::size_t place = after.empty() ? 0 : expected.number_after(after.str());
  while (list.size() < max && place < expected.size()) {
    const std::size_t end = std::min(expected.size(), place + std::min(kPage, max - list.size()));
    std::vector<std::string> fields;
    for (std::size_t i = place; i < end; ++i) fields.push_back(std::to_string(i));
    BRINE_TRY(pick(layout_.returns + jid.str(), fields, [&](std::size_t i, std::string_view value) -> Status {
      BRINE_LET(ReturnRecord record, unpack_return(jid, MinionId::trusted(std::string(expected.id(place + i))), value));
      list.push_back(std::move(record));
      return {};
    }));
    place = end;
  }
  return list;
}

Result<std::vector<ReturnRecord>> Reader::returns_at(const JobId& jid, const std::vector<MinionId>& expected,
                                                     const std::vector<std::uint32_t>& places) {
  BRINE_TRY(pack(jid));
  std::vector<std::string> fields;
  std::vector<std::uint32_t> known;
  for (const std::uint32_t place : places) {
    if (place >= expected.size()) continue;
    fields.push_back(std::to_string(place));
    known.push_back(place);
  }
  std::vector<ReturnRecord> list;
  BRINE_TRY(pick(layout_.returns + jid.str(), fields, [&](std::size_t i, std::string_view value) -> Status {
    BRINE_LET(ReturnRecord record, unpack_return(jid, expected[known[i]], value));
    list.push_back(std::move(record));
    return {};
  }));
  return list;
}

Result<std::vector<MinionId>> Reader::returned_minions(const JobId& jid) {
  BRINE_LET(const ExpectedSet expected, expected_of(jid));
  BRINE_LET(const Reply reply, connection_.ask({"HKEYS", layout_.returns + jid.str()}));
  std::vector<std::uint64_t> places;
  for (std::size_t i = 0; i < reply.view().size(); ++i) {
    places.push_back(number(reply[i]));
    if (places.back() >= expected.size()) return std::unexpected(damaged("job " + jid.str()));
  }
  std::sort(places.begin(), places.end());
  std::vector<MinionId> minions;
  for (const std::uint64_t place : places) minions.push_back(MinionId::trusted(std::string(expected.id(place))));
  return minions;
}

// ---- outbox ----------------------------------------------------------------------------------------------------------------

Result<std::vector<OutboxEntry>> Reader::outbox_after(std::uint64_t position, std::size_t max) {
  std::vector<OutboxEntry> entries;
  std::size_t bytes = 0;
  std::size_t wanted = std::min(max, kFirstOutboxPage);
  while (wanted > 0) {
    const std::uint64_t from = entries.empty() ? position : entries.back().position;
    BRINE_LET(const Reply reply, connection_.ask({"XRANGE", layout_.outbox, exclusive(from), "+", "COUNT", std::to_string(wanted)}));
    for (std::size_t i = 0; i < reply.view().size(); ++i) {
      BRINE_LET(OutboxEntry entry, outbox_entry_of(reply[i]));
      bytes += kEntryOverhead + entry.value.payload.size() + entry.event.data.size();
      entries.push_back(std::move(entry));
    }
    if (reply.view().size() < wanted || bytes >= kOutboxPageBytes) break;
    // As many more as fit, if they are like those before.
    const std::size_t fit = std::max<std::size_t>(1, (kOutboxPageBytes - bytes) / (bytes / entries.size()));
    wanted = std::min({max - entries.size(), fit, wanted * kOutboxGrowth});
  }
  return entries;
}

Result<std::uint64_t> Reader::returner_position(const std::string& returner) {
  BRINE_LET(const Reply reply, connection_.ask({"HGET", layout_.returners, returner}));
  return number(reply.view());
}

Result<OutboxUsage> Reader::outbox_usage() {
  BRINE_LET(const Reply reply, connection_.ask({"HMGET", layout_.outbox_state, "end", "end_bytes", "start", "start_bytes"}));
  const std::uint64_t end = number(reply[0]);
  return OutboxUsage{end - number(reply[2]), number(reply[1]) - number(reply[3]), end};
}

Result<bool> Reader::succeeds(std::uint64_t epoch) {
  BRINE_LET(const Reply reply, connection_.ask({"HEXISTS", layout_.store, "succeeds:" + std::to_string(epoch)}));
  return reply.view().integer() == 1;
}

Status Reader::still_ours() {
  BRINE_LET(const Reply reply, connection_.ask({"HGET", layout_.store, "epoch"}));
  if (reply.view().text() == std::to_string(epoch_)) return {};
  return fail(Code::kCorrupt, "the store was emptied or exchanged while it was read");
}

Result<UnixMicros> Reader::time() {
  BRINE_LET(const Reply reply, connection_.ask({"TIME"}));
  return static_cast<UnixMicros>(number(reply[0]) * 1'000'000 + number(reply[1]));
}

Status Reader::wait_for_replicas(int replicas, milliseconds patience) {
  return redis::wait_for_replicas(connection_, layout_, replicas, patience);
}

}  // namespace brine::store::redis
