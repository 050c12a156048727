#include "store/redis/batch_writer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "store/redis/packing.h"
#include "store/redis/replication.h"

namespace brine::store::redis {
namespace {

constexpr std::size_t kMaxReturnsPerCall = 512;
constexpr std::size_t kMaxBytesPerCall = 4U << 20;
constexpr std::int64_t kMaxDroppedPerCall = 10'000;
// What Redis keeps a job beyond the time at which a master would have deleted it.
constexpr std::int64_t kLifeBeyond = 3'600'000;

// Words of a command with what they point into.
class Text {
 public:
  void add(std::string word) { owned_.push_back(std::move(word)); }
  void add(std::int64_t number) { owned_.push_back(std::to_string(number)); }
  Words words() const { return {owned_.begin(), owned_.end()}; }

 private:
  std::vector<std::string> owned_;
};

std::string hex(const SubmissionId& submission) { return to_hex(as_view(submission.bytes)); }

std::string life_in_ms(const JobRecord& job) {
  return std::to_string(std::max<std::int64_t>(0, job.forget_at - job.issued) / 1000 + kLifeBeyond);
}

std::string key_field(const MinionId& id, bool denied) { return denied ? id.str() + '!' : id.str(); }

std::optional<ReturnResult> result_of(char letter) {
  switch (letter) {
    case 'F': return ReturnResult::kFirst;
    case 'R': return ReturnResult::kRepeated;
    case 'C': return ReturnResult::kConflict;
    case 'L': return ReturnResult::kLate;
    default: return std::nullopt;
  }
}

std::optional<UseResult> use_result_of(std::string_view letter) {
  if (letter == "C") return UseResult::kCounted;
  if (letter == "R") return UseResult::kRepeated;
  if (letter == "K") return UseResult::kKeyKept;
  if (letter == "N") return UseResult::kNoneLeft;
  return std::nullopt;
}

Error strange(std::string_view what) { return {Code::kInternal, "redis gave a strange answer to " + std::string(what)}; }

}  // namespace

BatchWriter::BatchWriter(Connection connection, const Layout& layout, Options options, Scripts scripts)
    : connection_(std::move(connection)), layout_(layout), options_(std::move(options)), scripts_(std::move(scripts)) {}

Result<std::unique_ptr<BatchWriter>> BatchWriter::open(Connection connection, const Layout& layout, Options options) {
  BRINE_LET(Scripts scripts, Scripts::load(connection));
  return std::unique_ptr<BatchWriter>(new BatchWriter(std::move(connection), layout, std::move(options), std::move(scripts)));
}

Result<CommitOutcome> BatchWriter::commit(const Batch& batch, std::uint64_t epoch) {
  BRINE_LET(Prepared prepared, prepare(batch));
  CommitOutcome outcome;
  outcome.returns.resize(batch.returns.size());
  if (!batch.jobs.empty()) BRINE_TRY(publish(batch, prepared, epoch, outcome));
  if (!batch.returns.empty()) BRINE_TRY(add_returns(batch.returns, outcome.returns));
  if (!batch.events.empty()) BRINE_TRY(add_events(batch.events));
  if (!batch.tokens.empty() || !batch.forgotten_tokens.empty()) BRINE_TRY(change_tokens(batch));
  outcome.keys.resize(batch.keys.size());
  if (!batch.token_uses.empty()) BRINE_TRY(join_keys(batch, outcome));
  BRINE_TRY(remember(batch, outcome.keys));
  if (!batch.departures.empty()) BRINE_TRY(let_depart(batch, outcome.departures));
  if (!batch.returner_positions.empty()) BRINE_TRY(raise_positions(batch));
  if (!batch.empty()) BRINE_TRY(wait_for_replicas(connection_, layout_, options_.replicas, options_.patience));
  return outcome;
}

// Everything that can be wrong with the batch itself, before anything is written.
Result<BatchWriter::Prepared> BatchWriter::prepare(const Batch& batch) {
  Prepared prepared;
  for (const JobRecord& job : batch.jobs) {
    BRINE_LET(const PackedJid jid, pack(job.jid));
    BRINE_LET(ExpectedSet expected, ExpectedSet::from(job.expected));
    prepared.jids.push_back(jid);
    prepared.expected.push_back(std::move(expected));
  }
  for (const ReturnRecord& value : batch.returns) BRINE_TRY(pack(value.jid));
  return prepared;
}

// ---- jobs ------------------------------------------------------------------------------------------------------------------

Result<std::vector<bool>> BatchWriter::claim(const std::vector<JobRecord>& jobs, const std::vector<ExpectedSet>& expected) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const JobRecord& job = jobs[i];
    scripts_.call(connection_, Script::kClaim, {layout_.job + job.jid.str()},
                  {hex(job.submission), life_in_ms(job), job.function, expected[i].encode(), pack_summary(job), pack_rest(job)});
  }
  std::vector<bool> claimed;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    BRINE_LET(const Reply reply, connection_.next());
    claimed.push_back(reply.view().integer() == 1);
  }
  return claimed;
}

