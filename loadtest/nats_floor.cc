// brine-nats-floor: thousands of clients of a NATS server, measured phase by phase as its standard input says (./dev bench --compare).
#include <charconv>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "base/daemon.h"
#include "base/version.h"
#include "loadtest/json.h"
#include "loadtest/nats_crowd.h"

namespace {

using brine::Result;
using brine::loadtest::Json;
using brine::loadtest::LatencyHistogram;
using brine::loadtest::NatsCrowd;

constexpr const char* kHelp =
    "usage: brine-nats-floor PORT CLIENTS\n"
    "\n"
    "Connects CLIENTS to a NATS server on 127.0.0.1:PORT and reads what to measure from standard input, a line for each phase:\n"
    "  connect               until all are connected, also again after the server was away\n"
    "  request COUNT         one question after the other, each to a client chosen by chance\n"
    "  fan COUNT             one question to all after the other, until the last answer\n"
    "  flood SECONDS AT_ONCE questions to all, so many under way\n"
    "Each phase ends with a JSON object on standard output: {\"seconds\", \"answers\", \"latency_us\"} or {\"error\"}.\n";

constexpr brine::seconds kPatience{60};

Json latency_of(const LatencyHistogram& latency) {
  return {{"p50", latency.quantile(0.5).count()}, {"p99", latency.quantile(0.99).count()}, {"max", latency.max().count()}};
}

Result<Json> run_phase(NatsCrowd& crowd, std::uint32_t clients, const std::string& line) {
  std::istringstream words(line);
  std::string what;
  std::uint64_t number = 0;
  std::uint64_t at_once = 1;
  words >> what >> number >> at_once;
  LatencyHistogram latency;
  if (what == "connect") {
    BRINE_TRY(crowd.connect(kPatience));
    return Json{{"answers", 0}};
  }
  if (what == "request") {
    BRINE_TRY(crowd.request(number, latency));
    return Json{{"answers", number}, {"latency_us", latency_of(latency)}};
  }
  if (what == "fan") {
    BRINE_TRY(crowd.fan(number, 1, latency));
    return Json{{"answers", number * clients}, {"latency_us", latency_of(latency)}};
  }
  if (what == "flood") {
    BRINE_LET(const std::uint64_t answers, crowd.flood(brine::seconds(number), at_once));
    return Json{{"answers", answers}};
  }
  return brine::fail(brine::Code::kInvalid, "there is no phase '" + line + "': see --help");
}

void run(NatsCrowd& crowd, std::uint32_t clients) {
  for (std::string line; std::getline(std::cin, line);) {
    const auto begin = std::chrono::steady_clock::now();
    const Result<Json> told = run_phase(crowd, clients, line);
    Json object = told ? *told : Json{{"error", told.error().message}};
    object["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::printf("%s\n", object.dump().c_str());
    std::fflush(stdout);
  }
}

template <typename Number>
bool parse(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string argument = argc > 1 ? argv[1] : "";
  if (argument == "--version") return std::printf("brine-nats-floor %s\n", brine::kVersion), 0;
  if (argument == "--help") return std::fputs(kHelp, stdout), 0;
  std::uint16_t port = 0;
  std::uint32_t clients = 0;
  if (argc != 3 || !parse(argument, port) || !parse(argv[2], clients)) return std::fputs(kHelp, stderr), brine::kExitConfig;
  NatsCrowd crowd(port, clients);
  if (auto started = crowd.start(); !started) return std::fprintf(stderr, "brine-nats-floor: %s\n", started.error().message.c_str()), 1;
  run(crowd, clients);
  return 0;
}
