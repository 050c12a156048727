#include "engine/mine_book.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "mine/limits.h"

namespace brine::engine {
namespace {

constexpr std::size_t kPortionBytes = 4U << 20;
constexpr std::size_t kPortion = 2'000;  // entries
constexpr seconds kComplainEvery{60};    // of one minion

void add(std::atomic<std::uint64_t>& counter, std::uint64_t count = 1) { counter.fetch_add(count, std::memory_order_relaxed); }

}  // namespace

void MineBook::load(const std::vector<store::MineRecord>& records, const std::function<bool(const MinionId&)>& accepted, bool sweep) {
  for (const store::MineRecord& record : records) {
    const bool known = accepted(record.id);
    const bool kept = known && index_.put(record) != mine::Change::kRefused;
    if (!kept && (known || sweep)) to_write(record.id, record.name);
  }
  count();
}

void MineBook::change(const MinionId& id, const store::MineChange& change) {
  std::set<std::string, std::less<>> gone(change.removed.begin(), change.removed.end());
  if (change.whole) {
    const std::vector<std::string> names = index_.names_of(id);
    gone.insert(names.begin(), names.end());
  }
  for (const store::MineRecord& entry : change.entries) gone.erase(entry.name);
  for (const std::string& name : gone) drop(id, name, Origin::kHere);
  for (const store::MineRecord& entry : change.entries) {
    store::MineRecord record = entry;
    record.id = id;
    record.changed = clock_.unix_now();
    put(record, Origin::kHere);
  }
  flush();
}

void MineBook::put(const store::MineRecord& record, Origin origin) {
  const mine::Change change = index_.put(record);
  if (change == mine::Change::kRefused) {
    add(counters_.refused);
    complain(record);
    return;
  }
  if (origin == Origin::kHere) add(change == mine::Change::kNone ? counters_.unchanged : counters_.changed);
  if (change == mine::Change::kNone) return;
  if (origin == Origin::kHere) to_write(record.id, record.name);
  told(record.id, record.name, change, origin);
}

// However often it sends them.
void MineBook::complain(const store::MineRecord& record) {
  const MonoTime now = clock_.now();
  const auto [told, first] = complained_.try_emplace(record.id, now);
  if (!first && now - told->second < kComplainEvery) return;
  told->second = now;
  const auto checked = mine::check_entry(record.name, record.value, record.allow);
  log::warning("{}: mine entries of it are not taken: {}", record.id.str(),
               checked ? std::string("it has as much as a minion may have") : checked.error().message);
}

void MineBook::drop(const MinionId& id, const std::string& name, Origin origin) {
  if (index_.remove(id, name) == mine::Change::kNone) return;
  if (origin == Origin::kHere) {
    add(counters_.changed);
    to_write(id, name);
  }
  told(id, name, mine::Change::kRemoved, origin);
}

void MineBook::told(const MinionId& id, const std::string& name, mine::Change change, Origin origin) {
  count();
  listener_(id, name, change, origin);
}

void MineBook::forget(const MinionId& id, bool write) {
  for (const std::string& name : index_.names_of(id)) drop(id, name, write ? Origin::kHere : Origin::kElsewhere);
  complained_.erase(id);
  flush();
}

void MineBook::take(const std::vector<MinionId>& ids, const std::vector<store::MineRecord>& records, const JudgeOwner& owner_of) {
  std::map<MinionId, std::map<std::string, const store::MineRecord*>> stored;
  for (const MinionId& id : ids) stored[id];
  for (const store::MineRecord& record : records) stored[record.id][record.name] = &record;
  for (const auto& [id, entries] : stored) {
    const Owner owner = owner_of(id);
    if (owner == Owner::kUnknown) continue;
    for (const std::string& name : index_.names_of(id)) {
      if (!entries.contains(name)) differs(id, name, nullptr, owner);
    }
    for (const auto& [name, record] : entries) {
      const mine::Index::Entry* known = index_.find(id, name);
      if (known == nullptr || known->value != record->value || known->allow != record->allow) differs(id, name, record, owner);
    }
  }
  flush();
}

// What is on its way to the store was read too early.
void MineBook::differs(const MinionId& id, const std::string& name, const store::MineRecord* stored, Owner owner) {
  if (dirty_.contains({id, name}) || in_flight_.contains({id, name})) return;
  if (owner == Owner::kHere) return to_write(id, name);
  stored != nullptr ? put(*stored, Origin::kElsewhere) : drop(id, name, Origin::kElsewhere);
}

void MineBook::take_all(const std::vector<store::MineRecord>& records, const JudgeOwner& owner_of) {
  take(index_.minions(), records, owner_of);
}

void MineBook::to_write(const MinionId& id, const std::string& name) {
  dirty_.emplace(id, name);
  counters_.waiting = dirty_.size();
}

void MineBook::flush() {
  if (dirty_.empty() || !in_flight_.empty() || !ledger_.available()) return;
  Ledger::MineWrite write;
  std::vector<Name> names;
  std::size_t bytes = 0;
  for (auto name = dirty_.begin(); name != dirty_.end() && names.size() < kPortion && bytes < kPortionBytes; ++name) {
    names.push_back(*name);
    if (index_.find(name->first, name->second) != nullptr) {
      write.records.push_back(index_.record(name->first, name->second));
      bytes += write.records.back().value.size();
    } else {
      write.forgotten.push_back(*name);
    }
  }
  write.done = [this, names](const Status& status) { post_([this, names, status] { written(names, status); }); };
  if (!ledger_.write_mine(std::move(write))) return;  // its queue is full: at the next tick
  for (const Name& name : names) dirty_.erase(name);
  in_flight_.insert(names.begin(), names.end());
}

void MineBook::written(const std::vector<Name>& names, const Status& status) {
  in_flight_.clear();
  if (status) {
    add(counters_.written, names.size());
  } else if (status.error().code == Code::kUnavailable) {
    dirty_.insert(names.begin(), names.end());
  } else {
    log::error("mine entries could not be written: {}", status.error().message);
  }
  counters_.waiting = dirty_.size();
  if (status) flush();
}

void MineBook::count() {
  counters_.entries = index_.size();
  counters_.bytes = index_.bytes();
}

}  // namespace brine::engine
