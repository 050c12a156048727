#include "returners/dead_letters.h"

#include <nlohmann/json.hpp>

namespace brine::returners {

Status DeadLetters::write(std::span<const Record> records, const std::vector<Refusal>& refused, UnixMicros now) {
  std::string lines;
  for (const Refusal& refusal : refused) {
    const nlohmann::json frame{{"refused", refusal.why}, {"at", now}, {"returner", returner_}};
    std::string line = frame.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    line.pop_back();
    lines.append(line).append(",\"record\":").append(records[refusal.index].json).append("}\n");
  }
  return lines.empty() ? Status{} : file_.append(lines);
}

}  // namespace brine::returners
