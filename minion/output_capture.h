// The first bytes of a stream, and how many came after them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace brine::minion {

// Not thread-safe.
class OutputCapture {
 public:
  explicit OutputCapture(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  void append(std::string_view bytes);
  std::uint64_t dropped() const { return dropped_; }

  // What was kept. When something was dropped: cut at the end of a UTF-8 character, and followed by a line
  // "[brine: output cut after N bytes, M more dropped]". Leaves the capture empty.
  std::string take();

 private:
  const std::uint64_t max_bytes_;
  std::string kept_;
  std::uint64_t dropped_ = 0;
};

}  // namespace brine::minion
