@0xe8d0437c1fb6a952;
# What travels inside sealed frames (frame type 5), both ways. One SessionMessage per frame.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("brine::schema");

struct SessionMessage {
  union {
    # master to minion
    welcome @0 :Welcome;      # always the first sealed frame
    delivery @1 :Delivery;
    ack @2 :Ack;
    callReply @3 :CallReply;
    goodbye @4 :Goodbye;      # the master closes the connection after it
    manifest @11 :Data;       # an encoded SignedManifest that has come into force during the session
    masters @13 :Masters;     # of several masters: behind the welcome, and when they have changed
    mineReply @18 :MineReply;

    # minion to master
    status @5 :Status;        # always the minion's first sealed frame
    receipt @6 :Receipt;
    return @7 :Return;
    call @8 :CallReport;
    leaving @9 :Void;         # orderly stop: what follows is a closed connection, not a lost one
    behind @15 :Behind;       # to a syndic, before the first status
    journal @12 :JournalMark; # behind the first status, and whenever a begun job has been synced
    mine @16 :MineChange;     # behind the first status, whole; then whenever something has changed
    mineGet @17 :MineGet;     # answered by mineReply

    # between a syndic and what stands above it
    relay @14 :Relayed;

    # both
    heartbeat @10 :Void;
  }
}

enum Verdict {
  accepted @0;
  pending @1;               # the key waits for an operator; come back after retryAfterMs
  rejected @2;              # an operator said no; come back after retryAfterMs
  denied @3;                # another key holds this id
  busy @4;
}

struct Welcome {
  verdict @0 :Verdict;      # anything but accepted: the master closes the connection after this frame
  retryAfterMs @1 :UInt32;
  text @2 :Text;
  masterTime @3 :Int64;     # microseconds since 1970 UTC: the minion's only clock for expiry
  ticket @4 :Data;          # opaque; resumes with the secret that both sides derived
  ticketLifeMs @5 :UInt32;
  cookie @6 :Data;          # opaque; may be kept on disk
  manifest @7 :Data;        # an encoded SignedManifest if it is newer than the minion's
  masters @8 :List(Text);   # host:port of the live masters; empty: as configured
  heartbeatMs @9 :UInt32;   # silence after which either side speaks up
  heartbeatTimeoutMs @10 :UInt32;  # silence after which either side gives the connection up
  maxMessage @11 :UInt32;   # bytes of the largest frame the master takes
  renewJournal @12 :Bool;   # the journal went back in time (restored snapshot): begin a new epoch
}

struct Masters {
  live @0 :List(Text);      # host:port of those that take minions
  own @1 :Text;             # of the one that says so
}

struct Status {
  grains @0 :Text;          # one JSON object
  running @1 :List(Text);   # jids that were begun and have no outcome yet
}

struct Behind {             # relay.capnp's Attachment, without what the session knows
  issued @0 :Int64;
  signature @1 :Data;       # 64 bytes
}

struct JournalMark {
  epoch @0 :UInt64;         # random, drawn when the journal was begun
  sequence @1 :UInt64;      # its synced records; a lower one than before means that a snapshot was restored
}

struct MineEntry {
  name @0 :Text;
  value @1 :Text;           # JSON
  allow @2 :Text;           # "<tgt_type> <target>" of the minions that may read it; empty: all
}

struct MineChange {
  whole @0 :Bool;           # these are all the minion has: what is not among them is gone
  entries @1 :List(MineEntry);
  removed @2 :List(Text);   # names
}

struct MineGet {
  number @0 :UInt32;        # chosen by the minion: the reply names it
  targetKind @1 :Text;
  target @2 :Text;
  delimiter @3 :Text;       # one character, of nested grains
  name @4 :Text;
}

struct MineReply {
  number @0 :UInt32;
  json @1 :Text;            # {id: value, ...}
  error @2 :Text;           # not empty: why there is none
}

struct Delivery {
  job @0 :Data;             # exact bytes of an encoded SignedJob
  index @1 :UInt32;         # place of this minion's id among the expected, in byte order
  proof @2 :List(Data);     # RFC 6962 audit path, 32 bytes each, leaf's neighbour first
}

enum ReceiptState {
  queued @0;
  running @1;
  done @2;                  # the return follows, or is on its way already
}

struct Receipt {
  jid @0 :Text;
  state @1 :ReceiptState;
}

enum Outcome {
  returned @0;
  interrupted @1;
  refused @2;
  noMatch @3;
  unknown @4;
}

struct Return {
  jid @0 :Text;
  outcome @1 :Outcome;
  retcode @2 :Int32;
  success @3 :Bool;
  payload @4 :Text;         # JSON
  started @5 :Int64;        # microseconds since 1970 UTC, the master's time as the minion knows it
  durationUs @6 :UInt64;
}

struct Ack {
  jids @0 :List(Text);      # their returns are stored and synced: the minion may forget them
}

struct CallReport {
  function @0 :Text;
  arguments @1 :Text;
  result @2 :Return;        # jid empty: the master gives one
}

struct CallReply {
  jid @0 :Text;
  error @1 :Text;
}

enum GoodbyeReason {
  keyChanged @0;            # rejected or deleted
  displaced @1;             # the same key connected from elsewhere
  stopping @2;              # the master stops; come back after retryAfterMs
  protocol @3;
}

struct Goodbye {
  reason @0 :GoodbyeReason;
  retryAfterMs @1 :UInt32;
  text @2 :Text;
}

enum Compression {
  none @0;
  zstd @1;
}

struct Relayed {
  compression @0 :Compression;
  size @1 :UInt32;          # bytes of the message before compression, at most 16 MiB
  data @2 :Data;            # an encoded RelayUp or RelayDown
}
