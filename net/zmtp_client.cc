#include "net/zmtp_client.h"

#include <cstdint>

namespace brine::net {
namespace {

constexpr std::size_t kGreetingBytes = 64;
constexpr std::size_t kMechanismAt = 12;
constexpr std::size_t kMaxCommand = 512;
constexpr std::uint8_t kMore = 0x01;
constexpr std::uint8_t kLong = 0x02;
constexpr std::uint8_t kCommand = 0x04;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

void append_command(std::string& out, std::string_view name, std::string_view data) {
  out.push_back(static_cast<char>(kCommand));
  out.push_back(static_cast<char>(1 + name.size() + data.size()));
  out.push_back(static_cast<char>(name.size()));
  out += name;
  out += data;
}

}  // namespace

std::string zmtp_client_opening() {
  std::string out("\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL", 16);
  out.resize(kGreetingBytes, '\0');
  append_command(out, "READY",
                 std::string_view("\x0bSocket-Type\0\0\0\x06"
                                  "DEALER",
                                  22));
  return out;
}

Status ZmtpClientReader::feed(std::string_view bytes, std::string& out, std::deque<std::string>& messages) {
  pending_ += bytes;
  std::size_t used = 0;
  while (true) {
    const std::string_view rest = std::string_view(pending_).substr(used);
    BRINE_LET(const std::size_t step, greeted_ ? frame(rest, out, messages) : greeting(rest));
    if (step == 0) break;
    used += step;
  }
  pending_.erase(0, used);
  return {};
}

Result<std::size_t> ZmtpClientReader::greeting(std::string_view bytes) {
  if (!bytes.empty() && byte_at(bytes, 0) != 0xff) return fail(Code::kInvalid, "not a ZMTP 3 greeting");
  if (bytes.size() < kGreetingBytes) return std::size_t{0};
  if (byte_at(bytes, 9) != 0x7f || byte_at(bytes, 10) < 3) return fail(Code::kInvalid, "not a ZMTP 3 greeting");
  if (bytes.substr(kMechanismAt, 5) != std::string_view("NULL\0", 5)) return fail(Code::kUnsupported, "a ZMTP mechanism other than NULL");
  greeted_ = true;
  return kGreetingBytes;
}

Result<std::size_t> ZmtpClientReader::frame(std::string_view bytes, std::string& out, std::deque<std::string>& messages) {
  if (bytes.size() < 2) return std::size_t{0};
  const std::uint8_t flags = byte_at(bytes, 0);
  if ((flags & ~(kLong | kCommand)) != 0)
    return fail(Code::kInvalid, (flags & kMore) != 0 ? "a message of several frames" : "reserved ZMTP flags are set");
  const std::size_t header = (flags & kLong) != 0 ? 9 : 2;
  if (bytes.size() < header) return std::size_t{0};
  const std::uint64_t size = big_endian(bytes.substr(1, header - 1));
  const bool is_command = (flags & kCommand) != 0;
  if (size > (is_command ? kMaxCommand : frame_limit_))
    return fail(Code::kFull, "a frame of " + std::to_string(size) + " bytes is over the limit");
  if (!is_command && !ready_) return fail(Code::kInvalid, "a ZMTP message before READY");
  if (bytes.size() - header < size) return std::size_t{0};
  const std::string_view body = bytes.substr(header, static_cast<std::size_t>(size));
  if (is_command) {
    BRINE_TRY(command(body, out));
  } else {
    messages.emplace_back(body);
  }
  return header + body.size();
}

Status ZmtpClientReader::command(std::string_view body, std::string& out) {
  if (body.empty() || body.size() < 1U + byte_at(body, 0)) return fail(Code::kInvalid, "a malformed ZMTP command");
  const std::string_view name = body.substr(1, byte_at(body, 0));
  const std::string_view data = body.substr(1 + name.size());
  if (!ready_) {
    if (name == "ERROR") return fail(Code::kUnavailable, "the peer refused the connection");
    if (name != "READY") return fail(Code::kInvalid, "a ZMTP command before READY");
    ready_ = true;
  } else if (name == "PING") {
    if (data.size() < 2) return fail(Code::kInvalid, "a malformed ZMTP PING");
    append_command(out, "PONG", data.substr(2));
  }
  return {};
}

}  // namespace brine::net