// The records first: the entry in the feed is what makes them jobs.
Status BatchWriter::publish(const Batch& batch, Prepared& prepared, std::uint64_t epoch, CommitOutcome& outcome) {
  BRINE_LET(const std::vector<bool> claimed, claim(batch.jobs, prepared.expected));
  Text text;
  text.add(options_.origin);
  text.add(options_.epoch);
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
    const JobRecord& job = batch.jobs[i];
    text.add(job.jid.str());
    text.add(hex(job.submission));
    text.add(life_in_ms(job));
    text.add(job.not_after);
    text.add(job.forget_at);
    text.add(claimed[i] ? "1" : "0");
    text.add(index_name("function", job.function));
    text.add(index_name("user", job.user));
    text.add(index_name("target", job.target));
  }
  scripts_.call(connection_, Script::kPublish,
                {layout_.counters, layout_.feed, layout_.jobs, layout_.open, layout_.forget, layout_.submission, layout_.news,
                 layout_.store, layout_.jobs_by},
                text.words());
  BRINE_LET(const Reply reply, connection_.next());
  const auto before = reply[0].integer();
  const auto after = reply[1].integer();
  if (!before || !after || reply[2].size() != batch.jobs.size()) return std::unexpected(strange("a publication"));
  outcome.feed_before = {epoch, static_cast<std::uint64_t>(*before)};
  outcome.feed_end = {epoch, static_cast<std::uint64_t>(*after)};
  return take_published(batch, prepared, claimed, reply[2], outcome);
}

Status BatchWriter::take_published(const Batch& batch, Prepared& prepared, const std::vector<bool>& claimed, ReplyView answers,
                                   CommitOutcome& outcome) {
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
    const JobRecord& job = batch.jobs[i];
    const std::string_view answer = answers[i].text();
    if (answer == "+") {
      outcome.jobs.push_back(JobResult::kPublished);
      outcome.jids.push_back(job.jid);
      jobs_.put(KnownJob{prepared.jids[i], job.function, std::move(prepared.expected[i])});
    } else if (answer.empty()) {
      outcome.jobs.push_back(JobResult::kJidExists);
      outcome.jids.push_back(job.jid);
    } else {
      BRINE_LET(JobId first, JobId::parse(answer));
      if (first != job.jid && claimed[i]) connection_.add({"UNLINK", layout_.job + job.jid.str()});
      outcome.jobs.push_back(JobResult::kRepeated);
      outcome.jids.push_back(std::move(first));
    }
  }
  while (connection_.waiting() > 0) BRINE_TRY(connection_.next());
  return {};
}

// ---- returns ---------------------------------------------------------------------------------------------------------------

