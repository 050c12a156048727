#include "target/grains.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace brine::target {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string text(std::string_view json) { return std::string(Grains::from_json(json).value().text("x").value_or("(none)")); }

std::string refusal(std::string_view json) {
  const auto grains = Grains::from_json(json);
  return grains ? "" : grains.error().message;
}

std::string nested(std::size_t depth) {
  std::string json;
  for (std::size_t i = 0; i < depth; ++i) json += R"({"a":)";
  return json + "1" + std::string(depth, '}');
}

TEST(Grains, ScalarsAreKeptAsPythonPrintsThem) {
  EXPECT_EQ(text(R"({"x": true})"), "True");
  EXPECT_EQ(text(R"({"x": false})"), "False");
  EXPECT_EQ(text(R"({"x": null})"), "None");
  EXPECT_EQ(text(R"({"x": 4})"), "4");
  EXPECT_EQ(text(R"({"x": -4})"), "-4");
  EXPECT_EQ(text(R"({"x": 18446744073709551615})"), "18446744073709551615");
  EXPECT_EQ(text(R"({"x": 123456789012345678901234567890})"), "123456789012345678901234567890");
  EXPECT_EQ(text(R"({"x": 1.0})"), "1.0");
  EXPECT_EQ(text(R"({"x": 0.1})"), "0.1");
  EXPECT_EQ(text(R"({"x": 1e15})"), "1000000000000000.0");
  EXPECT_EQ(text(R"({"x": 1e16})"), "1e+16");
  EXPECT_EQ(text(R"({"x": 0.0001})"), "0.0001");
  EXPECT_EQ(text(R"({"x": 0.00001})"), "1e-05");
  EXPECT_EQ(text(R"({"x": -1.5e-7})"), "-1.5e-07");
  EXPECT_EQ(text(R"({"x": "text"})"), "text");
  EXPECT_EQ(text(R"({"x": []})"), "(none)");
}

TEST(Grains, LongTextsAndEmptyOnesComeBackWhole) {
  for (const std::size_t size : {0U, 1U, 251U, 252U, 253U, 254U, 255U, 256U, 70'000U}) {
    const std::string value(size, 'v');
    EXPECT_EQ(text(R"({"a":"b","x":")" + value + R"(","z":1})"), value);
  }
  const std::string key(300, 'k');
  EXPECT_EQ(Grains::from_json("{\"" + key + "\":7}")->text(key), "7");
}

TEST(Grains, ListsAndDictionariesAreWalked) {
  const Grains grains = Grains::from_json(R"({"l":[1,[2],{"k":"v"}],"d":{"a":1,"b":{"c":2}}})").value();
  const GrainNode list = grains.root().find("l").value();
  EXPECT_EQ(list.type(), GrainNode::Type::kList);
  EXPECT_EQ(list.item(0)->text(), "1");
  EXPECT_EQ(list.item(1)->item(0)->text(), "2");
  EXPECT_EQ(list.item(-1)->find("k")->text(), "v");
  EXPECT_EQ(list.item(-3)->text(), "1");
  EXPECT_FALSE(list.item(3));
  EXPECT_FALSE(list.item(-4));
  const GrainNode dict = grains.root().find("d").value();
  EXPECT_EQ(dict.find("b")->find("c")->text(), "2");
  EXPECT_FALSE(dict.find("c"));
  std::vector<GrainNode::Type> types;
  dict.any([&](const GrainNode& node) { return types.push_back(node.type()), false; });
  EXPECT_THAT(types, ElementsAre(GrainNode::Type::kText, GrainNode::Type::kDict));
}

TEST(Grains, OnlyOneJsonObjectIsTaken) {
  for (const char* json :
       {"", "1", "null", "[]", "[{}]", "\"x\"", "{", "{}{}", "{} x", "{\"a\":1,}", "{\"a\":nan}", "{\"a\":\"\xff\"}", "{\"a\":1e999}"}) {
    EXPECT_THAT(refusal(json), HasSubstr("grains: ")) << json;
  }
  EXPECT_EQ(refusal(" {} "), "");
}

TEST(Grains, AKeyStandsOnce) {
  EXPECT_THAT(refusal(R"({"a":{"b":1,"c":2,"b":3}})"), HasSubstr("twice"));
  EXPECT_EQ(refusal(R"({"a":{"a":1},"b":{"a":1}})"), "");
}

TEST(Grains, SizeAndDepthAreBounded) {
  EXPECT_EQ(refusal(nested(Grains::kMaxDepth)), "");
  EXPECT_THAT(refusal(nested(Grains::kMaxDepth + 1)), HasSubstr("deeper"));
  EXPECT_THAT(refusal("{\"a\":" + std::string(100'000, '[')), HasSubstr("deeper"));
  const std::string fitting = R"({"x":")" + std::string(Grains::kMaxJsonBytes - 8, 'v') + R"("})";
  EXPECT_EQ(refusal(fitting), "");
  EXPECT_THAT(refusal(fitting + " "), HasSubstr("at most 262144"));
}

TEST(Grains, CostAboutAsMuchMemoryAsTheirText) {
  std::string json = "{";
  for (int i = 0; json.size() < 2048; ++i) json += "\"grain_" + std::to_string(i) + "\":\"value " + std::to_string(i) + "\",";
  json.back() = '}';
  EXPECT_LT(Grains::from_json(json)->memory_bytes(), json.size() * 3 / 2);
  EXPECT_EQ(Grains().memory_bytes(), sizeof(Grains));
}

}  // namespace
}  // namespace brine::target
