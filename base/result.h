// Errors as values (ADR 4).
//
// A function that can fail for a reason outside the program returns Result<T>. The code says what the caller should do, the
// message says what happened and what to do about it; context is added on the way up. Broken invariants abort instead.
// Exceptions of libraries stop in the file that called the library. Whoever ends an error (does not pass it on) logs it, once.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace brine {

// What the caller should do about it.
enum class Code {
  kInvalid,      // the input is wrong: correct it, do not repeat it
  kNotFound,     // nothing of that name
  kExists,       // something of that name is already there
  kDenied,       // the caller may not
  kBusy,         // too much at once: try again later
  kUnavailable,  // a part we depend on is away: try again when it is back
  kTimeout,      // no answer within the time given
  kCorrupt,      // bytes that should be ours are not intact
  kFull,         // a bound was reached; nothing was taken
  kUnsupported,  // understood, but not offered
  kInternal,     // our own fault
};

std::string_view to_string(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string message;

  // Puts "context: " in front of the message.
  Error&& with(std::string_view context) &&;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(Code code, std::string message) { return std::unexpected<Error>(Error{code, std::move(message)}); }

// Passes an error on, with context.
inline std::unexpected<Error> fail(Error error, std::string_view context) { return std::unexpected<Error>(std::move(error).with(context)); }

// fail(kUnavailable, "what: <text of errno>").
std::unexpected<Error> fail_errno(std::string_view what, int error_number, Code code = Code::kUnavailable);

}  // namespace brine

#define BRINE_CONCAT_(a, b) a##b
#define BRINE_CONCAT(a, b) BRINE_CONCAT_(a, b)

// BRINE_TRY(expr): returns the error of a Status from the enclosing function.
#define BRINE_TRY(expr)                                                                                                        \
  do {                                                                                                                         \
    if (auto brine_status_ = (expr); !brine_status_) return std::unexpected<::brine::Error>(std::move(brine_status_.error())); \
  } while (false)

// BRINE_LET(auto name, expr): declares name with the value of a Result, or returns its error.
#define BRINE_LET(declaration, expr) BRINE_LET_(declaration, expr, BRINE_CONCAT(brine_result_, __LINE__))
#define BRINE_LET_(declaration, expr, result)                                     \
  auto result = (expr);                                                           \
  if (!result) return std::unexpected<::brine::Error>(std::move(result.error())); \
  declaration = std::move(*result)
