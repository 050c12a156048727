#include "target/grains.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

// Layout: a byte, then a body. Bytes 0 to 252 are a text of that length, 253 is a longer text, 254 a list, 255 a dictionary; these three
// are followed by the length of the body in three bytes, little-endian. A list is its values; a dictionary is key, value, key, value.
// Behind the values of the root stands its directory: for each key a byte made from it, then for each key where it begins, in three bytes.
// A search so touches a few cache lines instead of all grains of a minion.

namespace brine::target {
namespace {

constexpr std::uint8_t kShortText = 252;
constexpr std::uint8_t kLongText = 253;
constexpr std::uint8_t kList = 254;
constexpr std::uint8_t kDict = 255;
constexpr std::size_t kLengthBytes = 3;
constexpr std::size_t kDirectoryBytes = 1 + kLengthBytes;

std::size_t read_length(std::string_view bytes) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
  return length;
}

// FNV-1a, folded.
char mark_of(std::string_view key) {
  std::uint32_t hash = 2166136261U;
  for (const char c : key) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
  hash ^= hash >> 16;
  return static_cast<char>(hash ^ (hash >> 8));
}

// Moves `rest` behind the value that it begins with.
std::string_view take_body(std::string_view& rest) {
  std::size_t head = 1;
  std::size_t length = static_cast<std::uint8_t>(rest[0]);
  if (length > kShortText) {
    length = read_length(rest.substr(1));
    head += kLengthBytes;
  }
  const std::string_view body(rest.data() + head, length);
  rest = {body.data() + length, rest.size() - head - length};
  return body;
}

void write_length(std::string& out, std::size_t at, std::size_t length) {
  for (std::size_t i = 0; i < kLengthBytes; ++i) out[at + i] = static_cast<char>(length >> (8 * i));
}

// Python's repr() of a float: the shortest digits that read back the same, with an exponent below 1e-4 and from 1e16 on.
std::string python_float(double value) {
  char buffer[64];
  const double size = std::fabs(value);
  const bool with_exponent = size != 0 && (size < 1e-4 || size >= 1e16);
  const auto format = with_exponent ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, format).ptr;
  std::string text(buffer, end);
  if (!with_exponent && text.find('.') == std::string::npos) text += ".0";
  return text;
}

// Writes the layout while nlohmann reads the text, so that nothing but the text itself limits what a hostile one can cost.
class Builder {
 public:
  using Text = nlohmann::json::string_t;

  bool null() { return scalar("None"); }
  bool boolean(bool value) { return scalar(value ? "True" : "False"); }
  bool number_integer(std::int64_t value) { return scalar(fmt::to_string(value)); }
  bool number_unsigned(std::uint64_t value) { return scalar(fmt::to_string(value)); }
  bool number_float(double value, const Text& source) {
    // An integer too large for 64 bits arrives here; Python would keep its digits.
    if (source.find_first_of(".eE") == Text::npos) return scalar(source);
    return scalar(python_float(value));
  }
  bool string(Text& value) { return scalar(value); }
  bool binary(nlohmann::json::binary_t&) { return refuse("not JSON"); }

  bool start_object(std::size_t) { return open(kDict); }
  bool start_array(std::size_t) { return open(kList); }
  bool key(Text& name) {
    levels_.back().keys.push_back(out_.size());
    append_text(name);
    return true;
  }
  bool end_object() { return sort_keys(levels_.back()) ? close() : refuse("a key stands twice in one object"); }
  bool end_array() { return close(); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    return refuse(fmt::format("not JSON, at byte {}", position));
  }

  const std::string& reason() const { return reason_; }
  std::size_t size() const { return out_.size(); }
  // Everything, in one allocation that fits.
  std::string finish() const {
    std::string bytes;
    bytes.reserve(out_.size() + kDirectoryBytes * root_keys_.size());
    bytes = out_;
    for (const std::size_t at : root_keys_) bytes.push_back(mark_of(text_at(at)));
    for (const std::size_t at : root_keys_) {
      bytes.append(kLengthBytes, '\0');
      write_length(bytes, bytes.size() - kLengthBytes, at);
    }
    return bytes;
  }

 private:
  struct Level {
    std::size_t length_at = 0;
    std::vector<std::size_t> keys;  // where they begin
  };

  bool refuse(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }

  bool scalar(std::string_view text) {
    if (levels_.empty()) return refuse("a JSON object is expected");
    append_text(text);
    return true;
  }

