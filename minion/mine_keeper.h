// What the minion has in the mine, and what of it the master must still be told.
//
// Only changes travel: behind every new session once the whole, which the master compares with what it has, then what has changed, once a
// second at most. The whole is held back until every configured function has run once (60 s at most): a minion that was restarted takes
// nothing back that it is about to publish again.
// Confined to the minion's loop; owns no thread, socket or file.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "minion/mine.h"
#include "minion/ports.h"
#include "wire/session.h"

namespace brine::minion {

struct MineCounters {
  std::atomic<std::uint64_t> entries{0};
  std::atomic<std::uint64_t> runs{0};
  std::atomic<std::uint64_t> failures{0};  // of functions, and values that were too large
  std::atomic<std::uint64_t> sent{0};      // entries, removals included
};

class MineKeeper final : public MineListener {
 public:
  struct Parts {
    const Clock& clock;
    // Starts the function; its end is told by computed(). False: not now.
    std::function<bool(const MineFunction&)> run;
    // False: there is no session (any more).
    std::function<bool(const wire::SessionMessage&)> send;
    // What was published by hand has changed: JSON text for the next life.
    std::function<void(const std::string&)> keep;
    MineCounters& counters;
  };
  // kept: what an earlier life gave to keep; what is wrong in it is left out.
  MineKeeper(Parts parts, std::vector<MineFunction> functions, milliseconds interval, std::string_view kept);

  const std::vector<MineFunction>& functions() const { return functions_; }

  // Runs what is due, and sends what has waited.
  void on_tick();
  MonoTime next_tick() const;
  // Functions of modules that tell grains are run again.
  void grains_changed();
  void computed(const std::string& name, const Result<Json>& value);

  Status publish(const std::string& name, const Json& value, const std::string& allow, bool by_hand);
  bool remove(const std::string& name);
  std::size_t remove_all();
  using Answered = std::function<void(Result<Json>)>;
  // kUnavailable at once without a session, and when the session ends before the answer.
  void get(const MineQuestion& question, Answered done);

  // From the agent.
  void session_opened() override;
  void session_closed() override;
  void replied(std::uint32_t number, std::string json, std::string error) override;

 private:
  struct Entry {
    std::string value;  // JSON text
    std::string allow;
    bool by_hand = false;
  };

  void run(const MineFunction& function);
  void changed(const std::string& name);
  void send_due();
  void send_whole();
  void send_changes();
  void keep_by_hand();
  void load(std::string_view kept);

  const Parts parts_;
  const std::vector<MineFunction> functions_;
  const milliseconds interval_;
  std::map<std::string, Entry> entries_;
  std::size_t bytes_ = 0;
  std::set<std::string> unknown_;              // configured, and not run yet
  std::set<std::string> running_;              // names of configured functions
  std::set<std::string> again_;                // of those: their value may have changed since they began
  std::map<std::string, std::string> failed_;  // and what they said: told once
  std::set<std::string> changed_;              // since the master was told
  bool open_ = false;
  bool whole_told_ = false;  // in this session
  MonoTime next_run_;
  MonoTime next_send_{};
  MonoTime whole_at_latest_;
  std::uint32_t last_number_ = 0;
  std::map<std::uint32_t, Answered> waiting_;
  std::minstd_rand random_;
};

}  // namespace brine::minion
