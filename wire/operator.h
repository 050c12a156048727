// Messages between the command line and its master, as values, and their codec. See wire/operator.capnp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace brine::wire {

struct Submit {
  SubmissionId submission;
  std::string target_kind;
  std::string target;
  char delimiter = ':';
  std::string function;
  std::string arguments;  // JSON text {"args": [...], "kwargs": {...}}
  milliseconds timeout{0};
  milliseconds expires{0};
  std::uint32_t subset = 0;
  bool detach = false;
};
struct Run {
  std::string function;
  std::string arguments;  // JSON text {"args": [...], "kwargs": {...}}
};
using OperatorRequest = std::variant<Submit, Run>;

struct Accepted {
  JobId jid;
  std::uint32_t expected = 0;
  bool repeated = false;
};
struct MinionReturn {
  MinionId minion;
  std::string state;
  std::int32_t retcode = 0;
  bool success = false;
  std::string payload;  // JSON text
};
struct Missing {
  MinionId minion;
  std::string state;
  std::string text;
};
struct Finished {
  std::vector<Missing> missing;
};
struct RunResult {
  std::string json;
};
struct Failure {
  Code code = Code::kInternal;
  std::string message;
};
using OperatorReply = std::variant<Accepted, MinionReturn, Finished, RunResult, Failure>;

// These include the frame header (wire/frame.h).
std::string encode_request(const OperatorRequest& request);
std::string encode_reply(const OperatorReply& reply);
Result<OperatorRequest> decode_request(std::string_view frame_body);
Result<OperatorReply> decode_reply(std::string_view frame_body);

}  // namespace brine::wire
