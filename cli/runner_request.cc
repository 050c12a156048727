#include "cli/runner_request.h"

#include "cli/master_sockets.h"
#include "net/operator_client.h"
#include "wire/frame.h"
#include "wire/operator.h"

namespace brine::cli {
namespace {

constexpr milliseconds kLookAgain{60'000};

Result<RunnerAnswer> read_answer(std::string_view bytes) {
  BRINE_LET(const wire::Frame frame, wire::parse_frame(bytes));
  if (frame.type != wire::FrameType::kOperatorReply) return fail(Code::kInvalid, "not an operator reply");
  BRINE_LET(const wire::OperatorReply reply, wire::decode_reply(frame.body));
  if (const auto* result = std::get_if<wire::RunResult>(&reply)) return RunnerAnswer(parse_value(result->json));
  if (const auto* failure = std::get_if<wire::Failure>(&reply)) return RunnerAnswer(Error{failure->code, failure->message});
  return fail(Code::kInvalid, "the master answered with what was not asked for");
}

Result<RunnerAnswer> ask(MasterSockets masters, int interrupt_fd, const std::string& runner, const std::string& arguments) {
  BRINE_LET(const auto client, masters.connect());
  client->send(wire::encode_request(wire::Run{runner, arguments}));
  while (true) {
    auto frame = client->receive(kLookAgain, interrupt_fd);
    if (!frame) return fail(std::move(frame.error()), "no answer to " + runner + ", which may have run");
    if (*frame) return read_answer(**frame);
    if (interrupt_fd >= 0 && net::is_readable(interrupt_fd))
      return fail(Code::kTimeout, "interrupted; " + runner + " goes on at the master");
  }
}

}  // namespace

AskMaster ask_over(std::vector<std::string> sockets, int interrupt_fd) {
  return [masters = MasterSockets(std::move(sockets)), interrupt_fd](const std::string& runner, const std::string& arguments) {
    return ask(masters, interrupt_fd, runner, arguments);
  };
}

}  // namespace brine::cli
