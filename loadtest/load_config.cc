#include "loadtest/load_config.h"

#include "loadtest/object_reader.h"

namespace brine::loadtest {
namespace {

void read_target(ObjectReader& reader, TargetConfig& target) {
  reader.text("kind", target.kind);
  target.random_minion = target.kind == "list-random";
  if (!target.random_minion) return reader.text("pattern", target.pattern);
  reader.must_have("count");
  reader.text("prefix", target.prefix);
  reader.number("first", target.first, 0, 1'000'000);
  reader.number("count", target.count, 1, 1'000'000);
}

// A list is the positional arguments; an object has args and kwargs.
void read_arguments(ObjectReader& reader, std::string& arguments) {
  const Json* found = reader.any("arguments");
  if (found == nullptr) return;
  if (found->is_array())
    arguments = Json{{"args", *found}, {"kwargs", Json::object()}}.dump();
  else if (found->is_object())
    arguments = found->dump();
  else
    reader.complain("'arguments' has to be a list, or an object with args and kwargs");
}

void judge(ObjectReader& reader, const LoadConfig& config) {
  if (config.closed && config.jobs == 0) reader.complain("'jobs' is missing: a closed loop needs to know how many");
  if (!config.closed && config.rate <= 0) reader.complain("'rate' has to be more than 0, or \"closed\": true with 'jobs'");
  if (!config.closed && config.seconds <= 0) reader.complain("'seconds' is missing: how long jobs are sent");
}

}  // namespace

Result<LoadConfig> parse_load_config(std::string_view json) {
  BRINE_LET(const Json object, parse_object(json, "the configuration"));
  LoadConfig config;
  ObjectReader reader(object, "the configuration");
  reader.must_have("operator");
  reader.text("operator", config.operator_socket);
  reader.real("seconds", config.seconds, 0, 86'400);
  reader.real("rate", config.rate, 0, 1e6);
  reader.flag("closed", config.closed);
  reader.number("jobs", config.jobs, 0, 1'000'000'000);
  reader.object("target", [&](ObjectReader& inner) { read_target(inner, config.target); });
  reader.text("function", config.function);
  read_arguments(reader, config.arguments);
  reader.time("timeout_ms", config.timeout);
  reader.number("connections", config.connections, 1, 16'000);
  reader.number("seed", config.seed, 0, INT64_MAX);
  reader.text("jobs_log", config.jobs_log);
  judge(reader, config);
  BRINE_TRY(reader.finish());
  return config;
}

}  // namespace brine::loadtest
