#include "cli/template.h"

#include <gmock/gmock.h>

namespace brine::cli {
namespace {

using testing::HasSubstr;

std::string render(std::string_view text, std::string_view data) {
  const auto parsed = Template::parse(text);
  return parsed ? parsed->render(Json::parse(data)) : parsed.error().message;
}

TEST(Template, NamesBecomeValues) {
  EXPECT_EQ(render("a {{x}} b {{ y.z }}c", R"({"x":1,"y":{"z":"t"}})"), "a 1 b tc");
  EXPECT_EQ(render("[{{no}}{{y.no}}{{x.y}}]", R"({"x":1,"y":{"z":"t"}})"), "[]");
}

TEST(Template, ASectionIsForEachItem) {
  EXPECT_EQ(render("{{#l}}<{{id}}>{{/l}}", R"({"l":[{"id":"a"},{"id":"b"}]})"), "<a><b>");
  EXPECT_EQ(render("{{#l}}{{.}} {{/l}}", R"({"l":["a",2]})"), "a 2 ");
}

TEST(Template, ASectionIsOnceForAValueThatIsThere) {
  EXPECT_EQ(render("{{#m}}{{x}}{{/m}}", R"({"m":{"x":"in"},"x":"out"})"), "in");
  EXPECT_EQ(render("{{#t}}yes{{/t}}", R"({"t":true})"), "yes");
  for (const char* data : {"{}", R"({"t":false})", R"({"t":null})", R"({"t":""})", R"({"t":[]})"}) {
    EXPECT_EQ(render("{{#t}}yes{{/t}}{{^t}}no{{/t}}", data), "no") << data;
  }
}

TEST(Template, OuterNamesAreSeenInside) {
  EXPECT_EQ(render("{{#l}}{{id}}{{p}} {{/l}}", R"({"p":"+","l":[{"id":"a"},{"id":"b"}]})"), "a+ b+ ");
}

TEST(Template, ATagAloneOnItsLineLeavesNoLine) {
  EXPECT_EQ(render("a\n  {{#l}}\n  s {{.}}\n  {{/l}}\nb\n{{! note }}\nc\n", R"({"l":[1,2]})"), "a\n  s 1\n  s 2\nb\nc\n");
  EXPECT_EQ(render("a {{#l}}\nx{{/l}}", R"({"l":[1]})"), "a \nx");
}

TEST(Template, AValueCannotChangeTheFileAroundIt) {
  EXPECT_EQ(render("server {{v}};", R"({"v":"1.2.3.4:80; } evil {\n\"'`$(x)\\#"})"), "server 1.2.3.4:80____evil________x___;");
  EXPECT_EQ(render("{{v}}", R"({"v":"[2001:db8::1]:80/a_b-c~d@e%f+g=h,i"})"), "[2001:db8::1]:80/a_b-c~d@e%f+g=h,i");
  EXPECT_EQ(render("{{{v}}} {{&v}}", R"({"v":"a b"})"), "a b a b");
}

TEST(Template, ListsAndMapsAreJsonAndOnlyAsTheyAre) { EXPECT_EQ(render("{{v}}|{{{v}}}", R"({"v":{"a":[1]}})"), R"(|{"a":[1]})"); }

TEST(Template, WhatIsWrongIsNamedWithItsLine) {
  EXPECT_THAT(render("a\nb {{x", "{}"), HasSubstr("line 2"));
  EXPECT_THAT(render("a\n{{#x}}\n", "{}"), HasSubstr("{{#x}} has no {{/x}}"));
  EXPECT_THAT(render("{{/x}}", "{}"), HasSubstr("{{/x}} ends what was not begun"));
  EXPECT_THAT(render("{{#a}}{{/b}}", "{}"), HasSubstr("{{/b}}"));
  EXPECT_THAT(render("{{}}", "{}"), HasSubstr("without a name"));
}

TEST(Template, DeepNestingIsRefused) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "{{#a}}";
  EXPECT_THAT(render(text, "{}"), HasSubstr("too deeply"));
}

}  // namespace
}  // namespace brine::cli