// Reads the jobs of these returns that are not in memory. What stays unknown then has no record.
Status BatchWriter::learn_jobs(const std::vector<ReturnRecord>& returns) {
  std::set<PackedJid> unknown;
  for (const ReturnRecord& value : returns) {
    const PackedJid jid = *pack(value.jid);
    if (jobs_.find(jid) == nullptr) unknown.insert(jid);
  }
  for (const PackedJid jid : unknown) connection_.add({"HMGET", layout_.job + unpack(jid).str(), "f", "e"});
  for (const PackedJid jid : unknown) {
    BRINE_LET(const Reply reply, connection_.next());
    if (reply[0].is_nil()) continue;
    BRINE_LET(ExpectedSet expected, ExpectedSet::decode(reply[1].text()));
    jobs_.put(KnownJob{jid, reply[0].string(), std::move(expected)});
  }
  return {};
}

Status BatchWriter::add_returns(const std::vector<ReturnRecord>& returns, std::vector<ReturnResult>& results) {
  BRINE_TRY(learn_jobs(returns));
  std::vector<std::size_t> portion;
  std::vector<std::size_t> again;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < returns.size(); ++i) {
    portion.push_back(i);
    bytes += returns[i].payload.size();
    if (portion.size() < kMaxReturnsPerCall && bytes < kMaxBytesPerCall && i + 1 < returns.size()) continue;
    BRINE_TRY(add_portion(returns, portion, results, again));
    portion.clear();
    bytes = 0;
  }
  if (again.empty()) return {};
  // The memory held these jobs no longer when their returns were looked at.
  std::vector<std::size_t> never;
  for (const std::size_t i : again) {
    BRINE_TRY(learn_jobs({returns[i]}));
    BRINE_TRY(add_portion(returns, {i}, results, never));
  }
  return never.empty() ? Status{} : Status(std::unexpected(strange("a return")));
}

Status BatchWriter::add_portion(const std::vector<ReturnRecord>& returns, const std::vector<std::size_t>& places,
                                std::vector<ReturnResult>& results, std::vector<std::size_t>& again) {
  Text text;
  Places returned;  // for the other masters
  std::vector<std::size_t> sent;
  for (const std::size_t i : places) {
    const ReturnRecord& value = returns[i];
    const KnownJob* job = jobs_.find(*pack(value.jid));
    const auto number = job == nullptr ? std::nullopt : job->expected.number_of(value.minion.str());
    if (job != nullptr && !number) {
      results[i] = ReturnResult::kUnexpected;
      continue;
    }
    if (number) returned[value.jid].push_back(*number);
    text.add(value.jid.str());
    text.add(number ? std::to_string(*number) : "");
    text.add(value.minion.str());
    text.add(pack_return(value));
    sent.push_back(i);
  }
  if (sent.empty()) return {};
  const std::string packed = pack_places(returned);
  Words words{options_.origin, packed, options_.epoch};
  const Words values = text.words();
  words.insert(words.end(), values.begin(), values.end());
  scripts_.call(connection_, Script::kReturns,
                {layout_.outbox, layout_.outbox_state, layout_.job, layout_.returns, layout_.returned, layout_.failed}, words);
  BRINE_LET(const Reply reply, connection_.next());
  const std::string_view letters = reply.view().text();
  if (letters.size() != sent.size()) return std::unexpected(strange("returns"));
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (const auto result = result_of(letters[i])) {
      results[sent[i]] = *result;
    } else {
      again.push_back(sent[i]);
    }
  }
  return {};
}

Status BatchWriter::add_events(const std::vector<EventRecord>& events) {
  Text text;
  text.add(options_.epoch);
  for (const EventRecord& event : events) {
    text.add(event.id);
    text.add(event.tag);
    text.add(pack_event(event));
  }
  scripts_.call(connection_, Script::kEvents, {layout_.outbox, layout_.outbox_state}, text.words());
  BRINE_TRY(connection_.next());
  return {};
}

// ---- what is small ---------------------------------------------------------------------------------------------------------

