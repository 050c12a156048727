// The minions that a job expects, by number: a return row names (job, number) instead of the long id.
//
// Immutable after construction. In memory one text and one offset per id; on disk front-coded (each id as the length it shares with
// the one before it, the length of the rest, the rest), which makes 10,000 similar names about 40 KB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace brine::store {

class ExpectedSet {
 public:
  // kInvalid unless sorted, without repetition, and of ids of 1 to 255 bytes.
  static Result<ExpectedSet> from(const std::vector<MinionId>& sorted);
  // kCorrupt if these bytes did not come from encode().
  static Result<ExpectedSet> decode(std::string_view encoded);

  std::string encode() const;
  std::vector<MinionId> ids() const;
  std::size_t size() const { return ends_.size(); }
  std::string_view id(std::size_t number) const;
  std::optional<std::uint32_t> number_of(std::string_view id) const;
  // The number of the first id that is greater; size() if there is none.
  std::uint32_t number_after(std::string_view id) const;
  std::size_t memory_bytes() const { return text_.capacity() + ends_.capacity() * sizeof(std::uint32_t); }

 private:
  void append(std::string_view id);

  std::string text_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace brine::store
