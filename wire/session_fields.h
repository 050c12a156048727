// Parts of session.capnp that more than one codec fills and reads. Private to the codecs.
#pragma once

#include <vector>

#include "session.capnp.h"
#include "wire/capnp_bytes.h"
#include "wire/session.h"

namespace brine::wire {

void fill_return(schema::Return::Builder b, const store::ReturnRecord& r);
Result<store::ReturnRecord> read_return(schema::Return::Reader r, bool with_jid);

void fill_jids(capnp::List<capnp::Text>::Builder list, const std::vector<JobId>& jids);
Result<std::vector<JobId>> read_jids(capnp::List<capnp::Text>::Reader list);

void fill_receipt(schema::Receipt::Builder b, const Receipt& m);
Result<Receipt> read_receipt(schema::Receipt::Reader r);

void fill_call(schema::CallReport::Builder b, const CallReport& m);
Result<CallReport> read_call(schema::CallReport::Reader r);

void fill_call_reply(schema::CallReply::Builder b, const CallReply& m);
Result<CallReply> read_call_reply(schema::CallReply::Reader r);

void fill_mine(schema::MineChange::Builder b, const store::MineChange& m);
Result<store::MineChange> read_mine(schema::MineChange::Reader r);
std::size_t size_hint_of(const store::MineChange& change);

void fill_mine_get(schema::MineGet::Builder b, const MineGet& m);
Result<MineGet> read_mine_get(schema::MineGet::Reader r);

void fill_mine_reply(schema::MineReply::Builder b, const MineReply& m);
Result<MineReply> read_mine_reply(schema::MineReply::Reader r);

}  // namespace brine::wire
