#include "loadtest/swarm_command.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/nearest.h"
#include "loadtest/object_reader.h"

namespace brine::loadtest {
namespace {

using Kind = SwarmCommand::Kind;

constexpr std::array<std::pair<const char*, Kind>, 10> kKinds{{{"join", Kind::kJoin},
                                                               {"leave", Kind::kLeave},
                                                               {"drop", Kind::kDrop},
                                                               {"drop_all", Kind::kDropAll},
                                                               {"half_open", Kind::kHalfOpen},
                                                               {"black_hole", Kind::kBlackHole},
                                                               {"slow_reader", Kind::kSlowReader},
                                                               {"restart", Kind::kRestart},
                                                               {"flap", Kind::kFlap},
                                                               {"stop", Kind::kStop}}};

Result<Kind> kind_of(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, kind] : kKinds) {
    if (name == known) return kind;
    names.emplace_back(known);
  }
  const auto nearest = nearest_names(name.substr(0, 128), names, 1);
  return fail(Code::kInvalid, "unknown command '" + name + "'" + (nearest.empty() ? "" : "; did you mean '" + nearest.front() + "'?"));
}

void read_seconds(ObjectReader& reader, milliseconds& time) {
  double length = 0;
  reader.real("seconds", length, 0, 86'400);
  time = milliseconds(static_cast<std::int64_t>(length * 1000));
}

}  // namespace

Result<SwarmCommand> parse_swarm_command(std::string_view line) {
  BRINE_LET(const Json object, parse_object(line, "the command"));
  ObjectReader reader(object, "the command");
  std::string name;
  reader.must_have("do");
  reader.text("do", name);
  if (name.empty()) BRINE_TRY(reader.finish());
  SwarmCommand command;
  BRINE_LET(command.kind, kind_of(name));
  if (command.kind != Kind::kStop && command.kind != Kind::kDropAll) {
    reader.must_have("count");
    reader.number("count", command.count, 0, 1'000'000);
  }
  if (command.kind == Kind::kHalfOpen || command.kind == Kind::kBlackHole) read_seconds(reader, command.time);
  if (command.kind == Kind::kFlap) {
    reader.must_have("every_ms");
    reader.time("every_ms", command.time);
  }
  if (command.kind == Kind::kSlowReader) {
    reader.must_have("bytes_per_second");
    reader.number("bytes_per_second", command.bytes_per_second, 0, 1'000'000'000);
  }
  BRINE_TRY(reader.finish());
  return command;
}

}  // namespace brine::loadtest
