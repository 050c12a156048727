@0xd21c8e57a90b4f33;
# A job as it is signed, once, by the master that accepted it. The exact bytes are kept and passed on, never encoded again.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("brine::schema");

struct Job {
  clusterRoot @0 :Data;     # SHA-256 of the root key: a job of one cluster means nothing in another
  jid @1 :Text;             # 20 digits
  manifestEpoch @2 :UInt64; # of the signer's manifest
  signer @3 :Data;          # Ed25519 public key of the master
  function @4 :Text;        # "module.function"
  arguments @5 :Text;       # JSON: {"args": [...], "kwargs": {...}}
  targetKind @6 :Text;      # glob, pcre, list, grain, grain_pcre, ipcidr, compound
  target @7 :Text;          # nodegroups are expanded already
  delimiter @8 :Text;       # of nested grains, one character
  expectedRoot @9 :Data;    # Merkle root (RFC 6962, SHA-256) of the expected minion ids in byte order
  expectedCount @10 :UInt32;
  issued @11 :Int64;        # microseconds since 1970 UTC, the master's clock
  notAfter @12 :Int64;      # a minion does not start it later than this
  timeoutMs @13 :UInt32;    # what the operator gave as -t; information only
}

struct SignedJob {
  job @0 :Data;             # the exact bytes of an encoded Job
  signature @1 :Data;       # Ed25519 of the signer over "brine-job-v1" + NUL + job
}
