#include "minion/modules/test.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <random>
#include <thread>

#include "minion/arguments.h"
#include "minion/grains.h"

namespace brine::minion {
namespace {

constexpr std::int64_t kLargestFibonacci = 92;       // the last that fits into 64 bits
constexpr std::int64_t kLargestCollatz = 1LL << 40;  // its sequence stays within 64 bits
constexpr std::int64_t kLongestRandom = 16LL << 20;  // characters
constexpr milliseconds kLookInterval{20};            // at cancelled, while asleep

double seconds_since(MonoTime start) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }

Result<Outcome> ping(const Call&) { return Outcome{.value = true}; }

Result<Outcome> echo(const Call& call) { return Outcome{.value = Arguments(call).json("text")}; }

Result<Outcome> version(const Call&) { return Outcome{.value = BRINE_VERSION}; }

Result<Outcome> versions(const Call& call) {
  const auto grains = call.grains->snapshot();
  std::string text = fmt::format("Brine Version:\n    Brine: {}\n\nSystem Versions:\n", BRINE_VERSION);
  constexpr std::array<std::pair<const char*, const char*>, 4> kLines{
      {{"dist", "osfinger"}, {"kernel", "kernelrelease"}, {"machine", "cpuarch"}, {"system", "kernel"}}};
  for (const auto& [label, grain] : kLines) text += fmt::format("    {}: {}\n", label, grains->value(grain, ""));
  return Outcome{.value = text};
}

// False when the job was cancelled meanwhile.
bool sleep_for(const Call& call, double length) {
  const MonoTime end =
      std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(length));
  for (MonoTime now = std::chrono::steady_clock::now(); now < end; now = std::chrono::steady_clock::now()) {
    if (call.cancelled->load()) return false;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(kLookInterval, end - now));
  }
  return true;
}

Result<Outcome> sleep_and_tell(const Call& call, double length) {
  if (sleep_for(call, length)) return Outcome{.value = true};
  return Outcome{.value = "The job was told to end before its time.", .retcode = kFailed};
}

Result<Outcome> sleep_function(const Call& call) {
  BRINE_LET(const std::optional<milliseconds> length, Arguments(call).duration("length"));
  return sleep_and_tell(call, length ? std::chrono::duration<double>(*length).count() : 0);
}

Result<Outcome> rand_sleep(const Call& call) {
  BRINE_LET(const std::optional<milliseconds> longest, Arguments(call).duration("max"));
  std::random_device source;
  std::uniform_real_distribution<double> length(0, longest ? std::chrono::duration<double>(*longest).count() : 0);
  return sleep_and_tell(call, length(source));
}

Result<Outcome> exception(const Call& call) {
  BRINE_LET(const std::string message, Arguments(call).text("message"));
  return fail(Code::kInternal, message);
}

Result<Outcome> fib(const Call& call) {
  const MonoTime start = std::chrono::steady_clock::now();
  BRINE_LET(const std::int64_t number, Arguments(call).integer("num"));
  if (number < 0 || number > kLargestFibonacci) return fail(Code::kInvalid, fmt::format("num must be 0 to {}", kLargestFibonacci));
  std::uint64_t a = 0;
  std::uint64_t b = 1;  // one ahead, which no longer fits with a sign
  for (std::int64_t i = 0; i < number; ++i) a = std::exchange(b, a + b);
  return Outcome{.value = Json::array({a, seconds_since(start)})};
}

Result<Outcome> collatz(const Call& call) {
  const MonoTime began = std::chrono::steady_clock::now();
  BRINE_LET(std::int64_t number, Arguments(call).integer("start"));
  if (number < 1 || number > kLargestCollatz) return fail(Code::kInvalid, fmt::format("start must be 1 to {}", kLargestCollatz));
  Json steps = Json::array({number});
  while (number != 1) {
    number = number % 2 == 0 ? number / 2 : 3 * number + 1;
    steps.push_back(number);
  }
  return Outcome{.value = Json::array({std::move(steps), seconds_since(began)})};
}

Result<Outcome> say_true(const Call&) { return Outcome{.value = true}; }
Result<Outcome> say_false(const Call&) { return Outcome{.value = false, .retcode = 1}; }

Result<Outcome> arg(const Call& call) { return Outcome{.value = {{"args", call.args}, {"kwargs", call.kwargs}}}; }
Result<Outcome> kwarg(const Call& call) { return Outcome{.value = Json(call.kwargs)}; }
Result<Outcome> arg_repr(const Call& call) {
  return Outcome{.value = {{"args", dumped(Json(call.args))}, {"kwargs", dumped(Json(call.kwargs))}}};
}