  void append_text(std::string_view text) {
    if (text.size() <= kShortText) {
      out_.push_back(static_cast<char>(text.size()));
    } else {
      append_head(kLongText);
      write_length(out_, out_.size() - kLengthBytes, text.size());
    }
    out_ += text;
  }

  void append_head(std::uint8_t tag) {
    out_.push_back(static_cast<char>(tag));
    out_.append(kLengthBytes, '\0');
  }

  bool open(std::uint8_t tag) {
    if (levels_.empty() && tag != kDict) return refuse("a JSON object is expected");
    if (levels_.size() >= Grains::kMaxDepth) return refuse("nested deeper than 16");
    if (!levels_.empty()) append_head(tag);
    levels_.push_back({out_.size() - (levels_.empty() ? 0 : kLengthBytes), {}});
    return true;
  }

  bool close() {
    const std::size_t length_at = levels_.back().length_at;
    if (levels_.size() == 1) root_keys_ = std::move(levels_.back().keys);
    levels_.pop_back();
    if (!levels_.empty()) write_length(out_, length_at, out_.size() - length_at - kLengthBytes);
    return true;
  }

  std::string_view text_at(std::size_t at) const {
    std::string_view rest = std::string_view(out_).substr(at);
    return take_body(rest);
  }

  // False if two are equal.
  bool sort_keys(Level& level) const {
    const auto text = [this](std::size_t at) { return text_at(at); };
    std::ranges::sort(level.keys, {}, text);
    return std::ranges::adjacent_find(level.keys, {}, text) == level.keys.end();
  }

  std::string out_;
  std::vector<std::size_t> root_keys_;
  std::vector<Level> levels_;
  std::string reason_;
};

}  // namespace

GrainNode GrainNode::take(std::string_view& rest) {
  const auto tag = static_cast<std::uint8_t>(rest.front());
  const std::string_view body = take_body(rest);
  return {tag == kDict ? Type::kDict : tag == kList ? Type::kList : Type::kText, body};
}

std::optional<GrainNode> GrainNode::find(std::string_view key) const {
  if (!directory_.empty()) return find_in_directory(key);
  for (std::string_view rest = body_; !rest.empty();) {
    if (take_body(rest) == key) return take(rest);
    take_body(rest);
  }
  return std::nullopt;
}

std::optional<GrainNode> GrainNode::find_in_directory(std::string_view key) const {
  const std::size_t count = directory_.size() / kDirectoryBytes;
  const std::string_view marks = directory_.substr(0, count);
  const char mark = mark_of(key);
  for (std::size_t i = marks.find(mark); i != std::string_view::npos; i = marks.find(mark, i + 1)) {
    std::string_view rest = body_.substr(read_length(directory_.substr(count + i * kLengthBytes)));
    if (take_body(rest) == key) return take(rest);
  }
  return std::nullopt;
}

std::optional<GrainNode> GrainNode::item(std::int64_t place) const {
  if (place < 0) {
    any([&](const GrainNode&) { return ++place, false; });
    if (place < 0) return std::nullopt;
  }
  std::optional<GrainNode> found;
  any([&](const GrainNode& node) {
    if (place-- == 0) found = node;
    return found.has_value();
  });
  return found;
}

GrainNode Grains::root() const {
  const std::string_view bytes(bytes_);
  return {GrainNode::Type::kDict, bytes.substr(0, values_size_), bytes.substr(values_size_)};
}

std::optional<std::string_view> Grains::text(std::string_view key) const {
  const auto found = root().find(key);
  if (!found || found->type() != GrainNode::Type::kText) return std::nullopt;
  return found->text();
}

Result<Grains> Grains::from_json(std::string_view json) {
  if (json.size() > kMaxJsonBytes)
    return fail(Code::kInvalid, fmt::format("grains: {} bytes of JSON, at most {}", json.size(), kMaxJsonBytes));
  Builder builder;
  try {
    if (!nlohmann::json::sax_parse(json, &builder)) return fail(Code::kInvalid, "grains: " + builder.reason());
  } catch (const nlohmann::json::exception&) {
    return fail(Code::kInvalid, "grains: not JSON");
  }
  return Grains(builder.finish(), builder.size());
}

std::size_t Grains::memory_bytes() const {
  constexpr std::size_t kInPlace = 15;
  return sizeof(Grains) + (bytes_.capacity() > kInPlace ? bytes_.capacity() + 1 : 0);
}

}  // namespace brine::target
