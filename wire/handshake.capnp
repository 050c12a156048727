@0xb4c7a1f05e2d9361;
# The handshake: SIGMA-I over X25519 (Krawczyk, "SIGMA: the SIGn-and-MAc approach", 2003), three messages, then sealed frames.
#
#   minion                                             master
#     ClientHello  ------------------------------------->          (frame type 1, clear)
#                  <-------------------------------------  ServerHello (frame type 2: body clear, proof sealed)
#     ClientFinish ------------------------------------->          (frame type 3: proof sealed)
#                  <-------------------------------------  Welcome, the first sealed frame (session.capnp)
#
# At any point before Welcome the master may answer with a Refusal (frame type 4, clear) and close: an unauthenticated hint, which
# a minion uses only to decide when to try again. docs/wire-format.md gives the transcript hashes, the key schedule and the text
# that is signed, byte for byte.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("brine::schema");

struct ClientHello {
  body @0 :Data;            # an encoded ClientHelloBody
  binder @1 :Data;          # with a ticket: HMAC-SHA256 over body under a key of the resumption secret. Else empty.
}

struct ClientHelloBody {
  versions @0 :List(UInt16);     # protocol versions the minion speaks, best first
  suites @1 :List(UInt16);       # cipher suites, best first; 1 = X25519 + Ed25519 + HKDF-SHA256 + AES-256-GCM
  clusterRoot @2 :Data;          # SHA-256 of the pinned root key; empty before the first contact
  ephemeral @3 :Data;            # X25519, 32 bytes, fresh for every handshake
  nonce @4 :Data;                # 32 random bytes
  ticket @5 :Data;               # from an earlier Welcome; empty for a full handshake
  cookie @6 :Data;               # admission cookie from an earlier Welcome: "this address held an accepted key". No authority.
}

struct ServerHello {
  body @0 :Data;            # an encoded ServerHelloBody
  proof @1 :Data;           # sealed ServerProof
}

struct ServerHelloBody {
  version @0 :UInt16;
  suite @1 :UInt16;
  ephemeral @2 :Data;       # X25519, 32 bytes
  nonce @3 :Data;           # 32 random bytes
  resumed @4 :Bool;         # the ticket was taken: proofs are MACs under the resumption secret, no signatures
}

struct ServerProof {
  publicKey @0 :Data;       # Ed25519, 32 bytes. Empty when resumed.
  signature @1 :Data;       # over "brine-sigma-v1|master|" + transcript hash. Empty when resumed.
  mac @2 :Data;             # HMAC-SHA256 over "master|" + publicKey (+ transcript hash)
  manifest @3 :Data;        # an encoded SignedManifest (manifest.capnp) that names publicKey. Empty when resumed.
}

struct ClientFinish {
  proof @0 :Data;           # sealed ClientProof
}

enum Purpose {
  minion @0;                # the agent: receives jobs; a newer one displaces an older one
  call @1;                  # brine-call: reports one result; displaces nobody
  syndic @2;                # relays for the minions behind it (relay.capnp)
}

struct ClientProof {
  id @0 :Text;              # minion id
  publicKey @1 :Data;       # Ed25519, 32 bytes
  signature @2 :Data;       # over "brine-sigma-v1|minion|" + transcript hash. Empty when resumed.
  mac @3 :Data;             # HMAC-SHA256 over "minion|" + publicKey + id (+ transcript hash)
  purpose @4 :Purpose;
  instance @5 :UInt64;      # random per process: tells two hosts with one key apart
  journalEpoch @6 :UInt64;
  journalSequence @7 :UInt64;
  manifestEpoch @8 :UInt64; # the highest the minion holds
  joinToken @9 :Text;       # of a minion that was never accepted, if it has one: ID.SECRET
}

enum RefusalCode {
  busy @0;                  # try again after retryAfterMs
  version @1;               # no common version or suite
  otherCluster @2;          # the minion pins another root
  malformed @3;
  ticket @4;                # the ticket was not taken: try a full handshake at once
}

struct Refusal {
  code @0 :RefusalCode;
  retryAfterMs @1 :UInt32;
  text @2 :Text;
}
