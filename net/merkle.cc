#include "net/merkle.h"

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

}  // namespace

// Level by level, an odd last node moves up unchanged: the same tree as RFC 6962's recursive definition.
MerkleTree::MerkleTree(const std::vector<MinionId>& ids) {
  std::string leaves;
  leaves.reserve(ids.size() * kHashBytes);
  for (const MinionId& id : ids) leaves += leaf_hash(id);
  if (leaves.empty()) leaves = sha256("");
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > kHashBytes) {
    const std::size_t below = levels_.size() - 1;
    const std::size_t count = levels_.back().size() / kHashBytes;
    std::string above;
    above.reserve((count + 1) / 2 * kHashBytes);
    for (std::size_t i = 0; i + 1 < count; i += 2) above += node_hash(node(below, i), node(below, i + 1));
    if (count % 2 == 1) above += node(below, count - 1);
    levels_.push_back(std::move(above));
  }
}

std::string_view MerkleTree::node(std::size_t level, std::size_t index) const {
  return std::string_view(levels_[level]).substr(index * kHashBytes, kHashBytes);
}

std::size_t MerkleTree::bytes() const {
  std::size_t sum = 0;
  for (const std::string& level : levels_) sum += level.capacity();
  return sum;
}

std::vector<std::string> MerkleTree::proof(std::size_t index) const {
  std::vector<std::string> path;
  path.reserve(levels_.size());
  for (std::size_t level = 0; level + 1 < levels_.size(); ++level, index /= 2) {
    const std::size_t sibling = index ^ 1U;
    if (sibling * kHashBytes < levels_[level].size()) path.emplace_back(node(level, sibling));
  }
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
