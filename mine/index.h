// What all minions have published, in memory: what mine.get and service discovery read.
//
// Plain, without locks: confined to one loop (in a master, the engine's). Reading one name of 10,000 minions: loadtest's part bench says
// how long it takes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "mine/access.h"
#include "store/records.h"
#include "target/minion_view.h"

namespace brine::mine {

enum class Change : std::uint8_t { kNone, kAdded, kChanged, kRemoved, kRefused };

class Index {
 public:
  struct Entry {
    std::string value;  // JSON text
    UnixMicros changed = 0;
    std::string allow;
    std::shared_ptr<const Access> access;  // of allow; shared by all entries with that text
  };

  // Refused: beyond what one minion may have (mine/limits.h). None: value and allow are what they were; `changed` stays.
  Change put(const store::MineRecord& record);
  Change remove(const MinionId& id, std::string_view name);

  // In order.
  std::vector<std::string> names_of(const MinionId& id) const;
  // Null: there is none. Valid until the next change.
  const Entry* find(const MinionId& id, std::string_view name) const;
  store::MineRecord record(const MinionId& id, const std::string& name) const;  // of one that is there
  // Every minion that has entries.
  std::vector<MinionId> minions() const;

  // The entries of this name that these minions have, in their order; with a reader, those that it may read.
  using Visit = std::function<void(const MinionId& id, const Entry& entry)>;
  void read(std::string_view name, const std::vector<MinionId>& ids, const target::MinionView* reader, const Visit& visit) const;

  // The same as one JSON object {id: value}. kFull: it would be larger than max_bytes.
  Result<std::string> json(std::string_view name, const std::vector<MinionId>& ids, const target::MinionView* reader,
                           std::size_t max_bytes) const;

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }  // of names, values and allow

 private:
  using Entries = std::unordered_map<MinionId, Entry>;
  struct Owner {
    std::map<std::string, std::size_t, std::less<>> names;  // and the bytes of each
    std::size_t bytes = 0;
  };

  std::shared_ptr<const Access> access_of(const std::string& allow);
  void drop_access(const std::string& allow);

  std::map<std::string, Entries, std::less<>> names_;
  std::unordered_map<MinionId, Owner> owners_;
  std::map<std::string, std::weak_ptr<const Access>, std::less<>> accesses_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace brine::mine
