// The Merkle tree over the expected minions of a job: RFC 6962 section 2.1 with SHA-256, leaves are the minion ids in byte order.
// With it one signature covers a job for any number of minions, and each is shown only its own place. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace brine::net {

class MerkleTree {
 public:
  // ids sorted; about 2 hashes each.
  explicit MerkleTree(const std::vector<MinionId>& ids);

  std::string_view root() const { return node(levels_.size() - 1, 0); }
  std::size_t bytes() const;
  // The audit path of leaf index, leaf's neighbour first.
  std::vector<std::string> proof(std::size_t index) const;

 private:
  std::string_view node(std::size_t level, std::size_t index) const;

  std::vector<std::string> levels_;  // hashes one after the other; levels_[0] are the leaves
};

// True if id is leaf index of a tree of count leaves with this root.
bool verify_inclusion(const MinionId& id, std::uint64_t index, std::uint64_t count, const std::vector<std::string>& proof,
                      std::string_view root);

}  // namespace brine::net
