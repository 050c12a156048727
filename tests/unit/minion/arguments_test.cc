#include "minion/arguments.h"

#include <gmock/gmock.h>

namespace brine::minion {
namespace {

using testing::HasSubstr;

Call with(Json value) {
  Call call;
  call.kwargs["x"] = std::move(value);
  return call;
}

TEST(Arguments, TakeNumbersAndBooleansAsText) {
  EXPECT_EQ(Arguments(with(5)).text("x").value(), "5");
  EXPECT_EQ(Arguments(with(true)).text("x").value(), "true");
  EXPECT_EQ(Arguments(with(nullptr)).text("x").value(), "");
}

TEST(Arguments, TakeBytesAsText) { EXPECT_EQ(Arguments(with(bytes_to_json("\xff\n"))).text("x").value(), "\xff\n"); }

TEST(Arguments, RefuseListsAsTextAndNameTheParameter) {
  EXPECT_EQ(Arguments(with(Json::array({1}))).text("x").error().message, "x must be text, got [1]");
}

TEST(Arguments, UnderstandTheUsualWordsForTrueAndFalse) {
  for (const Json& yes : {Json(true), Json("True"), Json("yes"), Json(1), Json("on")})
    EXPECT_TRUE(Arguments(with(yes)).flag("x").value()) << yes;
  for (const Json& no : {Json(false), Json("False"), Json("no"), Json(0), Json(nullptr)})
    EXPECT_FALSE(Arguments(with(no)).flag("x").value()) << no;
  EXPECT_THAT(Arguments(with("maybe")).flag("x").error().message, HasSubstr("x must be true or false"));
}

TEST(Arguments, TakeWholeNumbersFromTextAndRefuseFractions) {
  EXPECT_EQ(Arguments(with("42")).integer("x").value(), 42);
  EXPECT_EQ(Arguments(with(-3)).integer("x").value(), -3);
  EXPECT_FALSE(Arguments(with(1.5)).integer("x"));
  EXPECT_FALSE(Arguments(with("12abc")).integer("x"));
  EXPECT_FALSE(Arguments(with(UINT64_MAX)).integer("x"));
}

TEST(Arguments, ReadDurationsInSecondsWithFractions) {
  EXPECT_EQ(Arguments(with(1.5)).duration("x").value(), milliseconds(1500));
  EXPECT_EQ(Arguments(with("2")).duration("x").value(), milliseconds(2000));
  EXPECT_EQ(Arguments(with(0)).duration("x").value(), std::nullopt);
  EXPECT_EQ(Arguments(with(nullptr)).duration("x").value(), std::nullopt);
  EXPECT_FALSE(Arguments(with(-1)).duration("x"));
  EXPECT_FALSE(Arguments(with(1e300)).duration("x"));
}

}  // namespace
}  // namespace brine::minion
