#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config/yaml.h"
#include "config/yaml_tree.h"

namespace brine::config {
namespace {

using nlohmann::json;

json round_trip(const json& value) {
  const std::string yaml = json_to_yaml(value.dump());
  const auto back = yaml_to_json(yaml);
  return back ? json::parse(*back) : json("not YAML: " + back.error().message + "\n" + yaml);
}

TEST(JsonToYaml, MapsAndListsAreBlocks) {
  EXPECT_EQ(json_to_yaml(R"({"m2": true, "m1": {"list": [1, [2, 3], {"b": "x", "a": null}], "empty": {}, "none": []}})"),
            "m1:\n"
            "  empty: {}\n"
            "  list:\n"
            "  - 1\n"
            "  - - 2\n"
            "    - 3\n"
            "  - a: null\n"
            "    b: x\n"
            "  none: []\n"
            "m2: true\n");
}

TEST(JsonToYaml, ScalarsStandAlone) {
  EXPECT_EQ(json_to_yaml("5"), "5\n");
  EXPECT_EQ(json_to_yaml(R"("text")"), "text\n");
  EXPECT_EQ(json_to_yaml("null"), "null\n");
}

TEST(JsonToYaml, StringsThatWouldBeReadAsSomethingElseAreQuoted) {
  EXPECT_EQ(json_to_yaml(R"(["true", "5", "", "12:30", "2025-01-31", "1e3", "20251123031212345678", "10.0.0.1", "a: b", "it's", "a#b"])"),
            "- 'true'\n- '5'\n- ''\n- '12:30'\n- '2025-01-31'\n- '1e3'\n- '20251123031212345678'\n- 10.0.0.1\n- 'a: b'\n- it's\n- a#b\n");
}

TEST(JsonToYaml, SeveralLinesAreALiteralBlock) {
  EXPECT_EQ(json_to_yaml(R"({"m": "one\n  two\n\nthree"})"), "m: |-\n  one\n    two\n\n  three\n");
  EXPECT_EQ(json_to_yaml(R"({"m": "one\n"})"), "m: |\n  one\n");
  EXPECT_EQ(json_to_yaml(R"({"m": "one\n\n"})"), "m: |+\n  one\n\n");
}

TEST(JsonToYaml, EveryStringComesBackAsItWas) {
  const json strings = {
      "",       " ",        "\n",    "a\n",   "a\n\n",  "\na",     "a\n\nb",  " a\nb",  "a \nb",  "a\tb",      "\ta",        "a\r\nb",
      "-",      "- a",      "-a",    "--",    "---",    "...",     "?",       "? a",    ":",      "a:",        ":a",         "#",
      "a #b",   "a#b",      "&a",    "*a",    "!a",     "|",       ">",       "'",      "\"",     "%a",        "@a",         "`a",
      "[",      "]",        "{",     "}",     ",",      "~",       "null",    "yes",    "0x1f",   "1_0",       ".5",         "-.inf",
      "=",      "<<",       "a\\b",  "a\"b",  "\x01",   "\x7f",    "\u0085",  "\u2028", "\ufeff", "gr\u00fc",  "\U0001f600", "a\u0085\nb",
      "0644",   "0o17",     "1:20",  "a: b",  "a,b",    "x\n\ty",  "-\nb",    "#\nb",   "a\n#b",  "a\n---\nb", "\n\n",       "a\n ",
      "a\nb\n", "a\n\n\nb", "1.5\n", "?a\nb", "key: |", "\u00a0x", "\x1b[0m", "a\x04z", "---\nx", "... x",     ".",          "+"};
  for (const json& text : strings) {
    EXPECT_EQ(round_trip(text), text);
    EXPECT_EQ(round_trip(json::array({text, text})), json::array({text, text}));
    EXPECT_EQ(round_trip({{"key", text}}), json({{"key", text}}));
    EXPECT_EQ(round_trip({{text.get<std::string>(), 1}}), json({{text.get<std::string>(), 1}}));
    EXPECT_EQ(round_trip({{"a", {{text}}}}), json({{"a", {{text}}}}));
  }
}

TEST(JsonToYaml, NumbersComeBackAsTheyWere) {
  for (const json& number : json::parse("[0, -1, 1.5, 9223372036854775807, 18446744073709551615, 1e300, -2.5e-9, 1.0]")) {
    EXPECT_EQ(round_trip(json::array({number, 0})), json::array({number, 0}));
  }
}

TEST(JsonToYaml, LongKeysComeBackAsTheyWere) {
  const json value = {
      {std::string(5000, 'k'), 1}, {std::string(1200, 'l'), {{"a", {1, 2}}, {"b", "x\ny"}}}, {"short", {{std::string(3000, 'm'), {1}}}}};
  EXPECT_EQ(round_trip(value), value);
  EXPECT_EQ(round_trip(json::array({value, value})), json::array({value, value}));
}

TEST(JsonToYaml, ValuesAsDeepAsTheBoundComeBack) {
  const std::string deep = std::string(kMaxYamlDepth, '[') + std::string(kMaxYamlDepth, ']');
  EXPECT_EQ(round_trip(json::parse(deep)), json::parse(deep));
}

TEST(JsonToYaml, WhatIsNotJsonOrTooDeepIsOneString) {
  EXPECT_EQ(json_to_yaml("{broken"), "'{broken'\n");
  EXPECT_EQ(json_to_yaml(""), "''\n");
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(json_to_yaml(deep), "'" + deep + "'\n");
}

}  // namespace
}  // namespace brine::config
