#include "minion/mine_keeper.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "mine/access.h"
#include "mine/limits.h"
#include "net/crypto.h"

namespace brine::minion {
namespace {

constexpr milliseconds kSendEvery{1'000};
constexpr seconds kWholeAtLatest{60};

std::string dumped_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool tells_grains(const std::string& function) { return function.starts_with("grains.") || function.starts_with("network."); }

}  // namespace

MineKeeper::MineKeeper(Parts parts, std::vector<MineFunction> functions, milliseconds interval, std::string_view kept)
    : parts_(std::move(parts)),
      functions_(std::move(functions)),
      interval_(interval),
      next_run_(parts_.clock.now()),
      whole_at_latest_(next_run_ + kWholeAtLatest),
      random_(static_cast<unsigned>(net::random_u64())) {
  for (const MineFunction& function : functions_) unknown_.insert(function.name);
  load(kept);
}

// ---- running ---------------------------------------------------------------------------------------------------------------

MonoTime MineKeeper::next_tick() const {
  MonoTime next = functions_.empty() ? MonoTime::max() : next_run_;
  if (open_ && !whole_told_ && !unknown_.empty()) next = std::min(next, whole_at_latest_);
  if (open_ && whole_told_ && !changed_.empty()) next = std::min(next, next_send_);
  return next;
}

// Not all minions at the same time: each interval is a little shorter or longer.
void MineKeeper::on_tick() {
  const MonoTime now = parts_.clock.now();
  if (!functions_.empty() && now >= next_run_) {
    const std::int64_t tenth = interval_.count() / 10;
    next_run_ = now + interval_ + milliseconds(std::uniform_int_distribution<std::int64_t>(-tenth, tenth)(random_));
    for (const MineFunction& function : functions_) run(function);
  }
  send_due();
}

void MineKeeper::grains_changed() {
  for (const MineFunction& function : functions_) {
    if (tells_grains(function.function)) run(function);
  }
}

void MineKeeper::run(const MineFunction& function) {
  if (running_.contains(function.name)) {
    again_.insert(function.name);
    return;
  }
  if (!parts_.run(function)) {
    log::warning("mine: {} was not run, the minion is busy; it is run again after mine_interval", function.name);
    return;
  }
  running_.insert(function.name);
  parts_.counters.runs.fetch_add(1, std::memory_order_relaxed);
}

void MineKeeper::computed(const std::string& name, const Result<Json>& value) {
  running_.erase(name);
  const auto function = std::ranges::find(functions_, name, &MineFunction::name);
  const Status published = !value                         ? Status(std::unexpected(value.error()))
                           : function == functions_.end() ? Status()
                                                          : publish(name, *value, function->allow, false);
  if (published) {
    failed_.erase(name);
  } else {
    parts_.counters.failures.fetch_add(1, std::memory_order_relaxed);
    std::string& told = failed_[name];
    if (std::exchange(told, published.error().message) != published.error().message)
      log::error("mine: {} is not published anew: {}", name, published.error().message);
  }
  unknown_.erase(name);
  if (again_.erase(name) > 0 && function != functions_.end()) run(*function);
  send_due();
}

// ---- entries ---------------------------------------------------------------------------------------------------------------

Status MineKeeper::publish(const std::string& name, const Json& value, const std::string& allow, bool by_hand) {
  std::string text = dumped_text(value);
  BRINE_TRY(mine::check_entry(name, text, allow));
  if (auto access = mine::Access::parse(allow); !access) return fail(std::move(access.error()), "allow_tgt of " + name);
  const auto known = entries_.find(name);
  const std::size_t before = known == entries_.end() ? 0 : mine::bytes_of(name, known->second.value, known->second.allow);
  const std::size_t bytes = bytes_ - before + mine::bytes_of(name, text, allow);
  if (bytes > mine::kMaxMinionBytes)
    return fail(Code::kFull, "with it the minion would publish " + std::to_string(bytes) + " bytes; " +
                                 std::to_string(mine::kMaxMinionBytes) + " are allowed");
  if (known == entries_.end() && entries_.size() >= mine::kMaxNames)
    return fail(Code::kFull, "the minion publishes " + std::to_string(mine::kMaxNames) + " names already; no more are allowed");
  if (known != entries_.end() && known->second.value == text && known->second.allow == allow && known->second.by_hand == by_hand) return {};
  const bool was_by_hand = known != entries_.end() && known->second.by_hand;
  entries_[name] = {std::move(text), allow, by_hand};
  bytes_ = bytes;
  changed(name);
  if (by_hand || was_by_hand) keep_by_hand();
  return {};
}

bool MineKeeper::remove(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return false;
  const bool by_hand = found->second.by_hand;
  bytes_ -= mine::bytes_of(name, found->second.value, found->second.allow);
  entries_.erase(found);
  changed(name);
  if (by_hand) keep_by_hand();
  return true;
}

std::size_t MineKeeper::remove_all() {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  for (const std::string& name : names) remove(name);
  return names.size();
}

void MineKeeper::changed(const std::string& name) {
  changed_.insert(name);
  parts_.counters.entries = entries_.size();
  send_due();
}

void MineKeeper::keep_by_hand() {
  Json kept = Json::object();
  for (const auto& [name, entry] : entries_) {
    if (entry.by_hand) kept[name] = {{"value", Json::parse(entry.value, nullptr, false)}, {"allow", entry.allow}};
  }
  parts_.keep(dumped_text(kept));
}

void MineKeeper::load(std::string_view kept) {
  const Json all = Json::parse(kept, nullptr, false);
  if (!all.is_object()) return;
  for (const auto& [name, entry] : all.items()) {
    if (!entry.is_object() || !entry.contains("value") || unknown_.contains(name)) continue;
    const auto allow = entry.find("allow");
    if (auto published = publish(name, entry["value"], allow != entry.end() && allow->is_string() ? allow->get<std::string>() : "", true);
        !published)
      log::warning("mine: {} of before the restart is not published: {}", name, published.error().message);
  }
}

// ---- telling the master ----------------------------------------------------------------------------------------------------

void MineKeeper::session_opened() {
  open_ = true;
  whole_told_ = false;
  send_due();
}

void MineKeeper::session_closed() {
  open_ = false;
  for (const auto& [number, done] : std::exchange(waiting_, {}))
    done(fail(Code::kUnavailable, "the connection to the master was lost; try again"));
}

void MineKeeper::send_due() {
  if (!open_) return;
  if (!whole_told_) {
    if (unknown_.empty() || parts_.clock.now() >= whole_at_latest_) send_whole();
  } else if (!changed_.empty() && parts_.clock.now() >= next_send_) {
    send_changes();
  }
}

// When a function has not come back yet, what an earlier life of it has published stays.
void MineKeeper::send_whole() {
  wire::MineChange message;
  message.change.whole = unknown_.empty();
  for (const auto& [name, entry] : entries_) message.change.entries.push_back({{}, name, entry.value, entry.allow, 0});
  whole_told_ = true;
  changed_.clear();
  next_send_ = parts_.clock.now() + kSendEvery;
  parts_.counters.sent.fetch_add(message.change.entries.size(), std::memory_order_relaxed);
  parts_.send(message);
}

void MineKeeper::send_changes() {
  wire::MineChange message;
  for (const std::string& name : std::exchange(changed_, {})) {
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) {
      message.change.removed.push_back(name);
    } else {
      message.change.entries.push_back({{}, name, entry->second.value, entry->second.allow, 0});
    }
  }
  next_send_ = parts_.clock.now() + kSendEvery;
  parts_.counters.sent.fetch_add(message.change.entries.size() + message.change.removed.size(), std::memory_order_relaxed);
  parts_.send(message);
}

// ---- asking the master -----------------------------------------------------------------------------------------------------

void MineKeeper::get(const MineQuestion& question, Answered done) {
  const auto away = [] { return fail(Code::kUnavailable, "mine.get needs its master, and there is no connection to one now"); };
  if (!open_) return done(away());
  const std::uint32_t number = ++last_number_;
  waiting_[number] = std::move(done);
  parts_.send(wire::MineGet{number, question.target_kind, question.target, ':', question.name});
}

void MineKeeper::replied(std::uint32_t number, std::string json, std::string error) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return;
  const Answered done = std::move(found->second);
  waiting_.erase(found);
  if (!error.empty()) return done(fail(Code::kInvalid, std::move(error)));
  Json value = Json::parse(json, nullptr, false);
  if (!value.is_object()) return done(fail(Code::kCorrupt, "the master's answer is no JSON object"));
  done(std::move(value));
}

}  // namespace brine::minion
