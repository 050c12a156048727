#include "loadtest/swarm_config.h"

#include "base/ids.h"
#include "base/join_token.h"
#include "loadtest/object_reader.h"

namespace brine::loadtest {
namespace {

constexpr std::uint32_t kMostMineEntries = 256;
constexpr std::size_t kLeastMineBytes = 16;
constexpr std::size_t kMostMineBytes = 4'096;
constexpr std::int64_t kMostMinions = 1'000'000;
constexpr std::int64_t kLeastGrains = 512;
constexpr std::int64_t kMostGrains = 200'000;

void read_delay(ObjectReader& reader, AnswerConfig& answer) {
  reader.time("mean", answer.delay_mean);
  answer.delay_max = 10 * answer.delay_mean;
  reader.time("max", answer.delay_max);
}

void read_answer(ObjectReader& reader, AnswerConfig& answer) {
  reader.object("delay_ms", [&](ObjectReader& inner) { read_delay(inner, answer); });
  reader.number("bytes", answer.bytes, 0, 8 << 20);
  reader.real("failure_ratio", answer.failure_ratio, 0, 1);
}

JournalKind read_journal(ObjectReader& reader) {
  std::string kind = "memory";
  reader.text("journal", kind);
  if (kind != "memory" && kind != "file") reader.complain("'journal' is \"memory\" or \"file\", not \"" + kind + "\"");
  return kind == "file" ? JournalKind::kFile : JournalKind::kMemory;
}

void judge(ObjectReader& reader, const SwarmConfig& config) {
  if (config.masters.empty()) reader.complain("'masters' names no master; write [\"tcp://127.0.0.1:4506\"]");
  for (const std::string& master : config.masters) {
    if (!master.starts_with("tcp://") || master.rfind(':') <= 6)
      reader.complain("'" + master + "' in 'masters' is not of the form tcp://host:port");
  }
  if (!MinionId::parse(minion_name(config.id_prefix, 0))) reader.complain("'id_prefix' cannot begin the id of a minion");
  if (!config.join_token.empty() && !JoinToken::parse(config.join_token)) reader.complain("'join_token' is none: brine-key --token-create");
  if (config.journal == JournalKind::kFile && config.folder.empty()) reader.complain("'folder' is missing: journals in files need one");
  if (config.heartbeat_timeout <= config.heartbeat) reader.complain("'heartbeat_timeout_ms' has to be more than 'heartbeat_ms'");
}

}  // namespace

Result<SwarmConfig> parse_swarm_config(std::string_view json) {
  BRINE_LET(const Json object, parse_object(json, "the configuration"));
  SwarmConfig config;
  ObjectReader reader(object, "the configuration");
  reader.must_have("masters");
  reader.must_have("count");
  reader.texts("masters", config.masters);
  reader.text("master_finger", config.master_finger);
  reader.number("count", config.count, 0, kMostMinions);
  reader.number("first", config.first, 0, kMostMinions);
  reader.text("id_prefix", config.id_prefix);
  reader.number("threads", config.threads, 1, 64);
  reader.flag("source_ips", config.source_ips);
  reader.real("ramp_per_second", config.ramp_per_second, 0, 1e6);
  reader.number("grains_bytes", config.grains_bytes, kLeastGrains, kMostGrains);
  config.journal = read_journal(reader);
  reader.text("join_token", config.join_token);
  reader.text("folder", config.folder);
  reader.time("heartbeat_ms", config.heartbeat);
  reader.time("heartbeat_timeout_ms", config.heartbeat_timeout);
  reader.time("recon_default_ms", config.recon_default);
  reader.time("recon_max_ms", config.recon_max);
  reader.time("rebalance_within_ms", config.rebalance_within);
  reader.object("answer", [&](ObjectReader& inner) { read_answer(inner, config.answer); });
  reader.object("mine", [&](ObjectReader& inner) {
    inner.number("entries", config.mine.entries, 0, kMostMineEntries);
    inner.number("bytes", config.mine.bytes, kLeastMineBytes, kMostMineBytes);
    inner.time("change_every_ms", config.mine.change_every);
  });
  reader.number("seed", config.seed, 0, INT64_MAX);
  reader.text("log_level", config.log_level);
  judge(reader, config);
  BRINE_TRY(reader.finish());
  return config;
}

std::string minion_name(std::string_view prefix, std::uint64_t number) { return std::string(prefix) + std::to_string(number); }

}  // namespace brine::loadtest
