// What a NATS server sends to a client, read from its stream: docs.nats.io, "Client Protocol". Text lines; a message carries its payload
// after its line. Confined to one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::loadtest {

struct NatsEvent {
  enum class Kind { kInfo, kPing, kPong, kOk, kError, kMessage };
  Kind kind = Kind::kOk;
  std::string_view subject;  // of a message
  std::string_view reply;    // of a message: the subject of an answer, may be empty
  std::string_view text;     // payload of a message, JSON of INFO, reason of -ERR
};

class NatsReader {
 public:
  // Bytes as they came. What next() gave is no longer valid after it.
  void add(std::string_view bytes);

  // The next whole one, or nothing until more bytes come; the views point into the reader. kInvalid: this is not the protocol of NATS,
  // and nothing more can be read.
  Result<std::optional<NatsEvent>> next();

 private:
  static constexpr std::size_t kMaxLine = 64U << 10;
  static constexpr std::size_t kMaxPayload = 64U << 20;

  Result<std::optional<NatsEvent>> message(std::string_view line, std::size_t after_line);

  std::string buffer_;
  std::size_t position_ = 0;
};

}  // namespace brine::loadtest
