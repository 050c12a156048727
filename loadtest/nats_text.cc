#include "loadtest/nats_text.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace brine::loadtest {
namespace {

constexpr std::string_view kEnd = "\r\n";

std::unexpected<Error> not_nats(std::string_view line) {
  return fail(Code::kInvalid, "this is not the protocol of NATS: '" + std::string(line.substr(0, 80)) + "'");
}

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The words of a MSG line; more than there may be: the last one says so by its space.
std::size_t split(std::string_view text, std::array<std::string_view, 5>& words) {
  std::size_t count = 0;
  while (!text.empty() && count < words.size()) {
    const std::size_t end = text.find_first_of(" \t");
    words[count++] = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : without_spaces(text.substr(end));
  }
  return count;
}

std::optional<std::size_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<NatsEvent> plain(std::string_view line) {
  using Kind = NatsEvent::Kind;
  if (line == "PING") return NatsEvent{.kind = Kind::kPing, .subject = {}, .reply = {}, .text = {}};
  if (line == "PONG") return NatsEvent{.kind = Kind::kPong, .subject = {}, .reply = {}, .text = {}};
  if (line == "+OK") return NatsEvent{.kind = Kind::kOk, .subject = {}, .reply = {}, .text = {}};
  if (line.starts_with("INFO ")) return NatsEvent{.kind = Kind::kInfo, .subject = {}, .reply = {}, .text = without_spaces(line.substr(5))};
  if (line.starts_with("-ERR")) return NatsEvent{.kind = Kind::kError, .subject = {}, .reply = {}, .text = without_spaces(line.substr(4))};
  return std::nullopt;
}

}  // namespace

void NatsReader::add(std::string_view bytes) {
  buffer_.erase(0, position_);
  position_ = 0;
  buffer_.append(bytes);
}

Result<std::optional<NatsEvent>> NatsReader::next() {
  const std::string_view rest = std::string_view(buffer_).substr(position_);
  const std::size_t end = rest.find(kEnd);
  if (end == std::string_view::npos) {
    if (rest.size() > kMaxLine) return not_nats(rest);
    return std::optional<NatsEvent>();
  }
  const std::string_view line = rest.substr(0, end);
  if (line.starts_with("MSG ")) return message(line, end + kEnd.size());
  const std::optional<NatsEvent> event = plain(line);
  if (!event) return not_nats(line);
  position_ += end + kEnd.size();
  return event;
}

// MSG subject sid [reply] bytes
Result<std::optional<NatsEvent>> NatsReader::message(std::string_view line, std::size_t after_line) {
  std::array<std::string_view, 5> words;
  const std::size_t count = split(without_spaces(line.substr(4)), words);
  if (count != 3 && count != 4) return not_nats(line);
  const std::optional<std::size_t> size = number(words[count - 1]);
  if (!size || *size > kMaxPayload || !number(words[1])) return not_nats(line);
  const std::string_view rest = std::string_view(buffer_).substr(position_ + after_line);
  if (rest.size() < *size + kEnd.size()) return std::optional<NatsEvent>();
  if (rest.substr(*size, kEnd.size()) != kEnd) return not_nats(line);
  position_ += after_line + *size + kEnd.size();
  return NatsEvent{.kind = NatsEvent::Kind::kMessage,
                   .subject = words[0],
                   .reply = count == 4 ? words[2] : std::string_view(),
                   .text = rest.substr(0, *size)};
}

}  // namespace brine::loadtest
