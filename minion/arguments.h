// The arguments of a bound call, with their types. Users type YAML, so "5" may arrive as 5 and the other way round: what has one obvious
// meaning is taken, the rest is kInvalid with the name of the parameter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "minion/function.h"

namespace brine::minion {

// Refers to a bound call that must outlive it. Names are those of the function's parameters. "Given" means not null.
class Arguments {
 public:
  explicit Arguments(const Call& call) : call_(call) {}

  const Json& json(const std::string& name) const;
  bool given(const std::string& name) const { return !json(name).is_null(); }

  // Numbers and booleans become their text, {"__bytes__": ...} its bytes, null "".
  Result<std::string> text(const std::string& name) const;
  // true, false, 0, 1, "true", "no", ...; null is false.
  Result<bool> flag(const std::string& name) const;
  Result<std::int64_t> integer(const std::string& name) const;
  Result<double> number(const std::string& name) const;
  // Seconds, with fractions; none when null or 0. At most 10 years.
  Result<std::optional<milliseconds>> duration(const std::string& name) const;
  Result<JobId> job_id(const std::string& name) const;

 private:
  const Call& call_;
};

// One value as text, as Arguments::text does; what stands for it in the message.
Result<std::string> text_of(const Json& value, std::string_view what);

// The JSON text of a value; bytes that are no UTF-8 are replaced.
std::string dumped(const Json& value);

}  // namespace brine::minion
