// Outbox entries for tests of returners.
#pragma once

#include <string>
#include <vector>

#include "returners/returner.h"

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

inline store::OutboxEntry event_number(std::uint64_t number) {
  store::OutboxEntry entry;
  entry.position = number;
  entry.event = {"m:1:" + std::to_string(number), "brine/minion/web" + std::to_string(number) + "/start", R"({"id":"web"})",
                 1'790'000'001'000'000};
  return entry;
}

inline Record record_of(store::OutboxEntry entry) {
  std::string json = to_json(entry, "m");
  return {std::move(entry), std::move(json), "m"};
}

inline std::vector<Record> records_from_to(std::uint64_t first, std::uint64_t last) {
  std::vector<Record> records;
  for (std::uint64_t number = first; number <= last; ++number) records.push_back(record_of(entry_number(number)));
  return records;
}

inline std::vector<std::string> texts_of(const std::vector<Record>& records) {
  std::vector<std::string> texts;
  for (const Record& record : records) texts.push_back(record.json);
  return texts;
}

}  // namespace brine::returners
