#include "base/nearest.h"

#include <algorithm>
#include <utility>

namespace brine {
namespace {

constexpr std::size_t kLongestName = 128;
constexpr std::size_t kShortestBeginning = 3;

std::size_t allowed_mistakes(std::string_view name) { return std::max<std::size_t>(1, (name.size() + 1) / 3); }

bool is_beginning_of(std::string_view name, std::string_view known) { return name.size() >= kShortestBeginning && known.starts_with(name); }

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::vector<std::string> nearest_names(std::string_view name, std::span<const std::string> known, std::size_t most) {
  if (name.empty() || name.size() > kLongestName) return {};
  std::vector<std::pair<std::size_t, const std::string*>> found;
  for (const std::string& candidate : known) {
    if (candidate.size() > kLongestName) continue;
    const std::size_t distance = edit_distance(name, candidate);
    if (distance <= allowed_mistakes(name) || is_beginning_of(name, candidate)) found.emplace_back(distance, &candidate);
  }
  std::ranges::stable_sort(found, {}, &std::pair<std::size_t, const std::string*>::first);
  if (found.size() > most) found.resize(most);
  std::vector<std::string> names;
  for (const auto& [distance, candidate] : found) names.push_back(*candidate);
  return names;
}

}  // namespace brine
