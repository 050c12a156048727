#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace brine {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Code::kInvalid, "odd");
  return value / 2;
}

Result<int> quarter(int value) {
  BRINE_LET(const int once, half(value));
  return half(once);
}

Status check(int value) {
  if (value < 0) return fail(Code::kDenied, "negative");
  return {};
}

Result<int> checked(int value) {
  BRINE_TRY(check(value));
  return value;
}

TEST(Result, LetAndTryPassErrorsOn) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(quarter(6).error().code, Code::kInvalid);
  EXPECT_EQ(checked(1), 1);
  EXPECT_EQ(checked(-1).error().message, "negative");
}

TEST(Result, ContextStandsBeforeTheMessage) {
  const Status failed = fail(Error{Code::kCorrupt, "bad byte"}, "journal");
  EXPECT_EQ(failed.error().message, "journal: bad byte");
  EXPECT_EQ(failed.error().code, Code::kCorrupt);
}

TEST(Result, SystemErrorsCarryTheirText) {
  const Status failed = fail_errno("cannot read x", ENOENT, Code::kNotFound);
  EXPECT_EQ(failed.error().message, "cannot read x: No such file or directory");
  EXPECT_EQ(failed.error().code, Code::kNotFound);
}

TEST(Result, EveryCodeHasItsOwnName) {
  std::string names;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    const std::string name = "[" + std::string(to_string(static_cast<Code>(code))) + "]";
    EXPECT_EQ(names.find(name), std::string::npos) << name;
    names += name;
  }
}

}  // namespace
}  // namespace brine
