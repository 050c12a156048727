#include "net/merkle.h"

#include "net/crypto.h"

namespace brine::net {
namespace {

std::string leaf_hash(const MinionId& id) { return sha256(std::string(1, '\0') + id.str()); }

std::string node_hash(std::string_view left, std::string_view right) {
  std::string bytes(1, '\1');
  bytes += left;
  bytes += right;
  return sha256(bytes);
}

}  // namespace

// Level by level, an odd last node moves up unchanged: the same tree as RFC 6962's recursive definition.
MerkleTree::MerkleTree(const std::vector<MinionId>& ids) {
  std::vector<std::string> level;
  level.reserve(ids.size());
  for (const MinionId& id : ids) level.push_back(leaf_hash(id));
  if (level.empty()) level.push_back(sha256(""));
  levels_.push_back(std::move(level));
  while (levels_.back().size() > 1) {
    const std::vector<std::string>& below = levels_.back();
    std::vector<std::string> above;
    above.reserve(below.size() / 2 + 1);
    for (std::size_t i = 0; i + 1 < below.size(); i += 2) above.push_back(node_hash(below[i], below[i + 1]));
    if (below.size() % 2 == 1) above.push_back(below.back());
    levels_.push_back(std::move(above));
  }
}

const std::string& MerkleTree::root() const { return levels_.back().front(); }

std::vector<std::string> MerkleTree::proof(std::size_t index) const {
  std::vector<std::string> path;
  for (std::size_t level = 0; level + 1 < levels_.size(); ++level, index /= 2) {
    const std::size_t sibling = index ^ 1U;
    if (sibling < levels_[level].size()) path.push_back(levels_[level][sibling]);
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
