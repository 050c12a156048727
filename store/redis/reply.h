// One reply of a Redis as a value: a view into what hiredis has read, which it owns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct redisReply;  // NOLINT(readability-identifier-naming): hiredis'

namespace brine::store::redis {

// A part of a Reply; valid as long as that. Absent elements read as nil.
class ReplyView {
 public:
  explicit ReplyView(const redisReply* reply) : reply_(reply) {}

  bool is_nil() const;
  bool is_error() const;
  bool is_array() const;
  // Of a string or status; empty for everything else. Any bytes.
  std::string_view text() const;
  std::string string() const { return std::string(text()); }
  // Of an integer, or of a string of decimal digits; nothing for everything else.
  std::optional<std::int64_t> integer() const;
  std::size_t size() const;  // elements of an array
  ReplyView operator[](std::size_t index) const;

 private:
  const redisReply* reply_;  // may be null: nil
};

class Reply {
 public:
  explicit Reply(redisReply* reply) : owned_(reply, &free) {}
  ReplyView view() const { return ReplyView(owned_.get()); }
  ReplyView operator[](std::size_t index) const { return view()[index]; }

 private:
  static void free(redisReply* reply);
  std::unique_ptr<redisReply, void (*)(redisReply*)> owned_;
};

}  // namespace brine::store::redis