Status BatchWriter::change_tokens(const Batch& batch) {
  Text text;
  text.add(options_.origin);
  text.add(options_.epoch);
  for (const TokenRecord& token : batch.tokens) {
    text.add(token.id);
    text.add(std::to_string(token.uses));
    text.add(pack_token(token));
  }
  for (const std::string& id : batch.forgotten_tokens) {
    text.add(id);
    text.add("");
    text.add("");
  }
  scripts_.call(connection_, Script::kTokens, {layout_.tokens, layout_.tokens_left, layout_.counters, layout_.news, layout_.store},
                text.words());
  BRINE_TRY(connection_.next());
  return {};
}

Status BatchWriter::join_keys(const Batch& batch, CommitOutcome& outcome) {
  for (const TokenUse& use : batch.token_uses) {
    const KeyRecord& key = batch.keys[use.key];
    const std::string names = pack_names({key.id.str()}), version = padded(key.version), packed = pack_key(key);
    scripts_.call(connection_, Script::kJoin, {layout_.keys, layout_.tokens_left, layout_.counters, layout_.news, layout_.store},
                  {options_.origin, options_.epoch, names, key.id.str(), version, packed, use.token});
  }
  for (const TokenUse& use : batch.token_uses) {
    BRINE_LET(const Reply reply, connection_.next());
    const auto result = use_result_of(reply.view().text());
    if (!result) return std::unexpected(strange("the use of a join token"));
    outcome.token_uses.push_back(*result);
    outcome.keys[use.key] = *result == UseResult::kCounted || *result == UseResult::kRepeated;
  }
  return {};
}

Status BatchWriter::let_depart(const Batch& batch, std::vector<bool>& gone) {
  Text text;
  std::vector<std::string> names;
  for (const Departure& departure : batch.departures) names.push_back(departure.id.str());
  text.add(options_.origin);
  text.add(options_.epoch);
  text.add(pack_names(names));
  for (const Departure& departure : batch.departures) {
    text.add(departure.id.str());
    text.add(padded(departure.key_version));
    text.add(departure.generation == 0 ? "" : padded(departure.generation));
  }
  scripts_.call(connection_, Script::kDepart,
                {layout_.keys, layout_.grains, layout_.journals, layout_.presence, layout_.counters, layout_.news, layout_.store},
                text.words());
  BRINE_LET(const Reply reply, connection_.next());
  for (const char digit : reply.view().text()) gone.push_back(digit == '1');
  return {};
}

Status BatchWriter::remember(const Batch& batch, std::vector<bool>& written) {
  Text changes;
  const auto add = [&](const char* what, std::string name, std::string version, std::string value) {
    changes.add(what);
    changes.add(std::move(name));
    changes.add(std::move(version));
    changes.add(std::move(value));
  };
  std::vector<std::string> keys, minions, mine, settings;
  std::vector<std::size_t> places;  // of the keys that are written here
  auto use = batch.token_uses.begin();
  for (std::size_t i = 0; i < batch.keys.size(); ++i) {
    if (use != batch.token_uses.end() && use->key == i) {
      ++use;
      continue;
    }
    const KeyRecord& key = batch.keys[i];
    places.push_back(i);
    add("key", key_field(key.id, key.state == KeyState::kDenied), padded(key.version), pack_key(key));
    keys.push_back(key.id.str());
  }
  for (const auto& [id, denied] : batch.forgotten_keys) {
    add("no key", key_field(id, denied), "", "");
    keys.push_back(id.str());
  }
  for (const GrainsRecord& grains : batch.grains) {
    add("grains", grains.id.str(), "", grains.json);
    minions.push_back(grains.id.str());
  }
  for (const JournalMark& mark : batch.journals) add("journal", mark.id.str(), "", pack_mark(mark));
  for (const MineRecord& entry : batch.mine) {
    add("mine", entry.id.str(), entry.name, pack_mine(entry));
    mine.push_back(entry.id.str());
  }
  for (const auto& [id, name] : batch.forgotten_mine) {
    add("no mine", id.str(), name, "");
    mine.push_back(id.str());
  }
  for (const MinionId& id : batch.forgotten_minions) {
    add("no minion", id.str(), "", "");
    minions.push_back(id.str());
    mine.push_back(id.str());
  }
  for (const auto& [name, value] : batch.settings) {
    add(value.empty() ? "no setting" : "setting", name, "", value);
    settings.push_back(name);
  }
  const Words values = changes.words();
  if (values.empty()) return {};
  const std::string key_names = pack_names(keys), minion_names = pack_names(minions), setting_names = pack_names(settings);
  std::sort(mine.begin(), mine.end());
  mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
  const std::string mine_names = pack_names(mine);
  Words words{options_.origin, key_names, minion_names, setting_names, mine_names, options_.epoch};
  words.insert(words.end(), values.begin(), values.end());
  scripts_.call(connection_, Script::kRemember,
                {layout_.keys, layout_.grains, layout_.journals, layout_.settings, layout_.counters, layout_.news, layout_.presence,
                 layout_.store, layout_.mine, layout_.mine_entries},
                words);
  BRINE_LET(const Reply reply, connection_.next());
  const std::string_view digits = reply.view().text();
  if (digits.size() != places.size()) return std::unexpected(strange("keys"));
  for (std::size_t i = 0; i < places.size(); ++i) written[places[i]] = digits[i] == '1';
  return {};
}

