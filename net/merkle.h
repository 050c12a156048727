// The Merkle tree over the expected minions of a job: RFC 6962 section 2.1 with SHA-256, leaves are the minion ids in byte order.
// With it one signature covers a job for any number of minions, and each is shown only its own place. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace brine::net {

class MerkleTree {
 public:
  // ids sorted; about 2 hashes each.
  explicit MerkleTree(const std::vector<MinionId>& ids);

  std::string_view root() const { return levels_.back(); }
  std::size_t bytes() const;
  // The audit path of leaf index, leaf's neighbour first. ids: those that it was made of.
  std::vector<std::string> proof(const std::vector<MinionId>& ids, std::size_t index) const;

  // Without the lowest levels: a thirty-second of the memory, and a proof makes up to 63 hashes again.
  MerkleTree shrunk() const;
  bool is_shrunk() const { return lowest_ > 0; }

 private:
  MerkleTree(std::size_t lowest, std::vector<std::string> levels) : lowest_(lowest), levels_(std::move(levels)) {}

  std::size_t lowest_ = 0;           // of all levels, levels_[0]; 0: the leaves
  std::vector<std::string> levels_;  // hashes one after the other
};

// True if id is leaf index of a tree of count leaves with this root.
bool verify_inclusion(const MinionId& id, std::uint64_t index, std::uint64_t count, const std::vector<std::string>& proof,
                      std::string_view root);

}  // namespace brine::net
