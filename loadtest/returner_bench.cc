// How many returns a second a returner takes: records as a drain hands them over, in batches, one after the other.
// usage: brine-returner-bench CONFIG_DIR RETURNER COUNT. Prints one JSON object.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "base/log.h"
#include "config/master_config.h"
#include "returners/registry.h"

namespace {

using namespace brine;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "brine-returner-bench: %s\n", why.c_str());
  std::exit(1);
}

double process_cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

returners::Record record_number(std::uint64_t number) {
  store::OutboxEntry entry;
  entry.position = number;
  entry.function = "cmd.run";
  entry.value.jid = job_id_at(1'790'000'000'000'000 + static_cast<std::int64_t>(number / 1'000));
  entry.value.minion = MinionId::trusted("minion-" + std::to_string(number % 1'000) + ".example");
  entry.value.success = true;
  entry.value.payload = R"({"pid": 4711, "retcode": 0, "stdout": "up 2 days,  3:04,  1 user,  load average: 0.08, 0.03", "stderr": ""})";
  entry.value.received = 1'790'000'001'000'000 + static_cast<std::int64_t>(number);
  entry.value.duration_us = 250;
  std::string json = returners::to_json(entry, "bench");
  return {.entry = std::move(entry), .json = std::move(json), .master = "bench"};
}

// All of a batch, as often as it takes.
void deliver(returners::Returner& returner, std::span<const returners::Record> records) {
  for (int attempts = 0; !records.empty(); ++attempts) {
    const returners::Delivery delivery = returner.deliver(records, {});
    if (!delivery.refused.empty()) give_up("refused: " + delivery.refused.front().why);
    if (!delivery.status && attempts == 100) give_up(delivery.status.error().message);
    records = records.subspan(delivery.settled);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) give_up("usage: brine-returner-bench CONFIG_DIR RETURNER COUNT");
  // Standard output is for the figures: without this the log would go there as well.
  if (const auto opened = log::open("brine-returner-bench", log::Level::kError, ""); !opened) give_up(opened.error().message);
  const auto config = config::load_master_config(argv[1]);
  if (!config) give_up(config.error().message);
  const auto found = std::ranges::find(config->returners, std::string(argv[2]), &config::ReturnerConfig::name);
  if (found == config->returners.end()) give_up(std::string("there is no returner ") + argv[2]);
  const auto returner = returners::open_returner(*found);
  if (!returner) give_up(returner.error().message);

  const auto count = std::strtoull(argv[3], nullptr, 10);
  std::vector<returners::Record> records;
  for (std::uint64_t number = 0; number < found->batch; ++number) records.push_back(record_number(number));
  deliver(**returner, records);  // connects, learns topics
  double cpu = 0, seconds = 0;
  std::uint64_t done = 0, bytes = 0;
  while (done < count) {
    for (std::size_t i = 0; i < records.size(); ++i) records[i] = record_number(found->batch + done + i);
    const double cpu_before = process_cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    deliver(**returner, records);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    cpu += process_cpu_seconds() - cpu_before;
    done += records.size();
    for (const returners::Record& record : records) bytes += record.json.size();
  }
  std::printf("{\"returns_per_second\": %.0f, \"cpu_us_per_return\": %.2f, \"bytes_per_return\": %.0f}\n",
              static_cast<double>(done) / seconds, cpu * 1e6 / static_cast<double>(done),
              static_cast<double>(bytes) / static_cast<double>(done));
  return 0;
}
