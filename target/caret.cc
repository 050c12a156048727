#include "target/caret.h"

#include <algorithm>
#include <vector>

#include "target/code_point.h"

namespace brine::target {
namespace {

constexpr std::size_t kColumnsBefore = 60;
constexpr std::size_t kColumnsAfter = 40;
constexpr std::string_view kIndent = "  ";
constexpr std::string_view kCut = "...";

std::string_view shown(const CodePoint& point, std::string_view bytes) {
  if (point.value >= '\t' && point.value <= '\r') return " ";
  const bool is_control = point.value < 0x20 || (point.value >= 0x7f && point.value <= 0x9f);
  return point.valid && !is_control ? bytes : "?";
}

std::vector<std::string_view> columns_of(std::string_view text, std::size_t at, std::size_t& column) {
  std::vector<std::string_view> columns;
  for (std::size_t pos = 0; pos < text.size();) {
    if (pos <= at) column = columns.size();
    const CodePoint point = code_point_at(text, pos);
    columns.push_back(shown(point, text.substr(pos, point.size)));
    pos += point.size;
  }
  if (at >= text.size()) column = columns.size();
  return columns;
}

}  // namespace

std::string with_caret(std::string_view message, std::string_view text, std::size_t at) {
  std::size_t column = 0;
  const std::vector<std::string_view> columns = columns_of(text, at, column);
  const std::size_t begin = column > kColumnsBefore ? column - kColumnsBefore : 0;
  const std::size_t end = std::min(columns.size(), column + kColumnsAfter);

  std::string lines(message);
  lines.append("\n").append(kIndent);
  if (begin > 0) lines += kCut;
  for (std::size_t i = begin; i < end; ++i) lines += columns[i];
  if (end < columns.size()) lines += kCut;
  lines.append("\n").append(kIndent);
  lines.append(column - begin + (begin > 0 ? kCut.size() : 0), ' ').append("^");
  return lines;
}

}  // namespace brine::target
