#include "net/zmtp.h"

#include <algorithm>
#include <cstdint>

namespace brine::net {
namespace {

constexpr std::size_t kGreetingBytes = 64;
constexpr std::size_t kMechanismAt = 12;
constexpr std::size_t kMechanismBytes = 20;
constexpr std::size_t kAsServerAt = 32;
constexpr std::size_t kMaxCommand = 512;
constexpr std::size_t kMaxPingContext = 16;

constexpr std::uint8_t kMore = 0x01;
constexpr std::uint8_t kLong = 0x02;
constexpr std::uint8_t kCommand = 0x04;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void append_command(std::string& out, std::string_view name, std::string_view data) {
  out.push_back(static_cast<char>(kCommand));
  out.push_back(static_cast<char>(1 + name.size() + data.size()));
  out.push_back(static_cast<char>(name.size()));
  out += name;
  out += data;
}

}  // namespace

std::string zmtp_server_opening() {
  std::string out("\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL", 16);
  out.resize(kGreetingBytes, '\0');
  std::string socket_type("\x0bSocket-Type", 12);
  append_big_endian(socket_type, 6, 4);
  socket_type += "ROUTER";
  append_command(out, "READY", socket_type);
  return out;
}

void append_zmtp_message(std::string& out, std::string_view body) {
  if (body.size() < 256) {
    out.push_back('\0');
    out.push_back(static_cast<char>(body.size()));
  } else {
    out.push_back(static_cast<char>(kLong));
    append_big_endian(out, body.size(), 8);
  }
  out += body;
}

void append_zmtp_ping(std::string& out, std::chrono::milliseconds time_to_live) {
  std::string data;
  append_big_endian(data, static_cast<std::uint64_t>(time_to_live.count() / 100), 2);
  append_command(out, "PING", data);
}

Result<ZmtpReader::Step> ZmtpReader::next(std::string_view bytes, std::string& out) {
  return state_ == State::kGreeting ? greeting(bytes) : frame(bytes, out);
}

// Judged byte by byte as far as it has come: a peer of an older ZMTP sends less than 64 bytes and then waits.
Result<ZmtpReader::Step> ZmtpReader::greeting(std::string_view bytes) {
  if (!bytes.empty() && byte_at(bytes, 0) != 0xff) return fail(Code::kInvalid, "not a ZMTP 3 greeting");
  if (bytes.size() >= 10 && byte_at(bytes, 9) != 0x7f) return fail(Code::kInvalid, "not a ZMTP 3 greeting");
  if (bytes.size() >= 11 && byte_at(bytes, 10) < 3) return fail(Code::kUnsupported, "ZMTP 1 and 2 are not spoken here");
  if (bytes.size() < kGreetingBytes) return Step{};
  std::string mechanism = "NULL";
  mechanism.resize(kMechanismBytes, '\0');
  if (bytes.substr(kMechanismAt, kMechanismBytes) != mechanism) return fail(Code::kUnsupported, "the ZMTP mechanism here is NULL");
  if (byte_at(bytes, kAsServerAt) != 0) return fail(Code::kInvalid, "a ZMTP peer that claims to be the server");
  state_ = State::kReady;
  return Step{.used = kGreetingBytes};
}

Result<ZmtpReader::Step> ZmtpReader::frame(std::string_view bytes, std::string& out) {
  if (bytes.size() < 2) return Step{};
  const std::uint8_t flags = byte_at(bytes, 0);
  if ((flags & ~(kMore | kLong | kCommand)) != 0) return fail(Code::kInvalid, "reserved ZMTP flags are set");
  if ((flags & kMore) != 0) return fail(Code::kInvalid, "a brine message is one ZMTP frame; MORE is not allowed");
  const std::size_t header = (flags & kLong) != 0 ? 9 : 2;
  if (bytes.size() < header) return Step{};
  const std::uint64_t size = big_endian(bytes.substr(1, header - 1));
  const bool is_command = (flags & kCommand) != 0;
  if (size > (is_command ? kMaxCommand : frame_limit_))
    return fail(Code::kFull, "a frame of " + std::to_string(size) + " bytes is over the limit of " +
                                 std::to_string(is_command ? kMaxCommand : frame_limit_));
  if (!is_command && state_ != State::kTraffic) return fail(Code::kInvalid, "a ZMTP message before READY");
  if (bytes.size() - header < size) return Step{};
  const std::string_view body = bytes.substr(header, static_cast<std::size_t>(size));
  Step step{.used = header + body.size()};
  if (is_command) {
    BRINE_TRY(command(body, out));
  } else {
    step.is_message = true;
    step.message = body;
  }
  return step;
}

Status ZmtpReader::command(std::string_view body, std::string& out) {
  if (body.empty() || body.size() < 1U + byte_at(body, 0)) return fail(Code::kInvalid, "a malformed ZMTP command");
  const std::string_view name = body.substr(1, byte_at(body, 0));
  const std::string_view data = body.substr(1 + name.size());
  if (state_ == State::kReady) {
    if (name != "READY") return fail(Code::kInvalid, "a ZMTP command before READY");
    return ready(data);
  }
  if (name == "PING") {
    if (data.size() < 2 || data.size() > 2 + kMaxPingContext) return fail(Code::kInvalid, "a malformed ZMTP PING");
    append_command(out, "PONG", data.substr(2));
    return {};
  }
  if (name == "PONG") return {};
  return fail(Code::kInvalid, "a ZMTP command that a DEALER does not send");
}

// Properties are {u8 length, name, u32 length, value}. The Identity a peer may put there is ignored.
Status ZmtpReader::ready(std::string_view properties) {
  std::string socket_type;
  while (!properties.empty()) {
    const std::size_t name_size = byte_at(properties, 0);
    if (properties.size() < 1 + name_size + 4) return fail(Code::kInvalid, "a malformed ZMTP READY");
    std::string name(properties.substr(1, name_size));
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    const std::uint64_t value_size = big_endian(properties.substr(1 + name_size, 4));
    properties.remove_prefix(1 + name_size + 4);
    if (properties.size() < value_size) return fail(Code::kInvalid, "a malformed ZMTP READY");
    if (name == "socket-type") socket_type = properties.substr(0, static_cast<std::size_t>(value_size));
    properties.remove_prefix(static_cast<std::size_t>(value_size));
  }
  if (socket_type != "DEALER")
    return fail(Code::kUnsupported, "only DEALER sockets are served here, not '" + socket_type.substr(0, 16) + "'");
  state_ = State::kTraffic;
  return {};
}

}  // namespace brine::net
