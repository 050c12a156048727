// An execution function: what `module.function` names, and what it may do.
//
// Functions run on a thread of the minion's pool (minion/pool.h), several at once; they get everything they need in Call and touch
// nothing else. The registry is built in main() from the lists in minion/modules/, and does not change afterwards.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace brine::minion {

using Json = nlohmann::json;

class Registry;
class Grains;
class RunningJobs;
class Mine;

// A command that a function has started, as the journal must know it before it may run: its process group is killed when the
// minion finds it again after a crash. start_ticks is field 22 of /proc/<pid>/stat.
struct StartedCommand {
  int pgid = 0;
  std::uint64_t start_ticks = 0;
};

// What a function is called with. Lives as long as the call.
// run() binds the arguments before the body sees them: kwargs then holds every named parameter, defaults included, and what a
// `keywords` parameter took; args holds only what a `variadic` parameter took. minion/arguments.h reads them with their types.
struct Call {
  JobId jid;  // empty under brine-call --local
  std::string function;
  std::vector<Json> args;
  std::map<std::string, Json> kwargs;

  // What the minion offers to functions; never null.
  const Registry* registry = nullptr;
  Grains* grains = nullptr;
  RunningJobs* running = nullptr;
  // Null under brine-call, which has no session with a master.
  Mine* mine = nullptr;

  // Set when the job was told to end (saltutil.term_job) or the minion stops; long-running functions look at it.
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);

  // Bytes that are kept of each output stream of a command (cmd_output_max); the rest is counted and dropped.
  std::uint64_t output_max = 1U << 20;

  // Called after fork and before exec. The command is let go only when this has returned true (its journal record is written).
  std::function<bool(const StartedCommand&)> command_started = [](const StartedCommand&) { return true; };
};

// What came of it.
struct Outcome {
  Json value;       // strings must be UTF-8; bytes that are not are wrapped by bytes_to_json()
  int retcode = 0;  // 0 is success, as users see it in the exit status
};

// {"__bytes__": "<base64>"} when the bytes are not UTF-8, else the string.
Json bytes_to_json(std::string_view bytes);

// Retcode of run() for a function that does not exist (Salt's number), and for every other failure that is not the function's own.
inline constexpr int kNoSuchFunction = 254;
inline constexpr int kFailed = 1;

// One parameter, for sys.argspec and for messages about wrong arguments.
struct Parameter {
  std::string name;
  std::string fallback;   // JSON text of the default; empty: required
  bool variadic = false;  // takes all further positional arguments; parameters after it can only be given by name
  bool keywords = false;  // takes all further keyword arguments
};

struct Function {
  std::string name;  // "cmd.run"
  std::vector<Parameter> parameters;
  std::string doc;  // first line: what it does; then examples
  // True if running it twice does no harm (test.ping, grains.*): it is then not journalled before it runs.
  bool repeatable = false;
  std::function<Result<Outcome>(const Call&)> body;
};

// "cmd.run(cmd, cwd=null, ...)": the signature as users see it.
std::string signature_of(const Function& function);

// Immutable after construction of the minion.
class Registry {
 public:
  void add(Function function);
  const Function* find(std::string_view name) const;
  // Up to three names that look like it, nearest first.
  std::vector<std::string> nearest(std::string_view name) const;
  const std::map<std::string, Function, std::less<>>& all() const { return functions_; }

 private:
  std::map<std::string, Function, std::less<>> functions_;
};

// Finds the function, checks the arguments against its parameters, runs it. Every failure becomes an Outcome with retcode != 0 and
// a text that says what to do: unknown function (with the nearest names), wrong arguments (with the signature), an Error of the body.
Outcome run(const Registry& registry, const Call& call);

}  // namespace brine::minion
