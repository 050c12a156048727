// One message of every kind, with every field set: what the golden files hold, and what hostile inputs are made from.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/handshake.h"
#include "wire/job.h"
#include "wire/operator.h"
#include "wire/relay.h"
#include "wire/session.h"

namespace brine::wire {

// A byte string of this length that starts with `first` and counts up.
std::string bytes_from(int first, std::size_t count);

ClientHello sample_client_hello();
ClientHelloBody sample_client_hello_body();
ServerHello sample_server_hello();
ServerHelloBody sample_server_hello_body();
ServerProof sample_server_proof();
ClientFinish sample_client_finish();
ClientProof sample_client_proof();
ClientProof sample_client_proof_2();  // with what was added to it
Refusal sample_refusal();
Manifest sample_manifest();
SignedManifest sample_signed_manifest();
Job sample_job();
SignedJob sample_signed_job();
Welcome sample_welcome();
Delivery sample_delivery();
Ack sample_ack();
CallReply sample_call_reply();
Goodbye sample_goodbye();
Status sample_status();
NewManifest sample_new_manifest();
JournalMark sample_journal_mark();
Behind sample_behind();
Relayed sample_relayed();
RelayUp sample_relay_up();
RelayDown sample_relay_down();
MineChange sample_mine_change();
MineGet sample_mine_get();
MineReply sample_mine_reply();
Receipt sample_receipt();
Return sample_return();
CallReport sample_call_report();
Submit sample_submit();
Run sample_run();
Accepted sample_accepted();
MinionReturn sample_minion_return();
Finished sample_finished();
RunResult sample_run_result();
Failure sample_failure();

struct Sample {
  std::string name;     // of its golden file
  std::string encoded;  // by the encoder of today
  // Decodes and encodes again.
  std::function<Result<std::string>(std::string_view)> recode;
  // Its struct has got fields since: the file is of before, and decodes to what the sample holds. Newer files hold these fields.
  bool grown = false;
};
std::vector<Sample> all_samples();

// The content of golden/<name>.bin. These files were written once and are never written again: what they hold must decode forever.
std::string golden(const std::string& name);

}  // namespace brine::wire
