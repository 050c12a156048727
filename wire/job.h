// The signed job as a value, and its codec. See wire/job.capnp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace brine::wire {

struct Job {
  std::string cluster_root;  // 32 bytes
  JobId jid;
  std::uint64_t manifest_epoch = 0;
  std::string signer;  // 32 bytes
  std::string function;
  std::string arguments;  // JSON text
  std::string target_kind;
  std::string target;
  char delimiter = ':';
  std::string expected_root;  // 32 bytes
  std::uint32_t expected_count = 0;
  UnixMicros issued = 0;
  UnixMicros not_after = 0;
  milliseconds timeout{0};
};
struct SignedJob {
  std::string job;
  std::string signature;  // 64 bytes
};

std::string encode(const Job& job);
std::string encode(const SignedJob& job);
Result<Job> decode_job(std::string_view bytes);
Result<SignedJob> decode_signed_job(std::string_view bytes);

}  // namespace brine::wire
