// The file of what a backend refuses for good: one JSON object a line, {"refused": why, "at": microseconds, "returner": name, "record":
// the record as it would have been sent}. Synced before the returner goes on. Rotated at 100 MiB, five files are kept.
// Belongs to one thread.
#pragma once

#include <span>
#include <string>

#include "base/clock.h"
#include "returners/line_file.h"
#include "returners/returner.h"

namespace brine::returners {

class DeadLetters {
 public:
  DeadLetters(std::string path, std::string returner) : file_({.path = std::move(path)}), returner_(std::move(returner)) {}

  Status write(std::span<const Record> records, const std::vector<Refusal>& refused, UnixMicros now);

 private:
  LineFile file_;
  const std::string returner_;
};

}  // namespace brine::returners
