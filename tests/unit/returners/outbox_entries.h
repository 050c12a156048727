// Outbox entries for tests of returners.
#pragma once

#include <string>
#include <vector>

#include "store/records.h"

namespace brine::returners {

inline store::OutboxEntry entry_number(std::uint64_t number, std::string payload = "true") {
  store::OutboxEntry entry;
  entry.position = number;
  entry.function = "test.ping";
  entry.value.jid = job_id_at(1'790'000'000'000'000 + static_cast<std::int64_t>(number));
  entry.value.minion = MinionId::trusted("web" + std::to_string(number));
  entry.value.success = true;
  entry.value.payload = std::move(payload);
  entry.value.received = 1'790'000'001'000'000;
  entry.value.duration_us = 250;
  return entry;
}

inline std::vector<store::OutboxEntry> entries_from_to(std::uint64_t first, std::uint64_t last) {
  std::vector<store::OutboxEntry> entries;
  for (std::uint64_t number = first; number <= last; ++number) entries.push_back(entry_number(number));
  return entries;
}

}  // namespace brine::returners
