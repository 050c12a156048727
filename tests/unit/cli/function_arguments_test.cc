#include "cli/function_arguments.h"

#include <gtest/gtest.h>

namespace brine::cli {
namespace {

std::string read(const std::vector<std::string>& words) {
  const auto arguments = read_function_arguments(words);
  return arguments ? arguments->text() : "refused: " + arguments.error().message;
}

TEST(FunctionArguments, AreTypedAsYaml) {
  EXPECT_EQ(read({"uptime", "3", "-2", "1.5", "True", "null", "[1, a]", "{k: v}", "a: b", ""}),
            R"({"args":["uptime",3,-2,1.5,true,null,[1,"a"],{"k":"v"},"a: b",""],"kwargs":{}})");
}

TEST(FunctionArguments, NameEqualsValueIsAKeyword) {
  EXPECT_EQ(read({"df -h", "cwd=/tmp", "timeout=10", "env={A: 1}", "empty=", "_a-b.c=x"}),
            R"({"args":["df -h"],"kwargs":{"_a-b.c":"x","cwd":"/tmp","empty":"","env":{"A":1},"timeout":10}})");
}

TEST(FunctionArguments, WhatOnlyLooksLikeAKeywordIsPositional) {
  EXPECT_EQ(read({"a==b", "1=2", "a b=c", "=x", "--x=1"}), R"({"args":["a==b","1=2","a b=c","=x","--x=1"],"kwargs":{}})");
}

TEST(FunctionArguments, ValueOfAKeywordMayHoldEqualsAndNewlines) {
  EXPECT_EQ(read({"cmd=A=1 env", "stdin=one\ntwo"}), R"({"args":[],"kwargs":{"cmd":"A=1 env","stdin":"one\ntwo"}})");
}

TEST(FunctionArguments, ANameGivenTwiceIsRefused) { EXPECT_EQ(read({"cwd=/", "cwd=/tmp"}), "refused: cwd= is given twice"); }

TEST(FunctionArguments, BytesThatAreNotTextAreRefused) { EXPECT_EQ(read({"ok", "\xff"}), "refused: argument 2 is not UTF-8 text"); }

}  // namespace
}  // namespace brine::cli