Status BatchWriter::raise_positions(const Batch& batch) {
  Text text;
  for (const auto& [returner, position] : batch.returner_positions) {
    text.add(returner);
    text.add(std::to_string(position));
  }
  scripts_.call(connection_, Script::kPositions, {layout_.returners, layout_.outbox_state}, text.words());
  BRINE_TRY(connection_.next());
  return {};
}

// ---- forgetting ------------------------------------------------------------------------------------------------------------

Result<Expired> BatchWriter::expire(const Retention& retention) {
  Expired expired;
  BRINE_LET(expired.dropped, trim_outbox(retention));
  BRINE_TRY(forget_jobs(retention, expired.jobs));
  return expired;
}

Result<std::uint64_t> BatchWriter::trim_outbox(const Retention& retention) {
  Text text;
  text.add(retention.outbox_before);
  text.add(std::to_string(retention.outbox_max_bytes));
  text.add(kMaxDroppedPerCall);
  for (const std::string& returner : retention.returners) text.add(returner);
  scripts_.call(connection_, Script::kTrim, {layout_.outbox, layout_.outbox_state, layout_.returners}, text.words());
  BRINE_LET(const Reply reply, connection_.next());
  return static_cast<std::uint64_t>(reply.view().integer().value_or(0));
}

// Records and returns first: what is left of an interruption is in the index still, and goes with the next call.
Status BatchWriter::forget_jobs(const Retention& retention, std::size_t& count) {
  BRINE_LET(const Reply due, connection_.ask({"ZRANGEBYSCORE", layout_.forget, "-inf", std::to_string(retention.now), "LIMIT", "0",
                                              std::to_string(retention.max_jobs)}));
  count = due.view().size();
  if (count == 0) return {};
  Words members;
  Words failed{"ZREM", layout_.failed};
  Text names;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view member = due[i].text();
    const std::string jid(member.substr(0, 20));
    members.push_back(member);
    failed.push_back(member.substr(0, 20));
    names.add(layout_.job + jid);
    names.add(layout_.returns + jid);
    if (const auto packed = pack(JobId::trusted(jid))) jobs_.forget(*packed);
  }
  Words unlink{"UNLINK"};
  const Words gone = names.words();
  unlink.insert(unlink.end(), gone.begin(), gone.end());
  connection_.add(unlink);
  connection_.add(failed);
  scripts_.call(connection_, Script::kForget, {layout_.forget, layout_.jobs, layout_.open, layout_.feed, layout_.submission}, members);
  while (connection_.waiting() > 0) BRINE_TRY(connection_.next());
  return {};
}

}  // namespace brine::store::redis
