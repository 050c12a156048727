// Runners: functions of the master that operators call by name (brine-run, brine-key). The registry is built once, in
// add_all_runners(); reading it shows everything a master can be asked.
//
// Runners run on a thread of their own ("runner"), one at a time; they read the store and ask the engine, and may take their time.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "master/identity.h"
#include "returners/drain.h"

namespace brine::master {

using Json = nlohmann::json;

struct RunnerCall {
  std::vector<Json> args;
  std::map<std::string, Json> kwargs;
  // The value of a parameter, by its place or its name; null if not given.
  Json get(std::size_t place, const std::string& name) const;
};

struct Runner {
  std::string name;
  std::string signature;  // for people: "jobs.lookup_jid(jid)"
  std::size_t required = 0;
  std::vector<std::string> parameters;
  std::string doc;
  std::function<Result<Json>(const RunnerCall&)> body;
};

class Runners {
 public:
  void add(Runner runner);
  // Unknown names and wrong arguments are kInvalid, with the nearest names or the signature.
  Result<Json> run(std::string_view name, std::string_view arguments_json) const;
  const std::map<std::string, Runner, std::less<>>& all() const { return runners_; }

 private:
  std::map<std::string, Runner, std::less<>> runners_;
};

// The masters named in the manifest. Called on the runners' thread.
class MembersDesk {
 public:
  virtual ~MembersDesk() = default;
  virtual Result<Json> request(const std::string& name) = 0;
  virtual Result<Json> add(const std::string& name, const std::string& finger) = 0;
  virtual Result<Json> remove(const std::string& name) = 0;
  virtual Result<Json> list() = 0;
  // What masters share apart from keys goes into an exchanged store.
  virtual void share_again() = 0;
};

// What runners work on.
struct RunnerContext {
  engine::Engine& engine;
  const Identity& identity;
  const Clock& clock;
  MembersDesk* members;
  const std::vector<std::unique_ptr<returners::Drain>>& drains;  // all there before a runner runs
};

// Asks the engine and waits for the answer. Never on the engine's own thread.
template <typename Answer>
Answer ask(engine::Engine& engine, std::function<Answer(const engine::Engine::View&)> question);

void add_job_runners(Runners& runners, const RunnerContext& context);
void add_key_runners(Runners& runners, const RunnerContext& context);
void add_cluster_runners(Runners& runners, const RunnerContext& context);
void add_manage_runners(Runners& runners, const RunnerContext& context);
void add_mine_runners(Runners& runners, const RunnerContext& context);
void add_returner_runners(Runners& runners, const RunnerContext& context);
void add_token_runners(Runners& runners, const RunnerContext& context);
void add_all_runners(Runners& runners, const RunnerContext& context);

}  // namespace brine::master

#include <future>

namespace brine::master {

template <typename Answer>
Answer ask(engine::Engine& engine, std::function<Answer(const engine::Engine::View&)> question) {
  std::promise<Answer> promise;
  auto answer = promise.get_future();
  engine.ask([&](const engine::Engine::View& view) { promise.set_value(question(view)); });
  return answer.get();
}

}  // namespace brine::master
