#include <gtest/gtest.h>

#include "config/yaml.h"

namespace brine::config {
namespace {

TEST(Argument, ScalarsAreTyped) {
  EXPECT_EQ(argument_to_json("5"), "5");
  EXPECT_EQ(argument_to_json("1.5"), "1.5");
  EXPECT_EQ(argument_to_json("True"), "true");
  EXPECT_EQ(argument_to_json("no"), "false");
  EXPECT_EQ(argument_to_json("null"), "null");
  EXPECT_EQ(argument_to_json("None"), "null");
  EXPECT_EQ(argument_to_json("uptime -p"), R"("uptime -p")");
}

TEST(Argument, QuotesAreTakenOff) {
  EXPECT_EQ(argument_to_json("'5'"), R"("5")");
  EXPECT_EQ(argument_to_json("\"yes\""), R"("yes")");
}

TEST(Argument, ListsAndMapsNeedBrackets) {
  EXPECT_EQ(argument_to_json("[a, 1]"), R"(["a",1])");
  EXPECT_EQ(argument_to_json("{a: [1, 2]}"), R"({"a":[1,2]})");
  EXPECT_EQ(argument_to_json("a: b"), R"("a: b")");
  EXPECT_EQ(argument_to_json("- a"), R"("- a")");
}

TEST(Argument, CommentsAreNotCutOff) {
  EXPECT_EQ(argument_to_json("#"), R"("#")");
  EXPECT_EQ(argument_to_json("echo a # b"), R"("echo a # b")");
  EXPECT_EQ(argument_to_json("#5"), R"("#5")");
}

TEST(Argument, WhatYamlWouldSwallowIsKept) {
  for (const char* text : {"|", "!", ">", "'", "&a", "?", "---"}) EXPECT_EQ(argument_to_json(text), '"' + std::string(text) + '"') << text;
  EXPECT_EQ(argument_to_json(""), R"("")");
  EXPECT_EQ(argument_to_json("  "), R"("  ")");
  EXPECT_EQ(argument_to_json("1_000"), R"("1_000")");
  EXPECT_EQ(argument_to_json("a\tb\n"), R"("a\tb\n")");
}

TEST(Argument, BrokenYamlIsTheTextItself) {
  EXPECT_EQ(argument_to_json("[1, 2"), R"("[1, 2")");
  EXPECT_EQ(argument_to_json("{a: 1, a: 2}"), R"("{a: 1, a: 2}")");
  EXPECT_EQ(argument_to_json("awk '{print $1}' | sort"), R"("awk '{print $1}' | sort")");
  EXPECT_EQ(argument_to_json("*"), R"("*")");
  EXPECT_EQ(argument_to_json("%x"), R"("%x")");
  EXPECT_EQ(argument_to_json("@host"), R"("@host")");
}

}  // namespace
}  // namespace brine::config
