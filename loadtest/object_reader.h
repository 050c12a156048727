// Reads one JSON object with known keys: what is mistyped or of the wrong kind becomes an error that names it.
//
// A key that is absent leaves the value as it was. The first error is kept, and told by finish(). A value; confined to its user.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "loadtest/json.h"

namespace brine::loadtest {

class ObjectReader {
 public:
  // where: what the object is, for messages ("answer", "the configuration"). The object has to outlive the reader.
  ObjectReader(const Json& object, std::string where);

  bool has(std::string_view name) const;
  void text(const std::string& name, std::string& value);
  void texts(const std::string& name, std::vector<std::string>& value);
  void flag(const std::string& name, bool& value);
  void real(const std::string& name, double& value, double least, double most);
  // A key that ends in _ms.
  void time(const std::string& name, milliseconds& value);
  template <std::integral T>
  void number(const std::string& name, T& value, std::int64_t least, std::int64_t most) {
    std::int64_t wide = static_cast<std::int64_t>(value);
    whole(name, wide, least, most);
    value = static_cast<T>(wide);
  }
  // Anything; the caller judges it. Null when absent.
  const Json* any(const std::string& name);
  // An object inside this one.
  void object(const std::string& name, const std::function<void(ObjectReader&)>& read);
  void must_have(const std::string& name);
  void complain(std::string message);

  // kInvalid: the first complaint, or the first key that nobody asked for, with the nearest one that exists.
  Status finish() const;

 private:
  const Json* take(const std::string& name);
  void whole(const std::string& name, std::int64_t& value, std::int64_t least, std::int64_t most);

  const Json& object_;
  const std::string where_;
  std::vector<std::string> known_;
  std::string complaint_;
};

// One JSON object from text. kInvalid with `where` in front otherwise.
Result<Json> parse_object(std::string_view text, std::string_view where);

}  // namespace brine::loadtest
