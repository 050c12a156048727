#include <algorithm>

#include "operator.capnp.h"
#include "wire/capnp_bytes.h"
#include "wire/frame.h"
#include "wire/operator.h"

namespace brine::wire {
namespace {

constexpr Code kCodes[] = {Code::kInvalid, Code::kNotFound, Code::kExists, Code::kDenied,      Code::kBusy,    Code::kUnavailable,
                           Code::kTimeout, Code::kCorrupt,  Code::kFull,   Code::kUnsupported, Code::kInternal};

Code code_named(std::string_view name) {
  const auto* found = std::find_if(std::begin(kCodes), std::end(kCodes), [&](Code code) { return to_string(code) == name; });
  return found == std::end(kCodes) ? Code::kInternal : *found;
}

void fill(schema::Submit::Builder b, const Submit& m) {
  b.setSubmission({m.submission.bytes.data(), m.submission.bytes.size()});
  b.setTargetKind(text_of(m.target_kind));
  b.setTarget(text_of(m.target));
  b.setDelimiter(text_of(std::string(1, m.delimiter)));
  b.setFunction(text_of(m.function));
  b.setArguments(text_of(m.arguments));
  b.setTimeoutMs(static_cast<std::uint32_t>(m.timeout.count()));
  b.setExpiresMs(static_cast<std::uint64_t>(m.expires.count()));
  b.setSubset(m.subset);
  b.setDetach(m.detach);
}

Result<OperatorRequest> read(schema::Submit::Reader r) {
  Submit m;
  BRINE_LET(const std::string submission, fixed(r.getSubmission(), m.submission.bytes.size(), "the submission id"));
  std::copy(submission.begin(), submission.end(), m.submission.bytes.begin());
  m.target_kind = string_of(r.getTargetKind());
  m.target = string_of(r.getTarget());
  if (r.getDelimiter().size() != 1) return fail(Code::kInvalid, "the delimiter is one character");
  m.delimiter = r.getDelimiter()[0];
  m.function = string_of(r.getFunction());
  m.arguments = string_of(r.getArguments());
  m.timeout = milliseconds(r.getTimeoutMs());
  m.expires = milliseconds(std::min<std::uint64_t>(r.getExpiresMs(), 1ULL << 50));
  m.subset = r.getSubset();
  m.detach = r.getDetach();
  return m;
}

void fill(schema::OperatorReply::Builder b, const Finished& m) {
  auto missing = b.initFinished().initMissing(static_cast<unsigned>(m.missing.size()));
  for (unsigned i = 0; i < missing.size(); ++i) {
    missing[i].setMinion(text_of(m.missing[i].minion.str()));
    missing[i].setState(text_of(m.missing[i].state));
    missing[i].setText(text_of(m.missing[i].text));
  }
}

void fill(schema::OperatorReply::Builder b, const Accepted& m) {
  auto accepted = b.initAccepted();
  accepted.setJid(text_of(m.jid.str()));
  accepted.setExpected(m.expected);
  accepted.setRepeated(m.repeated);
}

void fill(schema::OperatorReply::Builder b, const MinionReturn& m) {
  auto value = b.initReturn();
  value.setMinion(text_of(m.minion.str()));
  value.setState(text_of(m.state));
  value.setRetcode(m.retcode);
  value.setSuccess(m.success);
  value.setPayload(text_of(m.payload));
}

void fill(schema::OperatorReply::Builder b, const RunResult& m) { b.setResult(text_of(m.json)); }

void fill(schema::OperatorReply::Builder b, const Failure& m) {
  auto error = b.initError();
  error.setCode(text_of(std::string(to_string(m.code))));
  error.setMessage(text_of(m.message));
}

Result<OperatorReply> read(schema::OperatorReply::Reader r) {
  switch (r.which()) {
    case schema::OperatorReply::ACCEPTED: {
      BRINE_LET(JobId jid, JobId::parse(string_of(r.getAccepted().getJid())));
      return Accepted{std::move(jid), r.getAccepted().getExpected(), r.getAccepted().getRepeated()};
    }
    case schema::OperatorReply::RETURN: {
      const auto value = r.getReturn();
      BRINE_LET(MinionId minion, MinionId::parse(string_of(value.getMinion())));
      return MinionReturn{std::move(minion), string_of(value.getState()), value.getRetcode(), value.getSuccess(),
                          string_of(value.getPayload())};
    }
    case schema::OperatorReply::FINISHED: {
      Finished m;
      for (const auto missing : r.getFinished().getMissing()) {
        BRINE_LET(MinionId minion, MinionId::parse(string_of(missing.getMinion())));
        m.missing.push_back({std::move(minion), string_of(missing.getState()), string_of(missing.getText())});
      }
      return m;
    }
    case schema::OperatorReply::RESULT: return RunResult{string_of(r.getResult())};
    case schema::OperatorReply::ERROR: return Failure{code_named(string_of(r.getError().getCode())), string_of(r.getError().getMessage())};
  }
  return fail(Code::kInvalid, "unknown reply");
}

std::size_t size_hint(const OperatorReply& reply) {
  if (const auto* value = std::get_if<MinionReturn>(&reply)) return 256 + value->payload.size();
  if (const auto* value = std::get_if<RunResult>(&reply)) return 64 + value->json.size();
  if (const auto* value = std::get_if<Finished>(&reply)) return 64 + value->missing.size() * 160;
  return 512;
}

}  // namespace

std::string encode_request(const OperatorRequest& request) {
  return make_frame(FrameType::kOperatorRequest, encode_root<schema::OperatorRequest>(512, [&](schema::OperatorRequest::Builder b) {
                      if (const auto* submit = std::get_if<Submit>(&request)) {
                        fill(b.initSubmit(), *submit);
                      } else {
                        auto run = b.initRun();
                        run.setFunction(text_of(std::get<Run>(request).function));
                        run.setArguments(text_of(std::get<Run>(request).arguments));
                      }
                    }));
}

Result<OperatorRequest> decode_request(std::string_view frame_body) {
  return decode_root<schema::OperatorRequest>(frame_body, [](schema::OperatorRequest::Reader r) -> Result<OperatorRequest> {
    switch (r.which()) {
      case schema::OperatorRequest::SUBMIT: return read(r.getSubmit());
      case schema::OperatorRequest::RUN: return Run{string_of(r.getRun().getFunction()), string_of(r.getRun().getArguments())};
    }
    return fail(Code::kInvalid, "unknown request");
  });
}

std::string encode_reply(const OperatorReply& reply) {
  return make_frame(FrameType::kOperatorReply, encode_root<schema::OperatorReply>(size_hint(reply), [&](schema::OperatorReply::Builder b) {
                      std::visit([&](const auto& m) { fill(b, m); }, reply);
                    }));
}

Result<OperatorReply> decode_reply(std::string_view frame_body) {
  return decode_root<schema::OperatorReply>(frame_body, [](schema::OperatorReply::Reader r) { return read(r); });
}

}  // namespace brine::wire
