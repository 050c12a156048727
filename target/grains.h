// What a minion says about itself, in a form made for keeping many of them in memory and for matching.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::target {

// One value inside Grains: a text, a list or a dictionary. Does not own: valid as long as its Grains, which must not be moved meanwhile.
//
// Every scalar is kept as the text that Python's str() gives it, since that is what targets compare: True, False, None, 4, 0.5, 1e-07.
class GrainNode {
 public:
  enum class Type { kText, kList, kDict };

  Type type() const { return type_; }
  bool empty() const { return body_.empty(); }
  // What it takes in memory.
  std::size_t bytes() const { return body_.size(); }
  // Of a kText.
  std::string_view text() const { return body_; }
  // The value under a key of a kDict.
  std::optional<GrainNode> find(std::string_view key) const;
  // The item of a kList; negative counts from its end.
  std::optional<GrainNode> item(std::int64_t place) const;

  // Calls visit(GrainNode) for the items of a kList or the values of a kDict, in the order of the JSON text, until it returns true.
  // True if it did.
  template <typename Visit>
  bool any(Visit visit) const {
    for (std::string_view rest = body_; !rest.empty();) {
      if (type_ == Type::kDict) take(rest);
      if (visit(take(rest))) return true;
    }
    return false;
  }

 private:
  friend class Grains;
  GrainNode(Type type, std::string_view body, std::string_view directory = {}) : type_(type), body_(body), directory_(directory) {}
  // Reads one value and moves `rest` behind it.
  static GrainNode take(std::string_view& rest);

  std::optional<GrainNode> find_in_directory(std::string_view key) const;

  Type type_;
  std::string_view body_;
  std::string_view directory_;  // of a kDict that can be searched faster than from its beginning
};

// Immutable. One allocation, about as large as the JSON text. A top-level grain is found without a look at the others.
class Grains {
 public:
  static constexpr std::size_t kMaxJsonBytes = std::size_t{256} << 10;
  static constexpr std::size_t kMaxDepth = 16;

  // No grains at all.
  Grains() = default;
  // Takes the text of one JSON object. Fails with kInvalid for anything else, for more than kMaxJsonBytes or kMaxDepth, and for a key
  // that stands twice in one object.
  static Result<Grains> from_json(std::string_view json);

  // The dictionary of all grains.
  GrainNode root() const;
  // The text of a top-level scalar, such as "os".
  std::optional<std::string_view> text(std::string_view key) const;

  // Including this object.
  std::size_t memory_bytes() const;

 private:
  Grains(std::string bytes, std::size_t values_size) : bytes_(std::move(bytes)), values_size_(static_cast<std::uint32_t>(values_size)) {}

  // The values of the root dictionary one after the other, then a directory of its keys; grains.cc says how they are laid out.
  std::string bytes_;
  std::uint32_t values_size_ = 0;
};

}  // namespace brine::target