Result<Outcome> arg_type(const Call& call) {
  Json args = Json::array();
  Json kwargs = Json::object();
  for (const Json& value : call.args) args.push_back(value.type_name());
  for (const auto& [name, value] : call.kwargs) kwargs[name] = value.type_name();
  return Outcome{.value = {{"args", args}, {"kwargs", kwargs}}};
}

Result<Outcome> retcode(const Call& call) {
  BRINE_LET(const std::int64_t code, Arguments(call).integer("code"));
  if (code < INT32_MIN || code > INT32_MAX) return fail(Code::kInvalid, "code must fit into 32 bits");
  return Outcome{.value = true, .retcode = static_cast<int>(code)};
}

Result<Outcome> rand_str(const Call& call) {
  BRINE_LET(const std::int64_t size, Arguments(call).integer("size"));
  if (size < 1 || size > kLongestRandom) return fail(Code::kInvalid, fmt::format("size must be 1 to {} characters", kLongestRandom));
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::random_device seed;
  std::mt19937_64 generator((static_cast<std::uint64_t>(seed()) << 32U) | seed());
  std::string text(static_cast<std::size_t>(size), ' ');
  for (char& c : text) c = kLetters[generator() % kLetters.size()];
  return Outcome{.value = std::move(text)};
}

std::vector<Parameter> anything() { return {{.name = "args", .variadic = true}, {.name = "kwargs", .keywords = true}}; }

}  // namespace

void add_test_functions(Registry& registry) {
  const auto add = [&registry](std::string name, std::vector<Parameter> parameters, std::string doc, Result<Outcome> (*body)(const Call&)) {
    registry.add({.name = std::move(name), .parameters = std::move(parameters), .doc = std::move(doc), .repeatable = true, .body = body});
  };
  add("test.ping", {}, "True: the minion is there and answers.\n\n    brine '*' test.ping", ping);
  add("test.echo", {{.name = "text"}}, "Gives the text back.\n\n    brine '*' test.echo 'foo bar'", echo);
  add("test.version", {}, "The version of the minion.\n\n    brine '*' test.version", version);
  add("test.versions", {}, "The versions of the minion and of the system under it, as text.\n\n    brine '*' test.versions", versions);
  add("test.sleep", {{.name = "length"}}, "Waits so many seconds, then says True.\n\n    brine '*' test.sleep 20", sleep_function);
  add("test.rand_sleep", {{.name = "max", .fallback = "60"}},
      "Waits for a random time of at most max seconds.\n\n    brine '*' test.rand_sleep 60", rand_sleep);
  add("test.exception", {{.name = "message", .fallback = "\"Test Exception\""}},
      "Fails with this message.\n\n    brine '*' test.exception 'Oh noes!'", exception);
  add("test.fib", {{.name = "num"}}, "The Fibonacci number of this index, and the seconds it took.\n\n    brine '*' test.fib 3", fib);
  add("test.collatz", {{.name = "start"}}, "The Collatz sequence from start to 1, and the seconds it took.\n\n    brine '*' test.collatz 3",
      collatz);
  add("test.true", {}, "Says True, with retcode 0.\n\n    brine '*' test.true", say_true);
  add("test.false", {}, "Says False, with retcode 1.\n\n    brine '*' test.false", say_false);
  add("test.arg", anything(), "Shows the arguments as the function sees them.\n\n    brine '*' test.arg 1 \"two\" 3.1 txt=\"hello\"", arg);
  add("test.arg_repr", anything(), "The arguments as JSON text.\n\n    brine '*' test.arg_repr 1 \"two\" txt=\"hello\"", arg_repr);
  add("test.arg_type", anything(), "The types of the arguments.\n\n    brine '*' test.arg_type 1 \"two\" txt=\"hello\"", arg_type);
  add("test.kwarg", {{.name = "kwargs", .keywords = true}}, "Shows the keyword arguments.\n\n    brine '*' test.kwarg num=1 txt=\"two\"",
      kwarg);
  add("test.retcode", {{.name = "code", .fallback = "42"}}, "Says True, with this retcode.\n\n    brine '*' test.retcode 42", retcode);
  add("test.rand_str", {{.name = "size", .fallback = "32"}}, "Random text of this length.\n\n    brine '*' test.rand_str 64", rand_str);
}

}  // namespace brine::minion
