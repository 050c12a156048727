#include "minion/output_capture.h"

#include <fmt/format.h>

#include <algorithm>

namespace brine::minion {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::size_t length_announced_by(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  if (byte >= 0xF0U) return 4;
  if (byte >= 0xE0U) return 3;
  return byte >= 0xC0U ? 2 : 1;
}

// Bytes of an unfinished character at the end.
std::size_t unfinished_tail(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const char c = text[text.size() - back];
    if (!is_continuation(c)) return length_announced_by(c) > back ? back : 0;
  }
  return 0;
}

}  // namespace

void OutputCapture::append(std::string_view bytes) {
  const std::size_t room = static_cast<std::size_t>(max_bytes_ - kept_.size());
  kept_.append(bytes.substr(0, room));
  if (bytes.size() > room) dropped_ += bytes.size() - room;
}

std::string OutputCapture::take() {
  std::string text = std::move(kept_);
  kept_.clear();
  if (dropped_ == 0) return text;
  const std::size_t tail = unfinished_tail(text);
  text.resize(text.size() - tail);
  text += fmt::format("\n[brine: output cut after {} bytes, {} more dropped]\n", text.size(), dropped_ + tail);
  dropped_ = 0;
  return text;
}

}  // namespace brine::minion
