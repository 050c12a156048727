@0xa6f15d3b80c94e27;
# Between the command line and its master, over the operator socket (ipc, the peer's uid tells who it is). Frame types 6 and 7, clear.
# One request at a time per connection; a submit is followed by a stream of replies that ends with finished or error.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("brine::schema");

struct OperatorRequest {
  union {
    submit @0 :Submit;
    run @1 :Run;
  }
}

struct Submit {
  submission @0 :Data;      # 16 random bytes; a repeated one is answered with the first jid and publishes nothing
  targetKind @1 :Text;
  target @2 :Text;
  delimiter @3 :Text;
  function @4 :Text;
  arguments @5 :Text;       # JSON: {"args": [...], "kwargs": {...}}
  timeoutMs @6 :UInt32;     # how long to wait for a first sign of life; 0: the master's default
  expiresMs @7 :UInt64;     # 0: none
  subset @8 :UInt32;        # 0: all
  detach @9 :Bool;          # --async: answer with the jid only
}

struct Run {
  function @0 :Text;        # "jobs.list_jobs", "key.accept"
  arguments @1 :Text;       # JSON: {"args": [...], "kwargs": {...}}
}

struct OperatorReply {
  union {
    accepted @0 :Accepted;
    return @1 :MinionReturn;
    finished @2 :Finished;
    result @3 :Text;        # JSON, of a run
    error @4 :Failure;
  }
}

struct Accepted {
  jid @0 :Text;
  expected @1 :UInt32;      # minions
  repeated @2 :Bool;
}

struct MinionReturn {
  minion @0 :Text;
  state @1 :Text;           # returned, interrupted, refused, no_match, unknown
  retcode @2 :Int32;
  success @3 :Bool;
  payload @4 :Text;         # JSON
}

struct Missing {
  minion @0 :Text;
  state @1 :Text;           # not_connected, reconnecting, not_delivered, running, lost, unknown
  text @2 :Text;            # for people
}

struct Finished {
  missing @0 :List(Missing);
}

struct Failure {
  code @0 :Text;            # as base/result.h names them
  message @1 :Text;
}
