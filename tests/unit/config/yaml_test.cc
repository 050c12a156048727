#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/yaml.h"
#include "config/yaml_tree.h"

namespace brine::config {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

std::string json(std::string_view yaml) { return yaml_to_json(yaml).value_or("no YAML"); }

std::string complaint(std::string_view yaml) {
  const auto result = yaml_to_json(yaml);
  return result ? "accepted: " + *result : result.error().message;
}

TEST(YamlToJson, PlainScalarsAreTypedAsPyYamlTypesThem) {
  EXPECT_EQ(json("[1, -2, +3, 0, 0x1F, 0b101, 1_000]"), "[1,-2,3,0,31,5,1000]");
  EXPECT_EQ(json("[1.5, -0.25, .5, 1., 1.5e+3]"), "[1.5,-0.25,0.5,1.0,1500.0]");
  EXPECT_EQ(json("[true, False, YES, no, On, off]"), "[true,false,true,false,true,false]");
  EXPECT_EQ(json("[null, ~, Null, NULL, ]"), "[null,null,null,null]");
  EXPECT_EQ(json("a:"), R"({"a":null})");
  EXPECT_EQ(json("[1e3, 1.2.3, 0o17, 0x, yEs, 10.0.0.1, '+', '-']"), R"(["1e3","1.2.3","0o17","0x","yEs","10.0.0.1","+","-"])");
}

TEST(YamlToJson, TimesAndDatesStayStrings) { EXPECT_EQ(json("[12:30, 2025-01-31]"), R"(["12:30","2025-01-31"])"); }

TEST(YamlToJson, LeadingZeroIsDroppedAsInSalt) { EXPECT_EQ(json("[0644, 00, 0099]"), R"([644,0,"0099"])"); }

TEST(YamlToJson, NumbersThatJsonCannotHoldStayStrings) {
  EXPECT_EQ(json("[9223372036854775807, 18446744073709551615, -9223372036854775808]"),
            "[9223372036854775807,18446744073709551615,-9223372036854775808]");
  EXPECT_EQ(json("[18446744073709551616, -9223372036854775809, .inf, .nan]"),
            R"(["18446744073709551616","-9223372036854775809",".inf",".nan"])");
}

TEST(YamlToJson, QuotedScalarsStayStrings) {
  EXPECT_EQ(json(R"(['1', "true", 'null', "~", ''])"), R"(["1","true","null","~",""])");
  EXPECT_EQ(json("!!str 5"), R"("5")");
  EXPECT_EQ(json("a: |\n  5\n"), R"({"a":"5\n"})");
}

TEST(YamlToJson, MapsKeepTheirOrderAndTheirKeysBecomeStrings) {
  EXPECT_EQ(json("{z: 1, a: {1: x, true: y, ~: z}}"), R"({"z":1,"a":{"1":"x","true":"y","null":"z"}})");
}

TEST(YamlToJson, EmptyTextIsNull) {
  EXPECT_EQ(json(""), "null");
  EXPECT_EQ(json("# nothing\n"), "null");
}

TEST(YamlToJson, AliasesAndMergesAreExpanded) {
  EXPECT_EQ(json("a: &x [1]\nb: *x\n"), R"({"a":[1],"b":[1]})");
  EXPECT_EQ(json("base: &b {p: 1, q: 2}\nmine: {<<: *b, p: 9}\n"), R"({"base":{"p":1,"q":2},"mine":{"p":9,"q":2}})");
  EXPECT_EQ(json("- &b {p: 1}\n- &c {p: 2, r: 3}\n- {<<: [*b, *c]}\n"), R"([{"p":1},{"p":2,"r":3},{"p":1,"r":3}])");
  EXPECT_THAT(complaint("<<: 5"), HasSubstr("takes maps only"));
}

TEST(YamlToJson, KeyThatComesTwiceIsRefusedWithItsPlace) {
  EXPECT_THAT(complaint("a: 1\nb: 2\na: 3\n"), AllOf(HasSubstr("line 3, column 1"), HasSubstr("'a' is here a second time")));
}

TEST(YamlToJson, BrokenTextIsRefusedWithItsPlace) {
  EXPECT_THAT(complaint("a: 1\nb: [1, 2\nc: 3\n"), AllOf(HasSubstr("line "), HasSubstr("not valid YAML")));
  EXPECT_THAT(complaint("a: *nowhere"), HasSubstr("line 1, column 4"));
}

TEST(YamlToJson, QuoteThatIsNeverClosedIsRefused) {
  for (const char* text : {"b: 'open", "b: 'open\n", "b: \"open\nc: d\n", "b: '", "b: &a 'x\n\n", "b: 'it''\n", "b: \"x\\\"\n"}) {
    EXPECT_THAT(complaint(text), AllOf(HasSubstr("line 1, column"), AnyOf(HasSubstr("never closed"), HasSubstr("EOF in scalar")))) << text;
  }
  EXPECT_EQ(json("b: 'x'"), R"({"b":"x"})");
  EXPECT_EQ(json("b: \"x\"  # c\n\n"), R"({"b":"x"})");
  EXPECT_EQ(json("b: |+\n  x\n\n"), R"({"b":"x\n\n"})");
  EXPECT_EQ(json("b: >\n  x\n  y\n"), R"({"b":"x y\n"})");
}

TEST(YamlToJson, TagsAreNotExecuted) {
  EXPECT_THAT(complaint("!!python/object/apply:os.system [id]"), HasSubstr("is not supported"));
  EXPECT_THAT(complaint("!local x"), HasSubstr("is not supported"));
  EXPECT_THAT(complaint("!!binary aGk="), HasSubstr("is not supported"));
}

TEST(YamlToJson, SecondDocumentIsRefused) { EXPECT_THAT(complaint("a: 1\n---\nb: 2\n"), HasSubstr("only one")); }

TEST(YamlToJson, KeysMustBeSingleValues) { EXPECT_THAT(complaint("? [1, 2]\n: x\n"), HasSubstr("single value")); }

TEST(YamlToJson, NestingIsBounded) {
  EXPECT_EQ(json(std::string(kMaxYamlDepth, '[') + std::string(kMaxYamlDepth, ']')),
            std::string(kMaxYamlDepth, '[') + std::string(kMaxYamlDepth, ']'));
  EXPECT_THAT(complaint(std::string(kMaxYamlDepth + 1, '[') + std::string(kMaxYamlDepth + 1, ']')), HasSubstr("levels"));
  EXPECT_THAT(complaint(std::string(100'000, '[')), HasSubstr("levels"));
}

TEST(YamlToJson, AliasBombIsRefused) {
  std::string bomb = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 12; ++level) {
    const std::string below = "*l" + std::to_string(level - 1);
    bomb += "l" + std::to_string(level) + ": &l" + std::to_string(level) + " [";
    for (int i = 0; i < 10; ++i) bomb += below + (i < 9 ? ", " : "");
    bomb += "]\n";
  }
  EXPECT_THAT(complaint(bomb), HasSubstr("too many values"));
}

TEST(YamlToJson, LongTextBehindAliasesIsBounded) {
  std::string bomb = "a: &a " + std::string(100'000, 'x') + "\nb: [";
  for (int i = 0; i < 100; ++i) bomb += "*a, ";
  EXPECT_THAT(complaint(bomb + "1]\n"), HasSubstr("too many values"));
}

TEST(YamlToJson, ValueThatContainsItselfIsRefused) { EXPECT_THAT(complaint("&a [*a]"), HasSubstr("contain itself")); }

TEST(YamlToJson, TextOverOneMebibyteIsRefused) {
  EXPECT_THAT(complaint(std::string(kMaxYamlBytes + 1, ' ')), HasSubstr("larger than 1048576 bytes"));
}

TEST(YamlToJson, ControlCharactersAndBadUtf8AreRefused) {
  EXPECT_THAT(complaint(std::string("a: 1\nb: \x04 2\n")), AllOf(HasSubstr("line 2"), HasSubstr("control character 4")));
  EXPECT_THAT(complaint(std::string_view("a\0b", 3)), HasSubstr("control character 0"));
  EXPECT_THAT(complaint("a: \xff"), HasSubstr("not UTF-8"));
}

TEST(YamlToJson, NonAsciiTextPasses) { EXPECT_EQ(json("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\""); }

}  // namespace
}  // namespace brine::config
