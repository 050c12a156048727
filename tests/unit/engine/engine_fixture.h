// An Engine on fakes and a store in memory, for the tests of its topics.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "tests/unit/engine/fakes.h"

namespace brine::engine {

using Json = nlohmann::json;

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    options.keys.auto_accept = true;
    options.ledger.reopen_pause = milliseconds(0);
  }

  void start() {
    engine = std::make_unique<Engine>(store, gateway, notary, events, clock, options, [this] { ++outbox_grew; });
    ASSERT_TRUE(engine->start().has_value());
  }
  void restart() {
    engine->stop();
    engine.reset();
    start();
  }

  Admission admit(std::string_view id, std::string key = "key", JournalPosition journal = {}) {
    std::promise<Admission> answer;
    engine->admit({minion_id(id), std::move(key), false, 0, "10.0.0.1", journal},
                  [&](Admission admission) { answer.set_value(std::move(admission)); });
    return answer.get_future().get();
  }
  // A whole minion: admitted, and its session open.
  void connect(std::string_view id, std::uint64_t session, std::string grains = "{}", const std::vector<JobId>& running = {}) {
    const Admission admission = admit(id);
    EXPECT_EQ(admission.verdict, Verdict::kAccepted);
    engine->session_opened(
        {session_number(session), minion_id(id), session, std::move(grains), running, "10.0.0.1", admission.key_version});
  }
  static Submission asking(int number, std::string target = "*") {
    Submission submission;
    submission.id = submission_number(number);
    submission.target_kind = "glob";
    submission.target = std::move(target);
    submission.function = "test.ping";
    submission.arguments = R"({"args":[],"kwargs":{}})";
    submission.user = "root";
    return submission;
  }
  Result<Submitted> submit(Submission submission, std::shared_ptr<Watcher> watcher = nullptr) {
    std::promise<Result<Submitted>> answer;
    engine->submit(std::move(submission), std::move(watcher), [&](Result<Submitted> result) { answer.set_value(std::move(result)); });
    auto submitted = answer.get_future().get();
    open_jobs();  // the answer comes before the job is opened and watched
    return submitted;
  }
  void give_back(const JobId& jid, std::string_view id, std::uint64_t session, std::string payload = "true") {
    std::vector<PendingReturn> values{{session_number(session), return_of(jid, id, std::move(payload))}};
    EXPECT_TRUE(engine->add_returns(std::move(values)));
  }
  Result<KeyList> change(KeyAuthority::Change what, std::string id) {
    std::promise<Result<KeyList>> answer;
    engine->change_keys(what, {[id](const MinionId& other) { return other.str() == id; }, true, true, true, true},
                        [&](Result<KeyList> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  // The answer of the engine's thread, after all that was posted before.
  template <typename Value>
  Value see(std::function<Value(const Engine::View&)> question) {
    std::promise<Value> answer;
    engine->ask([&](const Engine::View& view) { answer.set_value(question(view)); });
    return answer.get_future().get();
  }
  std::size_t open_jobs() {
    return see<std::size_t>([](const Engine::View& view) { return view.board.size(); });
  }
  std::size_t deliveries_to(std::uint64_t session) const {
    const auto all = gateway.deliveries();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const auto& delivered) { return delivered.session == session_number(session); }));
  }

  FakeClock clock;
  MemoryStore store;
  FakeGateway gateway;
  FakeNotary notary;
  FakeEvents events;
  EngineOptions options;
  std::atomic<int> outbox_grew{0};
  std::unique_ptr<Engine> engine;
};

}  // namespace brine::engine
