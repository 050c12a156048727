#include "minion/mine_desk.h"

#include <future>

namespace brine::minion {
namespace {

constexpr milliseconds kLookForCancel{50};
constexpr int kLooks = 200;  // 10 s

}  // namespace

void MineDesk::work() {
  std::vector<std::function<void()>> tasks;
  {
    const std::scoped_lock guard(mutex_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
  keeper_.on_tick();
}

void MineDesk::post(std::function<void()> task) {
  {
    const std::scoped_lock guard(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_();
}

void MineDesk::computed(std::string name, Result<Json> value) {
  post([this, name = std::move(name), value = std::move(value)] { keeper_.computed(name, value); });
}

// The answer may come after nobody waits for it any more.
template <typename Answer>
Answer MineDesk::ask(std::function<void(std::function<void(Answer)>)> question, const std::atomic<bool>* cancelled) {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto answer = promise->get_future();
  post([question = std::move(question), promise] { question([promise](Answer value) { promise->set_value(std::move(value)); }); });
  for (int look = 0; look < kLooks; ++look) {
    if (answer.wait_for(kLookForCancel) == std::future_status::ready) return answer.get();
    if (cancelled != nullptr && cancelled->load()) return fail(Code::kTimeout, "it was told to end");
  }
  return fail(Code::kTimeout, "no answer within 10 s");
}

Status MineDesk::publish(const std::string& name, const Json& value, const std::string& allow, bool by_hand) {
  return ask<Status>([=, this](const auto& done) { done(keeper_.publish(name, value, allow, by_hand)); }, nullptr);
}

Result<bool> MineDesk::remove(const std::string& name) {
  return ask<Result<bool>>([=, this](const auto& done) { done(keeper_.remove(name)); }, nullptr);
}

Result<std::size_t> MineDesk::remove_all() {
  return ask<Result<std::size_t>>([this](const auto& done) { done(keeper_.remove_all()); }, nullptr);
}

Result<Json> MineDesk::get(const MineQuestion& question, const std::atomic<bool>& cancelled) {
  return ask<Result<Json>>([=, this](auto done) { keeper_.get(question, std::move(done)); }, &cancelled);
}

}  // namespace brine::minion
