#include "wire/frame.h"

#include <gtest/gtest.h>

namespace brine::wire {
namespace {

using namespace std::string_view_literals;

TEST(Frame, HeaderIsMagicVersionAndType) {
  EXPECT_EQ(make_frame(FrameType::kSealed, "body"),
            "BR\x01\x05"
            "body"sv);
  EXPECT_EQ(make_frame(FrameType::kClientHello, ""), "BR\x01\x01"sv);
}

TEST(Frame, EveryTypeRoundTrips) {
  for (int type = 1; type <= 9; ++type) {
    const std::string bytes = make_frame(static_cast<FrameType>(type), "\0x"sv);
    const auto frame = parse_frame(bytes);
    ASSERT_TRUE(frame);
    EXPECT_EQ(static_cast<int>(frame->type), type);
    EXPECT_EQ(frame->body, "\0x"sv);
  }
}

TEST(Frame, WhatIsNotABrineFrameIsRefused) {
  for (const auto bytes : {""sv, "B"sv, "BR\x01"sv, "XR\x01\x01"sv, "BX\x01\x01"sv, "BR\x00\x01"sv, "BR\x02\x01"sv, "BR\x01\x00"sv,
                           "BR\x01\x0a"sv, "BR\x01\xff"sv, "\x83\xa3"sv})
    EXPECT_FALSE(parse_frame(bytes));
}

}  // namespace
}  // namespace brine::wire
