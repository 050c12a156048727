#include "net/merkle.h"

#include <algorithm>
#include <span>

#include "net/crypto.h"

namespace brine::net {
namespace {

std::string leaf_hash(const MinionId& id) { return sha256(std::string(1, '\0') + id.str()); }

std::string node_hash(std::string_view left, std::string_view right) {
  std::string bytes;
  bytes.reserve(1 + 2 * kHashBytes);
  bytes += '\1';
  bytes += left;
  bytes += right;
  return sha256(bytes);
}

constexpr std::size_t kShrunkLevels = 5;

std::string_view node(const std::string& level, std::size_t index) {
  return std::string_view(level).substr(index * kHashBytes, kHashBytes);
}

std::string leaves_of(std::span<const MinionId> ids) {
  std::string leaves;
  leaves.reserve(ids.size() * kHashBytes);
  for (const MinionId& id : ids) leaves += leaf_hash(id);
  return leaves;
}

// Level by level, an odd last node moves up unchanged: the same tree as RFC 6962's recursive definition.
std::vector<std::string> levels_over(std::string leaves) {
  std::vector<std::string> levels;
  levels.push_back(std::move(leaves));
  while (levels.back().size() > kHashBytes) {
    const std::string& below = levels.back();
    const std::size_t count = below.size() / kHashBytes;
    std::string above;
    above.reserve((count + 1) / 2 * kHashBytes);
    for (std::size_t i = 0; i + 1 < count; i += 2) above += node_hash(node(below, i), node(below, i + 1));
    if (count % 2 == 1) above += node(below, count - 1);
    levels.push_back(std::move(above));
  }
  return levels;
}

// The neighbours of a node and of those above it.
void append_path(std::vector<std::string>& path, const std::vector<std::string>& levels, std::size_t index) {
  for (std::size_t level = 0; level + 1 < levels.size(); ++level, index /= 2) {
    const std::size_t sibling = index ^ 1U;
    if (sibling * kHashBytes < levels[level].size()) path.emplace_back(node(levels[level], sibling));
  }
}

}  // namespace

MerkleTree::MerkleTree(const std::vector<MinionId>& ids) : levels_(levels_over(ids.empty() ? sha256("") : leaves_of(ids))) {}

std::size_t MerkleTree::bytes() const {
  std::size_t sum = 0;
  for (const std::string& level : levels_) sum += level.capacity();
  return sum;
}

MerkleTree MerkleTree::shrunk() const {
  const std::size_t gone = is_shrunk() ? 0 : std::min(kShrunkLevels, levels_.size() - 1);
  return {lowest_ + gone, {levels_.begin() + static_cast<std::ptrdiff_t>(gone), levels_.end()}};
}

std::vector<std::string> MerkleTree::proof(const std::vector<MinionId>& ids, std::size_t index) const {
  std::vector<std::string> path;
  path.reserve(lowest_ + levels_.size());
  if (is_shrunk()) {
    const std::size_t width = std::size_t{1} << lowest_;
    const std::size_t first = index / width * width;
    append_path(path, levels_over(leaves_of(std::span(ids).subspan(first, std::min(width, ids.size() - first)))), index - first);
  }
  append_path(path, levels_, index >> lowest_);
  return path;
}

bool verify_inclusion(const MinionId& id, std::uint64_t index, std::uint64_t count, const std::vector<std::string>& proof,
                      std::string_view root) {
  if (index >= count) return false;
  std::string hash = leaf_hash(id);
  std::uint64_t last = count - 1;
  auto step = proof.begin();
  for (; last > 0; index /= 2, last /= 2) {
    if (index == last && index % 2 == 0) continue;  // no neighbour on this level
    if (step == proof.end()) return false;
    hash = index % 2 == 1 ? node_hash(*step, hash) : node_hash(hash, *step);
    ++step;
  }
  return step == proof.end() && hash == root;
}

}  // namespace brine::net
