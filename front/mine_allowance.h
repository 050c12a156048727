// How fast one session may send mine entries: its share of the master's memory and time. A value, of its loop.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include "base/clock.h"
#include "mine/limits.h"
#include "store/records.h"

namespace brine::front {

class MineAllowance {
 public:
  static constexpr std::size_t kBurst = 4 * mine::kMaxMinionBytes;
  static constexpr std::size_t kPerSecond = mine::kMaxMinionBytes;
  static constexpr std::size_t kOverhead = 4U << 10;  // what a message counts for, however small
  static constexpr int kReads = 4;                    // that wait for an answer at once

  // Of a change; nothing if it is more than a minion may have.
  static std::optional<std::size_t> bytes_of(const store::MineChange& change) {
    std::size_t bytes = 0;
    for (const store::MineRecord& entry : change.entries) bytes += mine::bytes_of(entry.name, entry.value, entry.allow);
    for (const std::string& name : change.removed) bytes += name.size();
    const bool fits =
        bytes <= mine::kMaxMinionBytes && change.entries.size() <= mine::kMaxNames && change.removed.size() <= mine::kMaxNames;
    return fits ? std::optional(bytes) : std::nullopt;
  }

  // False: too much.
  bool take(std::size_t bytes, MonoTime now) {
    if (last_ != MonoTime{}) {
      const double seconds_gone = std::chrono::duration<double>(now - last_).count();
      left_ = std::min(static_cast<double>(kBurst), left_ + seconds_gone * static_cast<double>(kPerSecond));
    }
    last_ = now;
    const auto cost = static_cast<double>(bytes + kOverhead);
    if (cost > left_) return false;
    left_ -= cost;
    return true;
  }

  bool begin_read() {
    if (reads_ >= kReads) return false;
    ++reads_;
    return true;
  }
  void end_read() { --reads_; }

 private:
  double left_ = static_cast<double>(kBurst);
  MonoTime last_{};
  int reads_ = 0;
};

}  // namespace brine::front
