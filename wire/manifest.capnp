@0x9f3be1c27a84d5f6;
# Who may speak for the cluster. Signed by the root key, which may be offline and never lies in the store.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("brine::schema");

enum Role {
  master @0;                # may sign jobs and key records
  syndic @1;                # may relay
}

struct Member {
  publicKey @0 :Data;       # Ed25519, 32 bytes
  wrapKey @1 :Data;         # X25519, 32 bytes: others wrap ticket keys for it
  role @2 :Role;
  name @3 :Text;
  serial @4 :UInt64;        # never reused
  notAfter @5 :Int64;       # microseconds since 1970 UTC
}

struct Manifest {
  root @0 :Data;            # Ed25519 public key of the root
  epoch @1 :UInt64;         # a minion refuses a lower one than it has seen
  issued @2 :Int64;
  notAfter @3 :Int64;
  members @4 :List(Member);
  revoked @5 :List(UInt64); # serials
}

struct SignedManifest {
  manifest @0 :Data;        # the exact bytes of an encoded Manifest
  signature @1 :Data;       # Ed25519 of the root over "brine-manifest-v1" + NUL + manifest
}
