// What a master knows through the others: which minions are theirs, what has returned to them, which keys, grains and mine entries they
// have changed. Puts it into key authority, roster, index and job board as if it had happened here.
//
// Confined to the engine's loop; reads of the store are done on the peers' thread and come back through post.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/grain_index.h"
#include "engine/job_board.h"
#include "engine/join_tokens.h"
#include "engine/key_authority.h"
#include "engine/ledger.h"
#include "engine/mine_book.h"
#include "engine/peers.h"
#include "engine/ports.h"
#include "engine/roster.h"
#include "store/shared_store.h"

namespace brine::engine {

struct ClusterParts {
  store::SharedStore& store;
  Gateway& gateway;
  EventSink& events;
  const Clock& clock;
  Ledger& ledger;
  KeyAuthority& keys;
  JoinTokens& tokens;
  Roster& roster;
  GrainIndex& index;
  JobBoard& board;
  MineBook& mine;
  std::function<void(std::function<void()>)> post;
};

class Cluster {
 public:
  struct Listener {
    std::function<void(const store::JobRecord&)> published;    // by another master
    std::function<void(const store::ReturnRecord&)> returned;  // a first return that another master has committed, and somebody wants
    std::function<void(const MinionId&)> came, went;           // to or from another master
    std::function<void(const std::vector<store::MasterCard>&)> masters;
    std::function<void(const std::string& name)> setting;  // changed by another master
    std::function<void(bool cut_off)> connected;           // this master is cut off from the store that others reach, or not any more
  };

  Cluster(ClusterParts parts, PeerOptions options, Listener listener);

  // Before the store is read.
  Status open();
  // After it was read: who is where.
  Status load();
  Status join(std::string address) { return peers_.join(std::move(address)); }
  void stop() { peers_.stop(); }

  // ---- what happens here
  // What is known of the minion's journal on whichever master it was last; done is called when it is in the roster, or cannot be read.
  void learn_journal(const MinionId& id, std::function<void()> done);
  // Reads the newest presence of a minion that is taken to be away.
  void learn_presence(const MinionId& id);
  // Of the masters that live now this one does what one of them has to do.
  bool is_first() const;
  void session_opened(const MinionId& id, Minion& minion);
  void session_closed(const MinionId& id, const Minion& minion, EndReason reason);
  void receipt(const MinionId& id, const JobId& jid);
  // The minion has said all that it has in the mine: what the store has beyond it is found out soon.
  void mine_told(const MinionId& id) { told_mine_.insert(id); }
  // A job was opened on the board: what was heard of it before counts now. reading: as reading() was when what is known of it was found
  // out.
  void opened(const JobId& jid, std::uint64_t reading);
  // Counts how often everything was read again; what was heard before may not have been all.
  std::uint64_t reading() const { return reading_; }
  // This minion's return is in the store; what it is has to be read.
  void returned(const JobId& jid, const MinionId& id);
  // Jobs that others have published: opened when they have been read.
  void fed(const std::vector<store::FeedEntry>& entries);
  // What is known here may be older than what the store holds: reads everything soon.
  void read_again() { behind_ = true; }
  void tick();

  // The keys that are known here go into the store that is there now, and the other masters go on with it. done: what came of it.
  void restore(std::function<void(Status)> done);

  Peers& peers() { return peers_; }
  const Peers& peers() const { return peers_; }

 private:
  struct Early {
    std::vector<std::uint32_t> returned;
    std::vector<std::uint32_t> running;
    MonoTime until;
  };

  void on_news(store::News news);
  void on_masters(std::vector<store::MasterCard> masters);
  void on_placed(const std::vector<store::Presence>& minions);
  void place(const store::Presence& presence);
  void displace(const Minion& minion);
  void disown(const store::Presence& presence);
  void date_absence(const store::Presence& presence, Minion& minion);
  void announce_all();
  void read_everything();
  void begin_anew();
  void restore_keys(std::vector<store::KeyRecord> keys, std::uint64_t before, std::function<void(Status)> done);
  void end_restoring(std::uint64_t before, std::function<void(Status)> done);
  void refresh_keys(std::vector<MinionId> ids);
  void refresh_tokens();
  void refresh_grains(std::vector<MinionId> ids);
  void refresh_mine(std::vector<MinionId> ids);
  void take_mine(const std::vector<store::MineRecord>& records);
  void refresh_presence(std::vector<MinionId> ids);
  void refresh_job(const JobId& jid);
  void take_grains(const std::vector<store::GrainsRecord>& records);
  void read_job(const JobId& jid);
  void on_returned(const JobId& jid, const std::vector<std::uint32_t>& places);
  void reserve_indexes();
  MineBook::JudgeOwner owner_judge() const;
  bool is_live(const std::string& master) const;
  template <typename Read, typename Take>
  void fetch(Read read, Take take);

  const ClusterParts parts_;
  const Listener listener_;
  Peers peers_;
  std::vector<store::MasterCard> masters_;
  std::map<JobId, Early> early_;  // of jobs that are not open here yet
  std::set<JobId> unread_;        // jobs of others that are to be opened
  std::set<MinionId> told_mine_;  // since the last look at what the store has of theirs
  bool reserving_ = false;
  bool restoring_ = false;  // the store does not hold yet what is known here
  bool behind_ = false;     // a read has failed: everything has to be read again
  std::uint64_t reading_ = 0;
  std::uint64_t failures_seen_ = 0;  // of the ledger
  MonoTime next_catch_up_{};
};

}  // namespace brine::engine
