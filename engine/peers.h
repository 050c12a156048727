// The other masters of the cluster: this one's place among them (lease, presence of its minions), and what they commit (news).
//
// Threads of its own: "members" writes leases and presence, "news" waits for news, "fetch" reads what news name. All public methods are
// thread-safe and do not block. Listeners are called on these threads and must hand the work on.
//
// The lease is counted on the monotonic clock from before it was asked for: a master whose lease may have ended does not lead.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task_loop.h"
#include "base/thread.h"
#include "store/shared_store.h"

namespace brine::engine {

struct PeerOptions {
  Drive drive = Drive::kThreads;
  store::MasterCard self;  // its address may be set later
  milliseconds lease{5'000};
  milliseconds renew_every{1'000};
  milliseconds clock_tolerance{30'000};
  // Whether the master at this address serves; blocks for a second at most. Empty: that cannot be found out.
  std::function<bool(const std::string& address)> probe;
};

class Peers {
 public:
  struct Listener {
    std::function<void(store::News)> news;
    // Minions of this master, with the generations that their arrivals were given.
    std::function<void(std::vector<store::Presence>)> placed;
    // The masters that live now have changed.
    std::function<void(std::vector<store::MasterCard>)> masters;
    // The lease is held again after it was lost: the others have to be told who is here.
    std::function<void()> regained;
    // The lease is lost, and another master serves: this one is cut off from the store alone, its minions are better off there.
    std::function<void()> cut_off;
  };

  Peers(store::SharedStore& store, const Clock& clock, PeerOptions options, Listener listener);
  ~Peers();

  // Opens the news, and judges the clock: everything that is read from the store from now on is followed by the news of its changes.
  Status open();
  // Takes the lease and joins the others. kExists: another process has this id; an earlier life of this master is waited for (not by hand).
  Status join(std::string address);
  // Leaves them, so that minions and masters need not wait for the lease to end.
  void stop();

  void arrived(store::Presence minion);
  void went(store::Presence minion);  // generation 0: that which its arrival here was given
  void running(JobId jid, std::uint32_t place);
  // By hand: what these threads would do next.
  void turn_members() { members_.turn(); }
  void turn_fetcher() { fetcher_.turn(); }
  bool turn_news(milliseconds wait);  // false: they could not be read

  // On the thread that reads: one after the other.
  void fetch(std::function<void()> task) { fetcher_.post(std::move(task)); }

  bool leads() const { return clock_.now().time_since_epoch().count() < led_until_.load(); }
  std::vector<store::MasterCard> masters() const;
  const std::string& self() const { return options_.self.id; }
  void set_minions(std::uint32_t count) { minions_ = count; }
  void set_draining(bool draining) { draining_ = draining; }
  bool draining() const { return draining_; }

 private:
  struct Note {  // what the others are to be told
    enum class Kind : std::uint8_t { kArrived, kWent, kRunning } kind;
    store::Presence minion;
    JobId jid;
    std::uint32_t place = 0;
  };

  Status judge_clock() const;
  void note(Note note);
  void tick();
  void renew();
  void look_at_masters();
  void look_for_others();
  void tell();
  static void leave_out_visits(std::vector<Note>& notes);
  Status tell_arrived(std::vector<store::Presence> minions);
  Status tell_went(std::vector<store::Presence> minions);
  void read_news(const std::stop_token& stop);
  Status renew_once();

  store::SharedStore& store_;
  const Clock& clock_;
  const PeerOptions options_;
  const Listener listener_;
  std::unique_ptr<store::Membership> membership_;  // of the members' thread, once it runs
  std::unique_ptr<store::NewsReader> news_;
  TaskLoop members_{"members", 100'000};
  TaskLoop fetcher_{"fetch", 100'000};
  std::jthread news_thread_;

  std::atomic<MonoTime::rep> led_until_{0};
  std::atomic<std::uint32_t> minions_{0};
  std::atomic<bool> draining_{false};
  bool joined_ = false;

  mutable std::mutex mutex_;
  std::vector<Note> notes_;                 // guarded by mutex_
  std::vector<store::MasterCard> masters_;  // guarded by mutex_

  // Of the members' thread.
  std::string address_;
  MonoTime next_renewal_{};
  bool led_ = false;
  bool denied_ = false;  // the store did not know this master's lease: what it was told is lost
  bool trouble_told_ = false;
  bool cut_off_ = false;
  MonoTime next_look_for_others_{};
  std::map<MinionId, std::uint64_t> generations_;  // of the minions here
};

}  // namespace brine::engine
