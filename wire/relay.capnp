@0xc3b7e52d1f90a864;
# Between a syndic and what stands above it: SessionMessage.relay carries one RelayUp (from the syndic) or RelayDown (to it).
#
# A slot stands for one session of a minion with the syndic, or for a minion that was there and has left returns behind. The syndic
# chooses slots, and never uses one twice in a session of its own.

using Cxx = import "/capnp/c++.capnp";
using Session = import "session.capnp";
$Cxx.namespace("brine::schema");

struct Attachment {         # the word of a minion, or of a syndic, that it has its session with the syndic next above
  id @0 :Text;
  publicKey @1 :Data;       # Ed25519, 32 bytes
  issued @2 :Int64;         # microseconds since 1970 UTC, the master's time
  signature @3 :Data;       # Ed25519 over "brine-behind-v1" + NUL + cluster root + key of the syndic above + id + NUL + issued, 8 bytes, LE
}

struct Chain {              # from the minion upwards; the syndic that sends it is not in it, its own session proves it
  links @0 :List(Attachment);
}

# In this order, whatever is in one message.
struct RelayUp {
  attachment @0 :Attachment;          # the syndic's own, to a syndic; first of all, once
  admissions @1 :List(AdmissionAsk);
  opened @2 :List(Opened);
  past @3 :List(Past);
  grains @4 :List(SlotGrains);
  journals @5 :List(SlotJournal);
  receipts @6 :List(SlotReceipt);
  returns @7 :List(SlotReturn);
  calls @8 :List(SlotCall);
  closed @9 :List(SlotClosed);
  mine @10 :List(SlotMine);           # behind opened
  mineGets @11 :List(SlotMineGet);    # behind mine
}

struct AdmissionAsk {
  number @0 :UInt32;        # repeated in the answer
  id @1 :Text;
  publicKey @2 :Data;
  address @3 :Text;
  syndic @4 :Bool;
  journal @5 :Session.JournalMark;
  joinToken @6 :Text;       # as ClientProof's
  network @7 :Data;         # of the address, by which wrong tokens are counted
}

struct Opened {
  slot @0 :UInt32;
  chain @1 :List(Attachment);
  instance @2 :UInt64;
  keyVersion @3 :UInt64;
  grains @4 :Text;
  running @5 :List(Text);
  address @6 :Text;
}

struct Past {
  slot @0 :UInt32;
  chain @1 :List(Attachment);
}

struct SlotGrains {
  slot @0 :UInt32;
  grains @1 :Text;
}

struct SlotJournal {
  slot @0 :UInt32;
  mark @1 :Session.JournalMark;
}

struct SlotReceipt {
  slot @0 :UInt32;
  receipt @1 :Session.Receipt;
}

struct SlotReturn {
  slot @0 :UInt32;
  return @1 :Session.Return;
}

struct SlotCall {
  slot @0 :UInt32;
  number @1 :UInt32;
  report @2 :Session.CallReport;
}

struct SlotMine {
  slot @0 :UInt32;
  change @1 :Session.MineChange;
}

struct SlotMineGet {
  slot @0 :UInt32;
  get @1 :Session.MineGet;  # its number is the syndic's
}

struct SlotClosed {
  slot @0 :UInt32;
  left @1 :Bool;            # it said goodbye
  gateway @2 :Bool;         # a syndic in between was lost
}

struct RelayDown {
  admissions @0 :List(AdmissionAnswer);
  jobs @1 :List(RelayedJob);
  acks @2 :List(SlotAck);
  ends @3 :List(SlotEnd);
  callReplies @4 :List(NumberedReply);
  mineReplies @5 :List(Session.MineReply);
}

struct AdmissionAnswer {
  number @0 :UInt32;
  verdict @1 :Session.Verdict;
  retryAfterMs @2 :UInt32;
  text @3 :Text;
  keyVersion @4 :UInt64;
  renewJournal @5 :Bool;
}

struct RelayedJob {
  job @0 :Data;             # exact bytes of an encoded SignedJob
  expected @1 :Text;        # all expected ids in byte order, each followed by a newline; empty: recipients bring their proofs
  recipients @2 :List(Recipient);
}

struct Recipient {
  slot @0 :UInt32;
  index @1 :UInt32;         # of its minion among the expected
  proof @2 :List(Data);
}

struct SlotAck {
  slot @0 :UInt32;
  jids @1 :List(Text);
}

struct SlotEnd {
  slot @0 :UInt32;
  reason @1 :Session.GoodbyeReason;
  text @2 :Text;
}

struct NumberedReply {
  number @0 :UInt32;
  reply @1 :Session.CallReply;
}
