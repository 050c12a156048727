// Between the functions of mine.*, which run on the pool's threads, and the keeper, which belongs to the minion's loop.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "minion/mine.h"
#include "minion/mine_keeper.h"

namespace brine::minion {

class MineDesk final : public Mine {
 public:
  // wake: thread-safe; has the loop call work() soon.
  MineDesk(MineKeeper::Parts parts, std::vector<MineFunction> functions, milliseconds interval, std::string_view kept,
           std::function<void()> wake)
      : keeper_(std::move(parts), std::move(functions), interval, kept), wake_(std::move(wake)) {}

  // ---- of the loop
  MineKeeper& keeper() { return keeper_; }
  // Does what other threads have asked for, and what is due.
  void work();

  // ---- of any thread
  void computed(std::string name, Result<Json> value);
  const std::vector<MineFunction>& functions() const override { return keeper_.functions(); }
  Status publish(const std::string& name, const Json& value, const std::string& allow, bool by_hand) override;
  Result<bool> remove(const std::string& name) override;
  Result<std::size_t> remove_all() override;
  Result<Json> get(const MineQuestion& question, const std::atomic<bool>& cancelled) override;

 private:
  void post(std::function<void()> task);
  template <typename Answer>
  Answer ask(std::function<void(std::function<void(Answer)>)> question, const std::atomic<bool>* cancelled);

  MineKeeper keeper_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;  // guarded by mutex_
};

}  // namespace brine::minion
