#include "mine/index.h"

#include <algorithm>
#include <utility>

#include "mine/limits.h"

namespace brine::mine {

std::shared_ptr<const Access> Index::access_of(const std::string& allow) {
  std::weak_ptr<const Access>& known = accesses_[allow];
  if (auto access = known.lock()) return access;
  auto access = std::make_shared<const Access>(Access::of(allow));
  known = access;
  return access;
}

void Index::drop_access(const std::string& allow) {
  const auto found = accesses_.find(allow);
  if (found != accesses_.end() && found->second.expired()) accesses_.erase(found);
}

Change Index::put(const store::MineRecord& record) {
  const Entry* known = find(record.id, record.name);
  if (known != nullptr && known->value == record.value && known->allow == record.allow) return Change::kNone;
  if (!check_entry(record.name, record.value, record.allow)) return Change::kRefused;
  const std::size_t bytes = bytes_of(record.name, record.value, record.allow);
  const auto owner = owners_.find(record.id);
  const std::size_t others =
      owner == owners_.end() ? 0 : owner->second.bytes - (known != nullptr ? owner->second.names.at(record.name) : 0);
  const bool too_many = known == nullptr && owner != owners_.end() && owner->second.names.size() >= kMaxNames;
  if (too_many || others + bytes > kMaxMinionBytes) return Change::kRefused;

  const bool added = known == nullptr;
  Owner& owned = owner == owners_.end() ? owners_[record.id] : owner->second;
  std::size_t& counted = owned.names[record.name];
  bytes_ += bytes - counted;
  owned.bytes += bytes - counted;
  counted = bytes;
  size_ += added ? 1 : 0;
  Entry& entry = names_[record.name][record.id];
  const std::string before = std::exchange(entry.allow, record.allow);
  entry.access = access_of(record.allow);
  if (before != record.allow) drop_access(before);
  entry.value = record.value;
  entry.changed = record.changed;
  return added ? Change::kAdded : Change::kChanged;
}

Change Index::remove(const MinionId& id, std::string_view name) {
  const auto entries = names_.find(name);
  if (entries == names_.end()) return Change::kNone;
  const auto entry = entries->second.find(id);
  if (entry == entries->second.end()) return Change::kNone;
  const std::string allow = std::move(entry->second.allow);
  entries->second.erase(entry);
  drop_access(allow);
  if (entries->second.empty()) names_.erase(entries);
  const auto owner = owners_.find(id);
  const auto counted = owner->second.names.find(name);
  bytes_ -= counted->second;
  owner->second.bytes -= counted->second;
  owner->second.names.erase(counted);
  if (owner->second.names.empty()) owners_.erase(owner);
  --size_;
  return Change::kRemoved;
}

std::vector<std::string> Index::names_of(const MinionId& id) const {
  std::vector<std::string> names;
  const auto owner = owners_.find(id);
  if (owner == owners_.end()) return names;
  for (const auto& [name, bytes] : owner->second.names) names.push_back(name);
  return names;
}

const Index::Entry* Index::find(const MinionId& id, std::string_view name) const {
  const auto entries = names_.find(name);
  if (entries == names_.end()) return nullptr;
  const auto entry = entries->second.find(id);
  return entry == entries->second.end() ? nullptr : &entry->second;
}

store::MineRecord Index::record(const MinionId& id, const std::string& name) const {
  const Entry& entry = *find(id, name);
  return {id, name, entry.value, entry.allow, entry.changed};
}

std::vector<MinionId> Index::minions() const {
  std::vector<MinionId> ids;
  ids.reserve(owners_.size());
  for (const auto& [id, owner] : owners_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

// A rule is asked once, however many entries share it.
void Index::read(std::string_view name, const std::vector<MinionId>& ids, const target::MinionView* reader, const Visit& visit) const {
  const auto entries = names_.find(name);
  if (entries == names_.end()) return;
  std::unordered_map<const Access*, bool> judged;
  for (const MinionId& id : ids) {
    const auto found = entries->second.find(id);
    if (found == entries->second.end()) continue;
    const Entry& entry = found->second;
    if (reader != nullptr && !entry.allow.empty() && reader->id != id.str()) {
      const auto [known, fresh] = judged.try_emplace(entry.access.get(), false);
      if (fresh) known->second = entry.access->admits(*reader);
      if (!known->second) continue;
    }
    visit(id, entry);
  }
}

Result<std::string> Index::json(std::string_view name, const std::vector<MinionId>& ids, const target::MinionView* reader,
                                std::size_t max_bytes) const {
  std::string json = "{";
  bool fits = true;
  read(name, ids, reader, [&](const MinionId& id, const Entry& entry) {
    fits = fits && json.size() + id.str().size() + entry.value.size() + 5 <= max_bytes;
    if (fits) json.append(json.size() > 1 ? ",\"" : "\"").append(id.str()).append("\":").append(entry.value);
  });
  if (fits) return json += '}';
  return fail(Code::kFull, "the answer would be larger than " + std::to_string(max_bytes >> 20U) + " MiB: ask for fewer minions");
}

}  // namespace brine::mine
