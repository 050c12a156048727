#include "store/expected_set.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace brine::store {
namespace {

constexpr std::size_t kMaxIdBytes = 255;

std::size_t shared_prefix(std::string_view a, std::string_view b) {
  const std::size_t limit = std::min(a.size(), b.size());
  std::size_t length = 0;
  while (length < limit && a[length] == b[length]) ++length;
  return length;
}

}  // namespace

void ExpectedSet::append(std::string_view id) {
  text_.append(id);
  ends_.push_back(static_cast<std::uint32_t>(text_.size()));
}

Result<ExpectedSet> ExpectedSet::from(const std::vector<MinionId>& sorted) {
  const std::size_t bytes = std::accumulate(sorted.begin(), sorted.end(), std::size_t{0},
                                            [](std::size_t sum, const MinionId& id) { return sum + id.str().size(); });
  if (bytes > std::numeric_limits<std::uint32_t>::max()) return fail(Code::kInvalid, "the expected minions' ids take more than 4 GiB");
  ExpectedSet set;
  set.text_.reserve(bytes);
  set.ends_.reserve(sorted.size());
  std::string_view previous;
  for (const MinionId& id : sorted) {
    if (id.empty() || id.str().size() > kMaxIdBytes) return fail(Code::kInvalid, "an expected minion's id has 1 to 255 bytes");
    if (previous >= id.str()) return fail(Code::kInvalid, "expected minions have to be sorted, each one once; " + id.str() + " is not");
    set.append(id.str());
    previous = id.str();
  }
  return set;
}

Result<ExpectedSet> ExpectedSet::decode(std::string_view encoded) {
  const auto damaged = [] { return fail(Code::kCorrupt, "the list of expected minions of a job is damaged"); };
  ExpectedSet set;
  std::string id;
  while (!encoded.empty()) {
    if (encoded.size() < 2) return damaged();
    const std::size_t shared = static_cast<std::uint8_t>(encoded[0]);
    const std::size_t rest = static_cast<std::uint8_t>(encoded[1]);
    if (shared > id.size() || encoded.size() < 2 + rest) return damaged();
    id.replace(shared, std::string::npos, encoded.substr(2, rest));
    set.append(id);
    encoded.remove_prefix(2 + rest);
  }
  return set;
}

std::string ExpectedSet::encode() const {
  std::string encoded;
  encoded.reserve(text_.size() / 2 + 2 * size());
  std::string_view previous;
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string_view current = id(i);
    const std::size_t shared = shared_prefix(previous, current);
    encoded.push_back(static_cast<char>(shared));
    encoded.push_back(static_cast<char>(current.size() - shared));
    encoded.append(current.substr(shared));
    previous = current;
  }
  return encoded;
}

std::vector<MinionId> ExpectedSet::ids() const {
  std::vector<MinionId> all;
  all.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) all.push_back(MinionId::trusted(std::string(id(i))));
  return all;
}

std::string_view ExpectedSet::id(std::size_t number) const {
  const std::uint32_t start = number == 0 ? 0 : ends_[number - 1];
  return std::string_view(text_).substr(start, ends_[number] - start);
}

std::uint32_t ExpectedSet::number_after(std::string_view wanted) const {
  std::size_t low = 0;
  std::size_t high = size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (id(middle) <= wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return static_cast<std::uint32_t>(low);
}

std::optional<std::uint32_t> ExpectedSet::number_of(std::string_view wanted) const {
  const std::uint32_t after = number_after(wanted);
  if (after == 0 || id(after - 1) != wanted) return std::nullopt;
  return after - 1;
}

}  // namespace brine::store
