#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brine::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Words = std::vector<std::string>;

struct Fields {
  bool loud = false;
  bool quick = false;
  std::string name = "none";
  milliseconds wait{0};
  std::uint32_t many = 0;
};

class OptionsTest : public testing::Test {
 protected:
  OptionsTest() : options("tool", "tool [options] WORD", "Does what a tool does.") {
    options.flag('l', "loud", fields.loud, "be loud");
    options.flag('q', "quick", fields.quick, "be quick");
    options.text('n', "name", "NAME", fields.name, "its name");
    options.duration('w', "wait", fields.wait, "wait so long");
    options.count(0, "many", fields.many, "so many");
    options.absent('b', "batch");
  }
  std::string complaint(const Words& words) {
    const auto rest = options.parse(words);
    return rest ? "no complaint" : rest.error().message;
  }

  Fields fields;
  Options options;
};

TEST_F(OptionsTest, StandBeforeBetweenAndBehindOtherWords) {
  EXPECT_THAT(*options.parse(Words{"-l", "one", "--name", "x", "two", "-q"}), ElementsAre("one", "two"));
  EXPECT_TRUE(fields.loud);
  EXPECT_TRUE(fields.quick);
  EXPECT_EQ(fields.name, "x");
}

TEST_F(OptionsTest, ValuesMayBeAttached) {
  EXPECT_THAT(*options.parse(Words{"--name=a=b", "-w5", "--many=3"}), IsEmpty());
  EXPECT_EQ(fields.name, "a=b");
  EXPECT_EQ(fields.wait, seconds(5));
  EXPECT_EQ(fields.many, 3U);
}

TEST_F(OptionsTest, LettersMayBeJoinedAndTheLastMayTakeAValue) {
  EXPECT_THAT(*options.parse(Words{"-lqn", "joined"}), IsEmpty());
  EXPECT_TRUE(fields.loud);
  EXPECT_TRUE(fields.quick);
  EXPECT_EQ(fields.name, "joined");
}

TEST_F(OptionsTest, TwoDashesEndThem) { EXPECT_THAT(*options.parse(Words{"one", "--", "-l", "--"}), ElementsAre("one", "-l", "--")); }

TEST_F(OptionsTest, NegativeNumbersAndASingleDashAreWords) {
  EXPECT_THAT(*options.parse(Words{"-5", "-.5", "-", "-1.5"}), ElementsAre("-5", "-.5", "-", "-1.5"));
}

TEST_F(OptionsTest, DurationsTakeUnits) {
  ASSERT_TRUE(options.parse(Words{"-w", "0.5"}));
  EXPECT_EQ(fields.wait, milliseconds(500));
  ASSERT_TRUE(options.parse(Words{"--wait", "10m"}));
  EXPECT_EQ(fields.wait, std::chrono::minutes(10));
}

TEST_F(OptionsTest, AMistypedOptionNamesTheNearest) {
  EXPECT_EQ(complaint({"--lowd"}), "unknown option '--lowd'; did you mean --loud?");
  EXPECT_EQ(complaint({"-lowd"}), "unknown option '-lowd'; did you mean --loud?");
}

TEST_F(OptionsTest, AnOptionLikeNoOtherPointsToHelp) { EXPECT_EQ(complaint({"-x"}), "unknown option '-x'; tool --help lists them"); }

TEST_F(OptionsTest, WhatIsMissingOrTooMuchIsSaid) {
  EXPECT_EQ(complaint({"--name"}), "--name needs a value: NAME");
  EXPECT_EQ(complaint({"-n"}), "-n needs a value: NAME");
  EXPECT_EQ(complaint({"--loud=yes"}), "--loud takes no value");
}

TEST_F(OptionsTest, WrongValuesAreNamed) {
  EXPECT_THAT(complaint({"--wait", "soon"}), HasSubstr("not 'soon'"));
  EXPECT_THAT(complaint({"--many", "0"}), HasSubstr("at least 1, not '0'"));
  EXPECT_THAT(complaint({"--many", "3x"}), HasSubstr("not '3x'"));
}

TEST_F(OptionsTest, WhatThisVersionHasNotIsRefusedByName) {
  EXPECT_EQ(complaint({"--batch", "10%"}), "--batch is not available in this version");
  EXPECT_EQ(complaint({"-b", "10"}), "--batch is not available in this version");
  EXPECT_EQ(complaint({"--batch=10"}), "--batch is not available in this version");
}

TEST_F(OptionsTest, HelpListsWhatThereIs) {
  options.examples("Examples:\n  tool x\n");
  EXPECT_EQ(options.help(),
            "Usage: tool [options] WORD\n"
            "\n"
            "Does what a tool does.\n"
            "\n"
            "Options:\n"
            "  -l, --loud                  be loud\n"
            "  -q, --quick                 be quick\n"
            "  -n, --name NAME             its name\n"
            "  -w, --wait SECONDS          wait so long\n"
            "      --many N                so many\n"
            "\n"
            "Examples:\n"
            "  tool x\n");
}

}  // namespace
}  // namespace brine::cli
