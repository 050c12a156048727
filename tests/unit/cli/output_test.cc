// The expected texts are what Salt prints for the same values.
#include <gtest/gtest.h>

#include "cli/output/bytes_value.h"
#include "cli/output/key_lists.h"
#include "cli/output/nested.h"
#include "cli/output/options.h"
#include "cli/output/printer.h"
#include "cli/output/python_text.h"
#include "tests/unit/cli/fake_terminal.h"

namespace brine::cli {
namespace {

Json json(const char* text) { return Json::parse(text); }
std::string nested(const char* text, int retcode = 0, Look look = {}) { return nested_text(json(text), look, retcode); }
Printer printer(Format format) { return {format, Look{}}; }

TEST(Nested, ScalarsStandBelowTheirId) {
  EXPECT_EQ(nested(R"({"m1": true})"), "m1:\n    True\n");
  EXPECT_EQ(nested(R"({"m1": null})"), "m1:\n    None\n");
  EXPECT_EQ(nested(R"({"m1": 1.5})"), "m1:\n    1.5\n");
  EXPECT_EQ(nested(R"({"m1": "text"})"), "m1:\n    text\n");
}

TEST(Nested, LinesOfATextAreIndentedAlike) {
  EXPECT_EQ(nested(R"({"m1": "one\n  two\r\n\nthree\n"})"), "m1:\n    one\n      two\n    \n    three\n");
}

TEST(Nested, EmptyTextAndListPrintNothing) {
  EXPECT_EQ(nested(R"({"m1": ""})"), "m1:\n");
  EXPECT_EQ(nested(R"({"m1": []})"), "m1:\n");
  EXPECT_EQ(nested(R"({"m1": {}})"), "m1:\n    ----------\n");
}

TEST(Nested, DictionariesAreSortedAndSeparated) {
  EXPECT_EQ(nested(R"({"m1": {"retcode": 0, "pid": 12, "stdout": "a\nb", "deep": {"x": []}}})"),
            "m1:\n"
            "    ----------\n"
            "    deep:\n"
            "        ----------\n"
            "        x:\n"
            "    pid:\n"
            "        12\n"
            "    retcode:\n"
            "        0\n"
            "    stdout:\n"
            "        a\n"
            "        b\n");
}

TEST(Nested, ListsHaveDashesAndNestedOnesAMark) {
  EXPECT_EQ(nested(R"({"m1": ["one", "two\nlines", 3, ["deep"], {"k": "v"}]})"),
            "m1:\n"
            "    - one\n"
            "    - two\n"
            "      lines\n"
            "    - 3\n"
            "    |_\n"
            "      - deep\n"
            "    |_\n"
            "      ----------\n"
            "      k:\n"
            "          v\n");
}

TEST(Nested, ColoursAreSalts) {
  EXPECT_EQ(nested(R"({"m1": "text"})", 0, {.colours = true}), "\x1b[0;36mm1:\x1b[0m\n    \x1b[0;32mtext\x1b[0m\n");
  EXPECT_EQ(nested(R"({"m1": 1})", 0, {.colours = true}), "\x1b[0;36mm1:\x1b[0m\n    \x1b[0;1;33m1\x1b[0m\n");
}

TEST(Nested, IdOfAFailureIsRed) { EXPECT_EQ(nested(R"({"m1": ""})", 1, {.colours = true}), "\x1b[0;31mm1:\x1b[0m\n"); }

TEST(Nested, BytesThatAreNotTextAreShownAsTheyAre) { EXPECT_EQ(nested(R"({"m1": {"__bytes__": "Yf8KYg=="}})"), "m1:\n    a\xff\n    b\n"); }

TEST(Nested, ADictionaryThatOnlyLooksLikeBytesIsADictionary) {
  EXPECT_EQ(nested(R"({"m1": {"__bytes__": "not base64"}})"), "m1:\n    ----------\n    __bytes__:\n        not base64\n");
}

TEST(Look, MinionsCannotSteerTheTerminal) {
  const Look guarded{.guarded = true};
  EXPECT_EQ(guarded.safe("a\x1b[2Jb\x07\tc\nd\x7f\xc2\x9b"
                         "31m\xc3\xa9"),
            "a?[2Jb?\tc\nd??31m\xc3\xa9");
  EXPECT_EQ(Look{}.safe("a\x1b[2J"), "a\x1b[2J");
}

TEST(Look, ColoursNeedATerminal) {
  FakeTerminal terminal;
  EXPECT_FALSE(look_for(terminal, false).colours);
  terminal.out_terminal = true;
  EXPECT_TRUE(look_for(terminal, false).colours);
  EXPECT_FALSE(look_for(terminal, true).colours);
}

TEST(Look, NoColorInTheEnvironmentIsRespected) {
  FakeTerminal terminal;
  terminal.out_terminal = true;
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(look_for(terminal, false).colours);
  ::setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(look_for(terminal, false).colours);
  ::unsetenv("NO_COLOR");
}

TEST(PythonText, IsRepr) {
  EXPECT_EQ(python_repr(json(R"({"b": [true, false, null, 1, -2.0, 1e300], "a": {}})")),
            "{'b': [True, False, None, 1, -2.0, 1e+300], 'a': {}}");
  EXPECT_EQ(python_repr(json(R"("it's")")), R"("it's")");
  EXPECT_EQ(python_repr(json(R"("both ' and \"")")), R"('both \' and "')");
  EXPECT_EQ(python_repr(json(R"("a\nb\t\\\u0001\u007f\u0080é")")), R"('a\nb\t\\\x01\x7f\x80é')");
  EXPECT_EQ(python_repr(json(R"({"__bytes__": "Yf8K"})")), R"(b'a\xff\n')");
}

TEST(Printer, EntriesComeOneByOne) {
  const Entry entry{.value = json(R"({"z": 1, "a": "x"})")};
  EXPECT_EQ(printer(Format::kJson).entry("m1", entry), "{\"m1\":{\"z\":1,\"a\":\"x\"}}\n");
  EXPECT_EQ(printer(Format::kRaw).entry("m1", entry), "{'m1': {'z': 1, 'a': 'x'}}\n");
  EXPECT_EQ(printer(Format::kTxt).entry("m1", entry), "m1: {'z': 1, 'a': 'x'}\n");
  EXPECT_EQ(printer(Format::kYaml).entry("m1", entry), "m1:\n  a: x\n  z: 1\n");
  EXPECT_EQ(printer(Format::kQuiet).entry("m1", entry), "");
}

TEST(Printer, EveryLineOfATxtCarriesTheId) {
  EXPECT_EQ(printer(Format::kTxt).entry("m1", {.value = "one\ntwo\n"}), "m1: one\nm1: two\n");
  EXPECT_EQ(printer(Format::kTxt).entry("m1", {.value = json(R"({"__bytes__": "Yf8="})")}), "m1: a\xff\n");
}

TEST(Printer, StaticIsOneValue) {
  const std::map<std::string, Entry> entries{{"m2", {.value = "it's"}}, {"m1", {.value = true}}};
  EXPECT_EQ(printer(Format::kJson).entries(entries), "{\"m1\":true,\"m2\":\"it's\"}\n");
  EXPECT_EQ(printer(Format::kRaw).entries(entries), "{'m1': True, 'm2': \"it's\"}\n");
  EXPECT_EQ(printer(Format::kNested).entries(entries), "m1:\n    True\nm2:\n    it's\n");
  EXPECT_EQ(printer(Format::kJson).entries({}), "{}\n");
}

TEST(Printer, AValueByItselfIsIndentedJson) {
  EXPECT_EQ(printer(Format::kJson).value(json(R"({"up":["m1"]})")), "{\n    \"up\": [\n        \"m1\"\n    ]\n}\n");
}

TEST(Printer, AnUnknownFormatNamesTheOthers) {
  EXPECT_EQ(parse_format("yml").error().message, "unknown output 'yml'; did you mean yaml? there are nested, json, yaml, txt, raw, quiet");
  EXPECT_EQ(*parse_format("raw"), Format::kRaw);
}

TEST(Values, AHostilelyDeepValueIsShownAsItsText) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(parse_value(deep), Json(deep));
  EXPECT_EQ(parse_value("[[\"[[[\"]]"), json(R"([["[[["]])"));
}

TEST(Values, TextThatIsNotJsonIsItself) { EXPECT_EQ(parse_value("{oops"), Json("{oops")); }

TEST(KeyLists, LookLikeSaltKey) {
  EXPECT_EQ(key_lists_text(json(R"({"minions_rejected": [], "minions": ["b", "a"], "minions_pre": ["c"], "minions_denied": []})"), {}),
            "Accepted Keys:\na\nb\nDenied Keys:\nUnaccepted Keys:\nc\nRejected Keys:\n");
  EXPECT_EQ(key_lists_text(json(R"({"minions": {"m1": "aa:bb"}, "local": {"root.pub": "cc"}})"), {}),
            "Local Keys:\nroot.pub:  cc\nAccepted Keys:\nm1:  aa:bb\n");
}

}  // namespace
}  // namespace brine::cli
