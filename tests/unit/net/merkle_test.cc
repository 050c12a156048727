#include "net/merkle.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "net/crypto.h"

namespace brine::net {
namespace {

std::vector<MinionId> ids(std::size_t count) {
  std::vector<MinionId> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(MinionId::trusted("minion-" + std::to_string(1000 + i)));
  return result;
}

// RFC 6962 section 2.1, word for word.
std::string naive_root(const std::vector<MinionId>& leaves, std::size_t first, std::size_t count) {
  if (count == 0) return sha256("");
  if (count == 1) return sha256(std::string(1, '\0') + leaves[first].str());
  std::size_t k = 1;
  while (k * 2 < count) k *= 2;
  return sha256(std::string(1, '\1') + naive_root(leaves, first, k) + naive_root(leaves, first + k, count - k));
}

// RFC 6962 section 2.1.1.
std::vector<std::string> naive_path(const std::vector<MinionId>& leaves, std::size_t index, std::size_t first, std::size_t count) {
  if (count == 1) return {};
  std::size_t k = 1;
  while (k * 2 < count) k *= 2;
  const bool left = index < k;
  auto path = left ? naive_path(leaves, index, first, k) : naive_path(leaves, index - k, first + k, count - k);
  path.push_back(left ? naive_root(leaves, first + k, count - k) : naive_root(leaves, first, k));
  return path;
}

TEST(Merkle, RootsAndPathsAreThoseOfRfc6962) {
  for (std::size_t count = 1; count <= 70; ++count) {
    const auto leaves = ids(count);
    const MerkleTree tree(leaves);
    ASSERT_EQ(tree.root(), naive_root(leaves, 0, count)) << count;
    for (std::size_t index = 0; index < count; ++index) {
      ASSERT_EQ(tree.proof(leaves, index), naive_path(leaves, index, 0, count)) << index << " of " << count;
      ASSERT_TRUE(verify_inclusion(leaves[index], index, count, tree.proof(leaves, index), tree.root())) << index << " of " << count;
    }
  }
}

TEST(Merkle, AShrunkTreeGivesTheSameRootAndPathsWithLessMemory) {
  for (const std::size_t count : {1u, 2u, 31u, 32u, 33u, 64u, 65u, 97u, 1000u}) {
    const auto leaves = ids(count);
    const MerkleTree tree(leaves);
    const MerkleTree shrunk = tree.shrunk();
    ASSERT_EQ(shrunk.root(), tree.root()) << count;
    ASSERT_EQ(shrunk.shrunk().root(), tree.root()) << count;
    for (std::size_t index = 0; index < count; ++index)
      ASSERT_EQ(shrunk.proof(leaves, index), tree.proof(leaves, index)) << index << " of " << count;
  }
  const auto many = ids(10'000);
  EXPECT_LT(MerkleTree(many).shrunk().bytes() * 25, MerkleTree(many).bytes());
}

TEST(Merkle, EmptyTreeHasTheHashOfNothingAndNoMembers) {
  EXPECT_EQ(to_hex(MerkleTree({}).root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_FALSE(verify_inclusion(MinionId(), 0, 0, {}, MerkleTree({}).root()));
}

TEST(Merkle, AnotherMinionIsNotIncluded) {
  const auto leaves = ids(21);
  const MerkleTree tree(leaves);
  for (std::size_t index = 0; index < leaves.size(); ++index) {
    EXPECT_FALSE(verify_inclusion(MinionId::trusted("stranger"), index, leaves.size(), tree.proof(leaves, index), tree.root()));
    const MinionId& neighbour = leaves[index == 0 ? 1 : index - 1];
    EXPECT_FALSE(verify_inclusion(neighbour, index, leaves.size(), tree.proof(leaves, index), tree.root()));
  }
}

TEST(Merkle, AnotherIndexIsRefused) {
  const auto leaves = ids(21);
  const MerkleTree tree(leaves);
  for (std::size_t index = 0; index < leaves.size(); ++index) {
    for (std::size_t other = 0; other < leaves.size() + 3; ++other) {
      EXPECT_EQ(verify_inclusion(leaves[index], other, leaves.size(), tree.proof(leaves, index), tree.root()), other == index)
          << index << " as " << other;
    }
    EXPECT_FALSE(verify_inclusion(leaves[index], UINT64_MAX, leaves.size(), tree.proof(leaves, index), tree.root()));
  }
}

TEST(Merkle, EveryAlteredByteOfAProofOrRootIsRefused) {
  const auto leaves = ids(13);
  const MerkleTree tree(leaves);
  for (std::size_t index = 0; index < leaves.size(); ++index) {
    const auto proof = tree.proof(leaves, index);
    for (std::size_t step = 0; step < proof.size(); ++step) {
      for (std::size_t at = 0; at < kHashBytes; ++at) {
        auto altered = proof;
        altered[step][at] = static_cast<char>(altered[step][at] ^ 1);
        ASSERT_FALSE(verify_inclusion(leaves[index], index, leaves.size(), altered, tree.root()));
      }
    }
    std::string root(tree.root());
    root.back() = static_cast<char>(root.back() ^ 1);
    EXPECT_FALSE(verify_inclusion(leaves[index], index, leaves.size(), proof, root));
  }
}

TEST(Merkle, ProofOfAnotherLengthIsRefused) {
  const auto leaves = ids(13);
  const MerkleTree tree(leaves);
  for (std::size_t index = 0; index < leaves.size(); ++index) {
    auto longer = tree.proof(leaves, index);
    longer.push_back(longer.back());
    EXPECT_FALSE(verify_inclusion(leaves[index], index, leaves.size(), longer, tree.root()));
    auto shorter = tree.proof(leaves, index);
    shorter.pop_back();
    EXPECT_FALSE(verify_inclusion(leaves[index], index, leaves.size(), shorter, tree.root()));
    EXPECT_FALSE(verify_inclusion(leaves[index], index, leaves.size(), {}, tree.root()));
  }
}

// The leaf and node prefixes keep an inner node from being shown as a minion.
TEST(Merkle, InnerNodeIsNoLeaf) {
  const auto leaves = ids(4);
  const MerkleTree tree(leaves);
  const std::string inner = tree.proof(leaves, 0)[0] + tree.proof(leaves, 1)[0];
  EXPECT_FALSE(verify_inclusion(MinionId::trusted(inner), 0, 2, {tree.proof(leaves, 0)[1]}, tree.root()));
}

}  // namespace
}  // namespace brine::net
