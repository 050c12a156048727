// A YAML document as a tree that knows its lines. The one door to yaml-cpp.
//
// Input is bounded (1 MiB of text, 100 levels, 200,000 values and 4 MiB of text after aliases were expanded) and nothing in it is executed:
// of the tags only those of the YAML core are understood, any other is a problem, and so is a key that comes twice in one map.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace brine::config {

inline constexpr std::size_t kMaxYamlBytes = 1U << 20;
inline constexpr std::size_t kMaxYamlDepth = 100;
inline constexpr std::size_t kMaxYamlNodes = 200'000;
inline constexpr std::size_t kMaxYamlExpandedBytes = 4U << 20;

struct YamlField;

// A value. Lines and columns count from 1.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  bool plain = false;  // a scalar that was written without quotes: its type is judged by its text
  int line = 0;
  int column = 0;
  std::string text;               // of a scalar
  std::vector<YamlNode> items;    // of a list
  std::vector<YamlField> fields;  // of a map, in the order written; "<<" is already merged
};

struct YamlField {
  std::string key;
  int line = 0;
  YamlNode value;
};

// What is wrong with a text, and where; line 0 when it concerns the whole.
struct YamlProblem {
  int line = 0;
  int column = 0;
  std::string message;
};

// The one document in the text; an empty text is a null.
std::expected<YamlNode, YamlProblem> parse_yaml(std::string_view text);

// JSON text of a tree; maps keep their order. Plain scalars are typed as scalar.h says.
std::string json_of(const YamlNode& node);

}  // namespace brine::config
